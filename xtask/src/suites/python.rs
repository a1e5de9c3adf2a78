//! The Python binding.

use crate::counts;
use crate::failure::Result;
use crate::paths;
use crate::process::Step;
use crate::test::{Context, Outcome};

/// Builds the extension module into the virtual environment.
pub(crate) fn build() -> Result<()> {
    Step::python("python-build", ["-m", "maturin", "develop"])
        .dir(&paths::at("bindings-python"))
        .run()
        .map(|_| ())
}

pub(super) fn tests(context: &Context, outcome: &mut Outcome) -> Result<()> {
    if !context.python_build(outcome)? {
        return Ok(());
    }
    let services = context.services(outcome)?;
    outcome.counted(
        Step::python(
            "python-tests",
            [
                "-m",
                "pytest",
                "bindings-python/tests",
                "-q",
                "-p",
                "no:cacheprovider",
            ],
        )
        .environment(services),
        counts::pytest,
    )?;
    Ok(())
}

pub(super) fn types(context: &Context, outcome: &mut Outcome) -> Result<()> {
    if !context.python_build(outcome)? {
        return Ok(());
    }
    let folder = paths::at("bindings-python");
    outcome
        .check(Step::python("python-stubs", ["-m", "mypy.stubtest", "tallylight"]).dir(&folder))?;
    // What to check and how strictly stands in pyproject.toml.
    outcome.check(Step::python("python-types", ["-m", "mypy"]).dir(&folder))?;
    Ok(())
}
