//! The status document: its schema, its windows, its history.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;
use tallylight::clock::Clock;
use tallylight::errors::EventId;
use tallylight::secrets::{Request, SealKey, SecretsConfig};
use tallylight::trace::{Measured, TraceId};
use tallylight::{Config, InstrumentOptions, Kind, Labels, Tallylight};

/// 2026-11-24T12:00:00Z.
const NOON: u64 = 1_795_521_600_000;

struct Fixture {
    tally: Tallylight,
    millis: Arc<AtomicU64>,
}

impl Fixture {
    fn new() -> Self {
        let millis = Arc::new(AtomicU64::new(NOON));
        let config = Config {
            environment: Some("test".to_owned()),
            service: Some("fixture".to_owned()),
            ..Config::default()
        };
        let tally = Tallylight::with_clock(config, Clock::manual(Arc::clone(&millis))).unwrap();
        Self { tally, millis }
    }

    /// Lets time pass second by second, as the ticker sees it.
    fn pass(&self, seconds: u64, mut each: impl FnMut()) {
        for _ in 0..seconds {
            each();
            drop(self.tally.snapshot());
            self.millis.fetch_add(1_000, Ordering::Relaxed);
        }
    }

    fn document(&self) -> Value {
        serde_json::from_str(&self.tally.status().to_json()).unwrap()
    }
}

/// Within a bucket: a window knows its values no closer.
fn assert_near(actual: &Value, expected: f64) {
    let actual = actual.as_f64().unwrap();
    assert!(
        (actual - expected).abs() <= expected * 0.01,
        "{actual}, not {expected}"
    );
}

fn assert_valid(document: &Value) {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/reference/status.schema.json"
    );
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn an_empty_document_is_valid_and_all_zero() {
    let fixture = Fixture::new();
    let document = fixture.document();
    assert_valid(&document);
    for block in [&document["metrics"], &document["windows"]["5m"]] {
        for (name, value) in block.as_object().unwrap() {
            if name != "windowSeconds" {
                assert_eq!(value, 0, "{name}");
            }
        }
    }
    assert_eq!(document["timestamp"], "2026-11-24T12:00:00.000Z");
    assert_eq!(document["environment"], "test");
}

#[test]
fn a_full_document_is_valid() {
    let fixture = Fixture::new();
    let none = Labels::new();
    for kind in Kind::ALL {
        let labels = Labels::from_pairs([("route", "/a")]).unwrap();
        let operation = fixture
            .tally
            .operation(&format!("op {}", kind.as_str()), &labels, kind)
            .unwrap();
        operation.record_ms(12.3456);
        operation.record_error_ms(1.0, "TimeoutError");
    }
    let scaled = InstrumentOptions {
        unit: Some("{dollar}".to_owned()),
        scale: 1e6,
        description: None,
    };
    fixture
        .tally
        .counter("cost", &none, &scaled)
        .unwrap()
        .add(0.25);
    fixture
        .tally
        .gauge("level", &none, &scaled)
        .unwrap()
        .set(-1.5);
    fixture
        .tally
        .histogram("size", &none, &scaled)
        .unwrap()
        .record(3.5);
    fixture.pass(70, || {});
    let document = fixture.document();
    assert_valid(&document);
    assert_eq!(document["metrics"]["totalRequests"], 2);
    assert_eq!(document["metrics"]["errorRate"], 50);
    assert_eq!(document["models"]["totalCalls"], 2);
    assert_eq!(document["errors"].as_array().unwrap().len(), 5);
    assert_eq!(document["counters"][0]["value"], 0.25);
    assert_eq!(document["gauges"][0]["value"], -1.5);
    assert_eq!(document["histograms"][0]["max"], 3.5);
}

