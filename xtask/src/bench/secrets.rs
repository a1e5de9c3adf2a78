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

use std::ffi::OsString;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fault_proxy::{FaultProxy, Service};
use serde_json::Value;

use super::contender::Language;
use super::document::Document;
use super::{LIMIT, Options, Outcome, prepare};
use crate::failure::{Doing, Failure, Result};
use crate::requirements::Requirements;
use crate::services::{self, Services, Variable};
use crate::{report, setup};

use caches::{CACHES, Cache};

/// As `cargo xtask bench` and the folders of the programs name it.
const SUBJECT: &str = "secrets";
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
    languages: Vec<Language>,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let languages = options.languages()?;
    let requirements = Requirements::look_or_install(true)?;
    requirements.complete()?;
    let python = requirements
        .python
        .as_ref()
        .map_err(|missing| missing.failure())?;
    report::heading("bench: setting up");
    setup::everything(&requirements)?;
    let services = Services::start(python)?;
    prepare(SUBJECT, &languages, &python.program)?;
    let bench = Bench::new(&services, options.quick, languages)?;

    report::heading("bench: measuring, one part after the other");
    let mut documents = Vec::new();
    for language in &bench.languages {
        documents.push(bench.language(*language)?);
    }
    let fallen = faults::run(&bench)?;
    let fallen_judged = fallen.iter().filter_map(faults::Row::judged).collect();
    Outcome {
        subject: SUBJECT,
        heading: "## Secrets\n\n",
        documents,
        judged: fallen_judged,
        terminal: faults::terminal(&fallen),
        markdown: faults::markdown(&fallen),
    }
    .publish(options)
}

impl Bench {
    fn new(services: &Services, quick: bool, languages: Vec<Language>) -> Result<Self> {
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
            quick,
            languages,
        })
    }

    /// The caches of the languages that are asked for.
    fn caches(&self) -> impl Iterator<Item = &'static Cache> {
        CACHES
            .iter()
            .filter(|cache| self.languages.contains(&cache.language))
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
            .step(SUBJECT, "hits", &[&secret])
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

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1_000.0
}
