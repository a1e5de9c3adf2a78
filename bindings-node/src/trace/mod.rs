//! Traces: how they come in and go on, who is in the sample, which request was slow. The TypeScript
//! keeps the spans themselves (`ts/span.ts`).

pub mod model_calls;
pub mod signals;

use napi_derive::napi;
use tallylight::errors::EventId;
use tallylight::trace::propagation::{Headers, Incoming, Position};
use tallylight::trace::sampling::rand_of;
use tallylight::trace::{Measured, SpanId, Start, Started, TraceId};
use tallylight::{Error, ErrorKind};

use crate::boundary::{Result, contained};

/// A trace that a request brought, or a new one.
#[napi(object, object_from_js = false)]
pub struct IncomingTrace {
    /// Its id.
    pub trace_id: String,
    /// The span that caused this; none where the trace starts here.
    pub parent_span_id: Option<String>,
    /// What was decided before.
    pub sampled: Option<bool>,
    /// By which rate.
    pub sample_rate: Option<f64>,
    /// What all services of the trace compare their rate with.
    pub sample_rand: f64,
    /// What came with it and never changes; none where this process fills it in.
    pub dynamic: Option<String>,
}

impl From<Incoming> for IncomingTrace {
    fn from(incoming: Incoming) -> Self {
        Self {
            trace_id: incoming.trace_id.to_string(),
            parent_span_id: incoming.parent_span_id.map(|id| id.to_string()),
            sampled: incoming.sampled,
            sample_rate: incoming.sample_rate,
            sample_rand: incoming.sample_rand,
            dynamic: incoming.dynamic,
        }
    }
}

/// What was decided when a transaction started.
#[napi(object, object_from_js = false)]
pub struct StartedTrace {
    /// Whether it is captured.
    pub sampled: bool,
    /// By which rate.
    pub sample_rate: Option<f64>,
    /// Whether it is profiled as well.
    pub profiled: bool,
}

impl From<Started> for StartedTrace {
    fn from(started: Started) -> Self {
        Self {
            sampled: started.sampled,
            sample_rate: started.sample_rate,
            profiled: started.profiled,
        }
    }
}

/// Where a trace is.
#[napi(object, object_to_js = false)]
pub struct TracePosition {
    /// The trace.
    pub trace_id: String,
    /// The span that causes the request.
    pub span_id: String,
    /// Whether it is captured, if that is decided.
    pub sampled: Option<bool>,
    /// By which rate.
    pub sample_rate: Option<f64>,
    /// The trace's random value; follows from its id where none is given.
    pub sample_rand: Option<f64>,
    /// The transaction's name, if it is one of few.
    pub transaction: Option<String>,
    /// What is frozen already.
    pub dynamic: Option<String>,
}

/// What a request or an envelope carries.
#[napi(object, object_from_js = false)]
pub struct TraceHeaders {
    /// `sentry-trace`.
    pub sentry_trace: String,
    /// `traceparent`.
    pub traceparent: String,
    /// `baggage`.
    pub baggage: String,
    /// What is frozen from now on.
    pub dynamic: String,
    /// The `trace` header of an envelope, as JSON.
    pub envelope: Option<String>,
}

impl From<Headers> for TraceHeaders {
    fn from(headers: Headers) -> Self {
        Self {
            sentry_trace: headers.sentry_trace,
            traceparent: headers.traceparent,
            baggage: headers.baggage,
            dynamic: headers.dynamic,
            envelope: headers.envelope,
        }
    }
}

/// Continues the trace of a request's headers, or starts one.
#[napi]
pub fn trace_incoming(
    sentry_trace: Option<String>,
    baggage: Option<String>,
    traceparent: Option<String>,
) -> Result<IncomingTrace> {
    contained(|| {
        let tally = tallylight::global()?;
        let incoming = tally.traces().incoming(
            sentry_trace.as_deref(),
            baggage.as_deref(),
            traceparent.as_deref(),
        );
        Ok(incoming.into())
    })
}

/// Decides whether a transaction is captured: by what the user's function `asked` for, by what was
/// decided before, by the rate.
#[napi]
pub fn trace_start(
    sample_rand: f64,
    parent: Option<bool>,
    parent_rate: Option<f64>,
    asked: Option<f64>,
) -> Result<StartedTrace> {
    contained(|| {
        let start = Start {
            sample_rand,
            parent,
            parent_rate,
            asked,
        };
        Ok(tallylight::global()?.traces().start(&start).into())
    })
}

/// The headers of a request that goes out; `existing` is a `baggage` that it carries already.
#[napi]
pub fn trace_headers(at: TracePosition, existing: Option<String>) -> Result<TraceHeaders> {
    contained(|| {
        let trace_id = trace_of(&at.trace_id)?;
        let span_id = SpanId::parse(&at.span_id);
        let position = Position {
            trace_id,
            span_id: span_id.ok_or_else(|| no_id("span", 16))?,
            sampled: at.sampled,
            sample_rate: at.sample_rate,
            sample_rand: at.sample_rand.unwrap_or_else(|| rand_of(trace_id)),
            transaction: at.transaction.as_deref(),
            dynamic: at.dynamic.as_deref(),
        };
        let tally = tallylight::global()?;
        Ok(tally
            .traces()
            .headers(&position, existing.as_deref())
            .into())
    })
}

/// Makes a transaction that was captured the exemplar of the operations that it measured: their
/// numbers, and how many milliseconds each took.
#[napi]
pub fn add_exemplars(
    trace_id: String,
    event_id: String,
    series: Vec<u32>,
    millis: Vec<f64>,
) -> Result<()> {
    contained(|| {
        let measured: Vec<Measured> = series
            .into_iter()
            .zip(millis)
            .map(|(series, millis)| Measured { series, millis })
            .collect();
        let (trace, event) = (trace_of(&trace_id)?, EventId::parse(&event_id)?);
        tallylight::global()?
            .traces()
            .exemplify(trace, event, &measured);
        Ok(())
    })
}

pub(super) fn trace_of(text: &str) -> std::result::Result<TraceId, Error> {
    TraceId::parse(text).ok_or_else(|| no_id("trace", 32))
}

fn no_id(what: &str, digits: usize) -> Error {
    let message = format!("the id of a {what} has {digits} hexadecimal digits, not all 0");
    Error::new(ErrorKind::InvalidValue, message)
}
