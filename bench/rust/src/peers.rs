//! The peers, each by the cheapest call that its users can make: handles resolved ahead, values in the unit it takes.

use std::error::Error;
use std::hint::black_box;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use hdrhistogram::Histogram;
use histogram::AtomicHistogram;
use metrics_exporter_prometheus::PrometheusBuilder;
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::{Aggregation, Instrument, ManualReader, SdkMeterProvider, Stream};
use prometheus_client::metrics::histogram::{Histogram as ClientHistogram, NativeHistogramConfig};

use crate::rounds::Contender;

/// The row that our recording goals are measured against.
pub(crate) const HDR_PLAIN: &str = "hdrhistogram, plain";
/// The row that our goal at two threads is measured against.
pub(crate) const PROMETHEUS_CLIENT: &str = "prometheus-client, 11 buckets";
/// The row that our timer is measured against.
pub(crate) const TWO_INSTANTS: &str = "two std Instant reads";

/// One hour in nanoseconds: the range that the fixed-range histograms are made for.
const HIGHEST: u64 = 3_600_000_000_000;

/// Prometheus' default buckets, in seconds.
const BUCKETS: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

pub(crate) fn hdr(digits: u8) -> Result<Histogram<u64>, hdrhistogram::CreationError> {
    Histogram::new_with_bounds(1, HIGHEST, digits)
}

/// Precision as ours (128 buckets an octave) over one hour and a bit.
pub(crate) fn atomic() -> Result<AtomicHistogram, histogram::Error> {
    AtomicHistogram::new(7, 42)
}

/// The walk over the input without any recorder: what every other row includes.
pub(crate) fn bare_loop() -> Contender {
    Contender::peer("the loop alone", || {
        Box::new(|input| {
            for &ns in &input.ns {
                black_box(ns);
            }
        })
    })
    .note("what every row of this group includes")
}

pub(crate) fn recording() -> Result<Vec<Contender>, Box<dyn Error>> {
    let shared = Arc::new(atomic()?);
    let plain = hdr(2)?;
    let synced = Arc::new(Mutex::new(hdr(2)?.into_sync()));
    let mut contenders = vec![
        bare_loop(),
        Contender::peer("histogram, AtomicHistogram", move || {
            let histogram = Arc::clone(&shared);
            Box::new(move |input| {
                for &ns in &input.ns {
                    let _ = histogram.increment(ns);
                }
            })
        })
        .note("no sum, no maximum"),
        Contender::peer(HDR_PLAIN, move || {
            let mut histogram = plain.clone();
            Box::new(move |input| {
                for &ns in &input.ns {
                    let _ = histogram.record(ns);
                }
            })
        })
        .note("single-threaded by design: each thread has its own copy that no other can read; no sum"),
        Contender::peer("hdrhistogram, SyncHistogram recorder", move || {
            // Poisoning cannot happen: no recorder panics while it is made.
            let mut recorder = synced.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).recorder();
            Box::new(move |input| {
                for &ns in &input.ns {
                    let _ = recorder.record(ns);
                }
            })
        }),
    ];
    contenders.extend(prometheus_clients()?);
    contenders.extend(metrics_facade()?);
    contenders.extend(open_telemetry());
    Ok(contenders)
}

fn prometheus_clients() -> Result<Vec<Contender>, Box<dyn Error>> {
    let classic = ClientHistogram::new(BUCKETS);
    let native = ClientHistogram::new_native(NativeHistogramConfig::new(1.01));
    let options =
        prometheus::HistogramOpts::new("latency_seconds", "Latency.").buckets(BUCKETS.to_vec());
    let child =
        prometheus::HistogramVec::new(options, &["route"])?.with_label_values(&["/analyze"]);
    Ok(vec![
        Contender::peer(PROMETHEUS_CLIENT, move || {
            let histogram = classic.clone();
            Box::new(move |input| {
                for &seconds in &input.seconds {
                    histogram.observe(seconds);
                }
            })
        }),
        Contender::peer("prometheus-client, native histogram", move || {
            let histogram = native.clone();
            Box::new(move |input| {
                for &seconds in &input.seconds {
                    histogram.observe(seconds);
                }
            })
        })
        .note("the finest schema, 1.0027: the peer's only one under 1 %"),
        Contender::peer("prometheus, cached child", move || {
            let histogram = child.clone();
            Box::new(move |input| {
                for &seconds in &input.seconds {
                    histogram.observe(seconds);
                }
            })
        })
        .note("11 buckets"),
    ])
}