#[test]
fn the_contracts_example_reads_as_the_contract_says() {
    let fixture = Fixture::new();
    let operation = fixture
        .tally
        .operation("op", &Labels::new(), Kind::Server)
        .unwrap();
    for n in 0..1523 {
        if n < 4 {
            operation.record_error_ms(245.0, "E");
        } else {
            operation.record_ms(245.0);
        }
    }
    let metrics = &fixture.document()["metrics"];
    assert_eq!(metrics["totalRequests"], 1523);
    assert_eq!(metrics["avgDuration"], 245);
    assert_eq!(metrics["p95Duration"], 245);
    assert_eq!(metrics["totalErrors"], 4);
    assert_eq!(metrics["errorRate"], 0.26);
    let text = fixture.tally.status().to_json();
    assert!(
        text.contains("\"avgDuration\":245,"),
        "whole numbers have no fraction"
    );
}

#[test]
fn windows_forget_and_totals_do_not() {
    let fixture = Fixture::new();
    let operation = fixture
        .tally
        .operation("op", &Labels::new(), Kind::Server)
        .unwrap();
    // A slow, failing minute, then quiet fast ones.
    fixture.pass(60, || operation.record_error_ms(2000.0, "Slow"));
    let document = fixture.document();
    assert_eq!(
        document["windows"]["1m"]["totalRequests"], 59,
        "the newest second is empty yet"
    );
    assert_eq!(document["windows"]["1m"]["requestsPerSecond"], 0.983);

    fixture.pass(120, || operation.record_ms(10.0));
    let document = fixture.document();
    let windows = &document["windows"];
    assert_eq!(windows["1m"]["errorRate"], 0);
    assert_near(&windows["1m"]["p99Duration"], 10.0);
    assert_eq!(windows["5m"]["totalRequests"], 180);
    assert_eq!(windows["5m"]["errorRate"], 33.33);
    assert_near(&windows["5m"]["maxDuration"], 2000.0);
    assert_eq!(windows["5m"]["coveredSeconds"], 180);

    fixture.pass(400, || {});
    let windows = &fixture.document()["windows"];
    assert_eq!(windows["5m"]["totalRequests"], 0);
    assert_eq!(windows["5m"]["p95Duration"], 0);
    assert_eq!(windows["1h"]["totalRequests"], 180);

    fixture.pass(3_700, || {});
    let document = fixture.document();
    assert_eq!(document["windows"]["1h"]["totalRequests"], 0);
    assert_eq!(document["metrics"]["totalRequests"], 180);
    assert_eq!(document["metrics"]["errorRate"], 33.33);
    assert_eq!(document["telemetry"]["windowBytes"], 0);
}

#[test]
fn history_has_a_point_every_ten_seconds_quiet_ones_too() {
    let fixture = Fixture::new();
    let operation = fixture
        .tally
        .operation("op", &Labels::new(), Kind::Server)
        .unwrap();
    fixture.pass(30, || operation.record_ms(10.0));
    fixture.pass(30, || {});
    fixture.pass(30, || operation.record_error_ms(50.0, "E"));
    let document = fixture.document();
    assert_valid(&document);
    let points = document["history"]["points"].as_array().unwrap();
    let requests: Vec<u64> = points
        .iter()
        .map(|point| point["requests"].as_u64().unwrap())
        .collect();
    assert_eq!(requests, [10, 10, 10, 0, 0, 0, 10, 10, 10, 0]);
    assert_eq!(points[0]["timestamp"], "2026-11-24T12:00:00.000Z");
    assert_near(&points[0]["p95Duration"], 10.0);
    assert_eq!(points[6]["errorRate"], 100);
    fixture.pass(1_000, || operation.record_ms(1.0));
    let document = fixture.document();
    let points = document["history"]["points"].as_array().unwrap();
    assert_eq!(points.len(), 60);
    assert_eq!(points[30]["requests"], 10);
}

#[test]
fn a_model_calls_seconds_never_redden_the_service() {
    let fixture = Fixture::new();
    let none = Labels::new();
    fixture
        .tally
        .operation("GET /", &none, Kind::Server)
        .unwrap()
        .record_ms(20.0);
    fixture
        .tally
        .operation("model", &none, Kind::Model)
        .unwrap()
        .record_ms(9_000.0);
    let document = fixture.document();
    assert_eq!(document["metrics"]["p95Duration"], 20);
    assert_eq!(document["models"]["p95Duration"], 9_000);
}

