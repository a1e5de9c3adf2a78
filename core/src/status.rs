//! The one status document: what the HTTP routes, the dashboard, the command line and the go-live
//! verdict show. Its fields are fixed by `docs/reference/status.schema.json`.
//!
//! Durations are milliseconds to three decimals, rates percentages to two. `metrics` and `windows`
//! cover the server operations only: the ordinary seconds of a model call never redden a
//! service's P95, so those stand under `models`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::clock::rfc3339;
use crate::config::{Config, Environment};
use crate::metrics::{
    self, Distribution, Drops, Instrument, Kind, Labels, Quantiles, Reading, Registry, WINDOWS,
};

/// The version of the document; fields may be added within it, none renamed or removed.
pub const SCHEMA_VERSION: u32 = 1;

const NANOS_PER_MILLI: f64 = 1e6;
/// Seconds of a point in the history, and of the whole.
const HISTORY_STEP: u64 = 10;
const HISTORY_SECONDS: u64 = 600;

/// The status document.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// RFC 3339, UTC.
    pub timestamp: String,
    /// The environment's name.
    pub environment: String,
    /// Where that name comes from.
    pub environment_reason: String,
    /// What runs.
    pub service: Service,
    /// In which process.
    pub process: Process,
    /// All server operations since the start.
    pub metrics: RequestFigures,
    /// The same over the last minute, five minutes and hour.
    pub windows: BTreeMap<&'static str, WindowFigures>,
    /// Every operation of every kind.
    pub operations: Vec<OperationRow>,
    /// All model calls together.
    pub models: Models,
    /// Failures by operation and type, most first.
    pub errors: Vec<ErrorRow>,
    /// Every counter.
    pub counters: Vec<CounterRow>,
    /// Every gauge.
    pub gauges: Vec<GaugeRow>,
    /// Every plain histogram.
    pub histograms: Vec<HistogramRow>,
    /// The server operations of the last ten minutes.
    pub history: History,
    /// Error reporting.
    pub sentry: Sentry,
    /// Tallylight's own state.
    pub telemetry: Telemetry,
}

impl Status {
    /// The document as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Only a map with keys that are no strings could fail, and there is none.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What runs.
#[derive(Debug, Clone, Serialize)]
pub struct Service {
    /// As given by `TALLYLIGHT_SERVICE` or to `init`.
    pub name: Option<String>,
    /// As given by `TALLYLIGHT_RELEASE` or to `init`.
    pub release: Option<String>,
}

/// The process that answers.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// `rust`, `node` or `python`.
    pub runtime: &'static str,
    /// The version of this crate.
    pub sdk_version: &'static str,
    /// Since the instance was made.
    #[serde(serialize_with = "plain")]
    pub uptime_seconds: f64,
}

/// Figures over requests; all 0 without traffic.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestFigures {
    /// Requests, failed ones too.
    pub total_requests: u64,
    /// The durations.
    #[serde(flatten)]
    pub durations: Durations,
    /// Failed requests.
    pub total_errors: u64,
    /// Per cent of the requests.
    #[serde(serialize_with = "plain")]
    pub error_rate: f64,
    /// Over the covered time.
    #[serde(serialize_with = "plain")]
    pub requests_per_second: f64,
}

/// Durations in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Durations {
    /// The mean.
    #[serde(serialize_with = "plain")]
    pub avg_duration: f64,
    /// The median.
    #[serde(serialize_with = "plain")]
    pub p50_duration: f64,
    /// Nine in ten took at most this.
    #[serde(serialize_with = "plain")]
    pub p90_duration: f64,
    /// 95 %.
    #[serde(serialize_with = "plain")]
    pub p95_duration: f64,
    /// 99 %.
    #[serde(serialize_with = "plain")]
    pub p99_duration: f64,
    /// 99.9 %.
    #[serde(serialize_with = "plain")]
    pub p999_duration: f64,
    /// The longest: exact since the start, to the bucket in a window.
    #[serde(serialize_with = "plain")]
    pub max_duration: f64,
}

