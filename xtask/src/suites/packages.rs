//! The packages as their users get them, and the files that are generated.

use crate::failure::Result;
use crate::test::{Context, Outcome};
use crate::{dist, generate, smoke};

/// Installs each package into an empty environment. Without `--full` they carry debug builds, which come from what the
/// other suites built already; what is in a package and how it installs is the same.
pub(super) fn smoke(context: &Context, outcome: &mut Outcome) -> Result<()> {
    let build = if context.full {
        dist::Build::Release
    } else {
        dist::Build::Quick
    };
    if context.node(outcome)? {
        outcome.attempt("the npm package", || smoke::npm(&dist::npm(build)?))?;
    }
    if context.python(outcome)? {
        outcome.attempt("the wheel", || {
            smoke::wheel(&dist::wheel(build)?, &context.requirements)
        })?;
    }
    outcome.attempt("the crate", || smoke::krate(&dist::krate(build)?))
}

pub(super) fn generated(_context: &Context, outcome: &mut Outcome) -> Result<()> {
    for generator in generate::GENERATORS {
        outcome.attempt(generator.what, || generator.check())?;
    }
    Ok(())
}
