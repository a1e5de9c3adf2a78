//! The Node binding and the example that is built on it.

use crate::counts;
use crate::failure::Result;
use crate::paths;
use crate::process::Step;
use crate::setup;
use crate::test::{Context, Outcome};

/// Builds the addon and the TypeScript face.
pub(crate) fn build(release: bool) -> Result<()> {
    let name = if release {
        "node-build-release"
    } else {
        "node-build"
    };
    Step::npm(name, &paths::at("bindings-node"), ["run", "build"])
        .env(
            "TALLYLIGHT_PROFILE",
            if release { "release" } else { "debug" },
        )
        .run()
        .map(|_| ())
}

pub(super) fn tests(context: &Context, outcome: &mut Outcome) -> Result<()> {
    if !context.node_build(outcome)? {
        return Ok(());
    }
    let services = context.services(outcome)?;
    outcome.counted(
        Step::npm("node-tests", &paths::at("bindings-node"), ["test"]).environment(services),
        counts::node,
    )?;
    Ok(())
}

pub(super) fn types(context: &Context, outcome: &mut Outcome) -> Result<()> {
    if !context.node_build(outcome)? {
        return Ok(());
    }
    outcome.check(Step::npm(
        "node-types",
        &paths::at("bindings-node"),
        ["run", "check"],
    ))?;
    Ok(())
}

pub(super) fn examples(context: &Context, outcome: &mut Outcome) -> Result<()> {
    outcome.check(Step::cargo("example-rust", ["run", "-p", "rust-service"]))?;
    if !context.node_build(outcome)? {
        return Ok(());
    }
    let folder = paths::at("examples/ai-engine");
    setup::node_example(&folder)?;
    outcome.counted(
        Step::npm("example-ai-engine", &folder, ["test"]),
        counts::node,
    )?;
    outcome.check(Step::npm(
        "example-ai-engine-types",
        &folder,
        ["run", "check"],
    ))?;
    Ok(())
}
