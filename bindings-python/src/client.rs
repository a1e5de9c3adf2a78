//! The process-wide instance as Python sees it: `tallylight.init` and what it returns.
//!
//! The functions of the `tallylight` module are the bound methods of one [`Tallylight`] object,
//! so each exists once.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyString;
use tallylight::{Config, ErrorKind};

use crate::capture;
use crate::convert::{self, ConfigArguments};
use crate::document::{document, written};
use crate::errors::{exception, guard};
use crate::fork;
use crate::instruments::{Counter, Gauge, Histogram, Operation};
use crate::secrets::{self, Held};

/// The process-wide instance. `tallylight.init()` returns it, and the functions of the module
/// `tallylight` are its methods.
#[pyclass(module = "tallylight", frozen)]
#[derive(Default)]
pub(crate) struct Tallylight {
    /// What the hot call of secrets answers from.
    pub(crate) held: Held,
}

/// The one object there is of the class.
pub(crate) fn default(py: Python<'_>) -> PyResult<Py<Tallylight>> {
    static DEFAULT: PyOnceLock<Py<Tallylight>> = PyOnceLock::new();
    let default = DEFAULT.get_or_try_init(py, || Py::new(py, Tallylight::default()))?;
    Ok(default.clone_ref(py))
}

/// The instance of the core, made with its first use; importing makes none.
pub(crate) fn instance(py: Python<'_>) -> PyResult<tallylight::Tallylight> {
    fork::register(py)?;
    tallylight::global().map_err(|error| exception(py, &error))
}

/// Starts the process-wide instance and its ticker thread, and returns it.
///
/// What is left out comes from the environment (`TALLYLIGHT_*`). Called again with the same
/// settings it returns the same instance; with others it raises `ConflictError`.
#[pyfunction]
#[pyo3(signature = (*, environment=None, service=None, release=None, max_series=None, max_memory_bytes=None, max_window_bytes=None, tick_ms=None, secrets=None, errors=None))]
#[allow(
    clippy::too_many_arguments,
    reason = "each is a keyword argument in Python"
)]
pub(crate) fn init(
    py: Python<'_>,
    environment: Option<&Bound<'_, PyAny>>,
    service: Option<&Bound<'_, PyAny>>,
    release: Option<&Bound<'_, PyAny>>,
    max_series: Option<&Bound<'_, PyAny>>,
    max_memory_bytes: Option<&Bound<'_, PyAny>>,
    max_window_bytes: Option<&Bound<'_, PyAny>>,
    tick_ms: Option<&Bound<'_, PyAny>>,
    secrets: Option<&Bound<'_, PyAny>>,
    errors: Option<&Bound<'_, PyAny>>,
) -> PyResult<Py<Tallylight>> {
    let given = ConfigArguments {
        environment,
        service,
        release,
        max_series,
        max_memory_bytes,
        max_window_bytes,
        tick_ms,
    };
    guard(py, || {
        let from_env = Config::from_env().map_err(|error| exception(py, &error))?;
        let mut config = given.apply(from_env)?;
        if let Some(settings) = secrets {
            secrets::apply_settings(settings, &mut config.secrets)?;
        }
        if let Some(settings) = errors {
            capture::apply_settings(settings, &mut config.errors)?;
        }
        // Read before anything starts, and held once it has.
        let face = py.import("tallylight._capture_settings")?;
        let own = face.call_method1("read", (errors,))?;
        let known = capture::described(py, &config.errors)?;
        fork::register(py)?;
        py.detach(|| tallylight::init(config))
            .map_err(|error| exception(py, &error))?;
        face.call_method1("hold", (own, known))?;
        default(py)
    })
}