/// Figures of a rolling window.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WindowFigures {
    /// The window's length.
    pub window_seconds: u64,
    /// How much of it this process has lived through.
    #[serde(serialize_with = "plain")]
    pub covered_seconds: f64,
    /// The figures.
    #[serde(flatten)]
    pub figures: RequestFigures,
}

/// One operation.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationRow {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// Its labels.
    pub labels: Labels,
    /// Calls, failed ones too.
    pub count: u64,
    /// Failed calls.
    pub errors: u64,
    /// Per cent.
    #[serde(serialize_with = "plain")]
    pub error_rate: f64,
    /// Since the start.
    #[serde(flatten)]
    pub durations: Durations,
    /// Failures by type, since the start.
    pub errors_by_type: BTreeMap<String, u64>,
    /// The rolling windows.
    pub windows: BTreeMap<&'static str, WindowFigures>,
}

/// All model calls.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Models {
    /// Calls, failed ones too.
    pub total_calls: u64,
    /// Since the start.
    #[serde(flatten)]
    pub durations: Durations,
    /// Failed calls.
    pub total_errors: u64,
    /// Per cent.
    #[serde(serialize_with = "plain")]
    pub error_rate: f64,
    /// The rolling windows.
    pub windows: BTreeMap<&'static str, WindowFigures>,
}

/// Failures of one type in one operation.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ErrorRow {
    /// The error's type.
    #[serde(rename = "type")]
    pub error_type: String,
    /// The operation's name.
    pub operation: String,
    /// The operation's kind.
    pub kind: Kind,
    /// Since the start.
    pub count: u64,
    /// In the last five minutes.
    pub last_window_count: u64,
}

/// One counter.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CounterRow {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Its unit.
    pub unit: Option<String>,
    /// Since the start.
    #[serde(serialize_with = "plain")]
    pub value: f64,
    /// Over the last minute.
    #[serde(serialize_with = "plain")]
    pub per_second: f64,
}

/// One gauge.
#[derive(Debug, Clone, Serialize)]
pub struct GaugeRow {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Its unit.
    pub unit: Option<String>,
    /// The level now.
    #[serde(serialize_with = "plain")]
    pub value: f64,
}

/// One plain histogram, in its own unit.
#[derive(Debug, Clone, Serialize)]
pub struct HistogramRow {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Labels,
    /// Its unit.
    pub unit: Option<String>,
    /// Values recorded.
    pub count: u64,
    /// Their sum.
    #[serde(serialize_with = "plain")]
    pub sum: f64,
    /// Their mean.
    #[serde(serialize_with = "plain")]
    pub mean: f64,
    /// Their quantiles.
    #[serde(flatten)]
    pub quantiles: Quantiles,
    /// The largest.
    #[serde(serialize_with = "plain")]
    pub max: f64,
}

/// Points for charts.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct History {
    /// Seconds from point to point.
    pub step_seconds: u64,
    /// Oldest first; a step without traffic has a point of zeros.
    pub points: Vec<HistoryPoint>,
}

/// One step of the history.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HistoryPoint {
    /// When the step began; RFC 3339, UTC.
    pub timestamp: String,
    /// Requests that ended in it.
    pub requests: u64,
    /// Those that failed.
    pub errors: u64,
    /// Per cent.
    #[serde(serialize_with = "plain")]
    pub error_rate: f64,
    /// Milliseconds.
    #[serde(serialize_with = "plain")]
    pub p50_duration: f64,
    /// Milliseconds.
    #[serde(serialize_with = "plain")]
    pub p95_duration: f64,
    /// Milliseconds.
    #[serde(serialize_with = "plain")]
    pub p99_duration: f64,
}

/// Error reporting.
#[derive(Debug, Clone, Serialize)]
pub struct Sentry {
    /// Whether events are sent.
    pub enabled: bool,
}