/// Installs the exporter as the process's `metrics` recorder: once in a process.
fn metrics_facade() -> Result<Vec<Contender>, Box<dyn Error>> {
    let handle = PrometheusBuilder::new().install_recorder()?;
    let macro_handle = handle.clone();
    let note = "keeps every sample until it is drained, which happens between runs, not timed";
    Ok(vec![
        Contender::peer("metrics + exporter-prometheus, cached handle", || {
            let histogram = metrics::histogram!("latency_cached_seconds", "route" => "/analyze");
            Box::new(move |input| {
                for &seconds in &input.seconds {
                    histogram.record(seconds);
                }
            })
        })
        .note(note)
        .settle(move || handle.run_upkeep()),
        Contender::peer("metrics + exporter-prometheus, macro", || {
            Box::new(|input| {
                for &seconds in &input.seconds {
                    metrics::histogram!("latency_seconds", "route" => "/analyze").record(seconds);
                }
            })
        })
        .note(note)
        .settle(move || macro_handle.run_upkeep()),
    ])
}

/// A meter with exponential histograms, and the provider that must outlive it.
pub(crate) fn exponential_meter() -> (SdkMeterProvider, opentelemetry::metrics::Meter) {
    let exponential = |_: &Instrument| {
        Stream::builder()
            .with_aggregation(Aggregation::Base2ExponentialHistogram {
                max_size: 160,
                max_scale: 20,
                record_min_max: true,
            })
            .build()
            .ok()
    };
    let provider = SdkMeterProvider::builder()
        .with_reader(ManualReader::builder().build())
        .with_view(exponential)
        .build();
    let meter = provider.meter("bench");
    (provider, meter)
}

fn open_telemetry() -> Vec<Contender> {
    let (provider, meter) = exponential_meter();
    let unbound = meter.f64_histogram("latency").with_unit("s").build();
    let bound = meter.f64_histogram("latency_bound").with_unit("s").build();
    let attributes = || [KeyValue::new("route", "/analyze")];
    vec![
        Contender::peer("opentelemetry_sdk, exponential", move || {
            // Without its provider an instrument records nowhere.
            let (histogram, attributes, provider) =
                (unbound.clone(), attributes(), provider.clone());
            Box::new(move |input| {
                let _ = &provider;
                for &seconds in &input.seconds {
                    histogram.record(seconds, &attributes);
                }
            })
        })
        .note("160 buckets, one attribute made ahead"),
        Contender::peer("opentelemetry_sdk, exponential, bound", move || {
            let histogram = bound.bind(&attributes());
            Box::new(move |input| {
                for &seconds in &input.seconds {
                    histogram.record(seconds);
                }
            })
        })
        .note("an experimental feature of this peer"),
    ]
}

/// What timing a call costs, its recording included where the peer records.
pub(crate) fn timing() -> Result<Vec<Contender>, Box<dyn Error>> {
    let plain = hdr(2)?;
    let options =
        prometheus::HistogramOpts::new("timed_seconds", "Latency.").buckets(BUCKETS.to_vec());
    let child = prometheus::Histogram::with_opts(options)?;
    Ok(vec![
        Contender::peer(TWO_INSTANTS, || {
            Box::new(|input| {
                for &ns in &input.ns {
                    let start = Instant::now();
                    black_box(ns);
                    black_box(start.elapsed());
                }
            })
        })
        .note("the clock alone, nothing is recorded"),
        Contender::peer("two std Instant reads + hdrhistogram, plain", move || {
            let mut histogram = plain.clone();
            Box::new(move |input| {
                for &ns in &input.ns {
                    let start = Instant::now();
                    black_box(ns);
                    let _ = histogram.record(start.elapsed().as_nanos() as u64);
                }
            })
        }),
        Contender::peer("prometheus, start_timer", move || {
            let histogram = child.clone();
            Box::new(move |input| {
                for &ns in &input.ns {
                    let timer = histogram.start_timer();
                    black_box(ns);
                    timer.observe_duration();
                }
            })
        }),
    ])
}
