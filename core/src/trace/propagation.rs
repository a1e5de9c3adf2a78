//! How a trace comes in and goes on: `sentry-trace`, `baggage` and W3C's `traceparent`.
//!
//! Sources: <https://develop.sentry.dev/sdk/telemetry/traces/#header-sentry-trace>,
//! <https://www.w3.org/TR/trace-context/#traceparent-header>. Headers come from strangers: what is
//! malformed is ignored and a new trace starts, never an error.

use super::baggage::{self, Dynamic};
use super::ids::{SpanId, TraceId};
use super::sampling::{rand_of, rand_that_led_to};
use super::{Facts, Traces};

/// Longest `sentry-trace` or `traceparent` that is read.
const MAX_HEADER_BYTES: usize = 512;
/// Longest name of a transaction that travels.
const MAX_NAME_BYTES: usize = 200;

/// A trace that comes in, or a new one.
#[derive(Debug, Clone, PartialEq)]
pub struct Incoming {
    /// Its id.
    pub trace_id: TraceId,
    /// The span that caused this; none where the trace starts here.
    pub parent_span_id: Option<SpanId>,
    /// What was decided before.
    pub sampled: Option<bool>,
    /// By which rate, where that was told.
    pub sample_rate: Option<f64>,
    /// What all services of the trace compare their rate with.
    pub sample_rand: f64,
    /// What came with the trace and never changes: members for `baggage`, none at all where the
    /// service before knows nothing of them. `None` where this process fills it in.
    pub dynamic: Option<String>,
}

impl Incoming {
    /// A trace that starts here.
    #[must_use]
    pub fn fresh() -> Self {
        let trace_id = TraceId::random();
        Self {
            trace_id,
            parent_span_id: None,
            sampled: None,
            sample_rate: None,
            sample_rand: rand_of(trace_id),
            dynamic: None,
        }
    }

    /// Reads the headers of a request. `sentry-trace` goes before `traceparent`; a trace of another
    /// organisation than `org_id` is not continued.
    #[must_use]
    pub fn parse(
        sentry_trace: Option<&str>,
        header: Option<&str>,
        traceparent: Option<&str>,
        org_id: Option<&str>,
    ) -> Self {
        let from_sentry = sentry_trace.and_then(parse_sentry_trace);
        let Some((trace_id, span_id, sampled)) =
            from_sentry.or_else(|| traceparent.and_then(parse_traceparent))
        else {
            return Self::fresh();
        };
        let members = Dynamic::parse(header.unwrap_or_default());
        if let (Some(ours), Some(theirs)) = (org_id, members.get("org_id"))
            && ours != theirs
        {
            return Self::fresh();
        }
        let share = |key| {
            let value: f64 = members.get(key)?.parse().ok()?;
            (0.0..=1.0).contains(&value).then_some(value)
        };
        let sample_rate = share("sample_rate");
        Self {
            trace_id,
            parent_span_id: Some(span_id),
            sampled,
            sample_rate,
            sample_rand: share("sample_rand")
                .filter(|rand| *rand < 1.0)
                .unwrap_or_else(|| rand_that_led_to(trace_id, sampled, sample_rate)),
            // A service that knows `sentry-trace` has frozen the context, be it empty; one of
            // another make has none.
            dynamic: (from_sentry.is_some() || !members.is_empty()).then(|| members.to_header()),
        }
    }
}

/// `trace-span[-flag]`.
fn parse_sentry_trace(text: &str) -> Option<(TraceId, SpanId, Option<bool>)> {
    if text.len() > MAX_HEADER_BYTES {
        return None;
    }
    let mut parts = text.trim().split('-');
    let trace_id = TraceId::parse(parts.next()?)?;
    let span_id = SpanId::parse(parts.next()?)?;
    let sampled = match parts.next() {
        None | Some("") => None,
        Some("1") => Some(true),
        Some("0") => Some(false),
        Some(_) => return None,
    };
    parts
        .next()
        .is_none()
        .then_some((trace_id, span_id, sampled))
}