/// Tallylight's own state.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Telemetry {
    /// Series registered, those of error types too.
    pub series: usize,
    /// The cap on those that a user registers.
    pub max_series: usize,
    /// Shards made so far: one for each thread or isolate that recorded at the same time.
    pub shards: usize,
    /// Memory that holds the counts.
    pub memory_bytes: usize,
    /// Its cap.
    pub max_memory_bytes: usize,
    /// Memory that holds the windows.
    pub window_bytes: usize,
    /// Recordings that are in no series, by reason, and what was bent to fit.
    #[serde(flatten)]
    pub drops: DropFigures,
    /// Whether the background thread runs.
    pub ticker_running: bool,
    /// Faults of the background thread that were contained.
    pub ticker_restarts: u64,
}

/// Drops apart from what is none.
#[derive(Debug, Clone, Serialize)]
pub struct DropFigures {
    /// By reason.
    pub drops: BTreeMap<&'static str, u64>,
    /// Values recorded as the maximum.
    pub clamped: u64,
    /// Registrations past the cap.
    pub overflowed: u64,
    /// Texts that were cut.
    pub truncated: u64,
}

impl From<Drops> for DropFigures {
    fn from(drops: Drops) -> Self {
        Self {
            drops: BTreeMap::from([
                ("nan", drops.nan),
                ("negative", drops.negative),
                ("infinite", drops.infinite),
                ("not_a_number", drops.not_a_number),
                ("closed", drops.closed),
                ("reentrant", drops.reentrant),
                ("arena_full", drops.arena_full),
                ("refused", drops.refused),
            ]),
            clamped: drops.clamped,
            overflowed: drops.overflowed,
            truncated: drops.truncated,
        }
    }
}

/// What a document is made from.
pub(crate) struct Sources<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) config: &'a Config,
    pub(crate) environment: &'a Environment,
    pub(crate) now: Duration,
    pub(crate) started: Duration,
    pub(crate) ticker_running: bool,
    pub(crate) ticker_panics: u64,
}

pub(crate) fn build(sources: Sources<'_>) -> Status {
    let now = sources.now.as_secs();
    let first_step = (now - now % HISTORY_STEP).saturating_sub(HISTORY_SECONDS - HISTORY_STEP);
    let readings = metrics::read(sources.registry, now, first_step, HISTORY_STEP);
    let uptime = sources.now.saturating_sub(sources.started).as_secs_f64();
    let size = sources.registry.size();
    let mut operations: Vec<OperationRow> = readings
        .iter()
        .filter_map(|reading| operation_row(reading, uptime))
        .collect();
    operations.sort_by(|a, b| (a.kind, &a.name, &a.labels).cmp(&(b.kind, &b.name, &b.labels)));
    Status {
        schema_version: SCHEMA_VERSION,
        timestamp: rfc3339(sources.now),
        environment: sources.environment.name.clone(),
        environment_reason: sources.environment.reason.clone(),
        service: Service {
            name: sources.config.service.clone(),
            release: sources.config.release.clone(),
        },
        process: Process {
            pid: std::process::id(),
            runtime: sources.config.runtime,
            sdk_version: env!("CARGO_PKG_VERSION"),
            uptime_seconds: round(uptime, 3),
        },
        metrics: {
            let (distribution, errors) = total_of(&readings, Kind::Server);
            figures(&distribution, errors, uptime)
        },
        windows: windows_of(&readings, Kind::Server, uptime),
        operations,
        models: models(&readings, uptime),
        errors: error_rows(&readings),
        counters: counter_rows(&readings, uptime),
        gauges: gauge_rows(&readings),
        histograms: histogram_rows(&readings),
        history: history(&readings, sources.started.as_secs(), first_step, now),
        sentry: Sentry { enabled: false },
        telemetry: Telemetry {
            series: size.series,
            max_series: sources.config.max_series,
            shards: size.shards,
            memory_bytes: size.arena_bytes,
            max_memory_bytes: sources.config.max_memory_bytes,
            window_bytes: size.window_bytes,
            drops: sources.registry.drops().into(),
            ticker_running: sources.ticker_running,
            ticker_restarts: sources.ticker_panics,
        },
    }
}

fn is_kind(reading: &Reading, kind: Kind) -> bool {
    reading.series.instrument == Instrument::Operation(kind)
}

