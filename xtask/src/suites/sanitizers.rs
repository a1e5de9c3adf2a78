//! What finds the errors that ordinary tests pass over: loom, the sanitizers, Miri.
//!
//! The sanitizers and Miri each have their own target folder, since their flags would make the shared one rebuild
//! everything.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::counts;
use crate::failure::Result;
use crate::paths;
use crate::process::Step;
use crate::report;
use crate::requirements;
use crate::test::{Context, Outcome};

/// The one platform whose nightly ships both sanitizers in a form we have tried.
const TARGET: &str = "x86_64-unknown-linux-gnu";

pub(super) fn loom(context: &Context, outcome: &mut Outcome) -> Result<()> {
    // A package of its own, so that this compiles loom and nothing else.
    let mut step = Step::cargo("loom", ["test", "-p", "protocol-model"]);
    if context.full {
        step = step
            .env("LOOM_MAX_PREEMPTIONS", "4")
            .limit(Duration::from_secs(60 * 60));
    } else if std::env::var_os("LOOM_MAX_PREEMPTIONS").is_none() {
        step = step.env("LOOM_MAX_PREEMPTIONS", "3");
    }
    outcome.counted(step, counts::cargo_test)?;
    Ok(())
}

pub(super) fn address(_context: &Context, outcome: &mut Outcome) -> Result<()> {
    sanitized(outcome, "asan", "-Zsanitizer=address")
}

/// The locks of the standard library are not instrumented, those of parking_lot are: what the core guards by one of the
/// standard library's would be reported here.
pub(super) fn thread(_context: &Context, outcome: &mut Outcome) -> Result<()> {
    sanitized(
        outcome,
        "tsan",
        "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer",
    )
}

fn sanitized(outcome: &mut Outcome, name: &str, flags: &str) -> Result<()> {
    if !cfg!(all(
        target_os = "linux",
        target_arch = "x86_64",
        target_env = "gnu"
    )) {
        outcome.skip(format!("it runs on {TARGET} only"));
        return Ok(());
    }
    if requirements::output("cargo", &["+nightly", "--version"]).is_none() {
        outcome.skip("there is no nightly toolchain; `rustup toolchain install nightly`");
        return Ok(());
    }
    // Built first, once more if need be: beside another cargo of another toolchain it was seen to give up at once.
    let first = build(name, flags).finish()?;
    if !first.succeeded() {
        first.show_log();
        report::warn(&format!("{name} did not build; trying once more"));
        build(name, flags).run()?;
    }
    outcome.counted(
        instrumented(name, name, flags).arg("--no-fail-fast"),
        counts::cargo_test,
    )?;
    Ok(())
}

fn build(name: &str, flags: &str) -> Step {
    instrumented(&format!("{name}-build"), name, flags).arg("--no-run")
}

/// The tests of the unsafe modules, in a target folder of their own.
fn instrumented(step: &str, name: &str, flags: &str) -> Step {
    Step::cargo(step, ["+nightly", "test", "-p", "tallylight", "--lib"])
        .args(
            tests_named("concurrency")
                .iter()
                .flat_map(|test| ["--test", test]),
        )
        .args(["--target", TARGET, "--target-dir"])
        .arg(paths::target().join(name))
        // Shared generics would be std's own copies, which are not instrumented: atomics would go unseen.
        .env("RUSTFLAGS", format!("{flags} -Zshare-generics=no"))
        // An instrumented case costs ten plain ones.
        .env("PROPTEST_CASES", "16")
        .env("TALLYLIGHT_TEST_SANITIZER", name)
        .env(
            "TSAN_OPTIONS",
            format!(
                "suppressions=\"{}\"",
                paths::at("xtask/tsan.supp").display()
            ),
        )
}

pub(super) fn miri(_context: &Context, outcome: &mut Outcome) -> Result<()> {
    if requirements::output("cargo", &["+nightly", "miri", "--version"]).is_none() {
        outcome.skip("Miri is not installed; `rustup +nightly component add miri`");
        return Ok(());
    }
    outcome.counted(
        Step::cargo(
            "miri",
            [
                "+nightly",
                "miri",
                "test",
                "-p",
                "tallylight",
                "--lib",
                "--target-dir",
            ],
        )
        .arg(paths::target().join("miri"))
        .env("MIRIFLAGS", "-Zmiri-disable-isolation")
        .env("PROPTEST_CASES", "4")
        .env("TALLYLIGHT_TEST_SANITIZER", "miri"),
        counts::cargo_test,
    )?;
    Ok(())
}

/// The integration tests of the core whose name starts so.
fn tests_named(prefix: &str) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(paths::at("core/tests"))
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            let stem = Path::new(&name).file_stem()?.to_str()?.to_string();
            (name.ends_with(".rs") && stem.starts_with(prefix)).then_some(stem)
        })
        .collect();
    names.sort();
    names
}
