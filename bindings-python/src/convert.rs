//! Arguments from Python, as the core takes them.
//!
//! A wrong argument to a cold call is the caller's mistake and becomes the typed error of that
//! argument, whether its type or its value is wrong.

use std::time::Duration;

use pyo3::exceptions::{PyException, PyGeneratorExit, PySystemExit};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyMapping, PyString, PyType};
use tallylight::metrics::number_text;
use tallylight::{Config, Error, ErrorKind, InstrumentOptions, Kind, Labels};

use crate::errors::{exception, invalid};

/// A `str` argument; anything else, and text that is not Unicode, is an error of `kind`.
pub(crate) fn text(value: &Bound<'_, PyAny>, kind: ErrorKind, what: &str) -> PyResult<String> {
    let py = value.py();
    let Ok(string) = value.cast::<PyString>() else {
        let given = type_name(value);
        let message = format!("{what} must be a str, not {given}; convert it with str() first");
        return Err(invalid(py, kind, message));
    };
    match string.to_str() {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => {
            let message = format!("{what} holds a lone surrogate; give text that encodes as UTF-8");
            Err(invalid(py, kind, message))
        }
    }
}

/// A number argument of a cold call.
pub(crate) fn number(value: &Bound<'_, PyAny>, kind: ErrorKind, what: &str) -> PyResult<f64> {
    value.extract::<f64>().map_err(|cause| {
        let given = type_name(value);
        let message = format!("{what} must be a finite number; it is a {given} that is none");
        with_cause(invalid(value.py(), kind, message), value.py(), cause)
    })
}

fn with_cause(error: PyErr, py: Python<'_>, cause: PyErr) -> PyErr {
    error.set_cause(py, Some(cause));
    error
}

fn type_name(value: &Bound<'_, PyAny>) -> String {
    match value.get_type().name() {
        Ok(name) => name.to_string(),
        Err(_) => "an object".to_owned(),
    }
}

/// Labels as the core takes them, and as a handle shows them.
pub(crate) struct LabelArgument {
    pub(crate) core: Labels,
    pub(crate) pairs: Vec<(String, String)>,
}

/// A label's value: text, or a number or bool, which counts as the text it has in every language.
/// A whole number keeps all its digits, however many.
fn label_value(value: &Bound<'_, PyAny>) -> PyResult<String> {
    // A bool is an int to Python, so it is asked for first.
    if let Ok(value) = value.cast::<PyBool>() {
        return Ok(value.is_true().to_string());
    }
    if value.is_instance_of::<PyInt>() {
        // Of int itself: an enumeration's own text is a name.
        let digits = value
            .py()
            .get_type::<PyInt>()
            .call_method1("__repr__", (value,));
        return match digits {
            Ok(digits) => digits.extract(),
            Err(cause) => {
                let message = "a label's value is a number of too many digits; give text";
                let error = invalid(value.py(), ErrorKind::InvalidLabel, message.to_owned());
                Err(with_cause(error, value.py(), cause))
            }
        };
    }
    if let Ok(value) = value.cast::<PyFloat>() {
        return Ok(number_text(value.value()));
    }
    text(
        value,
        ErrorKind::InvalidLabel,
        "a label's value, if no number or bool,",
    )
}

/// Reads the `labels` argument: a mapping of `str` to text, numbers or bools, or `None`.
pub(crate) fn labels(py: Python<'_>, given: Option<&Bound<'_, PyAny>>) -> PyResult<LabelArgument> {
    let mut pairs = Vec::new();
    if let Some(given) = given {
        let Ok(mapping) = given.cast::<PyMapping>() else {
            let given = type_name(given);
            let message = format!("labels must be a mapping, not {given}; give a dict or None");
            return Err(invalid(py, ErrorKind::InvalidLabel, message));
        };
        for item in mapping.items()?.iter() {
            let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
            pairs.push((
                text(&key, ErrorKind::InvalidLabel, "a label's key")?,
                label_value(&value)?,
            ));
        }
    }
    let core = Labels::from_pairs(pairs.iter().map(|(key, value)| (key, value)))
        .map_err(|error| exception(py, &error))?;
    Ok(LabelArgument { core, pairs })
}

/// Labels as a new `dict`.
pub(crate) fn labels_dict<'py>(
    py: Python<'py>,
    pairs: &[(String, String)],
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (key, value) in pairs {
        dict.set_item(key, value)?;
    }
    Ok(dict)
}

/// Reads the `kind` argument; left out, it is `internal`.
pub(crate) fn kind(py: Python<'_>, given: Option<&Bound<'_, PyAny>>) -> PyResult<Kind> {
    let Some(given) = given else {
        return Ok(Kind::Internal);
    };
    let name = text(given, ErrorKind::InvalidValue, "kind")?;
    Kind::parse(&name).map_err(|error| exception(py, &error))
}

/// What a counter, a gauge or a histogram is registered with.
pub(crate) struct PlainArguments {
    pub(crate) name: String,
    pub(crate) labels: LabelArgument,
    pub(crate) options: InstrumentOptions,
}

/// Reads the arguments that counters, gauges and histograms share.
pub(crate) fn plain(
    py: Python<'_>,
    name: &Bound<'_, PyAny>,
    given_labels: Option<&Bound<'_, PyAny>>,
    unit: Option<&Bound<'_, PyAny>>,
    scale: Option<&Bound<'_, PyAny>>,
    description: Option<&Bound<'_, PyAny>>,
) -> PyResult<PlainArguments> {
    Ok(PlainArguments {
        name: text(name, ErrorKind::InvalidName, "a name")?,
        labels: labels(py, given_labels)?,
        options: options(unit, scale, description)?,
    })
}

