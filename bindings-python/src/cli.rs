//! The command line, as the wheel's console script and `python -m tallylight` run it.

use pyo3::prelude::*;

use crate::errors::guard;

/// Runs the `tallylight` command with `args` and returns its exit code.
///
/// `args[0]` is the program's name. The interpreter is let go of meanwhile, and SIGINT is the
/// command's.
#[pyfunction]
#[pyo3(signature = (args, /))]
pub(crate) fn run_cli(py: Python<'_>, args: Vec<String>) -> PyResult<i32> {
    guard(py, || Ok(py.detach(|| tallylight::cli::run(args))))
}
