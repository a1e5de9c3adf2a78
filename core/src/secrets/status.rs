//! The `secrets` block of the status document: what is cached, how old it is, and what fails.
//!
//! Names, ages and counts only; a test greps it for values.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::Secrets;
use super::disk::CacheFileStatus;
use super::entry::{Entry, NEVER};
use super::index::Id;
use super::request::{PREVIOUS, Which};
use super::telemetry;
use crate::metrics::{Labels, totals};
use crate::scrub::{self, ScrubberStatus, scrub};

/// The secret cache as it is now.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretsStatus {
    /// The sources that may answer, in their order.
    pub sources: Vec<&'static str>,
    /// Secrets with a value.
    pub cached: usize,
    /// Values served without waiting.
    pub hits: u64,
    /// Readers that had to wait for a source.
    pub misses: u64,
    /// Of the hits, those past their time to live.
    pub stale_serves: u64,
    /// Readings begun.
    pub readings: u64,
    /// Readings that answered.
    pub refreshes: u64,
    /// Readers answered with the failure of an earlier reading.
    pub refused: u64,
    /// Values dropped: revoked, too old, or for want of room.
    pub evictions: u64,
    /// Values that became another one.
    pub changes: u64,
    /// Faults of our own on the I/O thread; contained.
    pub panics: u64,
    /// Readings that failed, by kind.
    pub failures: BTreeMap<String, u64>,
    /// The sealed cache, where one is configured.
    pub cache_file: Option<CacheFileStatus>,
    /// What the scrubber knows, of every instance of the process.
    pub scrubber: ScrubberStatus,
    /// Each secret, by name.
    pub entries: Vec<SecretStatus>,
}

/// One secret as it is now.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretStatus {
    /// The name it was first asked for by.
    pub name: String,
    /// The stage or version that was asked for.
    pub which: String,
    /// How it is.
    pub state: SecretState,
    /// Which source answered.
    pub source: Option<&'static str>,
    /// The version, where the source has versions.
    pub version: Option<String>,
    /// How old the value is, in seconds.
    pub age_seconds: Option<f64>,
    /// In how many seconds it is refreshed, if it is in use.
    pub next_refresh_seconds: Option<f64>,
    /// Failures in a row.
    pub failures: u32,
    /// What the last failure said.
    pub last_error: Option<String>,
}

/// How a secret is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SecretState {
    /// Within its time to live.
    Fresh,
    /// Past it, and served.
    Stale,
    /// Served, though the last reading failed.
    Failing,
    /// There is none to serve.
    Missing,
}

impl Secrets {
    /// The cache as it is now, without values.
    #[must_use]
    pub fn status(&self) -> SecretsStatus {
        let series = totals(self.shared.registry(), self.shared.clock.now().as_secs());
        let counted = series
            .iter()
            .map(|series| (&*series.name, &series.labels, series.value as u64));
        self.status_of(Counts::of(counted))
    }

    /// The cache as it is now, with counts that were read already.
    pub(crate) fn status_of(&self, counts: Counts) -> SecretsStatus {
        let shared = &self.shared;
        let now = shared.now();
        let index = shared.index.load();
        let mut seen = BTreeMap::new();
        for (name, entry) in &index.overrides {
            seen.insert((name.to_string(), String::new()), Arc::clone(entry));
        }
        for (id, entry) in &index.entries {
            // One secret has several ids; the shortest is its name, the longest its ARN.
            let key = (id.name.to_string(), which(id));
            let is_known = |known: &Arc<Entry>| Arc::ptr_eq(known, entry);
            match seen
                .iter()
                .find(|(_, known)| is_known(known))
                .map(|(key, _)| key.clone())
            {
                Some(other) if other.0.len() <= key.0.len() => {}
                Some(other) => {
                    seen.remove(&other);
                    seen.insert(key, Arc::clone(entry));
                }
                None => {
                    seen.insert(key, Arc::clone(entry));
                }
            }
        }
        let entries: Vec<SecretStatus> = seen
            .into_iter()
            .map(|((name, which), entry)| row(name, which, &entry, now))
            // That there is no version before the current one is nothing to look at.
            .filter(|row| row.which != PREVIOUS || row.state != SecretState::Missing)
            .collect();
        SecretsStatus {
            sources: shared
                .settings
                .load()
                .config
                .sources
                .list()
                .iter()
                .map(|source| source.as_str())
                .collect(),
            cached: entries
                .iter()
                .filter(|row| row.state != SecretState::Missing)
                .count(),
            hits: counts.of_name(telemetry::HITS),
            misses: counts.of_name(telemetry::MISSES),
            stale_serves: counts.of_name(telemetry::STALE),
            readings: counts.of_name(telemetry::READINGS),
            refreshes: counts.of_name(telemetry::REFRESHES),
            refused: counts.of_name(telemetry::REFUSED),
            evictions: counts.of_name(telemetry::EVICTIONS),
            changes: counts.of_name(telemetry::CHANGES),
            panics: shared.io.panics(),
            failures: counts.failures,
            cache_file: shared.cache_file(),
            scrubber: scrub::stats(),
            entries,
        }
    }
}

/// The cache's own counters, as a reader of all series found them.
#[derive(Default)]
pub(crate) struct Counts {
    by_name: BTreeMap<String, u64>,
    failures: BTreeMap<String, u64>,
}

impl Counts {
    pub(crate) fn of<'a>(series: impl Iterator<Item = (&'a str, &'a Labels, u64)>) -> Self {
        let mut counts = Self::default();
        for (name, labels, value) in series.filter(|(name, ..)| name.starts_with(telemetry::PREFIX))
        {
            let kind = labels.iter().find(|(key, _)| *key == "kind");
            match kind {
                Some((_, kind)) if name == telemetry::FAILURES => {
                    if value > 0 {
                        counts.failures.insert(kind.to_owned(), value);
                    }
                }
                _ => {
                    counts.by_name.insert(name.to_owned(), value);
                }
            }
        }
        counts
    }

    fn of_name(&self, name: &str) -> u64 {
        self.by_name.get(name).copied().unwrap_or(0)
    }
}

fn which(id: &Id) -> String {
    match &id.which {
        Which::Stage(text) | Which::Version(text) => text.clone(),
    }
}

fn row(name: String, which: String, entry: &Entry, now: u64) -> SecretStatus {
    let seconds = |millis: u64| millis as f64 / 1e3;
    let value = entry.value.as_ref().filter(|value| now < value.stale_until);
    let last = entry.refusal.as_ref();
    let state = match value {
        None => SecretState::Missing,
        Some(_) if last.is_some() => SecretState::Failing,
        Some(_) if entry.is_stale(now) => SecretState::Stale,
        Some(_) => SecretState::Fresh,
    };
    SecretStatus {
        state,
        source: value.map(|value| value.secret.source().as_str()),
        version: value.and_then(|value| value.secret.version().map(str::to_owned)),
        age_seconds: value.map(|value| seconds(value.age(now))),
        next_refresh_seconds: value
            .filter(|value| value.ahead != NEVER)
            .map(|value| seconds(value.ahead.saturating_sub(now))),
        failures: last.map_or(0, |refusal| refusal.streak.saturating_add(1)),
        last_error: last.map(|refusal| scrub(&refusal.failure.to_error().to_string()).into_owned()),
        name,
        which,
    }
}
