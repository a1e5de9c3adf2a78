//! The handles: operation, counter, gauge, histogram.
//!
//! A handle is resolved once and kept. Its hot calls are not here but in [`crate::raw`], which
//! attaches them to these classes; here is what happens once, or rarely.

use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use tallylight::{InstrumentOptions, Kind};

use crate::convert::{self, PlainArguments};
use crate::raw::KeptTimer;

/// What a handle was asked for with: shown by `repr`, and pickled so that a process started by
/// multiprocessing's spawn resolves the same series of its own.
pub(crate) struct Identity {
    name: String,
    labels: Vec<(String, String)>,
}

impl Identity {
    fn describe(&self, class: &str, more: &str) -> String {
        let labels: String = self
            .labels
            .iter()
            .map(|(key, value)| format!(" {key}={value:?}"))
            .collect();
        format!("<tallylight.{class} {:?}{more}{labels}>", self.name)
    }

    fn reduce<'py>(
        &self,
        py: Python<'py>,
        factory: &str,
        options: Bound<'py, PyDict>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let resolve = py.import("tallylight._timed")?.getattr("resolve")?;
        let labels = convert::labels_dict(py, &self.labels)?;
        let arguments = (factory, &self.name, labels, options).into_pyobject(py)?;
        Ok((resolve, arguments))
    }
}

/// Something with a duration and an outcome: a request served, a model called, a job run.
///
/// Recording never raises for a bad value: it is dropped and counted (see `drops()`).
#[pyclass(module = "tallylight", frozen)]
pub(crate) struct Operation {
    pub(crate) core: tallylight::Operation,
    /// What `time()` and `start()` lend.
    pub(crate) timer: KeptTimer,
    identity: Identity,
    kind: Kind,
}

impl Operation {
    pub(crate) fn new(
        core: tallylight::Operation,
        name: String,
        labels: Vec<(String, String)>,
        kind: Kind,
    ) -> Self {
        Self {
            core,
            timer: KeptTimer::default(),
            identity: Identity { name, labels },
            kind,
        }
    }
}

#[pymethods]
impl Operation {
    /// Times every call of `function`: a decorator for functions, coroutines, generators,
    /// asynchronous generators, methods, class methods and static methods.
    ///
    /// Results and exceptions pass unchanged; the type of an exception counts as the error type.
    #[pyo3(signature = (function, /))]
    fn timed<'py>(
        slf: &Bound<'py, Self>,
        function: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let wrappers = slf.py().import("tallylight._timed")?;
        wrappers.call_method1("timed", (slf, function))
    }

    fn __repr__(&self) -> String {
        let kind = format!(" kind={}", self.kind.as_str());
        self.identity.describe("Operation", &kind)
    }

    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let options = PyDict::new(py);
        options.set_item("kind", self.kind.as_str())?;
        self.identity.reduce(py, "operation", options)
    }
}

/// What is left to say about a counter, a gauge or a histogram.
fn options_dict<'py>(py: Python<'py>, options: &InstrumentOptions) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("unit", options.unit.as_deref())?;
    dict.set_item("scale", options.scale.into_py_any(py)?)?;
    dict.set_item("description", options.description.as_deref())?;
    Ok(dict)
}

macro_rules! plain_instrument {
    ($(#[$doc:meta])* $class:ident, $factory:literal) => {
        $(#[$doc])*
        #[pyclass(module = "tallylight", frozen)]
        pub(crate) struct $class {
            pub(crate) core: tallylight::$class,
            identity: Identity,
            options: InstrumentOptions,
        }

        impl $class {
            pub(crate) fn new(core: tallylight::$class, given: PlainArguments) -> Self {
                Self {
                    core,
                    identity: Identity {
                        name: given.name,
                        labels: given.labels.pairs,
                    },
                    options: given.options,
                }
            }
        }

        #[pymethods]
        impl $class {
            fn __repr__(&self) -> String {
                self.identity.describe(stringify!($class), "")
            }

            fn __reduce__<'py>(
                &self,
                py: Python<'py>,
            ) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
                let options = options_dict(py, &self.options)?;
                self.identity.reduce(py, $factory, options)
            }
        }
    };
}

plain_instrument!(
    /// A total that only grows, such as tokens used or bytes sent.
    Counter,
    "counter"
);
plain_instrument!(
    /// A value that goes up and down, such as connections open now.
    Gauge,
    "gauge"
);
plain_instrument!(
    /// A distribution of values that are no durations, such as sizes or costs.
    Histogram,
    "histogram"
);
