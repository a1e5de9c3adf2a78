//! How a failure of the core becomes a Python exception.
//!
//! The classes live in `tallylight/errors.py`, one for each code, so that they read and document
//! like any other Python class; this module only picks the class and keeps the chain of causes.
//! Every entry from Python runs inside [`guard`], so a panic becomes an `InternalError`.

use std::any::Any;
use std::error::Error as StdError;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::exceptions::{PyOSError, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};
use tallylight::{Error, ErrorKind};

/// Runs `body`; a panic inside becomes an `InternalError`, never an abort of the host.
pub(crate) fn guard<T>(py: Python<'_>, body: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(result) => result,
        Err(payload) => Err(contained(py, payload)),
    }
}

/// The exception for a contained panic.
pub(crate) fn contained(py: Python<'_>, payload: Box<dyn Any + Send>) -> PyErr {
    let error = Error::from_panic(payload.as_ref());
    // A payload may panic again in its own Drop; a leak of a few bytes may not.
    std::mem::forget(payload);
    exception(py, &error)
}

/// The exception for an error of the core: the class of its code, its message, its causes.
pub(crate) fn exception(py: Python<'_>, error: &Error) -> PyErr {
    let raised = match class_of(py, error.kind()) {
        Ok(class) => PyErr::from_type(class, (error.to_string(),)),
        // Only when `tallylight.errors` itself cannot be imported.
        Err(broken) => {
            let raised = PyRuntimeError::new_err(format!("{}: {error}", error.kind()));
            raised.set_cause(py, Some(broken));
            return raised;
        }
    };
    if let Err(broken) = add_details(py, &raised, error.details()) {
        raised.set_cause(py, Some(broken));
    }
    if let Some(source) = error.source() {
        raised.set_cause(py, Some(cause(py, source)));
    }
    raised
}

/// The facts beside the message; a class without any has them empty.
fn add_details(py: Python<'_>, raised: &PyErr, details: &[(&str, String)]) -> PyResult<()> {
    if details.is_empty() {
        return Ok(());
    }
    let dict = PyDict::new(py);
    for (key, value) in details {
        dict.set_item(key, value)?;
    }
    raised.value(py).setattr("details", dict)
}

/// Shorthand for an error that this binding found itself.
pub(crate) fn invalid(py: Python<'_>, kind: ErrorKind, message: impl Into<String>) -> PyErr {
    exception(py, &Error::new(kind, message))
}

fn cause(py: Python<'_>, source: &(dyn StdError + 'static)) -> PyErr {
    if let Some(ours) = source.downcast_ref::<Error>() {
        return exception(py, ours);
    }
    let raised = match source.downcast_ref::<std::io::Error>() {
        Some(io) => match io.raw_os_error() {
            Some(number) => PyOSError::new_err((number, io.to_string())),
            None => PyOSError::new_err(io.to_string()),
        },
        None => PyRuntimeError::new_err(source.to_string()),
    };
    if let Some(next) = source.source() {
        raised.set_cause(py, Some(cause(py, next)));
    }
    raised
}

fn class_of(py: Python<'_>, kind: ErrorKind) -> PyResult<Bound<'_, PyType>> {
    // Looked up each time, as everything rare is: a child forked while another thread fills a
    // once-lock would wait for that thread for ever.
    let class = py
        .import("tallylight.errors")?
        .call_method1("class_of", (kind.code(),))?;
    Ok(class.cast_into::<PyType>()?)
}

/// Panics on purpose, so that a test can prove the containment. Debug builds only.
#[cfg(debug_assertions)]
#[pyfunction]
pub(crate) fn _panic(py: Python<'_>) -> PyResult<()> {
    #[allow(clippy::panic, reason = "the panic is the point")]
    guard(py, || panic!("a test asked for this"))
}
