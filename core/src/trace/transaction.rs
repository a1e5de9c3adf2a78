//! Transactions: when one starts, whether it is captured, and what its end leaves behind.

use std::time::Duration;

use super::Traces;
use super::baggage::Dynamic;
use super::ids::{TraceId, random};
use super::propagation::{Position, dynamic};
use super::sampling::decide;
use crate::errors::{Category, DiscardReason, EventId, Item, Outcome};
use crate::metrics::Exemplar;

/// What a decision is made of; see [`super::sampling::decide`].
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// The trace's random value.
    pub sample_rand: f64,
    /// What was decided before this process.
    pub parent: Option<bool>,
    /// By which rate.
    pub parent_rate: Option<f64>,
    /// What the user's function answered, where there is one.
    pub asked: Option<f64>,
}

/// What was decided when a transaction started.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Started {
    /// Whether it is captured.
    pub sampled: bool,
    /// By which rate; none where a service before this one decided and did not tell.
    pub sample_rate: Option<f64>,
    /// Whether it is profiled as well.
    pub profiled: bool,
}

/// An operation that a transaction measured, to point from its slow percentiles to this trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// The number of its series, [`crate::Operation::id`].
    pub series: u32,
    /// Milliseconds.
    pub millis: f64,
}

/// A transaction that ended.
#[derive(Debug, Clone, Copy)]
pub struct Transaction<'a> {
    /// Its event id, which the payload holds as `event_id`.
    pub id: EventId,
    /// The event in Sentry's form.
    pub payload: &'a str,
    /// Where the trace was when it ended.
    pub position: Position<'a>,
    /// Its profile, a JSON object.
    pub profile: Option<&'a str>,
    /// The operations that it and its spans measured.
    pub measured: &'a [Measured],
}

impl Traces {
    /// Decides whether a transaction is captured, and whether it is profiled. One that is not in the
    /// sample is accounted for here.
    pub fn start(&self, start: &Start) -> Started {
        let facts = self.shared.facts.load();
        let decision = decide(
            start.sample_rand,
            start.parent,
            start.parent_rate,
            start.asked,
            facts.traces_sample_rate,
        );
        if !decision.sampled {
            let reason = DiscardReason::SampleRate;
            self.shared.errors.discard(Category::Transaction, reason, 1);
        }
        Started {
            sampled: decision.sampled,
            sample_rate: decision.rate,
            profiled: decision.sampled && is_within(facts.profiles_sample_rate),
        }
    }

    /// Captures a transaction, and makes it the exemplar of what it measured.
    pub fn capture(&self, transaction: &Transaction<'_>) -> Outcome {
        let members = dynamic(&self.shared.facts.load(), &transaction.position);
        let header = Dynamic::parse(&members).to_json();
        let outcome = self.shared.errors.capture(&Item {
            category: Category::Transaction,
            id: transaction.id,
            payload: transaction.payload,
            trace: header.as_deref(),
            attachments: &[],
            profile: transaction.profile,
        });
        if !matches!(outcome, Outcome::Discarded(_)) {
            let trace = transaction.position.trace_id;
            self.exemplify(trace, transaction.id, transaction.measured);
        }
        outcome
    }

    /// As [`Self::exemplify`], for a transaction of the `sentry` crate: the exemplar of the operation
    /// of its name, where there is one.
    pub(crate) fn exemplify_named(&self, name: &str, trace: u128, event: EventId, millis: f64) {
        let Some(series) = self.shared.registry.operation_named(name) else {
            return;
        };
        if let Some(trace) = TraceId::parse(&format!("{trace:032x}")) {
            self.exemplify(trace, event, &[Measured { series, millis }]);
        }
    }

    /// Makes a transaction that was captured the exemplar of what it measured; for a binding that
    /// hands the transaction itself over by another way.
    pub fn exemplify(&self, trace: TraceId, event: EventId, measured: &[Measured]) {
        let clock = &self.shared.clock;
        for Measured { series, millis } in measured {
            // What is no duration was a counted drop when it was recorded.
            let Ok(duration) = Duration::try_from_secs_f64(millis / 1e3) else {
                continue;
            };
            let exemplar = Exemplar::new(duration, trace.value(), Some(event.0), clock.wall());
            self.shared
                .registry
                .add_exemplar(*series, exemplar, clock.now());
        }
    }
}

/// Whether a fresh random value is below the rate: of those that are traced, this share is profiled.
fn is_within(rate: f64) -> bool {
    let drawn = u64::from_ne_bytes(random()) >> 11;
    (drawn as f64 / (1u64 << 53) as f64) < rate
}
