//! Reading: what every series holds now, in total and over the windows.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use super::collector::Collected;
use super::distribution::Distribution;
use super::exemplars::Exemplar;
use super::labels::Labels;
use super::layout;
use super::registry::Registry;
use super::series::{Instrument, Kind, Series, SeriesId};
use crate::fork;

/// The rolling windows, by name and seconds.
pub(crate) const WINDOWS: [(&str, u64); 3] = [("1m", 60), ("5m", 300), ("1h", 3600)];

/// What one series holds.
pub(crate) struct Reading {
    pub(crate) series: Arc<Series>,
    pub(crate) distribution: Arc<Distribution>,
    /// Of counters, in units of 1 / scale.
    pub(crate) value: u128,
    pub(crate) level: f64,
    /// In the order of [`WINDOWS`].
    pub(crate) windows: [WindowReading; WINDOWS.len()],
    pub(crate) errors: Vec<ErrorReading>,
    /// Slowest first.
    pub(crate) exemplars: Vec<Exemplar>,
}

#[derive(Default)]
pub(crate) struct WindowReading {
    pub(crate) distribution: Distribution,
    pub(crate) value: u64,
}

/// The failures of one type.
pub(crate) struct ErrorReading {
    pub(crate) error_type: Box<str>,
    pub(crate) total: u64,
    pub(crate) windows: [u64; WINDOWS.len()],
}

/// All server operations together, by the step of time in which their requests ended.
pub(crate) type Steps = BTreeMap<u64, Step>;

/// One step of the history.
#[derive(Default)]
pub(crate) struct Step {
    pub(crate) distribution: Distribution,
    pub(crate) errors: u64,
}

impl Reading {
    pub(crate) fn error_total(&self) -> u64 {
        self.errors.iter().map(|error| error.total).sum()
    }

    pub(crate) fn error_window(&self, window: usize) -> u64 {
        self.errors.iter().map(|error| error.windows[window]).sum()
    }
}

/// Collects and reads every series but the error counters, which stand with their operation; and
/// adds what server operations did since `history_since` up in steps of `step` seconds.
pub(crate) fn read(
    registry: &Registry,
    now: u64,
    history_since: u64,
    step: u64,
) -> (Vec<Reading>, Steps) {
    let Some(_inside) = fork::enter() else {
        return (Vec::new(), Steps::new());
    };
    let mut collector = registry.collector.lock();
    let view = registry.view();
    collector.collect(&view, now);
    let children = children(&view.series);
    let mut exemplars = registry.all_exemplars(now);
    let mut steps = Steps::new();
    let mut readings = Vec::new();
    for series in view.series.iter().filter(|series| series.parent.is_none()) {
        let Some(collected) = collector.series.get(series.id.index()) else {
            continue;
        };
        let error_series = children.get(&series.id).map_or(&[][..], Vec::as_slice);
        let errors: Vec<(&Arc<Series>, &Collected)> = error_series
            .iter()
            .filter_map(|child| Some((child, collector.series.get(child.id.index())?)))
            .collect();
        if series.instrument == Instrument::Operation(Kind::Server) {
            add_steps(&mut steps, collected, &errors, history_since, step);
        }
        readings.push(Reading {
            series: Arc::clone(series),
            distribution: Arc::clone(&collected.distribution),
            value: collected.value,
            level: collected.level,
            windows: WINDOWS.map(|(_, seconds)| window(collected, since(now, seconds))),
            exemplars: exemplars.remove(&series.id).unwrap_or_default(),
            errors: errors
                .iter()
                .map(|(child, counts)| ErrorReading {
                    error_type: child.name.clone(),
                    total: clamped(counts.value),
                    windows: WINDOWS.map(|(_, seconds)| sum_since(counts, since(now, seconds))),
                })
                .collect(),
        });
    }
    (readings, steps)
}

/// Takes what is new into the totals and windows.
pub(crate) fn collect(registry: &Registry, now: u64) {
    if let Some(_inside) = fork::enter() {
        let mut collector = registry.collector.lock();
        collector.collect(&registry.view(), now);
    }
}

