//! After `os.fork`, and so under multiprocessing's fork, the child counts its own from zero.
//!
//! The core sees to its counts and locks by itself; what a child needs from here is a ticker of
//! its own, once the interpreter is fit to run again.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::client;
use crate::errors::guard;

/// Asks the interpreter to call the core in every forked child; called with the instance's first
/// use, so that a process which only imports has nothing to do in its children.
pub(crate) fn register(py: Python<'_>) -> PyResult<()> {
    // The interpreter keeps its callbacks for good, so a further use must not add another. Not a
    // once-lock: a child forked meanwhile would wait for a thread that it does not have.
    static REGISTERED: AtomicBool = AtomicBool::new(false);
    if REGISTERED.swap(true, Relaxed) {
        return Ok(());
    }
    let os = py.import("os")?;
    // Windows has no fork.
    if let Some(register) = os.getattr_opt("register_at_fork")? {
        let callbacks = PyDict::new(py);
        callbacks.set_item("after_in_child", wrap_pyfunction!(after_in_child, py)?)?;
        register.call((), Some(&callbacks))?;
    }
    Ok(())
}

#[pyfunction]
fn after_in_child(py: Python<'_>) -> PyResult<()> {
    guard(py, || {
        if let Ok(instance) = tallylight::global() {
            instance.after_fork_in_child();
        }
        client::default(py)?.get().held.after_fork(py);
        Ok(())
    })
}
