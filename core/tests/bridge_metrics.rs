//! What code tells the `metrics` facade is recorded.
#![cfg(feature = "metrics-bridge")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::thread;

use metrics_facade::{
    Key, Label, Level, Metadata, Recorder, Unit, counter, describe_counter, describe_histogram,
    gauge, histogram, with_local_recorder,
};
use tallylight::bridge::MetricsRecorder;
use tallylight::metrics::SeriesSnapshot;
use tallylight::{Config, ErrorKind, InstrumentOptions, Labels, Tallylight};

fn bridge() -> (Tallylight, MetricsRecorder) {
    let tally = Tallylight::new(Config::default()).unwrap();
    let recorder = MetricsRecorder::new(&tally);
    (tally, recorder)
}

fn find(tally: &Tallylight, name: &str, labels: &[(&str, &str)]) -> SeriesSnapshot {
    let labels = Labels::from_pairs(labels.iter().copied()).unwrap();
    tally.snapshot().find(name, &labels).unwrap().clone()
}

#[test]
fn counters_gauges_and_histograms_are_recorded_with_their_labels() {
    let (tally, recorder) = bridge();
    with_local_recorder(&recorder, || {
        counter!("requests", "route" => "/a").increment(2);
        counter!("requests", "route" => "/b").increment(5);
        counter!("requests", "route" => "/a").increment(1);
        gauge!("queue").set(7.5);
        gauge!("queue").increment(2);
        gauge!("queue").decrement(10);
        histogram!("score").record(0.25);
        histogram!("score").record_many(0.75, 3);
    });
    assert_eq!(find(&tally, "requests", &[("route", "/a")]).value, 3.0);
    assert_eq!(find(&tally, "requests", &[("route", "/b")]).value, 5.0);
    assert_eq!(find(&tally, "queue", &[]).value, -0.5);
    let score = find(&tally, "score", &[]);
    assert_eq!((score.count(), score.distribution.sum()), (4, 2_500_000));
    assert_eq!(tally.drops().total(), 0);
}

#[test]
fn an_absolute_counter_adds_what_is_new_and_never_falls() {
    let (tally, recorder) = bridge();
    with_local_recorder(&recorder, || {
        for value in [10, 7, 25, 25, 3] {
            counter!("seen").absolute(value);
        }
    });
    assert_eq!(find(&tally, "seen", &[]).value, 25.0);
}

#[test]
fn what_was_described_before_the_first_use_is_kept() {
    let (tally, recorder) = bridge();
    with_local_recorder(&recorder, || {
        describe_counter!("sent", Unit::Bytes, "Bytes sent.");
        describe_histogram!("wait", Unit::Seconds, "Time in the queue.");
        describe_histogram!("size", Unit::Bytes, "Of a request.");
        counter!("sent").increment(1);
        histogram!("wait").record(1.5);
        histogram!("size").record(4e12);
        histogram!("query_seconds").record(0.000_000_001);
        histogram!("ratio").record(0.000_001);
    });
    let sent = find(&tally, "sent", &[]);
    assert_eq!(sent.unit.as_deref(), Some("By"));
    assert_eq!(sent.description.as_deref(), Some("Bytes sent."));
    for (name, unit, scale, kept) in [
        ("wait", Some("s"), 1e9, 1_500_000_000),
        ("size", Some("By"), 1.0, 4_000_000_000_000),
        ("query_seconds", Some("s"), 1e9, 1),
        ("ratio", None, 1e6, 1),
    ] {
        let series = find(&tally, name, &[]);
        assert_eq!(series.unit.as_deref(), unit, "{name}");
        assert_eq!(
            (series.scale, series.distribution.max()),
            (scale, kept),
            "{name}"
        );
    }
    assert_eq!(find(&tally, "wait", &[]).quantiles().p50, 1.5);
}

#[test]
fn a_handle_that_is_kept_counts_from_every_thread() {
    let (tally, recorder) = bridge();
    let (jobs, waits) = with_local_recorder(&recorder, || (counter!("jobs"), histogram!("waits")));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10_000 {
                    jobs.increment(1);
                    waits.record(1);
                }
            });
        }
    });
    assert_eq!(find(&tally, "jobs", &[]).value, 40_000.0);
    assert_eq!(find(&tally, "waits", &[]).count(), 40_000);
}

#[test]
fn bad_names_and_values_are_counted_drops() {
    let (tally, recorder) = bridge();
    with_local_recorder(&recorder, || {
        counter!("").increment(1);
        counter!("").absolute(1);
        gauge!("line\nend").set(1.0);
        gauge!("line\nend").increment(1.0);
        gauge!("line\nend").decrement(1.0);
        histogram!("x".repeat(201)).record(1.0);
        let labels: Vec<Label> = (0..33).map(|i| Label::new(format!("k{i}"), "v")).collect();
        counter!("crowded", labels).increment(1);
        counter!("twice", "key" => "a", "key" => "b").increment(1);
    });
    assert_eq!(tally.drops().total(), 8);
    assert_eq!(tally.snapshot().series.len(), 0);

    with_local_recorder(&recorder, || {
        histogram!("fine").record(f64::NAN);
        histogram!("fine").record(-1.0);
        histogram!("fine").record(f64::INFINITY);
        gauge!("level").set(f64::NAN);
        counter!("huge").increment(u64::MAX);
    });
    let drops = tally.drops();
    assert_eq!((drops.nan, drops.negative, drops.infinite), (2, 1, 1));
    assert_eq!(drops.clamped, 1);
}

#[test]
fn one_name_for_several_instruments_is_told_apart() {
    let (tally, recorder) = bridge();
    let options = InstrumentOptions::default();
    tally
        .gauge("shared", &Labels::new(), &options)
        .unwrap()
        .set(4.0);
    with_local_recorder(&recorder, || {
        counter!("shared").increment(3);
        histogram!("shared").record(2.0);
        gauge!("shared").increment(1.0);
    });
    assert_eq!(find(&tally, "shared", &[]).value, 5.0);
    assert_eq!(
        find(&tally, "shared", &[("instrument", "counter")]).value,
        3.0
    );
    assert_eq!(
        find(&tally, "shared", &[("instrument", "histogram")]).count(),
        1
    );
    assert_eq!(tally.drops().total(), 0);
}

#[test]
fn a_label_with_a_value_per_request_ends_in_the_overflow_series() {
    let tally = Tallylight::new(Config {
        max_series: 10,
        ..Config::default()
    })
    .unwrap();
    let recorder = MetricsRecorder::new(&tally);
    let metadata = Metadata::new("", Level::INFO, None);
    let requests = 20_000;
    for request in 0..requests {
        let labels = vec![Label::new("id", request.to_string())];
        let key = Key::from_parts("requests", labels);
        recorder.register_counter(&key, &metadata).increment(1);
        if request % 1_000 == 0 {
            recorder.register_counter(&key, &metadata).absolute(1);
        }
    }
    let snapshot = tally.snapshot();
    assert_eq!(snapshot.series.len(), 11);
    let counted: f64 = snapshot.series.iter().map(|series| series.value).sum();
    // Past the handles that are kept, nobody knows what an absolute value adds to.
    let refused = tally.drops().total();
    assert_eq!(counted, f64::from(requests + 20) - refused as f64);
    assert_eq!(refused, 3);
}

#[test]
fn it_is_installed_once() {
    let (tally, recorder) = bridge();
    recorder.install().unwrap();
    let error = MetricsRecorder::new(&tally).install().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    counter!("installed").increment(1);
    assert_eq!(find(&tally, "installed", &[]).value, 1.0);
}
