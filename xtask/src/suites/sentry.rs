//! Events of every language against what receives them elsewhere: Sentry's own validation, and a Sentry-compatible
//! server.

use crate::counts;
use crate::failure::Result;
use crate::paths;
use crate::process::Step;
use crate::test::{Context, Outcome};

/// The suite's interpreter has `sentry_relay`; each language's package is run in its own.
pub(super) fn tests(context: &Context, outcome: &mut Outcome) -> Result<()> {
    let services = context.services(outcome)?;
    let python = paths::server_python("relay");
    if !python.exists() {
        outcome.skip("sentry-relay is not installed");
        return Ok(());
    }
    let mut step = Step::new("sentry-tests", python)
        .args(["-m", "pytest", "tests/relay", "tests/bugsink"])
        .args(["-q", "-p", "no:cacheprovider"])
        .environment(services)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    if outcome.check(Step::cargo(
        "event-sender-build",
        ["build", "-p", "event-sender"],
    ))? {
        let sender = paths::target().join("debug/event-sender");
        step = step
            .env("TALLYLIGHT_TEST_SENDS_RUST", "1")
            .env("TALLYLIGHT_TEST_EVENT_SENDER", sender);
    }
    if context.node_build(outcome)? {
        step = step.env("TALLYLIGHT_TEST_SENDS_NODE", "1");
    }
    if context.python_build(outcome)? {
        step = step
            .env("TALLYLIGHT_TEST_SENDS_PYTHON", "1")
            .env("TALLYLIGHT_TEST_PYTHON", paths::venv_python());
    }
    outcome.counted(step, counts::pytest)?;
    Ok(())
}