fn total_of(readings: &[Reading], kind: Kind) -> (Distribution, u64) {
    let mut total = Distribution::new();
    let mut errors = 0;
    for reading in readings.iter().filter(|reading| is_kind(reading, kind)) {
        total.merge(&reading.distribution);
        errors += reading.error_total();
    }
    (total, errors)
}

fn windows_of(
    readings: &[Reading],
    kind: Kind,
    uptime: f64,
) -> BTreeMap<&'static str, WindowFigures> {
    window_map(uptime, |at| {
        let mut total = Distribution::new();
        let mut errors = 0;
        for reading in readings.iter().filter(|reading| is_kind(reading, kind)) {
            total.merge(&reading.windows[at].distribution);
            errors += reading.error_window(at);
        }
        (total, errors)
    })
}

fn window_map(
    uptime: f64,
    read: impl Fn(usize) -> (Distribution, u64),
) -> BTreeMap<&'static str, WindowFigures> {
    WINDOWS
        .iter()
        .enumerate()
        .map(|(at, (name, seconds))| {
            let covered = uptime.min(*seconds as f64);
            let (distribution, errors) = read(at);
            let window = WindowFigures {
                window_seconds: *seconds,
                covered_seconds: round(covered, 3),
                figures: figures(&distribution, errors, covered),
            };
            (*name, window)
        })
        .collect()
}

fn figures(distribution: &Distribution, errors: u64, covered: f64) -> RequestFigures {
    let count = distribution.count();
    RequestFigures {
        total_requests: count,
        durations: durations(distribution),
        total_errors: errors,
        error_rate: percentage(errors, count),
        requests_per_second: per_second(count as f64, covered),
    }
}

fn durations(distribution: &Distribution) -> Durations {
    let quantiles = Quantiles::of(distribution, NANOS_PER_MILLI);
    Durations {
        avg_duration: round(distribution.mean() / NANOS_PER_MILLI, 3),
        p50_duration: round(quantiles.p50, 3),
        p90_duration: round(quantiles.p90, 3),
        p95_duration: round(quantiles.p95, 3),
        p99_duration: round(quantiles.p99, 3),
        p999_duration: round(quantiles.p999, 3),
        max_duration: round(distribution.max() as f64 / NANOS_PER_MILLI, 3),
    }
}

fn operation_row(reading: &Reading, uptime: f64) -> Option<OperationRow> {
    let Instrument::Operation(kind) = reading.series.instrument else {
        return None;
    };
    let (count, errors) = (reading.distribution.count(), reading.error_total());
    Some(OperationRow {
        name: reading.series.name.to_string(),
        kind,
        labels: reading.series.labels.clone(),
        count,
        errors,
        error_rate: percentage(errors, count),
        durations: durations(&reading.distribution),
        errors_by_type: reading
            .errors
            .iter()
            .filter(|error| error.total > 0)
            .map(|error| (error.error_type.to_string(), error.total))
            .collect(),
        windows: window_map(uptime, |at| {
            (
                reading.windows[at].distribution.clone(),
                reading.error_window(at),
            )
        }),
    })
}

fn models(readings: &[Reading], uptime: f64) -> Models {
    let (distribution, errors) = total_of(readings, Kind::Model);
    let count = distribution.count();
    Models {
        total_calls: count,
        durations: durations(&distribution),
        total_errors: errors,
        error_rate: percentage(errors, count),
        windows: windows_of(readings, Kind::Model, uptime),
    }
}

fn error_rows(readings: &[Reading]) -> Vec<ErrorRow> {
    /// The window that alerts and the light judge, in [`WINDOWS`].
    const FIVE_MINUTES: usize = 1;
    let mut rows: Vec<ErrorRow> = readings
        .iter()
        .filter_map(|reading| match reading.series.instrument {
            Instrument::Operation(kind) => Some((reading, kind)),
            _ => None,
        })
        .flat_map(|(reading, kind)| {
            reading.errors.iter().map(move |error| ErrorRow {
                error_type: error.error_type.to_string(),
                operation: reading.series.name.to_string(),
                kind,
                count: error.total,
                last_window_count: error.windows[FIVE_MINUTES],
            })
        })
        .filter(|row| row.count > 0)
        .collect();
    rows.sort_by(|a, b| {
        (b.count, &a.operation, &a.error_type).cmp(&(a.count, &b.operation, &b.error_type))
    });
    rows
}

