//! What nobody should send, and what happens then.
#![cfg(feature = "metrics")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use tallylight::metrics::{MAX_ERROR_TYPES, OTHER_ERROR, OVERFLOW_SERIES};
use tallylight::{Config, ErrorKind, InstrumentOptions, Kind, Labels, Tallylight};

fn instance(config: Config) -> Tallylight {
    Tallylight::new(config).unwrap()
}

#[test]
fn a_million_label_values_stay_within_the_cap() {
    let tally = instance(Config::default());
    let registrations = 1_000_000u64;
    for n in 0..registrations {
        let labels = Labels::from_pairs([("user", n.to_string())]).unwrap();
        tally
            .operation("op", &labels, Kind::Server)
            .unwrap()
            .record_ns(1000);
    }
    let status = tally.status();
    assert_eq!(status.metrics.total_requests, registrations);
    assert_eq!(status.telemetry.series, 2_001);
    assert_eq!(tally.drops().overflowed, registrations - 2_000);
    assert!(status.telemetry.memory_bytes <= status.telemetry.max_memory_bytes);
    let overflow = tally
        .snapshot()
        .series
        .into_iter()
        .find(|series| series.name == OVERFLOW_SERIES)
        .unwrap();
    assert_eq!(overflow.count(), registrations - 2_000);
}

#[test]
fn each_kind_has_an_overflow_of_its_own_so_totals_stay_right() {
    let tally = instance(Config {
        max_series: 1,
        ..Config::default()
    });
    let none = Labels::new();
    tally
        .operation("first", &none, Kind::Server)
        .unwrap()
        .record_ms(1.0);
    tally
        .operation("second", &none, Kind::Server)
        .unwrap()
        .record_ms(1.0);
    tally
        .operation("third", &none, Kind::Model)
        .unwrap()
        .record_ms(1.0);
    tally
        .counter("c", &none, &InstrumentOptions::default())
        .unwrap()
        .add(3.0);
    let status = tally.status();
    assert_eq!(status.metrics.total_requests, 2);
    assert_eq!(status.models.total_calls, 1);
    assert_eq!(status.counters[0].value, 3.0);
}

#[test]
fn past_the_memory_cap_recordings_are_counted_drops() {
    let config = Config {
        max_memory_bytes: 1 << 20,
        ..Config::default()
    };
    let tally = instance(config);
    let mut recorded = 0u64;
    for n in 0..400 {
        let labels = Labels::from_pairs([("n", n.to_string())]).unwrap();
        let operation = tally.operation("op", &labels, Kind::Job).unwrap();
        for shift in 0..40 {
            operation.record_ns(1 << shift);
            recorded += 1;
        }
    }
    let status = tally.status();
    let counted: u64 = tally
        .snapshot()
        .series
        .iter()
        .map(|series| series.count())
        .sum();
    assert!(status.telemetry.memory_bytes <= 1 << 20);
    assert!(tally.drops().arena_full > 0);
    assert_eq!(counted + tally.drops().total(), recorded);
}

#[test]
fn error_types_are_bounded_by_operation() {
    let tally = instance(Config::default());
    let operation = tally.operation("op", &Labels::new(), Kind::Server).unwrap();
    operation.record_error_ms(1.0, &"long".repeat(100));
    for n in 0..1_000 {
        operation.record_error_ms(1.0, &format!("Error{n}"));
    }
    operation.record_error_ms(1.0, "");
    operation.record_error_ms(1.0, "with\u{0}control");
    let snapshot = tally.snapshot();
    let errors = &snapshot.series[0].errors_by_type;
    assert_eq!(errors.len(), MAX_ERROR_TYPES + 1);
    assert_eq!(errors.values().sum::<u64>(), 1_003);
    assert_eq!(errors[OTHER_ERROR], 1_003 - MAX_ERROR_TYPES as u64);
    assert_eq!(tally.drops().truncated, 1);
}

