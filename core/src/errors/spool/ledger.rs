//! What was dropped and no server was told of: counted in a segment's first page, so that a later
//! process tells it when this one cannot.

use std::sync::atomic::{AtomicU32, Ordering};

use super::segment::Segment;
use crate::errors::item::{Category, DiscardReason};
use crate::errors::report::Discards;

/// Where the ledger is: a word for each reason and category.
const LEDGER: usize = 512;
const LEDGER_CATEGORIES: usize = 8;
const LEDGER_REASONS: usize = 32;

impl Segment {
    /// Adds to what was dropped and no server was told of.
    pub(crate) fn ledger_add(&self, reason: DiscardReason, category: Category, count: u64) {
        if let Some(word) = self.ledger_word(reason as usize, category as usize) {
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            let _ = word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |known| {
                Some(known.saturating_add(count))
            });
        }
    }

    /// Takes what a server was told of off again.
    pub(crate) fn ledger_subtract(&self, reported: &Discards) {
        for (reason, category, count) in reported.iter() {
            if let Some(word) = self.ledger_word(reason as usize, category as usize) {
                let count = u32::try_from(count).unwrap_or(u32::MAX);
                let _ = word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |known| {
                    Some(known.saturating_sub(count))
                });
            }
        }
    }

    /// What was dropped and no server was told of.
    pub(crate) fn ledger(&self) -> Discards {
        let mut found = Discards::default();
        for reason in DiscardReason::ALL {
            for category in Category::ALL {
                if let Some(word) = self.ledger_word(reason as usize, category as usize) {
                    let count = u64::from(word.load(Ordering::Relaxed));
                    found.add(reason, category, count);
                }
            }
        }
        found
    }

    fn ledger_word(&self, reason: usize, category: usize) -> Option<&AtomicU32> {
        if reason >= LEDGER_REASONS || category >= LEDGER_CATEGORIES {
            return None;
        }
        self.map
            .word(LEDGER + (reason * LEDGER_CATEGORIES + category) * 4)
    }
}
