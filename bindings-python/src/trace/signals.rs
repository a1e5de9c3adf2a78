//! Calls of models, check-ins, sessions and authentication failures.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tallylight::ErrorKind;
use tallylight::errors::EventId;
use tallylight::trace::{
    CheckIn, CheckInStatus, ModelCallSpec, ModelOutcome, Monitor, Schedule, SessionEnd, genai,
};

use super::traces::trace;
use crate::client::instance;
use crate::document::written;
use crate::errors::{exception, guard, invalid};

/// Records a call of a model that ended; times are milliseconds. Answers the number of its operation,
/// None where it could not be recorded.
#[pyfunction]
#[pyo3(signature = (provider, model, operation, ms, error_type, input_tokens, output_tokens, first_chunk, /))]
#[allow(
    clippy::too_many_arguments,
    reason = "an object of them would cost more than the call"
)]
pub(super) fn _record_model_call(
    py: Python<'_>,
    provider: &str,
    model: &str,
    operation: &str,
    ms: f64,
    error_type: Option<&str>,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    first_chunk: Option<f64>,
) -> PyResult<Option<u32>> {
    guard(py, || {
        let spec = ModelCallSpec {
            provider,
            model,
            operation,
        };
        let outcome = ModelOutcome {
            duration: millis(ms),
            error_type,
            input_tokens,
            output_tokens,
            first_chunk: first_chunk.map(millis),
        };
        Ok(instance(py)?.traces().record_model_call(&spec, &outcome))
    })
}

fn millis(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default()
}

/// OpenTelemetry's names, under those that the core's table has.
#[pyfunction]
pub(super) fn _gen_ai_names(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let names = PyDict::new(py);
    for (key, name) in genai::NAMES {
        names.set_item(key, name)?;
    }
    Ok(names)
}

/// What a monitor is to be: crontab, every, unit, margin, runtime, failures, recoveries, time zone, owner.
type GivenMonitor = (
    Option<String>,
    Option<u64>,
    Option<String>,
    Option<f64>,
    Option<f64>,
    Option<u64>,
    Option<u64>,
    Option<String>,
    Option<String>,
);

fn monitor(given: GivenMonitor) -> Option<Monitor> {
    let (crontab, every, unit, margin, runtime, failures, recoveries, timezone, owner) = given;
    let schedule = match (crontab, every, unit) {
        (Some(crontab), ..) => Schedule::Crontab(crontab),
        (None, Some(every), Some(unit)) => Schedule::Every(every, unit),
        _ => return None,
    };
    Some(Monitor {
        schedule: Some(schedule),
        checkin_margin: margin,
        max_runtime: runtime,
        failure_issue_threshold: failures,
        recovery_threshold: recoveries,
        timezone,
        owner,
    })
}

/// Captures a check-in; answers its id. `duration` is in seconds.
#[pyfunction]
#[pyo3(signature = (slug, status, id, duration, trace_id, given, /))]
pub(super) fn _check_in(
    py: Python<'_>,
    slug: &str,
    status: &str,
    id: Option<&str>,
    duration: Option<f64>,
    trace_id: Option<&str>,
    given: GivenMonitor,
) -> PyResult<String> {
    guard(py, || {
        let Some(status) = CheckInStatus::parse(status) else {
            let message =
                format!("a check-in has no status {status:?}; use in_progress, ok or error");
            return Err(invalid(py, ErrorKind::InvalidValue, message));
        };
        let id = id.map(EventId::parse).transpose();
        let id = id.map_err(|error| exception(py, &error))?;
        let monitor = monitor(given);
        let (id, _) = instance(py)?.traces().check_in(&CheckIn {
            slug,
            status,
            id,
            duration,
            monitor: monitor.as_ref(),
            trace_id: trace_id.map(|text| trace(py, text)).transpose()?,
        });
        Ok(id.to_string())
    })
}

/// Starts the session of this process; whether there is one now.
#[pyfunction]
#[pyo3(signature = (user, /))]
pub(super) fn _start_session(py: Python<'_>, user: Option<&str>) -> PyResult<bool> {
    guard(py, || Ok(instance(py)?.traces().start_session(user)))
}

/// Ends the session of this process; whether there was one.
#[pyfunction]
#[pyo3(signature = (end, /))]
pub(super) fn _end_session(py: Python<'_>, end: &str) -> PyResult<bool> {
    guard(py, || {
        let Some(known) = SessionEnd::parse(end) else {
            let message = format!("a session has no end {end:?}; use exited, crashed or abnormal");
            return Err(invalid(py, ErrorKind::InvalidValue, message));
        };
        Ok(instance(py)?.traces().end_session(known))
    })
}

/// Counts an error into the session of this process.
#[pyfunction]
pub(super) fn _session_errored(py: Python<'_>) -> PyResult<()> {
    guard(py, || {
        instance(py)?.traces().session_errored();
        Ok(())
    })
}

/// Counts an authentication failure; answers the event to capture when one is due.
#[pyfunction]
#[pyo3(signature = (reason, /))]
pub(super) fn _authentication_failed<'py>(
    py: Python<'py>,
    reason: &str,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    guard(py, || {
        let tally = instance(py)?;
        let due = tally.traces().count_authentication_failure(reason, None);
        due.map(|report| written(py, &report.event)).transpose()
    })
}
