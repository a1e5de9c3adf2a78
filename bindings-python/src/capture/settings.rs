//! The settings of errors and traces as `init(errors={...})` takes them.
//!
//! Ranges are the core's to judge; here is only what is of the wrong type, or no setting at all. What
//! is Python's own, such as `before_send`, is `tallylight/_capture_settings.py`'s to read.

use std::path::PathBuf;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyMapping};
use tallylight::ErrorKind;
use tallylight::errors::{Dsn, ErrorsConfig};

use crate::convert::{number, text};
use crate::errors::{exception, invalid};
use crate::secrets::{milliseconds, names};

const KIND: ErrorKind = ErrorKind::InvalidConfig;
const KNOWN: &str = "dsn, spool_dir, spool, max_spool_bytes, max_spool_age, max_queue_bytes, local_events, \
     storm_limit, request_timeout, shutdown_timeout, sample_rate, traces_sample_rate, \
     profiles_sample_rate, max_breadcrumbs, send_default_pii, include_local_variables, \
     capture_prompts, scrub_keys, server_name";
/// The settings that only Python knows.
const OF_PYTHON: [&str; 11] = [
    "before_send",
    "before_send_transaction",
    "before_breadcrumb",
    "ignore_errors",
    "capture_unhandled",
    "capture_logged",
    "breadcrumbs",
    "initial_scope",
    "in_app_include",
    "in_app_exclude",
    "traces_sampler",
];

/// What the user set, over what the environment says.
pub(crate) fn apply(given: &Bound<'_, PyAny>, config: &mut ErrorsConfig) -> PyResult<()> {
    let py = given.py();
    let Ok(given) = given.cast::<PyMapping>() else {
        let message = "errors must be a mapping of settings, such as {\"sample_rate\": 0.5}";
        return Err(invalid(py, KIND, message));
    };
    for item in given.items()?.iter() {
        let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
        let name = text(&name, KIND, "the name of a setting of errors")?;
        if name == "dsn" {
            config.dsn = dsn(&value)?;
        } else if !value.is_none() {
            set(config, &name, &value)?;
        }
    }
    Ok(())
}

fn set(config: &mut ErrorsConfig, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    match name {
        "spool_dir" => {
            let path = value
                .extract::<PathBuf>()
                .map_err(|_| wrong(value, name, "a path"))?;
            config.spool_dir = Some(path);
        }
        "spool" => config.spool = switch(value, name)?,
        "max_spool_bytes" => config.max_spool_bytes = whole(value, name)?,
        "max_spool_age" => config.max_spool_age = span(value, name)?,
        "max_queue_bytes" => config.max_queue_bytes = whole(value, name)?,
        "local_events" => config.local_events = whole(value, name)?,
        "storm_limit" => config.storm_limit = whole(value, name)?,
        "request_timeout" => config.request_timeout = span(value, name)?,
        "shutdown_timeout" => config.shutdown_timeout = span(value, name)?,
        "sample_rate" => config.sample_rate = share(value, name)?,
        "traces_sample_rate" => config.traces_sample_rate = share(value, name)?,
        "profiles_sample_rate" => config.profiles_sample_rate = share(value, name)?,
        "max_breadcrumbs" => config.max_breadcrumbs = whole(value, name)?,
        "send_default_pii" => config.send_default_pii = switch(value, name)?,
        "include_local_variables" => config.include_local_variables = switch(value, name)?,
        "capture_prompts" => config.capture_prompts = switch(value, name)?,
        "scrub_keys" => config.scrub_keys = names(value, KIND, "errors.scrub_keys")?,
        "server_name" => config.server_name = Some(text(value, KIND, "errors.server_name")?),
        name if OF_PYTHON.contains(&name) => {}
        _ => {
            let own = OF_PYTHON.join(", ");
            let message =
                format!("errors has no setting {name:?}; its settings are {KNOWN}, {own}");
            return Err(invalid(value.py(), KIND, message));
        }
    }
    Ok(())
}

/// None and an empty text turn the environment's off. A DSN holds a key: no message repeats it.
fn dsn(value: &Bound<'_, PyAny>) -> PyResult<Option<Dsn>> {
    if value.is_none() {
        return Ok(None);
    }
    let given = text(value, KIND, "errors.dsn")?;
    if given.trim().is_empty() {
        return Ok(None);
    }
    let parsed = Dsn::parse(given.trim()).map_err(|error| exception(value.py(), &error))?;
    Ok(Some(parsed))
}

fn wrong(value: &Bound<'_, PyAny>, name: &str, expected: &str) -> PyErr {
    invalid(
        value.py(),
        KIND,
        format!("errors.{name} must be {expected}"),
    )
}

fn span(value: &Bound<'_, PyAny>, name: &str) -> PyResult<Duration> {
    milliseconds(value, KIND, &format!("errors.{name}"))
}

fn share(value: &Bound<'_, PyAny>, name: &str) -> PyResult<f64> {
    number(value, KIND, &format!("errors.{name}"))
}

fn switch(value: &Bound<'_, PyAny>, name: &str) -> PyResult<bool> {
    match value.cast::<PyBool>() {
        Ok(flag) => Ok(flag.is_true()),
        Err(_) => Err(wrong(value, name, "True or False")),
    }
}

fn whole<T>(value: &Bound<'_, PyAny>, name: &str) -> PyResult<T>
where
    T: for<'a, 'py> FromPyObject<'a, 'py>,
{
    value
        .extract::<T>()
        .map_err(|_| wrong(value, name, "a whole number of 0 or more"))
}

/// What Python itself needs to know of the settings, as a new dict.
pub(crate) fn described<'py>(
    py: Python<'py>,
    config: &ErrorsConfig,
) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("has_dsn", config.dsn.is_some())?;
    dict.set_item("sample_rate", config.sample_rate)?;
    dict.set_item("traces_sample_rate", config.traces_sample_rate)?;
    dict.set_item("profiles_sample_rate", config.profiles_sample_rate)?;
    dict.set_item("max_breadcrumbs", config.max_breadcrumbs)?;
    dict.set_item("send_default_pii", config.send_default_pii)?;
    dict.set_item("include_local_variables", config.include_local_variables)?;
    dict.set_item("capture_prompts", config.capture_prompts)?;
    dict.set_item(
        "shutdown_timeout",
        config.shutdown_timeout.as_secs_f64() * 1e3,
    )?;
    Ok(dict)
}