/// Collects and reads the totals of every series but the error counters, which stand with their
/// operation.
pub(crate) fn totals(registry: &Registry, now: u64) -> Vec<SeriesSnapshot> {
    let Some(_inside) = fork::enter() else {
        return Vec::new();
    };
    let mut collector = registry.collector.lock();
    let view = registry.view();
    collector.collect(&view, now);
    let children = children(&view.series);
    let mut exemplars = registry.all_exemplars(now);
    view.series
        .iter()
        .filter(|series| series.parent.is_none())
        .filter_map(|series| {
            let collected = collector.series.get(series.id.index())?;
            let errors = children
                .get(&series.id)
                .into_iter()
                .flatten()
                .filter_map(|child| Some((child, collector.series.get(child.id.index())?.value)))
                .filter(|(_, total)| *total > 0)
                .map(|(child, total)| (child.name.to_string(), clamped(total)))
                .collect();
            let exemplars = exemplars.remove(&series.id).unwrap_or_default();
            Some(SeriesSnapshot::of(series, collected, errors, exemplars))
        })
        .collect()
}

fn clamped(total: u128) -> u64 {
    u64::try_from(total).unwrap_or(u64::MAX)
}

/// The first second of a window that ends with second `now`.
fn since(now: u64, seconds: u64) -> u64 {
    (now + 1).saturating_sub(seconds)
}

fn children(series: &[Arc<Series>]) -> BTreeMap<SeriesId, Vec<Arc<Series>>> {
    let mut children: BTreeMap<SeriesId, Vec<Arc<Series>>> = BTreeMap::new();
    for series in series {
        if let Some(parent) = series.parent {
            children.entry(parent).or_default().push(Arc::clone(series));
        }
    }
    children
}

fn sum_since(collected: &Collected, since: u64) -> u64 {
    collected
        .window
        .since(since)
        .map(|(_, increase)| increase.sum())
        .sum()
}

fn window(collected: &Collected, since: u64) -> WindowReading {
    let mut reading = WindowReading::default();
    for (_, increase) in collected.window.since(since) {
        increase.add_to(&mut reading.distribution);
        reading.value = reading.value.saturating_add(increase.sum());
    }
    reading.distribution.bound_max(collected.distribution.max());
    reading
}

fn add_steps(
    steps: &mut Steps,
    collected: &Collected,
    errors: &[(&Arc<Series>, &Collected)],
    since: u64,
    step: u64,
) {
    let start = |second: u64| second - second % step;
    for (second, increase) in collected.window.since(since) {
        let entry = steps.entry(start(second)).or_default();
        increase.add_to(&mut entry.distribution);
    }
    for (_, counts) in errors {
        for (second, increase) in counts.window.since(since) {
            steps.entry(start(second)).or_default().errors += increase.sum();
        }
    }
}

/// Quantiles of a distribution by HdrHistogram's rule, bounded by the exact maximum: the highest
/// value of a bucket may lie above every value in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Quantiles {
    /// The median.
    pub p50: f64,
    /// Nine in ten are at most this.
    pub p90: f64,
    /// 95 %.
    pub p95: f64,
    /// 99 %.
    pub p99: f64,
    /// 99.9 %.
    pub p999: f64,
}

impl Quantiles {
    /// Reads them off; `scale` divides the stored integers into the unit wanted.
    #[must_use]
    pub fn of(distribution: &Distribution, scale: f64) -> Self {
        let values = distribution.values_at_quantiles(&[0.5, 0.9, 0.95, 0.99, 0.999]);
        let at = |index: usize| {
            let value = values.get(index).copied().unwrap_or(0);
            value.min(distribution.max()) as f64 / scale
        };
        Self {
            p50: at(0),
            p90: at(1),
            p95: at(2),
            p99: at(3),
            p999: at(4),
        }
    }
}

/// One series in a [`Snapshot`]. Operations are in nanoseconds; counters, gauges and histograms in
/// their own unit.
#[derive(Debug, Clone)]
pub struct SeriesSnapshot {
    /// The metric's name.
    pub name: String,
    /// `operation`, `counter`, `gauge` or `histogram`.
    pub instrument: &'static str,
    /// Of an operation.
    pub kind: Option<Kind>,
    /// Its labels.
    pub labels: Labels,
    /// `ns` for operations, else what its user named.
    pub unit: Option<String>,
    /// What its user said it counts.
    pub description: Option<String>,
    /// Stored integers divided by this are values.
    pub scale: f64,
    /// The counter's sum or the gauge's level; for distributions the count.
    pub value: f64,
    /// Every value recorded, by bucket.
    pub distribution: Arc<Distribution>,
    /// Failures by type.
    pub errors_by_type: BTreeMap<String, u64>,
    /// Of an operation that traces measured: real requests, slowest first, of the last hour.
    pub exemplars: Vec<Exemplar>,
}