/// Reads the options that counters, gauges and histograms share.
fn options(
    unit: Option<&Bound<'_, PyAny>>,
    scale: Option<&Bound<'_, PyAny>>,
    description: Option<&Bound<'_, PyAny>>,
) -> PyResult<InstrumentOptions> {
    let kind = ErrorKind::InvalidValue;
    let mut options = InstrumentOptions::default();
    if let Some(unit) = unit {
        options.unit = Some(text(unit, kind, "unit")?);
    }
    if let Some(scale) = scale {
        options.scale = number(scale, kind, "scale")?;
    }
    if let Some(description) = description {
        options.description = Some(text(description, kind, "description")?);
    }
    Ok(options)
}

/// The arguments of `init`, each `None` where the user left it out.
pub(crate) struct ConfigArguments<'a, 'py> {
    pub(crate) environment: Option<&'a Bound<'py, PyAny>>,
    pub(crate) service: Option<&'a Bound<'py, PyAny>>,
    pub(crate) release: Option<&'a Bound<'py, PyAny>>,
    pub(crate) max_series: Option<&'a Bound<'py, PyAny>>,
    pub(crate) max_memory_bytes: Option<&'a Bound<'py, PyAny>>,
    pub(crate) max_window_bytes: Option<&'a Bound<'py, PyAny>>,
    pub(crate) tick_ms: Option<&'a Bound<'py, PyAny>>,
}

impl ConfigArguments<'_, '_> {
    /// What the user set, over what the environment says.
    pub(crate) fn apply(&self, mut config: Config) -> PyResult<Config> {
        let kind = ErrorKind::InvalidConfig;
        if let Some(value) = self.environment {
            config.environment = Some(text(value, kind, "environment")?);
        }
        if let Some(value) = self.service {
            config.service = Some(text(value, kind, "service")?);
        }
        if let Some(value) = self.release {
            config.release = Some(text(value, kind, "release")?);
        }
        if let Some(value) = self.max_series {
            config.max_series = whole(value, "max_series")?;
        }
        if let Some(value) = self.max_memory_bytes {
            config.max_memory_bytes = whole(value, "max_memory_bytes")?;
        }
        if let Some(value) = self.max_window_bytes {
            config.max_window_bytes = whole(value, "max_window_bytes")?;
        }
        if let Some(value) = self.tick_ms {
            let ms = number(value, kind, "tick_ms")?;
            // As Node takes it: 250.0 is whole. The core checks the range.
            if ms < 0.0 || ms.fract() != 0.0 {
                let message = "tick_ms must be a whole number of milliseconds; try 1000";
                return Err(exception(value.py(), &Error::new(kind, message)));
            }
            config.tick = Duration::from_millis(ms as u64);
        }
        Ok(config)
    }
}

fn whole(value: &Bound<'_, PyAny>, what: &str) -> PyResult<usize> {
    value.extract::<usize>().map_err(|cause| {
        let message = format!("{what} must be a whole number of 0 or more that fits the machine");
        let py = value.py();
        with_cause(invalid(py, ErrorKind::InvalidConfig, message), py, cause)
    })
}

/// The name that counts as an error's type: of an exception, of its class, or the text given.
/// What has none is empty, which the core counts under `_OTHER`.
pub(crate) fn error_type(error: &Bound<'_, PyAny>) -> String {
    if let Ok(text) = error.cast::<PyString>() {
        return text.to_string_lossy().into_owned();
    }
    let class = match error.cast::<PyType>() {
        Ok(class) => class.clone(),
        Err(_) if error.is_instance_of::<pyo3::exceptions::PyBaseException>() => error.get_type(),
        Err(_) => return String::new(),
    };
    match class.name() {
        Ok(name) => name.to_string_lossy().into_owned(),
        Err(_) => String::new(),
    }
}

/// Whether an exception that ended a measurement is a failure of what was measured.
///
/// Not one are the ways in which Python ends something that works: a generator that is closed, a
/// task that is cancelled (asyncio's, trio's), an exit with code 0. `class` is the exception's;
/// `value` its instance, or what the interpreter has before it made one.
pub(crate) fn is_failure(class: &Bound<'_, PyAny>, value: Option<&Bound<'_, PyAny>>) -> bool {
    let Ok(class) = class.cast::<PyType>() else {
        return true;
    };
    let is = |result: PyResult<bool>| result.unwrap_or(false);
    if is(class.is_subclass_of::<PyException>()) {
        return true;
    }
    if is(class.is_subclass_of::<PySystemExit>()) {
        return !exits_well(value);
    }
    !is(class.is_subclass_of::<PyGeneratorExit>()) && !is(is_cancellation(class))
}

fn exits_well(value: Option<&Bound<'_, PyAny>>) -> bool {
    let Some(value) = value else { return true };
    let code = match value.is_instance_of::<PySystemExit>() {
        true => value.getattr("code").ok(),
        false => Some(value.clone()),
    };
    code.is_some_and(|code| code.is_none() || code.eq(0).unwrap_or(false))
}

/// By name, since importing asyncio costs more than all of this package.
fn is_cancellation(class: &Bound<'_, PyType>) -> PyResult<bool> {
    for base in class.mro().iter() {
        let Ok(base) = base.cast_into::<PyType>() else {
            continue;
        };
        let (module, name) = (base.module()?, base.name()?);
        let place = (module.to_str()?, name.to_str()?);
        if matches!(
            place,
            ("asyncio.exceptions", "CancelledError") | ("trio", "Cancelled")
        ) {
            return Ok(true);
        }
    }
    Ok(false)
}
