//! The fields of the status document, as `docs/reference/status.schema.json` fixes them.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use crate::metrics::{Drops, Exemplar, Kind, Labels, Quantiles};
use crate::scrub::scrub_json_text;
#[cfg(feature = "secrets-aws")]
use crate::secrets::SecretsStatus;

/// The version of the document; fields may be added within it, none renamed or removed.
pub const SCHEMA_VERSION: u32 = 1;

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
    pub windows: Windows,
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
    /// The secret cache, without values.
    #[cfg(feature = "secrets-aws")]
    pub secrets: SecretsStatus,
    /// Tallylight's own state.
    pub telemetry: Telemetry,
}

impl Status {
    /// The document as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Only a map with keys that are no strings could fail, and there is none.
        scrub_json_text(&serde_json::to_string(self).unwrap_or_default()).into_owned()
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

/// The rolling windows, shortest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Windows(pub(super) Vec<(&'static str, WindowFigures)>);

impl Windows {
    /// The window of that name: `1m`, `5m` or `1h`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&WindowFigures> {
        self.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, figures)| figures)
    }

    /// Names and windows, shortest first.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &WindowFigures)> {
        self.0.iter().map(|(name, figures)| (*name, figures))
    }
}

impl Serialize for Windows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
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
    /// Real requests of the last hour, slowest first; those of traces that were captured.
    pub exemplars: Vec<ExemplarRow>,
    /// The rolling windows.
    pub windows: Windows,
}

/// A real request, and where it stands among those of the last hour.
#[derive(Debug, Clone, PartialEq)]
pub struct ExemplarRow {
    /// The request.
    pub exemplar: Exemplar,
    /// The highest of 0.5, 0.9, 0.95, 0.99 and 0.999 that it reaches, else 0: the last one in the list
    /// that reaches 0.95 is the request to look at for the P95.
    pub quantile: f64,
}

impl Serialize for ExemplarRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.exemplar.write(serializer, Some(self.quantile))
    }
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
    pub windows: Windows,
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
    /// Where everything is that was captured.
    #[cfg(feature = "sentry")]
    #[serde(flatten)]
    pub delivery: crate::errors::Delivery,
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

/// Writes whole numbers without a fraction, as the contract's example does.
fn plain<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        serializer.serialize_i64(*value as i64)
    } else {
        serializer.serialize_f64(*value)
    }
}
