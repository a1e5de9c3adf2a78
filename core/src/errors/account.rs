//! The account: how many events are where. Changed under the pipeline's lock only, so that
//! `captured = sent + dropped + pending` whenever it is read.

use super::item::DiscardReason;

/// What this process captured, and what became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Account {
    captured: u64,
    sent: u64,
    dropped: [u64; DiscardReason::ALL.len()],
}

impl Account {
    pub(crate) fn captured(&mut self, count: u64) {
        self.captured += count;
    }

    pub(crate) fn sent(&mut self) {
        self.sent += 1;
    }

    pub(crate) fn dropped(&mut self, reason: DiscardReason, count: u64) {
        if let Some(known) = self.dropped.get_mut(reason as usize - 1) {
            *known += count;
        }
    }

    /// As `Delivery` without what only the pipeline knows.
    pub(crate) fn delivery(&self) -> super::Delivery {
        let dropped = self.dropped.iter().sum();
        super::Delivery {
            captured: self.captured,
            sent: self.sent,
            dropped,
            pending: self.captured.saturating_sub(self.sent + dropped),
            durable: true,
            reasons: DiscardReason::ALL
                .into_iter()
                .zip(self.dropped)
                .filter(|(_, count)| *count > 0)
                .map(|(reason, count)| (reason.name(), count))
                .collect(),
            waiting_for: None,
        }
    }
}
