//! Making the document: series merged by kind, figures read off, rounded.

use std::borrow::Cow;
use std::time::Duration;

use super::document::{
    CounterRow, Durations, ErrorRow, ExemplarRow, GaugeRow, HistogramRow, History, HistoryPoint,
    Models, OperationRow, Process, RequestFigures, SCHEMA_VERSION, Sentry, Service, Status,
    Telemetry, WindowFigures, Windows,
};
use crate::clock::rfc3339;
use crate::config::{self, Config, Environment};
#[cfg(feature = "sentry")]
use crate::errors::Errors;
use crate::metrics::{
    self, Distribution, Instrument, Kind, Quantiles, Reading, Registry, Steps, WINDOWS, layout,
};
#[cfg(feature = "secrets-aws")]
use crate::secrets::{Counts, Secrets};

const NANOS_PER_MILLI: f64 = 1e6;
/// Seconds of a point in the history, and of the whole.
const HISTORY_STEP: u64 = 10;
const HISTORY_SECONDS: u64 = 600;

/// What a document is made from.
pub(crate) struct Sources<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) config: &'a Config,
    pub(crate) environment: &'a Environment,
    /// Monotonic, like `started`.
    pub(crate) now: Duration,
    /// What a wall clock shows now.
    pub(crate) wall: Duration,
    pub(crate) started: Duration,
    #[cfg(feature = "sentry")]
    pub(crate) errors: &'a Errors,
    #[cfg(feature = "secrets-aws")]
    pub(crate) secrets: &'a Secrets,
    pub(crate) ticker_running: bool,
    pub(crate) ticker_panics: u64,
}

impl Sources<'_> {
    /// What a wall clock showed, or would have, at a monotonic second.
    fn wall_of(&self, second: u64) -> Duration {
        let ago = self.now.as_secs().saturating_sub(second);
        Duration::from_secs(self.wall.as_secs().saturating_sub(ago))
    }
}

pub(crate) fn build(sources: Sources<'_>) -> Status {
    let now = sources.now.as_secs();
    let first_step = (now - now % HISTORY_STEP).saturating_sub(HISTORY_SECONDS - HISTORY_STEP);
    let (readings, steps) = metrics::read(sources.registry, now, first_step, HISTORY_STEP);
    let uptime = sources.now.saturating_sub(sources.started).as_secs_f64();
    let size = sources.registry.size();
    let mut operations: Vec<OperationRow> = readings
        .iter()
        .filter_map(|reading| operation_row(reading, uptime))
        .collect();
    operations.sort_by(|a, b| (a.kind, &a.name, &a.labels).cmp(&(b.kind, &b.name, &b.labels)));
    Status {
        schema_version: SCHEMA_VERSION,
        timestamp: rfc3339(sources.wall),
        environment: sources.environment.name.clone(),
        environment_reason: sources.environment.reason.clone(),
        service: Service {
            name: sources.config.service.clone(),
            release: sources.config.release.clone(),
        },
        process: Process {
            pid: std::process::id(),
            runtime: config::runtime(),
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
        history: history(&readings, steps, &sources, first_step),
        #[cfg(feature = "sentry")]
        sentry: Sentry {
            enabled: sources.errors.is_enabled(),
            delivery: sources.errors.delivery(),
        },
        #[cfg(not(feature = "sentry"))]
        sentry: Sentry { enabled: false },
        #[cfg(feature = "secrets-aws")]
        secrets: sources
            .secrets
            .status_of(Counts::of(readings.iter().map(|reading| {
                (
                    &*reading.series.name,
                    &reading.series.labels,
                    u64::try_from(reading.value).unwrap_or(u64::MAX),
                )
            }))),
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

fn windows_of(readings: &[Reading], kind: Kind, uptime: f64) -> Windows {
    window_map(uptime, |at| {
        let mut total = Distribution::new();
        let mut errors = 0;
        for reading in readings.iter().filter(|reading| is_kind(reading, kind)) {
            total.merge(&reading.windows[at].distribution);
            errors += reading.error_window(at);
        }
        (Cow::Owned(total), errors)
    })
}

fn window_map<'a>(uptime: f64, read: impl Fn(usize) -> (Cow<'a, Distribution>, u64)) -> Windows {
    let windows = WINDOWS.iter().enumerate().map(|(at, (name, seconds))| {
        let covered = uptime.min(*seconds as f64);
        let (distribution, errors) = read(at);
        let window = WindowFigures {
            window_seconds: *seconds,
            covered_seconds: round(covered, 3),
            figures: figures(&distribution, errors, covered),
        };
        (*name, window)
    });
    Windows(windows.collect())
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
        exemplars: exemplar_rows(reading),
        windows: window_map(uptime, |at| {
            (
                Cow::Borrowed(&reading.windows[at].distribution),
                reading.error_window(at),
            )
        }),
    })
}

/// Judged by the last hour, as long as exemplars are kept.
fn exemplar_rows(reading: &Reading) -> Vec<ExemplarRow> {
    const MOST: usize = 8;
    const QUANTILES: [f64; 5] = [0.5, 0.9, 0.95, 0.99, 0.999];
    let Some(hour) = reading.windows.last() else {
        return Vec::new();
    };
    if reading.exemplars.is_empty() {
        return Vec::new();
    }
    let values = hour.distribution.values_at_quantiles(&QUANTILES);
    // What a quantile names is the top of a bucket, which no request in it may reach.
    let reached = |nanos: u64| {
        let most = layout::highest_of(layout::bucket_index(nanos));
        let mut steps = QUANTILES.iter().zip(&values);
        let highest = steps.rfind(|(_, value)| **value <= most);
        highest.map_or(0.0, |(quantile, _)| *quantile)
    };
    let rows = reading
        .exemplars
        .iter()
        .take(MOST)
        .map(|exemplar| ExemplarRow {
            exemplar: *exemplar,
            quantile: reached(exemplar.nanos()),
        });
    rows.collect()
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

fn history(
    readings: &[Reading],
    mut steps: Steps,
    sources: &Sources<'_>,
    first_step: u64,
) -> History {
    let started = sources.started.as_secs();
    // A chart shows the quiet steps too, from the first that this process saw.
    let mut start = first_step.max(started - started % HISTORY_STEP);
    while start <= sources.now.as_secs() {
        steps.entry(start).or_default();
        start += HISTORY_STEP;
    }
    let server = readings
        .iter()
        .filter(|reading| is_kind(reading, Kind::Server));
    let max = server.map(|reading| reading.distribution.max()).max();
    let points = steps
        .into_iter()
        .map(|(start, step)| {
            let (mut distribution, errors) = (step.distribution, step.errors);
            distribution.bound_max(max.unwrap_or(0));
            let durations = durations(&distribution);
            let requests = distribution.count();
            HistoryPoint {
                timestamp: rfc3339(sources.wall_of(start)),
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
