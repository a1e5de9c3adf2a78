//! `cargo xtask bench secrets`: our secret cache beside its peers, all against moto through the fault proxy.
//!
//! What a hit costs is measured inside each language's own process. Everything else is driven from here: each cache runs
//! in a process of its own that reads when it is told to, while this process counts its calls at the proxy and has the
//! proxy fail.

mod caches;
mod faults;
mod probe;
mod stampede;
mod startup;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fault_proxy::{FaultProxy, Service};
use serde_json::{Value, json};

use super::document::{self, Document};
use super::{LIMIT, OPENING, Options, introduction, tables};
use crate::failure::{Doing, Failure, Result};
use crate::process::Step;
use crate::requirements::Requirements;
use crate::services::{self, Services, Variable};
use crate::{markers, paths, report, setup};

use caches::{CACHES, Cache, Language};

/// What every secret holds; a read that answers another thing is an error of the benchmark.
const VALUE: &str = "first-value-0123456789";

/// What all measurements share.
struct Bench {
    proxy: FaultProxy,
    aws: Service,
    variables: Vec<Variable>,
    /// Begins the names of this run's secrets.
    prefix: String,
    quick: bool,
    only: Vec<String>,
}

pub(super) fn run(options: &Options) -> Result<()> {
    if options.only.iter().any(|part| part == "startup") {
        return Err(Failure::new(
            "the start-up of the secret caches is measured with their languages; give rust, node or python",
        ));
    }
    let requirements = Requirements::look_or_install(true)?;
    requirements.complete()?;
    let python = requirements
        .python
        .as_ref()
        .map_err(|missing| missing.failure())?;
    report::heading("bench: setting up");
    setup::everything(&requirements)?;
    let services = Services::start(python)?;
    let bench = Bench::new(&services, options)?;
    bench.prepare(&python.program)?;

    report::heading("bench: measuring, one part after the other");
    let mut documents = Vec::new();
    for language in Language::ALL {
        if bench.wants(language.part()) {
            documents.push(bench.language(language)?);
        }
    }
    let fallen = faults::run(&bench)?;
    let mut judged: Vec<_> = documents.iter().flat_map(document::judge).collect();
    judged.extend(fallen.iter().filter_map(faults::Row::judged));
    report::data(&tables::terminal(&documents));
    report::data(&faults::terminal(&fallen));
    report::data(&tables::goals_terminal(&judged));
    let unmet = judged.iter().filter(|goal| !goal.met).count();
    report::data(&format!(
        "{} of {} goals met",
        judged.len() - unmet,
        judged.len()
    ));
    if options.quick || !options.only.is_empty() {
        report::say("bench: a partial or quick run is not written to docs/benchmarks.md");
        return Ok(());
    }
    let path = paths::at("docs/benchmarks.md");
    let section = format!(
        "## Secrets\n\n{}\n{}\n{}",
        introduction("secrets"),
        tables::markdown(&documents, &judged),
        faults::markdown(&fallen),
    );
    markers::write(&path, OPENING, "bench:secrets", &section)?;
    report::say(&format!("bench: written to {}", paths::shown(&path)));
    Ok(())
}

impl Bench {
    fn new(services: &Services, options: &Options) -> Result<Self> {
        let mut variables = services::environment(Some(services));
        let moto = variables
            .iter()
            .find(|(key, _)| key == "TALLYLIGHT_TEST_MOTO")
            .and_then(|(_, value)| value.as_ref()?.clone().into_string().ok())
            .ok_or_else(|| Failure::new("moto has no address"))?;
        let proxy = FaultProxy::start(&moto).doing(|| "cannot start the fault proxy".into())?;
        for (key, value) in [
            ("AWS_ENDPOINT_URL", proxy.url().as_str()),
            ("AWS_REGION", "us-east-1"),
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ] {
            variables.push((OsString::from(key), Some(OsString::from(value))));
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Ok(Self {
            aws: Service::new(&moto),
            proxy,
            variables,
            prefix: format!("bench-{}", now.unwrap_or_default().as_millis()),
            quick: options.quick,
            only: options.only.clone(),
        })
    }

    fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == part)
    }

    /// The caches of the languages that are asked for.
    fn caches(&self) -> impl Iterator<Item = &'static Cache> {
        CACHES
            .iter()
            .filter(|cache| self.wants(cache.language.part()))
    }

    /// Builds and installs the peers, and a release build of ours.
    fn prepare(&self, python: &OsStr) -> Result<()> {
        if self.wants("node") || self.wants("python") {
            Step::new("bench-prepare", paths::at("bench/prepare"))
                .arg("--secrets")
                .env("PYTHON", python)
                .limit(LIMIT)
                .run()?;
        }
        if self.wants("rust") {
            Step::cargo("bench-secrets-build", ["build", "--release"])
                .arg("--manifest-path")
                .arg(paths::at("bench/secrets-rust/Cargo.toml"))
                .arg("--target-dir")
                .arg(paths::target().join("bench"))
                .limit(LIMIT)
                .run()?;
        }
        Ok(())
    }

    /// Makes a secret of its own and answers its name.
    fn secret(&self, what: &str) -> Result<String> {
        let name = format!("{}-{what}", self.prefix);
        self.aws
            .create(&name, VALUE)
            .doing(|| format!("cannot make the secret {name}"))?;
        Ok(name)
    }

    /// All rows of one language: what its hits cost, whom its caches call, how they start.
    fn language(&self, language: Language) -> Result<Document> {
        let secret = self.secret(&format!("{}-hits", language.part()))?;
        let mut step = language
            .step("hits", &[&secret])
            .environment(self.variables.clone())
            .captured()
            .limit(LIMIT);
        if self.quick {
            step = step.arg("--quick");
        }
        let printed = step.run()?.stdout;
        let mut document: Value = serde_json::from_str(&printed)
            .doing(|| "a benchmark printed what is no JSON document".into())?;
        let mut more = stampede::rows(self, language)?;
        more.extend(startup::rows(self, language)?);
        match document["rows"].as_array_mut() {
            Some(rows) => rows.append(&mut more),
            None => return Err(Failure::new("a benchmark's document has no rows")),
        }
        Document::parse(&document.to_string())
    }
}

/// A row of one or more measurements of the same thing.
fn row(
    group: &str,
    cache: &Cache,
    unit: &str,
    mut values: Vec<f64>,
    goal: Value,
    note: Option<String>,
) -> Value {
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied();
    json!({
        "group": group, "name": cache.name, "peer": cache.peer, "threads": 1, "unit": unit,
        "value": at(values.len() / 2), "min": at(0), "max": at(values.len().saturating_sub(1)),
        "goal": goal, "note": note,
    })
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1_000.0
}

/// Where a folder of the benchmark is.
fn folder(name: &str) -> PathBuf {
    paths::at("bench").join(name)
}