impl SeriesSnapshot {
    fn of(
        series: &Series,
        collected: &Collected,
        errors_by_type: BTreeMap<String, u64>,
        exemplars: Vec<Exemplar>,
    ) -> Self {
        let (kind, unit) = match series.instrument {
            Instrument::Operation(kind) => (Some(kind), Some("ns".to_owned())),
            _ => (None, series.unit.as_deref().map(str::to_owned)),
        };
        Self {
            name: series.name.to_string(),
            instrument: series.instrument.as_str(),
            kind,
            labels: series.labels.clone(),
            unit,
            description: series.description.as_deref().map(str::to_owned),
            scale: series.scale,
            value: match series.instrument {
                Instrument::Gauge => collected.level,
                Instrument::Counter => collected.value as f64 / series.scale,
                _ => collected.distribution.count() as f64,
            },
            distribution: Arc::clone(&collected.distribution),
            errors_by_type,
            exemplars,
        }
    }

    /// How many recordings; for counters and gauges 0.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.distribution.count()
    }

    /// Failures of all types.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.errors_by_type.values().sum()
    }

    /// Its quantiles, in the series' unit.
    #[must_use]
    pub fn quantiles(&self) -> Quantiles {
        Quantiles::of(&self.distribution, self.scale)
    }

    fn is_distribution(&self) -> bool {
        self.kind.is_some() || self.instrument == "histogram"
    }
}

impl Serialize for SeriesSnapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Series", 17)?;
        fields.serialize_field("name", &self.name)?;
        fields.serialize_field("instrument", self.instrument)?;
        fields.serialize_field("labels", &self.labels)?;
        fields.serialize_field("unit", &self.unit)?;
        if !self.is_distribution() {
            fields.serialize_field("value", &self.value)?;
            return fields.end();
        }
        let quantiles = self.quantiles();
        fields.serialize_field("kind", &self.kind)?;
        fields.serialize_field("count", &self.count())?;
        if self.scale == 1.0 {
            fields.serialize_field("sum", &self.distribution.sum())?;
            fields.serialize_field("max", &self.distribution.max())?;
        } else {
            fields.serialize_field("sum", &(self.distribution.sum() as f64 / self.scale))?;
            fields.serialize_field("max", &(self.distribution.max() as f64 / self.scale))?;
        }
        fields.serialize_field("mean", &(self.distribution.mean() / self.scale))?;
        fields.serialize_field("p50", &quantiles.p50)?;
        fields.serialize_field("p90", &quantiles.p90)?;
        fields.serialize_field("p95", &quantiles.p95)?;
        fields.serialize_field("p99", &quantiles.p99)?;
        fields.serialize_field("p999", &quantiles.p999)?;
        fields.serialize_field("errors", &self.errors())?;
        fields.serialize_field("errorsByType", &self.errors_by_type)?;
        if self.kind.is_some() {
            fields.serialize_field("exemplars", &self.exemplars)?;
        }
        fields.serialize_field("buckets", &Buckets(self))?;
        fields.end()
    }
}

/// `[lowest, highest, count]` of each bucket that holds something, in stored integers.
struct Buckets<'a>(&'a SeriesSnapshot);

impl Serialize for Buckets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(
            self.0
                .distribution
                .buckets()
                .map(|(index, count)| (layout::lowest_of(index), layout::highest_of(index), count)),
        )
    }
}

/// Every series of an instance at one moment, cumulative since its start.
#[derive(Debug, Clone, Serialize)]
pub struct Snapshot {
    /// RFC 3339, UTC.
    pub timestamp: String,
    /// In the order of registration.
    pub series: Vec<SeriesSnapshot>,
}

impl Snapshot {
    /// The series of that name and those labels.
    #[must_use]
    pub fn find(&self, name: &str, labels: &Labels) -> Option<&SeriesSnapshot> {
        self.series
            .iter()
            .find(|series| series.name == name && series.labels.iter().eq(labels.iter()))
    }

    /// The snapshot as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Only a map with keys that are no strings could fail, and there is none.
        crate::scrub::scrub_json_text(&serde_json::to_string(self).unwrap_or_default()).into_owned()
    }
}
