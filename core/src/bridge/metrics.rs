//! A recorder for the `metrics` facade.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use metrics_facade::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use parking_lot::{Mutex, RwLock};

use super::hash::FastMap;
use super::register;
use crate::client::Tallylight;
use crate::error::{Error, ErrorKind};
use crate::fork;
use crate::metrics::{self, DropReason, InstrumentOptions, Labels};

/// Handles that are kept of each instrument. A metric past them, as when a label takes a value per
/// request, is registered anew by each use, which ends in the overflow series all the same.
const MAX_HANDLES: usize = 1 << 14;
/// Descriptions that are kept of each instrument.
const MAX_DESCRIPTIONS: usize = 1 << 12;

/// Records what code tells the `metrics` facade (`counter!`, `gauge!`, `histogram!`).
///
/// - A **counter** counts whole numbers. `absolute` adds what is new since the highest absolute
///   value told before; use either that or `increment` on one counter, not both.
/// - A **gauge** is a gauge.
/// - A **histogram** keeps `round(value * scale)`: with the scale 10^9 for seconds (nanoseconds,
///   up to 104 days), 10^6 for milliseconds, 10^3 for microseconds, 1 for nanoseconds, bytes and
///   bits a second, and 10^6 for everything else (six decimals, up to 9 * 10^9). The unit is the
///   one told by `describe_histogram!` before the histogram's first use; one without a unit whose
///   name ends in `seconds` is in seconds. Quantiles are read in the same unit again.
/// - **Labels** are labels; names and labels follow the rules of [`Tallylight::histogram`]. A name
///   or label set that cannot be registered makes every recording of it a counted drop. A name
///   that several instruments use gets a label `instrument` on all but the first.
///
/// Keep the handle that a macro answers where it counts: recording by it costs what recording by
/// ours does, while the macro looks it up by name and labels each time.
///
/// ```
/// # fn main() -> Result<(), tallylight::Error> {
/// # use metrics_facade as metrics;
/// use tallylight::{Config, Labels, Tallylight, bridge::MetricsRecorder};
///
/// let tally = Tallylight::new(Config::default())?;
/// let recorder = MetricsRecorder::new(&tally);
/// // A program calls `recorder.install()` once instead.
/// metrics::with_local_recorder(&recorder, || {
///     let jobs = metrics::counter!("jobs", "queue" => "mail");
///     jobs.increment(3);
///     metrics::gauge!("connections").set(17);
///     metrics::histogram!("query_seconds").record(0.25);
/// });
///
/// let snapshot = tally.snapshot();
/// let labels = Labels::from_pairs([("queue", "mail")])?;
/// assert_eq!(snapshot.find("jobs", &labels).map(|series| series.value), Some(3.0));
/// let query = snapshot.find("query_seconds", &Labels::new());
/// assert_eq!(query.map(|series| series.distribution.max()), Some(250_000_000));
/// # Ok(())
/// # }
/// ```
pub struct MetricsRecorder {
    tally: Tallylight,
    counters: Handles<Counter>,
    gauges: Handles<Gauge>,
    histograms: Handles<Histogram>,
    /// What a metric that cannot be registered gets.
    refused: Arc<Refused>,
}

impl std::fmt::Debug for MetricsRecorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MetricsRecorder")
            .field("tally", &self.tally)
            .finish_non_exhaustive()
    }
}

impl MetricsRecorder {
    /// A recorder into this instance.
    #[must_use]
    pub fn new(tally: &Tallylight) -> Self {
        Self {
            tally: tally.clone(),
            counters: Handles::default(),
            gauges: Handles::default(),
            histograms: Handles::default(),
            refused: Arc::new(Refused(tally.clone())),
        }
    }

    /// Makes this the process's recorder.
    ///
    /// # Errors
    /// `conflict` when there is one already.
    pub fn install(self) -> Result<(), Error> {
        metrics_facade::set_global_recorder(self).map_err(|error| {
            Error::new(
                ErrorKind::Conflict,
                "the metrics facade has a recorder already; install one, or fan out by metrics-util",
            )
            .with_source(error.to_string())
        })
    }
}

