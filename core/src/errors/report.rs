//! What was dropped, by reason and category: counted, and told to the server.
//!
//! Source: <https://develop.sentry.dev/sdk/telemetry/client-reports/>.

use std::collections::BTreeMap;

use serde_json::json;

use super::item::{Category, DiscardReason};
use super::state::State;

/// Counts by reason and category.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Discards {
    counts: BTreeMap<(DiscardReason, Category), u64>,
}

impl Discards {
    pub(crate) fn add(&mut self, reason: DiscardReason, category: Category, count: u64) {
        if count > 0 {
            *self.counts.entry((reason, category)).or_default() += count;
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        for (reason, category, count) in other.iter() {
            self.add(reason, category, count);
        }
    }

    pub(crate) fn count(&self, reason: DiscardReason, category: Category) -> u64 {
        self.counts.get(&(reason, category)).copied().unwrap_or(0)
    }

    /// Takes off what a server was told of.
    pub(crate) fn subtract(&mut self, told: &Self) {
        for (reason, category, count) in told.iter() {
            if let Some(known) = self.counts.get_mut(&(reason, category)) {
                *known = known.saturating_sub(count);
            }
        }
        self.counts.retain(|_, count| *count > 0);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (DiscardReason, Category, u64)> {
        self.counts
            .iter()
            .map(|((reason, category), count)| (*reason, *category, *count))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The payload of a `client_report` item, at a time in seconds since the Unix epoch.
    pub(crate) fn to_json(&self, at: f64) -> String {
        let discarded: Vec<_> = self
            .iter()
            .map(|(reason, category, quantity)| {
                json!({
                    "reason": reason.name(),
                    "category": category.name(),
                    "quantity": quantity,
                })
            })
            .collect();
        json!({ "timestamp": at, "discarded_events": discarded }).to_string()
    }
}

impl State {
    /// What is to be told to the server.
    pub(super) fn unreported(&self) -> Discards {
        let mut all = self.loose.clone();
        for slot in self.slots.values() {
            all.merge(&slot.segment.ledger());
        }
        all
    }

    /// The server was told.
    pub(super) fn reported(&mut self, told: &Discards) {
        let mut left = told.clone();
        let mut take = |known: &Discards| {
            let mut taken = Discards::default();
            for (reason, category, count) in known.iter() {
                let open = left.count(reason, category).min(count);
                taken.add(reason, category, open);
            }
            left.subtract(&taken);
            taken
        };
        let taken = take(&self.loose);
        self.loose.subtract(&taken);
        for slot in self.slots.values() {
            let taken = take(&slot.segment.ledger());
            slot.segment.ledger_subtract(&taken);
        }
        let numbers: Vec<u32> = self.slots.keys().copied().collect();
        for number in numbers {
            self.retire(number);
        }
    }
}
