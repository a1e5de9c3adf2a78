//! What the cache counts of itself: counters like any other, so that they are in the snapshot, the
//! windows and whatever exports them.

use std::sync::Arc;

use super::failure::FailureKind;
use crate::metrics::{Counter, Instrument, InstrumentOptions, Labels, Registry};

/// Every counter, by its event.
pub(super) struct Telemetry {
    pub(super) hits: Counter,
    pub(super) misses: Counter,
    pub(super) stale: Counter,
    pub(super) refreshes: Counter,
    pub(super) refused: Counter,
    pub(super) evictions: Counter,
    pub(super) changes: Counter,
    pub(super) calls: Counter,
    failures: [Counter; FailureKind::ALL.len()],
}

/// What every name starts with.
pub(super) const PREFIX: &str = "tallylight.secrets.";
/// A value served without waiting.
pub(super) const HITS: &str = "tallylight.secrets.hits";
/// A reader that had to wait for the source.
pub(super) const MISSES: &str = "tallylight.secrets.misses";
/// A value served past its time to live.
pub(super) const STALE: &str = "tallylight.secrets.stale_serves";
/// A reading of a source that answered.
pub(super) const REFRESHES: &str = "tallylight.secrets.refreshes";
/// A reader answered with the failure of an earlier reading.
pub(super) const REFUSED: &str = "tallylight.secrets.refused";
/// A value dropped: revoked, too old, or for want of room.
pub(super) const EVICTIONS: &str = "tallylight.secrets.evictions";
/// A value that became another one.
pub(super) const CHANGES: &str = "tallylight.secrets.changes";
/// Readings begun.
pub(super) const READINGS: &str = "tallylight.secrets.readings";
/// A reading that failed, labelled with its `kind`.
pub(super) const FAILURES: &str = "tallylight.secrets.failures";

impl Telemetry {
    /// The counters of a registry; `None` when it has no room for them at all.
    pub(super) fn register(registry: &Arc<Registry>) -> Option<Self> {
        let options = InstrumentOptions::default();
        let counter = |name: &str, labels: &Labels| {
            let series = registry
                .register(name, labels, Instrument::Counter, &options)
                .ok()?;
            Some(Counter::new(Arc::clone(registry), series))
        };
        let plain = |name: &str| counter(name, &Labels::new());
        let mut failures = Vec::with_capacity(FailureKind::ALL.len());
        for kind in FailureKind::ALL {
            let labels = Labels::from_pairs([("kind", kind.as_str())]).ok()?;
            failures.push(counter(FAILURES, &labels)?);
        }
        Some(Self {
            hits: plain(HITS)?,
            misses: plain(MISSES)?,
            stale: plain(STALE)?,
            refreshes: plain(REFRESHES)?,
            refused: plain(REFUSED)?,
            evictions: plain(EVICTIONS)?,
            changes: plain(CHANGES)?,
            calls: plain(READINGS)?,
            failures: failures.try_into().ok()?,
        })
    }

    pub(super) fn failed(&self, kind: FailureKind) {
        if let Some(counter) = self.failures.get(kind as usize) {
            counter.increment();
        }
    }
}
