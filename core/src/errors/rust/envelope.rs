//! What the `sentry` crate sends, taken apart for the pipeline.
//!
//! Called by the transport. Invariant: each thing in an envelope is captured once or counted as
//! discarded, and the crate's own reports of what it lost become part of our account.

use sentry_core::protocol::{
    Attachment as SentryAttachment, EnvelopeItem, Event, SessionAggregates, SessionUpdate,
    Transaction, Value,
};
use sentry_core::types::{Uuid, random_uuid};
use sentry_core::{Envelope, Level, protocol};
use serde::Serialize;

use super::raw;
use super::wire;
use crate::errors::{Attachment, Category, DiscardReason, Errors, EventId, Item, Outcome};
use crate::trace::Traces;

/// How the envelopes of one client are taken.
pub(super) struct Taker<'a> {
    pub(super) errors: &'a Errors,
    /// Share of errors that are captured; 1 where the client samples them itself.
    pub(super) sample_rate: f64,
    /// Of a client that `init` binds; its events name our SDK, and count into our session.
    pub(super) own: Option<&'a Traces>,
}

impl Taker<'_> {
    pub(super) fn take(&self, envelope: Envelope) {
        let header = serde_json::to_value(envelope.headers()).unwrap_or_default();
        let trace = header.get("trace").map(Value::to_string);
        let id = envelope.uuid().copied();
        if envelope.items().next().is_none() {
            // Nothing, or an envelope that came as bytes.
            let mut bytes = Vec::new();
            // Writing to memory cannot fail, and what is written is read with care.
            let _ = envelope.to_writer(&mut bytes);
            return raw::take(self.errors, &bytes);
        }
        let mut event = None;
        let mut transaction = None;
        let mut attachments = Vec::new();
        for item in envelope.into_items() {
            match item {
                EnvelopeItem::Event(one) => event = Some(one),
                EnvelopeItem::Transaction(one) => transaction = Some(one),
                EnvelopeItem::Attachment(one) => attachments.push(one),
                EnvelopeItem::SessionUpdate(one) => self.session(&one),
                EnvelopeItem::SessionAggregates(one) => self.sessions(&one),
                EnvelopeItem::MonitorCheckIn(one) => {
                    self.plain(Category::CheckIn, one.check_in_id, &one);
                }
                EnvelopeItem::ClientReport(report) => self.losses(&report),
                EnvelopeItem::ItemContainer(container) => self.container(&container),
                _ => {}
            }
        }
        match (event, transaction) {
            (Some(event), _) => self.event(*event, trace.as_deref(), &attachments),
            (None, Some(transaction)) => {
                self.transaction(&transaction, trace.as_deref(), &attachments);
            }
            (None, None) if attachments.is_empty() => {}
            // Files that belong to an event sent before.
            (None, None) => self.capture(
                Category::Attachment,
                id.unwrap_or_else(random_uuid),
                "{}",
                None,
                &attachments,
            ),
        }
    }

    fn event(
        &self,
        mut event: Event<'static>,
        trace: Option<&str>,
        attachments: &[SentryAttachment],
    ) {
        let id = event.event_id;
        let is_error = event.level >= Level::Error || !event.exception.is_empty();
        if let Some(traces) = self.own.filter(|_| is_error) {
            traces.session_errored();
        }
        if !is_in_sample(id, self.sample_rate) {
            self.errors
                .discard(Category::Error, DiscardReason::SampleRate, 1);
            return;
        }
        if self.own.is_some() {
            event.sdk = None;
        }
        match wire::event(event) {
            Ok(payload) => self.capture(Category::Error, id, &payload, trace, attachments),
            Err(_) => self.lost(Category::Error),
        }
    }

    fn transaction(
        &self,
        transaction: &Transaction<'static>,
        trace: Option<&str>,
        attachments: &[SentryAttachment],
    ) {
        match serde_json::to_string(transaction) {
            Ok(payload) => {
                let id = transaction.event_id;
                let category = Category::Transaction;
                let outcome = self.captured(category, id, &payload, trace, attachments);
                if !matches!(outcome, Outcome::Discarded(_)) {
                    self.exemplify(transaction);
                }
            }
            Err(_) => self.lost(Category::Transaction),
        }
    }

    /// From the slow percentiles of the operation of its name to this transaction.
    fn exemplify(&self, transaction: &Transaction<'static>) {
        let Some(protocol::Context::Trace(trace)) = transaction.contexts.get("trace") else {
            return;
        };
        let took = transaction
            .timestamp
            .and_then(|ended| ended.duration_since(transaction.start_timestamp).ok());
        if let (Some(traces), Some(name), Some(took)) = (self.own, &transaction.name, took) {
            let trace = u128::from_str_radix(&trace.trace_id.to_string(), 16).unwrap_or(0);
            let event = EventId(transaction.event_id.as_u128());
            traces.exemplify_named(name, trace, event, took.as_secs_f64() * 1e3);
        }
    }

    fn session(&self, session: &SessionUpdate<'static>) {
        self.plain(Category::Session, session.session_id, session);
    }

    fn sessions(&self, sessions: &SessionAggregates<'static>) {
        self.plain(Category::Session, random_uuid(), sessions);
    }

    fn plain(&self, category: Category, id: Uuid, payload: &impl Serialize) {
        match serde_json::to_string(payload) {
            Ok(payload) => self.capture(category, id, &payload, None, &[]),
            Err(_) => self.lost(category),
        }
    }

    fn capture(
        &self,
        category: Category,
        id: Uuid,
        payload: &str,
        trace: Option<&str>,
        attachments: &[SentryAttachment],
    ) {
        // The account has what became of it.
        let _ = self.captured(category, id, payload, trace, attachments);
    }

    fn captured(
        &self,
        category: Category,
        id: Uuid,
        payload: &str,
        trace: Option<&str>,
        attachments: &[SentryAttachment],
    ) -> Outcome {
        let attachments: Vec<_> = attachments
            .iter()
            .map(|one| Attachment {
                filename: &one.filename,
                content_type: one.content_type.as_deref(),
                bytes: &one.buffer,
            })
            .collect();
        self.errors.capture(&Item {
            category,
            id: EventId(id.as_u128()),
            payload,
            trace,
            attachments: &attachments,
            profile: None,
        })
    }

    fn lost(&self, category: Category) {
        self.errors
            .discard(category, DiscardReason::InternalSdkError, 1);
    }

    /// What the crate dropped before it came here, such as by `before_send` or its sampling.
    fn losses(&self, report: &protocol::ClientReport) {
        let report = serde_json::to_value(report).unwrap_or_default();
        for lost in report["discarded_events"].as_array().into_iter().flatten() {
            let category = lost["category"].as_str().and_then(Category::parse);
            let reason = lost["reason"].as_str().map(reason);
            // Attachments are counted in bytes there.
            let category = category.filter(|known| *known != Category::Attachment);
            if let (Some(category), Some(reason), Some(count)) =
                (category, reason, lost["quantity"].as_u64())
            {
                self.errors.discard(category, reason, count);
            }
        }
    }

    /// Logs and metrics, which the pipeline does not carry.
    fn container(&self, container: &protocol::ItemContainer) {
        raw::refuse(self.errors, container.ty());
    }
}

/// The crate's reasons that are not ours by the same name.
fn reason(name: &str) -> DiscardReason {
    DiscardReason::parse(name).unwrap_or(match name {
        "network_error" | "ratelimit_backoff" => DiscardReason::SendError,
        "buffer_overflow" => DiscardReason::QueueOverflow,
        _ => DiscardReason::InternalSdkError,
    })
}

/// Decides by the event's id, of which 122 bits are random.
fn is_in_sample(id: Uuid, rate: f64) -> bool {
    /// The low bits of a random UUID, as many as a float64 tells apart.
    const BITS: u32 = 53;
    let draw = (id.as_u128() & ((1 << BITS) - 1)) as f64 / (1u64 << BITS) as f64;
    draw < rate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_ids_is_in_the_sample() {
        let count = |rate| {
            (0..4_000)
                .filter(|_| is_in_sample(random_uuid(), rate))
                .count()
        };
        assert_eq!((count(0.0), count(1.0)), (0, 4_000));
        // Eight standard deviations to either side.
        let quarter = count(0.25);
        assert!((780..1_220).contains(&quarter), "{quarter}");
    }
}
