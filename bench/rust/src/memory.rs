//! What one series costs, in bytes, once it has seen a million log-normal latencies.
//!
//! Peers are weighed by the allocator, Tallylight by its own account of the arena and, for what lies outside of it, by the
//! allocator too.

use std::error::Error;

use histogram::AtomicHistogram;
use metrics_exporter_prometheus::PrometheusHandle;
use opentelemetry::KeyValue;
use prometheus_client::metrics::histogram::{Histogram as ClientHistogram, NativeHistogramConfig};
use tallylight::{Config, Kind, Labels, Operation, Tallylight};

use crate::counting::live_bytes;
use crate::input::{LONG_TAIL_SIGMA, TYPICAL_SIGMA, log_normal};
use crate::peers;
use crate::report::{Goal, Row};

const GROUP: &str = "Memory of one series after 1,000,000 latencies, per writer";
const SAMPLES: usize = 1_000_000;

/// The distributions that ours are weighed with; the peers' tables are of one size.
const WORKLOADS: [(&str, f64); 2] = [
    ("Tallylight, P99 3.2 x the median", TYPICAL_SIGMA),
    ("Tallylight, P99 10 x the median", LONG_TAIL_SIGMA),
];

/// Ours are weighed by many series: the arena grows by whole segments.
const SERIES: usize = 128;

/// Heap bytes that `make` leaves in use; what it answers is dropped after the weighing.
fn weigh<T>(make: impl FnOnce() -> Result<T, Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let before = live_bytes();
    let kept = make()?;
    let bytes = live_bytes() - before;
    drop(kept);
    Ok(bytes as f64)
}

fn row(name: &str, peer: bool, bytes: f64) -> Row {
    Row::of(GROUP, name, peer, 1, "bytes", vec![bytes])
}

pub(crate) fn peers() -> Result<Vec<Row>, Box<dyn Error>> {
    let latencies = log_normal(SAMPLES, TYPICAL_SIGMA);
    let seconds: Vec<f64> = latencies.iter().map(|&ns| ns as f64 / 1e9).collect();
    let mut rows = Vec::new();
    for digits in [2, 3] {
        let bytes = weigh(|| {
            let mut histogram = peers::hdr(digits)?;
            for &ns in &latencies {
                histogram.record(ns)?;
            }
            Ok(histogram)
        })?;
        rows.push(row(&format!("hdrhistogram, {digits} digits"), true, bytes).note("1 ns to 1 h"));
    }
    let atomic = weigh(|| -> Result<AtomicHistogram, Box<dyn Error>> {
        let histogram = peers::atomic()?;
        for &ns in &latencies {
            histogram.increment(ns)?;
        }
        Ok(histogram)
    })?;
    rows.push(row("histogram, AtomicHistogram", true, atomic).note("all writers share it"));
    let native = weigh(|| {
        let histogram = ClientHistogram::new_native(NativeHistogramConfig::new(1.01));
        for &value in &seconds {
            histogram.observe(value);
        }
        Ok(histogram)
    })?;
    rows.push(
        row("prometheus-client, native histogram", true, native).note("all writers share it"),
    );
    rows.push(open_telemetry(&seconds)?);
    rows.push(exporter(&seconds)?);
    Ok(rows)
}

fn open_telemetry(seconds: &[f64]) -> Result<Row, Box<dyn Error>> {
    let (provider, meter) = peers::exponential_meter();
    let bytes = weigh(|| {
        let histogram = meter.f64_histogram("weighed").with_unit("s").build();
        let attributes = [KeyValue::new("route", "/analyze")];
        for &value in seconds {
            histogram.record(value, &attributes);
        }
        Ok(histogram)
    })?;
    drop(provider);
    let note = "an instrument with one attribute set, 160 buckets; all writers share it";
    Ok(row("opentelemetry_sdk, exponential", true, bytes).note(note))
}

fn exporter(seconds: &[f64]) -> Result<Row, Box<dyn Error>> {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let handle: PrometheusHandle = recorder.handle();
    let bytes = weigh(|| {
        metrics::with_local_recorder(&recorder, || {
            let histogram = metrics::histogram!("weighed_seconds", "route" => "/analyze");
            for &value in seconds {
                histogram.record(value);
            }
        });
        Ok(())
    })?;
    handle.run_upkeep();
    let note = "grows with every sample until it is drained; all writers share it";
    Ok(row("metrics + exporter-prometheus, not drained", true, bytes).note(note))
}

/// What a further writer costs for each series that it records, and what the windows hold beside it.
pub(crate) fn ours() -> Result<Vec<Row>, Box<dyn Error>> {
    let mut rows = Vec::new();
    for (name, sigma) in WORKLOADS {
        let latencies = log_normal(SAMPLES, sigma);
        let tally = Tallylight::new(Config {
            max_memory_bytes: 1 << 30,
            ..Config::default()
        })?;
        let operations: Vec<Operation> = (0..SERIES)
            .map(|number| {
                let labels = Labels::from_pairs([("route", format!("/{number}"))])?;
                tally.operation("analyze", &labels, Kind::Server)
            })
            .collect::<Result<_, _>>()?;
        let each = |bytes: f64| bytes / SERIES as f64;
        // On a second thread, so that what the registry needs is not counted as a writer's.
        let (arena, heap) = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let arena = tally.status().telemetry.memory_bytes;
                let heap = live_bytes();
                for operation in &operations {
                    for &ns in &latencies {
                        operation.record_ns(ns);
                    }
                }
                let heap = live_bytes() - heap;
                (tally.status().telemetry.memory_bytes - arena, heap)
            });
            writer.join().unwrap_or_default()
        });
        let note = format!(
            "{:.0} in the arena, {:.0} in the thread's tables on the heap; under 1 % error, exact sum and maximum",
            each(arena as f64),
            each(heap as f64)
        );
        rows.push(
            row(name, false, each(arena as f64 + heap as f64))
                .note(note)
                .goals([Goal::limit("<= 8 KB", 8192.0)]),
        );
    }
    Ok(rows)
}