/// `version-trace-span-flags`; of a later version only what this one has is read.
fn parse_traceparent(text: &str) -> Option<(TraceId, SpanId, Option<bool>)> {
    let text = text.trim();
    // The standard has lower case only.
    if text.len() > MAX_HEADER_BYTES || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    let mut parts = text.split('-');
    let version = byte(parts.next()?)?;
    let trace_id = TraceId::parse(parts.next()?)?;
    let span_id = SpanId::parse(parts.next()?)?;
    let flags = byte(parts.next()?)?;
    let is_whole = version > 0 || parts.next().is_none();
    (version != 0xff && is_whole).then_some((trace_id, span_id, Some(flags & 1 == 1)))
}

fn byte(text: &str) -> Option<u8> {
    let is_hex = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u8::from_str_radix(text, 16).ok()).flatten()
}

/// Where a trace is now, for [`Traces::headers`].
#[derive(Debug, Clone, Copy)]
pub struct Position<'a> {
    /// The trace.
    pub trace_id: TraceId,
    /// The span that causes the request.
    pub span_id: SpanId,
    /// Whether it is captured; `None` where nobody decided yet.
    pub sampled: Option<bool>,
    /// By which rate that was decided.
    pub sample_rate: Option<f64>,
    /// The trace's random value; [`sampling::rand_of`] its id where nobody drew one.
    ///
    /// [`sampling::rand_of`]: super::sampling::rand_of
    pub sample_rand: f64,
    /// The transaction's name, if it is one of few: a route, never a URL.
    pub transaction: Option<&'a str>,
    /// As [`Incoming::dynamic`], or as an earlier [`Headers::dynamic`] of this trace.
    pub dynamic: Option<&'a str>,
}

/// What a request carries to the next service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers {
    /// `sentry-trace`.
    pub sentry_trace: String,
    /// `traceparent`.
    pub traceparent: String,
    /// `baggage`; empty where there is nothing to tell.
    pub baggage: String,
    /// What is frozen by this sending, for [`Position::dynamic`] from now on.
    pub dynamic: String,
    /// The same as the `trace` header of an envelope; none where it lacks what a server asks for.
    pub envelope: Option<String>,
}

impl Traces {
    /// Continues the trace of a request, or starts one.
    #[must_use]
    pub fn incoming(
        &self,
        sentry_trace: Option<&str>,
        header: Option<&str>,
        traceparent: Option<&str>,
    ) -> Incoming {
        let facts = self.shared.facts.load();
        Incoming::parse(sentry_trace, header, traceparent, facts.org_id.as_deref())
    }

    /// The headers of a request that goes out; `existing` is a `baggage` that it carries already.
    #[must_use]
    pub fn headers(&self, at: &Position<'_>, existing: Option<&str>) -> Headers {
        headers(&self.shared.facts.load(), at, existing)
    }
}

pub(super) fn headers(facts: &Facts, at: &Position<'_>, existing: Option<&str>) -> Headers {
    let (trace, span) = (at.trace_id, at.span_id);
    let dynamic = dynamic(facts, at);
    Headers {
        sentry_trace: match at.sampled {
            Some(sampled) => format!("{trace}-{span}-{}", u8::from(sampled)),
            None => format!("{trace}-{span}"),
        },
        traceparent: format!("00-{trace}-{span}-0{}", u8::from(at.sampled == Some(true))),
        baggage: baggage::merge(existing, &dynamic),
        envelope: Dynamic::parse(&dynamic).to_json(),
        dynamic,
    }
}

/// The members that are frozen, or what this process fills in. Without a DSN there is no key to sample
/// by, and nothing to tell.
pub(super) fn dynamic(facts: &Facts, at: &Position<'_>) -> String {
    if let Some(frozen) = at.dynamic {
        return frozen.to_owned();
    }
    let Some(public_key) = &facts.public_key else {
        return String::new();
    };
    let mut members = Dynamic::default();
    members.push("trace_id", Some(at.trace_id.to_string()));
    members.push("public_key", Some(public_key));
    members.push("sample_rate", at.sample_rate.map(|rate| rate.to_string()));
    members.push("sample_rand", Some(format!("{:.6}", at.sample_rand)));
    members.push("sampled", at.sampled.map(|sampled| sampled.to_string()));
    members.push("release", facts.release.as_deref());
    members.push("environment", Some(&facts.environment));
    members.push(
        "transaction",
        at.transaction.filter(|name| name.len() <= MAX_NAME_BYTES),
    );
    members.push("org_id", facts.org_id.as_deref());
    members.to_header()
}
