//! A job of a pool's thread, run with the scopes of whoever submitted it.
//!
//! Made by the hook of `ThreadPoolExecutor.submit`. Native, so that no frame of ours stands in the
//! traceback of a job that fails.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::errors::guard;

/// Calls `function` between `enter(scopes)` and the `leave()` of what that answers.
#[pyclass(module = "tallylight", name = "_Job", frozen)]
pub(super) struct Job {
    enter: Py<PyAny>,
    scopes: Py<PyAny>,
    function: Py<PyAny>,
}

#[pymethods]
impl Job {
    #[new]
    fn new(enter: Py<PyAny>, scopes: Py<PyAny>, function: Py<PyAny>) -> Self {
        Self {
            enter,
            scopes,
            function,
        }
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __call__(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        guard(py, || {
            // Without its scopes a job still runs.
            let entered = self.enter.call1(py, (&self.scopes,)).ok();
            let answer = self.function.call(py, args, kwargs);
            if let Some(entered) = entered {
                let _left = entered.call_method0(py, "leave");
            }
            answer
        })
    }
}
