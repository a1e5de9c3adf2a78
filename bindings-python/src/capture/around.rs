//! A function of somebody else's with something of ours before and after it.
//!
//! Made by the hooks that follow other modules: requests, log records, threads, jobs of pools. Native,
//! so that no frame of ours stands in the traceback of what fails, in a stack that is printed, or
//! between a caller and what it calls. Ours never fails the call; a Ctrl-C meanwhile does pass.

use pyo3::exceptions::{PyKeyboardInterrupt, PySystemExit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use crate::errors::guard;

// Calls `function`. No doc comment, which would be what the class says in the function's place.
//
// `before` is called with the same arguments and may answer `(state, args, kwargs)`: then `function`
// gets those instead. `after` is called with the state, or `None`, what was returned, or `None`, and
// the exception that was raised, or `None`.
#[pyclass(module = "tallylight", name = "_Around", frozen)]
pub(super) struct Around {
    function: Py<PyAny>,
    before: Option<Py<PyAny>>,
    after: Option<Py<PyAny>>,
}

#[pymethods]
impl Around {
    #[new]
    fn new(function: Py<PyAny>, before: Option<Py<PyAny>>, after: Option<Py<PyAny>>) -> Self {
        Self {
            function,
            before,
            after,
        }
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        guard(py, || {
            let (mut state, mut args, mut kwargs) = (None, args.clone(), kwargs.cloned());
            if let Some(before) = &self.before
                && let Some(answer) = ours(py, before.bind(py).call(&args, kwargs.as_ref()))?
                && let Ok(changed) = answer.extract::<Changed<'py>>()
            {
                (state, args, kwargs) = (Some(changed.0), changed.1, Some(changed.2));
            }
            let done = self.function.bind(py).call(&args, kwargs.as_ref());
            if let Some(after) = &self.after {
                let (answer, error) = match &done {
                    Ok(answer) => (Some(answer), None),
                    Err(error) => (None, Some(error.value(py))),
                };
                ours(py, after.bind(py).call1((state, answer, error)))?;
            }
            done
        })
    }

    /// As a method of a class: bound to the instance.
    fn __get__<'py>(
        slf: &Bound<'py, Self>,
        instance: Option<&Bound<'py, PyAny>>,
        _owner: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let Some(instance) = instance else {
            return Ok(slf.clone().into_any());
        };
        let method = slf.py().import("types")?.getattr("MethodType")?;
        method.call1((slf, instance))
    }

    #[getter(__wrapped__)]
    fn wrapped(&self, py: Python<'_>) -> Py<PyAny> {
        self.function.clone_ref(py)
    }

    /// Its name, signature and all else is the function's.
    fn __getattr__<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let name = name.cast::<PyString>()?;
        self.function.bind(py).getattr(name)
    }
}

/// The state, the arguments and the keyword arguments.
type Changed<'py> = (Bound<'py, PyAny>, Bound<'py, PyTuple>, Bound<'py, PyDict>);

/// What ours answered; a failure of its own is none of the caller's business.
fn ours<'py>(
    py: Python<'py>,
    answer: PyResult<Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error)
            if error.is_instance_of::<PyKeyboardInterrupt>(py)
                || error.is_instance_of::<PySystemExit>(py) =>
        {
            Err(error)
        }
        Err(_) => Ok(None),
    }
}