#[pymethods]
impl Tallylight {
    /// A handle on the operation `name`: something with a duration and an outcome.
    ///
    /// Resolve it once and keep it; `kind` is one of server, client, model, job and internal.
    #[pyo3(signature = (name, labels=None, *, kind=None))]
    #[pyo3(text_signature = "($self, name, labels=None, *, kind='internal')")]
    fn operation(
        &self,
        py: Python<'_>,
        name: &Bound<'_, PyAny>,
        labels: Option<&Bound<'_, PyAny>>,
        kind: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Operation> {
        guard(py, || {
            let name = convert::text(name, ErrorKind::InvalidName, "a name")?;
            let labels = convert::labels(py, labels)?;
            let kind = convert::kind(py, kind)?;
            let core = instance(py)?
                .operation(&name, &labels.core, kind)
                .map_err(|error| exception(py, &error))?;
            Ok(Operation::new(core, name, labels.pairs, kind))
        })
    }

    /// A handle on the counter `name`: a total that only grows.
    #[pyo3(signature = (name, labels=None, *, unit=None, scale=None, description=None))]
    #[pyo3(
        text_signature = "($self, name, labels=None, *, unit=None, scale=1.0, description=None)"
    )]
    fn counter(
        &self,
        py: Python<'_>,
        name: &Bound<'_, PyAny>,
        labels: Option<&Bound<'_, PyAny>>,
        unit: Option<&Bound<'_, PyAny>>,
        scale: Option<&Bound<'_, PyAny>>,
        description: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Counter> {
        guard(py, || {
            let wanted = convert::plain(py, name, labels, unit, scale, description)?;
            let core = instance(py)?
                .counter(&wanted.name, &wanted.labels.core, &wanted.options)
                .map_err(|error| exception(py, &error))?;
            Ok(Counter::new(core, wanted))
        })
    }

    /// A handle on the gauge `name`: a value that goes up and down.
    #[pyo3(signature = (name, labels=None, *, unit=None, scale=None, description=None))]
    #[pyo3(
        text_signature = "($self, name, labels=None, *, unit=None, scale=1.0, description=None)"
    )]
    fn gauge(
        &self,
        py: Python<'_>,
        name: &Bound<'_, PyAny>,
        labels: Option<&Bound<'_, PyAny>>,
        unit: Option<&Bound<'_, PyAny>>,
        scale: Option<&Bound<'_, PyAny>>,
        description: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Gauge> {
        guard(py, || {
            let wanted = convert::plain(py, name, labels, unit, scale, description)?;
            let core = instance(py)?
                .gauge(&wanted.name, &wanted.labels.core, &wanted.options)
                .map_err(|error| exception(py, &error))?;
            Ok(Gauge::new(core, wanted))
        })
    }

    /// A handle on the histogram `name`: a distribution of values that are no durations.
    ///
    /// Values are stored as `round(value * scale)`: a scale of 1000 keeps three decimals.
    #[pyo3(signature = (name, labels=None, *, unit=None, scale=None, description=None))]
    #[pyo3(
        text_signature = "($self, name, labels=None, *, unit=None, scale=1.0, description=None)"
    )]
    fn histogram(
        &self,
        py: Python<'_>,
        name: &Bound<'_, PyAny>,
        labels: Option<&Bound<'_, PyAny>>,
        unit: Option<&Bound<'_, PyAny>>,
        scale: Option<&Bound<'_, PyAny>>,
        description: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Histogram> {
        guard(py, || {
            let wanted = convert::plain(py, name, labels, unit, scale, description)?;
            let core = instance(py)?
                .histogram(&wanted.name, &wanted.labels.core, &wanted.options)
                .map_err(|error| exception(py, &error))?;
            Ok(Histogram::new(core, wanted))
        })
    }

    /// Everything recorded so far, as a new dict. It never waits for a writer.
    fn snapshot<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        guard(py, || {
            let instance = instance(py)?;
            // As the core writes it: scrubbed.
            let snapshot = py.detach(|| instance.snapshot().to_json());
            written(py, &snapshot)
        })
    }

    /// The status document, as a new dict.
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        guard(py, || {
            let instance = instance(py)?;
            let status = py.detach(|| instance.status().to_json());
            written(py, &status)
        })
    }

    /// How many recordings were dropped, by reason, as a new dict.
    fn drops<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        guard(py, || document(py, &instance(py)?.drops()))
    }

    /// Stops the threads, closes recording and wipes the secrets: what is recorded later is a
    /// counted drop. `init` opens it again.
    fn shutdown(&self, py: Python<'_>) -> PyResult<()> {
        guard(py, || {
            let instance = instance(py)?;
            py.detach(|| instance.shutdown());
            self.held.forget(py);
            Ok(())
        })
    }

    /// Sets a value for this process that is answered before every source, until it is cleared.
    fn set_secret_override(
        &self,
        py: Python<'_>,
        name: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        guard(py, || secrets::set_override(py, name, value))
    }

    /// Ends an override; the sources answer again.
    fn clear_secret_override(&self, py: Python<'_>, name: &Bound<'_, PyAny>) -> PyResult<()> {
        guard(py, || {
            let name = convert::text(name, ErrorKind::InvalidName, "a secret's name")?;
            instance(py)?.secrets().clear_override(&name);
            Ok(())
        })
    }

    /// The secrets that this service declares, the built-in ones first, as a new list of dicts.
    fn declared_secrets<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        guard(py, || document(py, &instance(py)?.secrets().declared()))
    }

    /// The text with every known secret's value, and its JSON, URL and base64 forms, replaced by
    /// `[redacted]`.
    fn scrub<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyString>> {
        guard(py, || {
            let text = convert::text(text, ErrorKind::InvalidValue, "text")?;
            Ok(PyString::new(py, &tallylight::scrub(&text)))
        })
    }

    fn __repr__(&self) -> &'static str {
        "<tallylight.Tallylight, the process-wide instance>"
    }

    /// Pickles as the instance of the process that loads it.
    fn __reduce__(&self) -> &'static str {
        "default"
    }
}