fn counter_rows(readings: &[Reading], uptime: f64) -> Vec<CounterRow> {
    let (_, minute) = WINDOWS[0];
    rows(readings, Instrument::Counter, |reading| {
        let scale = reading.series.scale;
        CounterRow {
            name: reading.series.name.to_string(),
            labels: reading.series.labels.clone(),
            unit: reading.series.unit.as_deref().map(str::to_owned),
            value: reading.value as f64 / scale,
            per_second: per_second(
                reading.windows[0].value as f64 / scale,
                uptime.min(minute as f64),
            ),
        }
    })
}

fn gauge_rows(readings: &[Reading]) -> Vec<GaugeRow> {
    rows(readings, Instrument::Gauge, |reading| GaugeRow {
        name: reading.series.name.to_string(),
        labels: reading.series.labels.clone(),
        unit: reading.series.unit.as_deref().map(str::to_owned),
        value: reading.level,
    })
}

fn histogram_rows(readings: &[Reading]) -> Vec<HistogramRow> {
    rows(readings, Instrument::Histogram, |reading| {
        let scale = reading.series.scale;
        HistogramRow {
            name: reading.series.name.to_string(),
            labels: reading.series.labels.clone(),
            unit: reading.series.unit.as_deref().map(str::to_owned),
            count: reading.distribution.count(),
            sum: reading.distribution.sum() as f64 / scale,
            mean: reading.distribution.mean() / scale,
            quantiles: Quantiles::of(&reading.distribution, scale),
            max: reading.distribution.max() as f64 / scale,
        }
    })
}

fn rows<Row>(
    readings: &[Reading],
    instrument: Instrument,
    row: impl Fn(&Reading) -> Row,
) -> Vec<Row> {
    readings
        .iter()
        .filter(|reading| reading.series.instrument == instrument)
        .map(row)
        .collect()
}

fn history(readings: &[Reading], started: u64, first_step: u64, now: u64) -> History {
    let mut steps: BTreeMap<u64, (Distribution, u64)> = BTreeMap::new();
    // A chart shows the quiet steps too, from the first that this process saw.
    let first = first_step.max(started - started % HISTORY_STEP);
    let mut start = first;
    while start <= now {
        steps.insert(start, (Distribution::new(), 0));
        start += HISTORY_STEP;
    }
    for step in readings.iter().flat_map(|reading| &reading.steps) {
        if let Some((distribution, errors)) = steps.get_mut(&step.start) {
            distribution.merge(&step.distribution);
            *errors += step.errors;
        }
    }
    let points = steps
        .into_iter()
        .map(|(start, (distribution, errors))| {
            let durations = durations(&distribution);
            let requests = distribution.count();
            HistoryPoint {
                timestamp: rfc3339(Duration::from_secs(start)),
                requests,
                errors,
                error_rate: percentage(errors, requests),
                p50_duration: durations.p50_duration,
                p95_duration: durations.p95_duration,
                p99_duration: durations.p99_duration,
            }
        })
        .collect();
    History {
        step_seconds: HISTORY_STEP,
        points,
    }
}

fn percentage(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    round(part as f64 * 100.0 / whole as f64, 2)
}

/// A rate over the time covered, at least a second: a service that is just up has no rate yet.
fn per_second(count: f64, covered: f64) -> f64 {
    round(count / covered.max(1.0), 3)
}

fn round(value: f64, decimals: i32) -> f64 {
    let scale = 10f64.powi(decimals);
    (value * scale).round() / scale
}

/// Writes whole numbers without a fraction, as the contract's example does.
fn plain<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        serializer.serialize_i64(*value as i64)
    } else {
        serializer.serialize_f64(*value)
    }
}
