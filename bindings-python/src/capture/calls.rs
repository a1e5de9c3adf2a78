//! The calls: each converts its arguments, asks the core and converts the answer.

use std::borrow::Cow;

use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyString};
use tallylight::errors::{Attachment, Category, DiscardReason, EventId, Item, Outcome};
use tallylight::{Config, ErrorKind};

use super::json::{Limits, written};
use super::settings::described;
use crate::client::instance;
use crate::document::{self, document};
use crate::errors::{exception, guard, invalid};
use crate::secrets::{Pending, milliseconds};

/// A file beside an event: its name, its media type, and bytes or text.
type GivenAttachment<'py> = (String, Option<String>, Bound<'py, PyAny>);

/// Hands something to the core and answers `spooled`, `queued` or why it is discarded.
///
/// `payload`, `trace` and `profile` are objects to write as JSON.
#[pyfunction]
#[pyo3(signature = (category, id, payload, attachments=None, trace=None, profile=None, /))]
pub(super) fn _capture(
    py: Python<'_>,
    category: &str,
    id: &str,
    payload: &Bound<'_, PyAny>,
    attachments: Option<Vec<GivenAttachment<'_>>>,
    trace: Option<&Bound<'_, PyAny>>,
    profile: Option<&Bound<'_, PyAny>>,
) -> PyResult<&'static str> {
    guard(py, || {
        let category = self::category(py, category)?;
        let Ok(id) = EventId::parse(id) else {
            return discarded(py, category, DiscardReason::Invalid);
        };
        let payload = written(payload, Limits::EVENT)?;
        let trace = trace.map(json_text).transpose()?;
        let profile = profile.map(json_text).transpose()?;
        let attachments = attachments.unwrap_or_default();
        let bytes: Vec<Cow<'_, [u8]>> = attachments
            .iter()
            .map(|(_, _, data)| bytes(data))
            .collect::<PyResult<_>>()?;
        let attachments: Vec<Attachment<'_>> = attachments
            .iter()
            .zip(&bytes)
            .map(|((filename, content_type, _), bytes)| Attachment {
                filename,
                content_type: content_type.as_deref(),
                bytes,
            })
            .collect();
        // With the interpreter's lock: it takes microseconds and waits for nothing, and to get the
        // lock back can take longer than that.
        let outcome = instance(py)?.errors().capture(&Item {
            category,
            id,
            payload: &payload,
            trace: trace.as_deref(),
            attachments: &attachments,
            profile: profile.as_deref(),
        });
        Ok(outcome.name())
    })
}

/// Text stands for itself: it is JSON already.
fn json_text(value: &Bound<'_, PyAny>) -> PyResult<String> {
    match value.cast::<PyString>() {
        Ok(text) => Ok(text.to_string_lossy().into_owned()),
        Err(_) => written(value, Limits::EVENT),
    }
}

fn bytes<'a>(data: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    if let Ok(bytes) = data.cast::<PyBytes>() {
        return Ok(Cow::Borrowed(bytes.as_bytes()));
    }
    if let Ok(bytes) = data.cast::<PyByteArray>() {
        return Ok(Cow::Owned(bytes.to_vec()));
    }
    if let Ok(text) = data.cast::<PyString>() {
        return Ok(Cow::Owned(text.to_string_lossy().into_owned().into_bytes()));
    }
    let message = "the data of an attachment must be bytes or str";
    Err(invalid(data.py(), ErrorKind::InvalidValue, message))
}

fn category(py: Python<'_>, name: &str) -> PyResult<Category> {
    Category::parse(name).ok_or_else(|| {
        let message = format!("there is no category {name:?}");
        invalid(py, ErrorKind::InvalidValue, message)
    })
}

fn discarded(py: Python<'_>, category: Category, reason: DiscardReason) -> PyResult<&'static str> {
    instance(py)?.errors().discard(category, reason, 1);
    Ok(Outcome::Discarded(reason).name())
}

/// Counts what was captured and is not handed over.
#[pyfunction]
pub(super) fn _discard(py: Python<'_>, category: &str, reason: &str, count: u64) -> PyResult<()> {
    guard(py, || {
        let category = self::category(py, category)?;
        let Some(reason) = DiscardReason::parse(reason) else {
            let message = format!("there is no reason {reason:?}");
            return Err(invalid(py, ErrorKind::InvalidValue, message));
        };
        instance(py)?.errors().discard(category, reason, count);
        Ok(())
    })
}

/// Where everything is that was captured, as a new dict.
#[pyfunction]
pub(super) fn _delivery(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    guard(py, || document(py, &instance(py)?.errors().delivery()))
}

/// Starts a delivery of all that waits, for `limit` milliseconds at most, and closes if told so.
#[pyfunction]
pub(super) fn _flush(py: Python<'_>, limit: &Bound<'_, PyAny>, close: bool) -> PyResult<Pending> {
    guard(py, || {
        let limit = milliseconds(limit, ErrorKind::InvalidValue, "timeout_ms")?;
        let errors = instance(py)?.errors().clone();
        Ok(Pending::delivery(|done| match close {
            true => errors.close_then(limit, done),
            false => errors.flush_then(limit, done),
        }))
    })
}

/// A plain copy of any object.
#[pyfunction]
pub(super) fn _plain<'py>(value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = value.py();
    guard(py, || {
        document::written(py, &written(value, Limits::VALUE)?)
    })
}

/// A plain copy of local variables, a dict.
#[pyfunction]
pub(super) fn _local<'py>(variables: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyDict>> {
    let py = variables.py();
    guard(py, || {
        let copy = PyDict::new(py);
        for item in variables.items().iter() {
            let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
            copy.set_item(
                name,
                document::written(py, &written(&value, Limits::LOCAL)?)?,
            )?;
        }
        Ok(copy)
    })
}

/// An event as it is handed to the core.
#[pyfunction]
pub(super) fn _json(py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<String> {
    guard(py, || written(value, Limits::EVENT))
}

/// Says what every event of the process says, where it does not say it itself: an object of Sentry's
/// event fields.
#[pyfunction]
pub(super) fn _set_facts(py: Python<'_>, facts: &Bound<'_, PyAny>) -> PyResult<()> {
    guard(py, || {
        instance(py)?
            .errors()
            .set_facts(&written(facts, Limits::EVENT)?)
            .map_err(|error| exception(py, &error))
    })
}

/// The settings that Python needs, as the environment has them.
#[pyfunction]
pub(super) fn _errors_settings(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    guard(py, || {
        let config = Config::from_env().map_err(|error| exception(py, &error))?;
        described(py, &config.errors)
    })
}
