//! Exemplars: of a slow operation, the trace of a real request that was as slow.
//!
//! Added when a transaction was captured, off the recording path; read by snapshots and the status
//! document. For each series the slowest request is kept of every half octave of durations, so that
//! whatever a percentile is, there is a request near it. A slower one takes its place, and a newer one
//! once it is five minutes old; after an hour it is gone. Invariant: an exemplar was handed to the event
//! pipeline, never a request that nobody can look up.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use super::registry::Registry;
use super::series::{Instrument, SeriesId};
use crate::clock::rfc3339;
use crate::fork;

/// Exemplars of one series; the fastest goes first.
const MAX_PER_SERIES: usize = 16;
/// Series that have any.
const MAX_SERIES: usize = 2_000;
/// After so many seconds a newer one takes the place of a slower one.
const FRESH_SECONDS: u64 = 300;
/// After so many seconds it is gone.
const KEPT_SECONDS: u64 = 3_600;

/// A real request, by its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exemplar {
    /// Its trace.
    pub trace_id: u128,
    /// The event that describes it.
    pub event_id: Option<u128>,
    /// How long it took.
    pub duration: Duration,
    /// When it ended, since the Unix epoch.
    pub ended: Duration,
}

impl Exemplar {
    pub(crate) const fn new(
        duration: Duration,
        trace_id: u128,
        event_id: Option<u128>,
        ended: Duration,
    ) -> Self {
        Self {
            trace_id,
            event_id,
            duration,
            ended,
        }
    }

    /// Nanoseconds.
    pub(crate) fn nanos(&self) -> u64 {
        u64::try_from(self.duration.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Writes the fields; `quantile` where the reader judged it.
    pub(crate) fn write<S: Serializer>(
        &self,
        serializer: S,
        quantile: Option<f64>,
    ) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Exemplar", 5)?;
        let millis = (self.duration.as_secs_f64() * 1e6).round() / 1e3;
        fields.serialize_field("traceId", &format_args!("{:032x}", self.trace_id))?;
        let event = self.event_id.map(|id| format!("{id:032x}"));
        fields.serialize_field("eventId", &event)?;
        fields.serialize_field("duration", &millis)?;
        fields.serialize_field("timestamp", &rfc3339(self.ended))?;
        if let Some(quantile) = quantile {
            fields.serialize_field("quantile", &quantile)?;
        }
        fields.end()
    }
}

impl Serialize for Exemplar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.write(serializer, None)
    }
}

/// The exemplars of a registry.
#[derive(Default)]
pub(super) struct Exemplars {
    state: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// Fork generation that they are of: a child's requests are its own.
    fork: u32,
    by_series: HashMap<SeriesId, Vec<Entry>>,
}

#[derive(Clone, Copy)]
struct Entry {
    half_octave: u32,
    /// Monotonic second at which it came.
    since: u64,
    exemplar: Exemplar,
}

/// By the exponent and the top bit of the mantissa.
fn half_octave(nanos: u64) -> u32 {
    let exponent = 63 - nanos.max(2).leading_zeros();
    let half = (nanos.max(2) >> (exponent - 1)) & 1;
    exponent * 2 + half as u32
}

impl Kept {
    fn of_this_process(&mut self) -> &mut Self {
        if self.fork != fork::generation() {
            self.fork = fork::generation();
            self.by_series.clear();
        }
        self
    }
}

impl Registry {
    /// Keeps a request as an exemplar of an operation; `now` is monotonic. Any other series is ignored.
    pub(crate) fn add_exemplar(&self, series: u32, exemplar: Exemplar, now: Duration) {
        let Some(_inside) = fork::enter() else {
            return;
        };
        let id = SeriesId(series);
        let known = self.series(id).map(|series| series.instrument);
        if !matches!(known, Some(Instrument::Operation(_))) {
            return;
        }
        let now = now.as_secs();
        let fresh = Entry {
            half_octave: half_octave(exemplar.nanos()),
            since: now,
            exemplar,
        };
        let mut state = self.exemplars.state.lock();
        let kept = state.of_this_process();
        if kept.by_series.len() >= MAX_SERIES && !kept.by_series.contains_key(&id) {
            return;
        }
        let entries = kept.by_series.entry(id).or_default();
        entries.retain(|known| known.since + KEPT_SECONDS > now);
        let same = entries
            .iter_mut()
            .find(|known| known.half_octave == fresh.half_octave);
        if let Some(known) = same {
            let is_stale = known.since + FRESH_SECONDS <= now;
            if is_stale || known.exemplar.duration <= exemplar.duration {
                *known = fresh;
            }
            return;
        }
        entries.push(fresh);
        entries.sort_unstable_by_key(|known| std::cmp::Reverse(known.exemplar.duration));
        entries.truncate(MAX_PER_SERIES);
    }