impl Recorder for MetricsRecorder {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.counters.describe(key, unit, description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.gauges.describe(key, unit, description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.histograms.describe(key, unit, description);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.counters.find_or(key, |described, is_kept| {
            let options = described.options(1.0);
            let registered = labels_of(key).and_then(|labels| {
                register(&labels, ("instrument", "counter"), |labels| {
                    self.tally.counter(key.name(), labels, &options)
                })
            });
            match registered {
                Ok(counter) => Counter::from_arc(Arc::new(Counting {
                    counter,
                    highest: is_kept.then(|| AtomicU64::new(0)),
                })),
                Err(_) => Counter::from_arc(Arc::clone(&self.refused)),
            }
        })
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.gauges.find_or(key, |described, _| {
            let options = described.options(1.0);
            let registered = labels_of(key).and_then(|labels| {
                register(&labels, ("instrument", "gauge"), |labels| {
                    self.tally.gauge(key.name(), labels, &options)
                })
            });
            match registered {
                Ok(gauge) => Gauge::from_arc(Arc::new(Levelling(gauge))),
                Err(_) => Gauge::from_arc(Arc::clone(&self.refused)),
            }
        })
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.histograms.find_or(key, |mut described, _| {
            if described.unit.is_none() && key.name().ends_with("seconds") {
                described.unit = Some(Unit::Seconds);
            }
            let options = described.options(scale_of(described.unit));
            let registered = labels_of(key).and_then(|labels| {
                register(&labels, ("instrument", "histogram"), |labels| {
                    self.tally.histogram(key.name(), labels, &options)
                })
            });
            match registered {
                Ok(histogram) => Histogram::from_arc(Arc::new(Distributing(histogram))),
                Err(_) => Histogram::from_arc(Arc::clone(&self.refused)),
            }
        })
    }
}

fn labels_of(key: &Key) -> Result<Labels, Error> {
    Labels::from_pairs(key.labels().map(|label| (label.key(), label.value())))
}

/// What was told of a metric before its first use.
#[derive(Clone, Default)]
struct Described {
    unit: Option<Unit>,
    description: Option<SharedString>,
}

impl Described {
    fn options(&self, scale: f64) -> InstrumentOptions {
        InstrumentOptions {
            unit: self.unit.map(|unit| ucum(unit).to_owned()),
            scale,
            description: self.description.as_deref().map(str::to_owned),
        }
    }
}

/// The metrics of one instrument.
struct Handles<H> {
    by_key: RwLock<FastMap<Key, H>>,
    described: Mutex<FastMap<KeyName, Described>>,
}

impl<H> Default for Handles<H> {
    fn default() -> Self {
        Self {
            by_key: RwLock::default(),
            described: Mutex::default(),
        }
    }
}

impl<H: Clone> Handles<H> {
    fn describe(&self, name: KeyName, unit: Option<Unit>, description: SharedString) {
        let Some(_inside) = fork::enter() else {
            return;
        };
        let mut described = self.described.lock();
        if described.len() < MAX_DESCRIPTIONS || described.contains_key(&name) {
            let description = Some(description);
            described.insert(name, Described { unit, description });
        }
    }

    /// The handle of a metric; `make` gets what was told of it, and whether the handle is kept.
    fn find_or(&self, key: &Key, make: impl FnOnce(Described, bool) -> H) -> H {
        let Some(_inside) = fork::enter() else {
            return make(Described::default(), false);
        };
        if let Some(handle) = self.by_key.read().get(key) {
            return handle.clone();
        }
        let described = self
            .described
            .lock()
            .get(key.name())
            .cloned()
            .unwrap_or_default();
        let mut by_key = self.by_key.write();
        if let Some(handle) = by_key.get(key) {
            return handle.clone();
        }
        let is_kept = by_key.len() < MAX_HANDLES;
        let handle = make(described, is_kept);
        if is_kept {
            by_key.insert(key.to_retained(), handle.clone());
        }
        handle
    }
}

struct Counting {
    counter: metrics::Counter,
    /// The highest absolute value so far; `None` when the handle is not kept, since a forgotten
    /// value would be added again and again.
    highest: Option<AtomicU64>,
}

impl CounterFn for Counting {
    fn increment(&self, n: u64) {
        self.counter.add(n as f64);
    }

    fn absolute(&self, value: u64) {
        let Some(highest) = &self.highest else {
            return self.counter.drop_one(DropReason::Refused);
        };
        let before = highest.fetch_max(value, Ordering::Relaxed);
        if value > before {
            self.counter.add((value - before) as f64);
        }
    }
}

struct Levelling(metrics::Gauge);

impl GaugeFn for Levelling {
    fn increment(&self, delta: f64) {
        self.0.add(delta);
    }

    fn decrement(&self, delta: f64) {
        self.0.add(-delta);
    }

    fn set(&self, value: f64) {
        self.0.set(value);
    }
}

struct Distributing(metrics::Histogram);

impl HistogramFn for Distributing {
    fn record(&self, value: f64) {
        self.0.record(value);
    }
}

/// Counts a drop for every recording.
struct Refused(Tallylight);

impl CounterFn for Refused {
    fn increment(&self, _: u64) {
        self.0.drop_one(DropReason::Refused);
    }

    fn absolute(&self, _: u64) {
        self.0.drop_one(DropReason::Refused);
    }
}

impl GaugeFn for Refused {
    fn increment(&self, _: f64) {
        self.0.drop_one(DropReason::Refused);
    }

    fn decrement(&self, _: f64) {
        self.0.drop_one(DropReason::Refused);
    }

    fn set(&self, _: f64) {
        self.0.drop_one(DropReason::Refused);
    }
}

impl HistogramFn for Refused {
    fn record(&self, _: f64) {
        self.0.drop_one(DropReason::Refused);
    }
}

/// How finely a histogram of this unit is kept.
const fn scale_of(unit: Option<Unit>) -> f64 {
    match unit {
        Some(Unit::Seconds) => 1e9,
        Some(Unit::Microseconds) => 1e3,
        Some(Unit::Nanoseconds | Unit::Bytes | Unit::BitsPerSecond) => 1.0,
        _ => 1e6,
    }
}

/// A unit as UCUM writes it, which OpenTelemetry and our own units follow.
const fn ucum(unit: Unit) -> &'static str {
    match unit {
        Unit::Count => "1",
        Unit::Percent => "%",
        Unit::Seconds => "s",
        Unit::Milliseconds => "ms",
        Unit::Microseconds => "us",
        Unit::Nanoseconds => "ns",
        Unit::Tebibytes => "TiBy",
        Unit::Gibibytes => "GiBy",
        Unit::Mebibytes => "MiBy",
        Unit::Kibibytes => "KiBy",
        Unit::Bytes => "By",
        Unit::TerabitsPerSecond => "Tbit/s",
        Unit::GigabitsPerSecond => "Gbit/s",
        Unit::MegabitsPerSecond => "Mbit/s",
        Unit::KilobitsPerSecond => "kbit/s",
        Unit::BitsPerSecond => "bit/s",
        Unit::CountPerSecond => "1/s",
    }
}
