//! Authentication failures: counted each, reported once a minute and reason.
//!
//! Each failure adds to the counter [`COUNTER`], by which they are alerted. An attacker makes thousands
//! of them, so that an event for each would drown everything else: the first of a reason is reported at
//! once, what follows within a minute as one event at its end, with their number.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::Traces;
use super::ids::random;
use crate::config;
use crate::errors::{Category, EventId, Item};
use crate::fork;
use crate::metrics::Labels;

/// The counter, with the label `reason`.
const COUNTER: &str = "authentication.failures";
/// Reasons told apart; further ones count as `_OTHER`, so that user input in their place costs nothing.
const MAX_REASONS: usize = 32;
/// Longest reason.
const MAX_REASON_BYTES: usize = 64;
const MINUTE: Duration = Duration::from_secs(60);
const OTHER: &str = "_OTHER";
const UNKNOWN: &str = "unknown";

/// A report that is due, for whoever adds what it knows of the request and captures it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureReport {
    /// The event, in Sentry's form: to be completed by a scope.
    pub event: String,
    /// Its id.
    pub id: EventId,
}

/// The failures by reason.
#[derive(Default)]
pub(super) struct Failures {
    fork: u32,
    by_reason: HashMap<Box<str>, Reason>,
}

#[derive(Default)]
struct Reason {
    /// When the last report was made; never for a new reason, which is due at once.
    reported: Option<Duration>,
    /// Failures since.
    waiting: u64,
}

impl Reason {
    fn is_due(&self, now: Duration) -> bool {
        self.reported
            .is_none_or(|reported| now.saturating_sub(reported) >= MINUTE)
    }

    /// The failures since the last report, for the one that is made now.
    fn take(&mut self, now: Duration) -> u64 {
        self.reported = Some(now);
        std::mem::take(&mut self.waiting)
    }
}

impl Traces {
    /// Counts a failure and answers the report that is due, if one is. `user` is a JSON object in
    /// Sentry's form (`id`, `email`, `username`, `ip_address`).
    pub fn count_authentication_failure(
        &self,
        reason: &str,
        user: Option<&str>,
    ) -> Option<FailureReport> {
        let reason = self.known_reason(reason)?;
        if let Ok(labels) = Labels::from_pairs([("reason", &*reason)]) {
            self.count(COUNTER, &labels);
        }
        let _inside = fork::enter()?;
        let now = self.shared.clock.now();
        let mut failures = self.shared.failures.lock();
        let known = failures.by_reason.entry(reason.clone()).or_default();
        known.waiting += 1;
        if !known.is_due(now) {
            return None;
        }
        let count = known.take(now);
        Some(self.report(&reason, count, user))
    }

    /// Counts a failure and reports it: by itself the first time, later together with the others of
    /// its minute.
    pub fn authentication_failed(&self, reason: &str, user: Option<&str>) {
        if let Some(report) = self.count_authentication_failure(reason, user) {
            self.send_report(&report);
        }
    }

    /// The failures that followed a report, once their minute is over.
    pub(super) fn report_waiting_failures(&self) {
        for report in self.due_reports() {
            self.send_report(&report);
        }
    }

    fn due_reports(&self) -> Vec<FailureReport> {
        let Some(_inside) = fork::enter() else {
            return Vec::new();
        };
        let now = self.shared.clock.now();
        let mut failures = self.shared.failures.lock();
        if failures.fork != fork::generation() {
            return Vec::new();
        }
        failures
            .by_reason
            .iter_mut()
            .filter(|(_, known)| known.waiting > 0 && known.is_due(now))
            .map(|(reason, known)| self.report(reason, known.take(now), None))
            .collect()
    }

    /// The reason as it is counted. `None` in a child that may take no lock.
    fn known_reason(&self, given: &str) -> Option<Box<str>> {
        let _inside = fork::enter()?;
        let mut failures = self.shared.failures.lock();
        if failures.fork != fork::generation() {
            *failures = Failures {
                fork: fork::generation(),
                by_reason: HashMap::new(),
            };
        }
        let cut = given.get(..given.floor_char_boundary(MAX_REASON_BYTES));
        let reason = match cut.unwrap_or_default().trim() {
            "" => UNKNOWN,
            text if text.chars().any(char::is_control) => OTHER,
            text => text,
        };
        let is_full = failures.by_reason.len() >= MAX_REASONS;
        match is_full && !failures.by_reason.contains_key(reason) {
            true => Some(OTHER.into()),
            false => Some(reason.into()),
        }
    }

    fn send_report(&self, report: &FailureReport) {
        self.shared.errors.capture(&Item {
            category: Category::Error,
            id: report.id,
            payload: &report.event,
            trace: None,
            attachments: &[],
            profile: None,
        });
    }

    fn report(&self, reason: &str, count: u64, user: Option<&str>) -> FailureReport {
        let id = EventId(u128::from_ne_bytes(random()));
        let mut event = Map::new();
        let mut insert = |key: &str, value: Value| {
            event.insert(key.to_owned(), value);
        };
        insert("event_id", json!(id.to_string()));
        insert("timestamp", json!(self.shared.clock.wall().as_secs_f64()));
        insert("platform", json!(config::runtime()));
        insert("level", json!("warning"));
        insert("logger", json!("tallylight.authentication"));
        // Without the number, so that all reports of a reason are one issue.
        insert("message", json!(format!("Authentication failed: {reason}")));
        insert("fingerprint", json!(["tallylight.authentication", reason]));
        insert("tags", json!({ "authentication.reason": reason }));
        insert("extra", json!({ "authentication.failures": count }));
        let user = user.and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok());
        if let Some(user) = user {
            insert("user", Value::Object(user));
        }
        FailureReport {
            event: Value::Object(event).to_string(),
            id,
        }
    }
}