    /// The exemplars of every series, slowest first; the caller is inside.
    pub(super) fn all_exemplars(&self, now: u64) -> HashMap<SeriesId, Vec<Exemplar>> {
        let mut state = self.exemplars.state.lock();
        let by_series = &state.of_this_process().by_series;
        let young = |entries: &Vec<Entry>| {
            let mut found: Vec<Exemplar> = entries
                .iter()
                .filter(|known| known.since + KEPT_SECONDS > now)
                .map(|known| known.exemplar)
                .collect();
            found.sort_unstable_by_key(|exemplar| std::cmp::Reverse(exemplar.duration));
            found
        };
        by_series
            .iter()
            .map(|(id, entries)| (*id, young(entries)))
            .filter(|(_, found)| !found.is_empty())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Kind, Labels, Tallylight};

    fn exemplar(millis: u64, trace: u128) -> Exemplar {
        Exemplar::new(
            Duration::from_millis(millis),
            trace,
            Some(7),
            Duration::from_secs(1_705_314_600),
        )
    }

    fn kept(registry: &Registry, now: u64) -> Vec<u128> {
        let _inside = fork::enter();
        let all = registry.all_exemplars(now);
        let mut found = all.into_values().flatten();
        found.by_ref().map(|exemplar| exemplar.trace_id).collect()
    }

    #[test]
    fn the_slowest_of_each_half_octave_stays_until_it_is_old() {
        let tally = Tallylight::new(Config::default()).unwrap();
        let operation = tally.operation("op", &Labels::new(), Kind::Server).unwrap();
        let registry = operation.registry_for_test();
        let add = |millis, trace, now| {
            registry.add_exemplar(
                operation.id(),
                exemplar(millis, trace),
                Duration::from_secs(now),
            );
        };
        add(100, 1, 10);
        add(1_000, 2, 10);
        assert_eq!(kept(&registry, 10), [2, 1]);
        add(1_010, 3, 11);
        assert_eq!(kept(&registry, 11), [3, 1], "a slower one takes the place");
        add(1_005, 4, 12);
        assert_eq!(kept(&registry, 12), [3, 1], "a faster one does not");
        add(1_005, 5, 11 + FRESH_SECONDS);
        assert_eq!(kept(&registry, 400), [5, 1], "unless the other is old");
        assert_eq!(
            kept(&registry, 10 + KEPT_SECONDS),
            [5],
            "and then it is gone"
        );
    }

    #[test]
    fn memory_is_bounded_and_other_series_have_none() {
        let tally = Tallylight::new(Config::default()).unwrap();
        let operation = tally.operation("op", &Labels::new(), Kind::Job).unwrap();
        let counter = tally.counter("c", &Labels::new(), &crate::InstrumentOptions::default());
        let registry = operation.registry_for_test();
        let now = Duration::from_secs(1);
        registry.add_exemplar(counter.unwrap().id(), exemplar(1, 1), now);
        registry.add_exemplar(u32::MAX, exemplar(1, 1), now);
        assert_eq!(kept(&registry, 1), []);
        for power in 0..40 {
            let one = Exemplar {
                duration: Duration::from_nanos(1 << power),
                ..exemplar(1, power)
            };
            registry.add_exemplar(operation.id(), one, now);
        }
        let left = kept(&registry, 1);
        assert_eq!(left.len(), MAX_PER_SERIES);
        assert_eq!(left[0], 39, "the slowest stay");
    }
}
