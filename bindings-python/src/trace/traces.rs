//! How a trace comes in and goes on, who is in the sample, and what a transaction leaves behind.

use pyo3::prelude::*;
use tallylight::errors::EventId;
use tallylight::trace::propagation::Position;
use tallylight::trace::sampling::rand_of;
use tallylight::trace::{Measured, SpanId, Start, TraceId};
use tallylight::{DropReason, ErrorKind};

use crate::client::instance;
use crate::convert;
use crate::errors::{exception, guard, invalid};

/// The trace's id, the span that caused this, what was decided by which rate, the random value, and
/// what is frozen.
type Incoming = (
    String,
    Option<String>,
    Option<bool>,
    Option<f64>,
    f64,
    Option<String>,
);

/// Continues the trace of a request's headers, or starts one.
#[pyfunction]
#[pyo3(signature = (sentry_trace, baggage, traceparent, /))]
pub(super) fn _trace_incoming(
    py: Python<'_>,
    sentry_trace: Option<&str>,
    baggage: Option<&str>,
    traceparent: Option<&str>,
) -> PyResult<Incoming> {
    guard(py, || {
        let tally = instance(py)?;
        let incoming = tally.traces().incoming(sentry_trace, baggage, traceparent);
        Ok((
            incoming.trace_id.to_string(),
            incoming.parent_span_id.map(|id| id.to_string()),
            incoming.sampled,
            incoming.sample_rate,
            incoming.sample_rand,
            incoming.dynamic,
        ))
    })
}

/// Decides whether a transaction is captured, by which rate, and whether it is profiled.
#[pyfunction]
#[pyo3(signature = (rand, parent, parent_rate, asked, /))]
pub(super) fn _trace_start(
    py: Python<'_>,
    rand: f64,
    parent: Option<bool>,
    parent_rate: Option<f64>,
    asked: Option<f64>,
) -> PyResult<(bool, Option<f64>, bool)> {
    guard(py, || {
        let started = instance(py)?.traces().start(&Start {
            sample_rand: rand,
            parent,
            parent_rate,
            asked,
        });
        Ok((started.sampled, started.sample_rate, started.profiled))
    })
}

/// `sentry-trace`, `traceparent`, `baggage`, what is frozen from now on, and the `trace` header of an
/// envelope.
type Headers = (String, String, String, String, Option<String>);

/// The headers of a request that goes out; `existing` is a `baggage` that it carries already.
#[pyfunction]
#[pyo3(signature = (trace_id, span_id, sampled, rate, rand, transaction, dynamic, existing, /))]
#[allow(
    clippy::too_many_arguments,
    reason = "an object of them would cost more than the call"
)]
pub(super) fn _trace_headers(
    py: Python<'_>,
    trace_id: &str,
    span_id: &str,
    sampled: Option<bool>,
    rate: Option<f64>,
    rand: Option<f64>,
    transaction: Option<&str>,
    dynamic: Option<&str>,
    existing: Option<&str>,
) -> PyResult<Headers> {
    guard(py, || {
        let trace_id = trace(py, trace_id)?;
        let position = Position {
            trace_id,
            span_id: SpanId::parse(span_id).ok_or_else(|| no_id(py, "span", 16))?,
            sampled,
            sample_rate: rate,
            sample_rand: rand.unwrap_or_else(|| rand_of(trace_id)),
            transaction,
            dynamic,
        };
        let headers = instance(py)?.traces().headers(&position, existing);
        Ok((
            headers.sentry_trace,
            headers.traceparent,
            headers.baggage,
            headers.dynamic,
            headers.envelope,
        ))
    })
}

/// Records a transaction as the operation of its name; answers its number. What cannot be is a
/// counted drop, as a facade's recordings are.
#[pyfunction]
#[pyo3(signature = (name, labels, kind, ms, error_type, /))]
pub(super) fn _measure(
    py: Python<'_>,
    name: &str,
    labels: Option<&Bound<'_, PyAny>>,
    kind: Option<&Bound<'_, PyAny>>,
    ms: f64,
    error_type: Option<&str>,
) -> PyResult<Option<u32>> {
    guard(py, || {
        let tally = instance(py)?;
        let known = convert::labels(py, labels).and_then(|labels| {
            let kind = convert::kind(py, kind)?;
            tally
                .operation(name, &labels.core, kind)
                .map_err(|error| exception(py, &error))
        });
        let Ok(operation) = known else {
            tally.drop_one(DropReason::Refused);
            return Ok(None);
        };
        match error_type {
            Some(error_type) => operation.record_error_ms(ms, error_type),
            None => operation.record_ms(ms),
        }
        Ok(Some(operation.id()))
    })
}

/// Makes a transaction that was captured the exemplar of the operations that it measured: pairs of
/// their numbers and milliseconds.
#[pyfunction]
#[pyo3(signature = (trace_id, event_id, measured, /))]
pub(super) fn _exemplify(
    py: Python<'_>,
    trace_id: &str,
    event_id: &str,
    measured: Vec<(u32, f64)>,
) -> PyResult<()> {
    guard(py, || {
        let measured: Vec<Measured> = measured
            .into_iter()
            .map(|(series, millis)| Measured { series, millis })
            .collect();
        let event = EventId::parse(event_id).map_err(|error| exception(py, &error))?;
        instance(py)?
            .traces()
            .exemplify(trace(py, trace_id)?, event, &measured);
        Ok(())
    })
}

/// The name that counts as an error's type.
#[pyfunction]
#[pyo3(signature = (error, /))]
pub(super) fn _error_type(error: &Bound<'_, PyAny>) -> String {
    convert::error_type(error)
}

/// Whether an exception is a failure, and not the end of something that works.
#[pyfunction]
#[pyo3(signature = (error, /))]
pub(super) fn _is_failure(error: &Bound<'_, PyAny>) -> bool {
    convert::is_failure(&error.get_type().into_any(), Some(error))
}

pub(super) fn trace(py: Python<'_>, text: &str) -> PyResult<TraceId> {
    TraceId::parse(text).ok_or_else(|| no_id(py, "trace", 32))
}

fn no_id(py: Python<'_>, what: &str, digits: usize) -> PyErr {
    let message = format!("the id of a {what} has {digits} hexadecimal digits, not all 0");
    invalid(py, ErrorKind::InvalidValue, message)
}
