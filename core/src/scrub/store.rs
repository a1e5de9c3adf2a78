//! The values that were registered, within a bound of memory. Used under one lock; what it
//! [`publishes`](Store::publish) is read without.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use serde::Serialize;

use super::anchors::{Anchors, HashKeys, MAX_VALUES};
use super::known::Known;
use super::parts;
use super::reach::{MAX_VALUE, MIN_VALUE};
use super::value::Value;

/// What the values, their anchors and what keeps them together may hold in memory. Past it the
/// values that were registered longest ago, and not again since, are forgotten: those that
/// rotation has retired go first.
pub(super) const MAX_MEMORY: usize = 8 << 20;
/// What one value costs beside its bytes and anchors.
const MEMORY_EACH: usize = 256;

/// What is known, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScrubberStatus {
    /// Values known: a secret with several credentials is several.
    pub values: usize,
    /// The memory they hold, in bytes.
    pub bytes: usize,
    /// Values forgotten to keep within the bound: these are redacted no more.
    pub evicted: u64,
    /// Secrets, counted at each registration, of which only the beginning is known.
    pub cut: u64,
    /// Values, counted at each registration, that are too short to be redacted.
    pub too_short: u64,
}

/// A keyed hash, by which a value is known again without a second copy.
type Digest = [u64; 2];

struct Entry {
    value: Arc<Value>,
    anchors: usize,
    registered: u64,
}

impl Entry {
    fn memory(&self) -> usize {
        self.value.bytes().len() + Anchors::memory(self.anchors) + MEMORY_EACH
    }
}

/// The values that were registered.
pub(super) struct Store {
    keys: Option<Keys>,
    entries: BTreeMap<Digest, Entry>,
    /// From the longest ago on.
    by_age: BTreeMap<u64, Digest>,
    registrations: u64,
    stats: ScrubberStatus,
}

struct Keys {
    anchors: HashKeys,
    digests: [RandomState; 2],
}

impl Store {
    /// An empty one.
    pub(super) const fn new() -> Self {
        Self {
            keys: None,
            entries: BTreeMap::new(),
            by_age: BTreeMap::new(),
            registrations: 0,
            stats: ScrubberStatus {
                values: 0,
                bytes: 0,
                evicted: 0,
                cut: 0,
                too_short: 0,
            },
        }
    }

    /// Takes in the values of a secret. Answers whether any was unknown.
    pub(super) fn register(&mut self, secret: &[u8]) -> bool {
        self.stats.cut += u64::from(secret.len() > MAX_VALUE);
        let mut is_news = false;
        parts::values_of(secret, &mut |value| is_news |= self.add(value));
        while self.stats.bytes > MAX_MEMORY || self.entries.len() > MAX_VALUES {
            if !self.forget_oldest() {
                break;
            }
        }
        is_news
    }

    fn add(&mut self, value: Value) -> bool {
        if value.bytes().len() < MIN_VALUE {
            self.stats.too_short += u64::from(!value.bytes().is_empty());
            return false;
        }
        let keys = self.keys.get_or_insert_with(Keys::random);
        let digest = keys
            .digests
            .each_ref()
            .map(|key| key.hash_one((value.bytes(), value.reach() as u8)));
        self.registrations += 1;
        let registered = self.registrations;
        self.by_age.insert(registered, digest);
        if let Some(entry) = self.entries.get_mut(&digest) {
            self.by_age.remove(&entry.registered);
            entry.registered = registered;
            return false;
        }
        let entry = Entry {
            anchors: value.count_anchors(),
            value: Arc::new(value),
            registered,
        };
        self.stats.bytes += entry.memory();
        self.entries.insert(digest, entry);
        true
    }

    fn forget_oldest(&mut self) -> bool {
        let Some(entry) = self
            .by_age
            .pop_first()
            .and_then(|(_, digest)| self.entries.remove(&digest))
        else {
            return false;
        };
        self.stats.bytes -= entry.memory();
        self.stats.evicted += 1;
        true
    }

    /// What is known now, ready to be looked for; nothing when that is nothing.
    pub(super) fn publish(&self) -> Option<Arc<Known>> {
        let keys = self.keys.as_ref().filter(|_| !self.entries.is_empty())?;
        let entries = || {
            self.by_age
                .values()
                .filter_map(|digest| self.entries.get(digest))
        };
        let values = entries().map(|entry| Arc::clone(&entry.value));
        let anchors = entries().map(|entry| entry.anchors).sum();
        Some(Arc::new(Known::new(keys.anchors.clone(), values, anchors)))
    }

    /// Forgets every value; the counts of what was lost stay.
    pub(super) fn forget_all(&mut self) {
        self.keys = None;
        self.entries.clear();
        self.by_age.clear();
        self.stats.bytes = 0;
    }

    /// The numbers.
    pub(super) fn stats(&self) -> ScrubberStatus {
        ScrubberStatus {
            values: self.entries.len(),
            ..self.stats
        }
    }
}

impl Keys {
    fn random() -> Self {
        Self {
            anchors: HashKeys::random(),
            digests: [RandomState::new(), RandomState::new()],
        }
    }
}