#[test]
fn the_same_name_as_something_else_is_a_conflict() {
    let tally = instance(Config::default());
    let none = Labels::new();
    tally.operation("x", &none, Kind::Server).unwrap();
    let kind = tally.operation("x", &none, Kind::Client).unwrap_err();
    let instrument = tally
        .counter("x", &none, &InstrumentOptions::default())
        .unwrap_err();
    assert_eq!(
        (kind.kind(), instrument.kind()),
        (ErrorKind::Conflict, ErrorKind::Conflict)
    );
    assert!(
        kind.to_string().contains("operation of kind server"),
        "{kind}"
    );
    let scaled = InstrumentOptions {
        scale: 1e6,
        ..InstrumentOptions::default()
    };
    tally.histogram("h", &none, &scaled).unwrap();
    let scale = tally
        .histogram("h", &none, &InstrumentOptions::default())
        .unwrap_err();
    assert_eq!(scale.kind(), ErrorKind::Conflict);
    for scale in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e-300, 1e300] {
        let options = InstrumentOptions {
            scale,
            ..InstrumentOptions::default()
        };
        let error = tally.histogram("bad", &none, &options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidValue);
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    for config in [
        Config {
            max_series: 0,
            ..Config::default()
        },
        Config {
            max_memory_bytes: 1,
            ..Config::default()
        },
        Config {
            tick: Duration::ZERO,
            ..Config::default()
        },
    ] {
        assert_eq!(
            Tallylight::new(config).unwrap_err().kind(),
            ErrorKind::InvalidConfig
        );
    }
}

#[test]
fn a_panic_inside_a_timed_closure_is_recorded_and_goes_on() {
    let tally = instance(Config::default());
    let operation = tally.operation("op", &Labels::new(), Kind::Job).unwrap();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        operation.time(|| panic!("boom"));
    }));
    assert!(caught.is_err());
    let snapshot = tally.snapshot();
    assert_eq!(snapshot.series[0].count(), 1);
    assert_eq!(snapshot.series[0].errors_by_type["panic"], 1);
}

#[test]
fn a_gauge_stays_a_number() {
    let tally = instance(Config::default());
    let none = Labels::new();
    let gauge = tally
        .gauge("g", &none, &InstrumentOptions::default())
        .unwrap();
    gauge.set(f64::MAX);
    gauge.add(f64::MAX);
    assert_eq!(tally.snapshot().series[0].value, f64::MAX);
    assert_eq!(tally.drops().infinite, 1);
}

#[test]
fn a_failure_is_never_counted_without_its_request() {
    let tally = instance(Config {
        max_memory_bytes: 1 << 20,
        ..Config::default()
    });
    let mut tried = 0u64;
    for n in 0..300 {
        let labels = Labels::from_pairs([("n", n.to_string())]).unwrap();
        let operation = tally.operation("op", &labels, Kind::Server).unwrap();
        for shift in 0..30 {
            operation.record_error(Duration::from_nanos(1 << shift), "E");
            tried += 1;
        }
    }
    let status = tally.status();
    assert!(tally.drops().arena_full > 0);
    assert!(status.metrics.total_errors <= status.metrics.total_requests);
    assert!(status.metrics.total_requests < tried);
}

#[test]
fn an_error_rate_never_passes_a_hundred_while_failures_pour_in() {
    let tally = instance(Config::default());
    let operation = tally.operation("op", &Labels::new(), Kind::Server).unwrap();
    let writer = {
        let operation = operation.clone();
        std::thread::spawn(move || {
            for _ in 0..20_000 {
                operation.record_error_ms(1.0, "E");
            }
        })
    };
    while !writer.is_finished() {
        let metrics = tally.status().metrics;
        assert!(metrics.total_errors <= metrics.total_requests);
    }
    writer.join().unwrap();
    assert_eq!(tally.status().metrics.error_rate, 100.0);
}

#[test]
fn blank_and_endless_texts_never_reach_the_document() {
    let tally = instance(Config {
        environment: Some(" ".to_owned()),
        service: Some(String::new()),
        release: Some("é".repeat(5_000)),
        ..Config::default()
    });
    let status = tally.status();
    assert!(!status.environment.trim().is_empty());
    assert_eq!(status.service.name, None);
    assert_eq!(status.service.release, Some("é".repeat(100)));
}
