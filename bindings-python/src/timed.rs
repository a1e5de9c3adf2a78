//! What `@op.timed` makes of a plain function.
//!
//! Coroutines and generators are wrapped in Python (`tallylight/_timed.py`), where their own
//! protocols live. A plain function becomes an object of this class, more exactly of the subclass
//! that [`crate::raw`] derives: that adds the call itself and the binding to an instance.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;

use tallylight::stopwatch;

/// A function whose every call is timed. It looks like the function: its attributes, its
/// signature and its class are the function's.
#[pyclass(
    module = "tallylight",
    name = "TimedBase",
    subclass,
    dict,
    weakref,
    frozen
)]
pub(crate) struct TimedBase {
    pub(crate) operation: tallylight::Operation,
    pub(crate) function: Py<PyAny>,
}

#[pymethods]
impl TimedBase {
    #[new]
    fn new(operation: &Bound<'_, crate::instruments::Operation>, function: Py<PyAny>) -> Self {
        stopwatch::start();
        Self {
            operation: operation.get().core.clone(),
            function,
        }
    }

    /// The function's class, so that `isinstance` and `inspect.isfunction` take it for one.
    #[getter]
    fn __class__<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.function.bind(py).get_type().into_any()
    }

    /// What the object has not itself is the function's: `__code__`, `__defaults__` and so on.
    fn __getattr__<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.function.bind(py).getattr(name.cast()?)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let function = self.function.bind(py).repr()?;
        Ok(format!("<timed {}>", function.to_string_lossy()))
    }

    /// Pickles by name, as a function does.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.getattr("__qualname__")
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)
    }
}
