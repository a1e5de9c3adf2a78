//! Formatting, lints, feature combinations, tests and documentation of the Rust side.

use serde_json::Value;

use crate::counts;
use crate::failure::{Doing, Failure, Result};
use crate::process::Step;
use crate::requirements;
use crate::test::{Context, Outcome};

pub(super) fn format(_context: &Context, outcome: &mut Outcome) -> Result<()> {
    outcome.check(Step::cargo(
        "fmt",
        ["fmt", "--all", "--check", "--", "--color", "never"],
    ))?;
    outcome.check(
        Step::cargo(
            "lockfile",
            ["metadata", "--locked", "--format-version", "1"],
        )
        .captured(),
    )?;
    Ok(())
}

pub(super) fn clippy(_context: &Context, outcome: &mut Outcome) -> Result<()> {
    outcome.check(Step::cargo(
        "clippy",
        [
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--",
            "-D",
            "warnings",
        ],
    ))?;
    Ok(())
}

/// A feature that compiles only beside another is broken for whoever wants it alone.
pub(super) fn features(_context: &Context, outcome: &mut Outcome) -> Result<()> {
    let mut combinations = vec![
        (
            "none".to_string(),
            vec!["--no-default-features".to_string()],
        ),
        ("default".to_string(), Vec::new()),
    ];
    for feature in feature_names("tallylight")? {
        if feature != "default" {
            combinations.push((
                feature.clone(),
                vec!["--no-default-features".into(), "--features".into(), feature],
            ));
        }
    }
    for (name, choice) in combinations {
        // Clippy is cargo check and the lints: what is unused without a feature is found here only.
        outcome.check(
            Step::cargo(&format!("feature-{name}"), ["clippy", "-p", "tallylight"])
                .args(choice)
                .args(["--", "-D", "warnings"]),
        )?;
    }
    Ok(())
}

pub(super) fn tests(context: &Context, outcome: &mut Outcome) -> Result<()> {
    let nextest = requirements::output("cargo", &["nextest", "--version"]).is_some();
    let runner: &[&str] = if nextest {
        &["nextest", "run"]
    } else {
        &["test", "--lib", "--bins", "--tests", "--examples"]
    };
    let mut step = Step::cargo("rust-tests", runner).args([
        "--workspace",
        "--exclude",
        "tallylight-node",
        "--exclude",
        "tallylight-python",
        // The suite `loom` runs it.
        "--exclude",
        "protocol-model",
        "--all-features",
        "--no-fail-fast",
    ]);
    step = step.environment(context.services(outcome)?);
    if context.full {
        step = step
            .env("PROPTEST_CASES", "4096")
            .env("TALLYLIGHT_TEST_FULL", "1");
    }
    outcome.counted(step, counts::rust)?;
    Ok(())
}

pub(super) fn docs(_context: &Context, outcome: &mut Outcome) -> Result<()> {
    outcome.counted(
        Step::cargo(
            "doc-tests",
            ["test", "--doc", "-p", "tallylight", "--all-features"],
        ),
        counts::rust,
    )?;
    outcome.check(
        Step::cargo(
            "docs",
            ["doc", "-p", "tallylight", "--all-features", "--no-deps"],
        )
        .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    Ok(())
}

/// The features a package declares, from cargo itself.
fn feature_names(package: &str) -> Result<Vec<String>> {
    let metadata = Step::cargo(
        "metadata",
        ["metadata", "--no-deps", "--format-version", "1"],
    )
    .captured()
    .run()?;
    let metadata: Value = serde_json::from_str(&metadata.stdout)
        .doing(|| "cargo metadata printed what is no JSON".into())?;
    let found = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|entry| entry["name"] == package)
        .and_then(|entry| entry["features"].as_object())
        .ok_or_else(|| Failure::new(format!("cargo metadata knows no package {package}")))?;
    Ok(found.keys().cloned().collect())
}