#[test]
fn windows_stay_under_their_cap_and_lose_no_total() {
    let millis = Arc::new(AtomicU64::new(NOON));
    let config = Config {
        max_window_bytes: 1 << 17,
        ..Config::default()
    };
    let tally = Tallylight::with_clock(config, Clock::manual(Arc::clone(&millis))).unwrap();
    for second in 0..120u64 {
        for n in 0..50u64 {
            let labels = Labels::from_pairs([("n", n.to_string())]).unwrap();
            let operation = tally.operation("op", &labels, Kind::Server).unwrap();
            for value in 0..20 {
                operation.record_ns((1 + value) * (1 + n) * (1 + second) * 10_000);
            }
        }
        let status = tally.status();
        assert!(status.telemetry.window_bytes <= 1 << 17);
        millis.fetch_add(1_000, Ordering::Relaxed);
    }
    assert_eq!(tally.status().metrics.total_requests, 120 * 50 * 20);
}

#[test]
fn a_clock_that_goes_back_loses_nothing() {
    let fixture = Fixture::new();
    let operation = fixture
        .tally
        .operation("op", &Labels::new(), Kind::Server)
        .unwrap();
    fixture.pass(10, || operation.record_ms(1.0));
    fixture.millis.fetch_sub(5_000, Ordering::Relaxed);
    fixture.pass(10, || operation.record_ms(1.0));
    assert_eq!(fixture.document()["windows"]["5m"]["totalRequests"], 20);
}

#[test]
fn a_document_with_secrets_is_valid_and_shows_no_value() {
    let config = Config {
        environment: Some("production".to_owned()),
        secrets: SecretsConfig {
            region: Some("eu-west-1".to_owned()),
            // Nothing listens there.
            endpoint: Some("http://127.0.0.1:1".to_owned()),
            deadline: Duration::from_millis(500),
            cache_file: Some("/nonexistent/cache".into()),
            cache_key: Some(SealKey::parse(&"ab".repeat(32)).unwrap()),
            ..SecretsConfig::default()
        },
        ..Config::default()
    };
    let tally = Tallylight::new(config).unwrap();
    let canary = "canary-3f9c2d71-of-the-status";
    tally.secrets().set_override("mine", canary).unwrap();
    tally
        .secrets()
        .get_blocking(&Request::new("out-of-reach"))
        .unwrap_err();
    let labels = Labels::from_pairs([("password", canary)]).unwrap();
    tally
        .operation("leak", &labels, Kind::Server)
        .unwrap()
        .record_ms(1.0);
    let text = tally.status().to_json();
    assert!(!text.contains("canary"), "{text}");
    let document = serde_json::from_str(&text).unwrap();
    assert_valid(&document);
    let secrets = &document["secrets"];
    assert_eq!(secrets["cached"], 1);
    // Which failure it is depends on whether this machine has credentials.
    assert_eq!(
        secrets["failures"].as_object().unwrap().len(),
        1,
        "{secrets:#}"
    );
    assert_eq!(secrets["entries"][0]["source"], "override");
    assert_eq!(secrets["entries"][1]["state"], "missing");
    assert!(secrets["cacheFile"]["lastError"].is_string(), "{secrets:#}");
}

#[test]
fn exemplars_stand_with_their_operation() {
    let fixture = Fixture::new();
    let operation = fixture
        .tally
        .operation("GET /a", &Labels::new(), Kind::Server)
        .unwrap();
    for exponent in 0..20 {
        let measured = Measured {
            series: operation.id(),
            millis: f64::from(1 << exponent),
        };
        operation.record_ms(measured.millis);
        let traces = fixture.tally.traces();
        traces.exemplify(TraceId::random(), EventId(7), &[measured]);
    }
    let document = fixture.document();
    assert_valid(&document);
    let exemplars = document["operations"][0]["exemplars"].as_array().unwrap();
    assert_eq!(exemplars.len(), 8);
    assert_eq!(exemplars[0]["duration"], f64::from(1 << 19));
    assert_eq!(exemplars[0]["quantile"], 0.999);
}
