//! `cargo xtask bench errors`: our errors and their delivery beside the three SDKs of Sentry.
//!
//! Each SDK runs in a process of its own (`bench/errors-*`) that captures when it is told to, while this process is the
//! server: it keeps what arrives, counts it, and fails in the way of the scenario. What is in the spool of a process that
//! ended is delivered by the next one, which is started for every contender alike.

mod cost;
mod scenarios;
mod trial;

use std::path::PathBuf;

use serde_json::{Value, json};

use super::contender::{Contender, Language, ours, peer};
use super::document::Document;
use super::{Options, Outcome, prepare};
use crate::failure::{Failure, Result};
use crate::requirements::Requirements;
use crate::{paths, report, setup};

/// As `cargo xtask bench` and the folders of the programs name it.
const SUBJECT: &str = "errors";

/// Who captures, in every scenario.
const CONTENDERS: [Contender; 6] = [
    peer(Language::Rust, "sentry", "sentry"),
    ours(Language::Rust),
    peer(Language::Node, "sentry", "@sentry/node"),
    ours(Language::Node),
    peer(Language::Python, "sentry", "sentry-sdk"),
    ours(Language::Python),
];

/// What all measurements share.
struct Bench {
    quick: bool,
    languages: Vec<Language>,
    /// Spools of this run, one folder for each trial.
    folder: PathBuf,
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
    prepare(SUBJECT, &languages, &python.program)?;
    let bench = Bench {
        quick: options.quick,
        languages,
        folder: paths::target().join(format!("bench/spools-{}", std::process::id())),
    };
    report::heading("bench: measuring, one scenario after the other");
    let measured = bench.documents();
    let _ = std::fs::remove_dir_all(&bench.folder);
    Outcome {
        subject: SUBJECT,
        heading: "## Errors\n\n",
        documents: measured?,
        judged: Vec::new(),
        terminal: String::new(),
        markdown: String::new(),
    }
    .publish(options)
}

impl Bench {
    /// Those of the languages that are asked for.
    fn contenders(&self) -> impl Iterator<Item = &'static Contender> {
        CONTENDERS
            .iter()
            .filter(|contender| self.languages.contains(&contender.language))
    }

    /// One document for each language, with the rows of every scenario.
    fn documents(&self) -> Result<Vec<Document>> {
        let mut rows: Vec<(Language, Value)> = Vec::new();
        rows.extend(cost::rows(self)?);
        rows.extend(scenarios::rows(self)?);
        self.languages
            .iter()
            .map(|language| {
                let own: Vec<&Value> = rows
                    .iter()
                    .filter(|(of, _)| of == language)
                    .map(|(_, row)| row)
                    .collect();
                if own.is_empty() {
                    return Err(Failure::new(format!(
                        "nothing was measured in {}",
                        language.title()
                    )));
                }
                let document = json!({
                    "title": format!("Errors, {}", language.title()),
                    "rows": own,
                    "environment": versions(*language),
                });
                Document::parse(&document.to_string())
            })
            .collect()
    }
}

/// The peer's version, as the lock files pin it.
fn versions(language: Language) -> Value {
    let read = |file: &str| {
        let path = paths::at(&format!("bench/errors-{}/{file}", language.part()));
        std::fs::read_to_string(path).unwrap_or_default()
    };
    match language {
        Language::Node => {
            let manifest: Value = serde_json::from_str(&read("package.json")).unwrap_or_default();
            json!({ "@sentry/node": manifest["dependencies"]["@sentry/node"] })
        }
        Language::Python => json!({ "sentry-sdk": read("requirements.txt")
            .lines()
            .find_map(|line| line.strip_prefix("sentry-sdk=="))
            .unwrap_or("?") }),
        Language::Rust => {
            let lock = read("Cargo.lock");
            let version = lock
                .split("\n[[package]]\n")
                .find(|package| package.starts_with("name = \"sentry\"\n"))
                .and_then(|package| package.split("version = \"").nth(1))
                .and_then(|rest| rest.split('"').next());
            json!({ "sentry": version.unwrap_or("?") })
        }
    }
}
