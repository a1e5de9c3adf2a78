//! The shared vectors of `tests/vectors`; see their README.
#![cfg(feature = "metrics")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use serde_json::Value;
use tallylight::{Config, DropReason, InstrumentOptions, Kind, Labels, Tallylight};

fn load(name: &str) -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/");
    let text = std::fs::read_to_string(format!("{path}{name}.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn cases(name: &str) -> Vec<Value> {
    load(name).as_array().unwrap().clone()
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        _ => value["chars"]
            .as_str()
            .unwrap()
            .repeat(value["times"].as_u64().unwrap() as usize),
    }
}

fn labels(value: &Value) -> Vec<(String, String)> {
    match value["labels"].as_u64() {
        Some(n) => (0..n).map(|i| (format!("k{i}"), "v".to_owned())).collect(),
        None => value
            .as_object()
            .unwrap()
            .iter()
            .map(|(key, value)| (key.clone(), text(value)))
            .collect(),
    }
}

fn instance() -> Tallylight {
    Tallylight::new(Config::default()).unwrap()
}

/// Every field of `expected` is in `actual`: floats to 9 digits, the rest exactly.
fn assert_holds(actual: &Value, expected: &Value, context: &str) {
    for (key, expected) in expected.as_object().unwrap() {
        if key == "status" {
            continue;
        }
        let actual = &actual[key];
        match (expected.as_u64(), expected.as_f64()) {
            (None, Some(expected)) => {
                let actual = actual.as_f64().unwrap();
                let tolerance = expected.abs() * 1e-9;
                assert!(
                    (actual - expected).abs() <= tolerance,
                    "{context}.{key}: {actual}, not {expected}"
                );
            }
            (Some(expected), _) => {
                assert_eq!(actual.as_f64().unwrap(), expected as f64, "{context}.{key}")
            }
            _ => assert_eq!(actual, expected, "{context}.{key}"),
        }
    }
}

#[test]
fn operations() {
    for case in cases("operations") {
        let (tally, name) = (instance(), case["name"].as_str().unwrap());
        let kind = Kind::parse(case["kind"].as_str().unwrap()).unwrap();
        let operation = tally.operation(name, &Labels::new(), kind).unwrap();
        for step in case["steps"].as_array().unwrap() {
            if let Some(error) = step.get("recordError") {
                operation.record_error_ms(number(&error[0]), error[1].as_str().unwrap());
            } else {
                for _ in 0..step["repeat"].as_u64().unwrap_or(1) {
                    operation.record_ms(number(&step["record"]));
                }
            }
        }
        let snapshot: Value = serde_json::from_str(&tally.snapshot().to_json()).unwrap();
        assert_holds(&snapshot["series"][0], &case["expect"], name);
        let status: Value = serde_json::from_str(&tally.status().to_json()).unwrap();
        assert_holds(&status["operations"][0], &case["expect"]["status"], name);
    }
}

#[test]
fn histograms_counters_and_gauges() {
    for case in cases("histograms") {
        let (tally, name) = (instance(), case["name"].as_str().unwrap());
        let options = InstrumentOptions {
            scale: number(&case["scale"]),
            ..Default::default()
        };
        let histogram = tally.histogram(name, &Labels::new(), &options).unwrap();
        for value in case["values"].as_array().unwrap() {
            histogram.record(number(value));
        }
        let snapshot: Value = serde_json::from_str(&tally.snapshot().to_json()).unwrap();
        assert_holds(&snapshot["series"][0], &case["expect"], name);
    }
    for case in cases("counters") {
        let (tally, name) = (instance(), case["name"].as_str().unwrap());
        let options = InstrumentOptions {
            scale: number(&case["scale"]),
            ..Default::default()
        };
        let counter = tally.counter(name, &Labels::new(), &options).unwrap();
        for amount in case["adds"].as_array().unwrap() {
            counter.add(number(amount));
        }
        let snapshot: Value = serde_json::from_str(&tally.snapshot().to_json()).unwrap();
        assert_holds(&snapshot["series"][0], &case["expect"], name);
    }
    for case in cases("gauges") {
        let (tally, name) = (instance(), case["name"].as_str().unwrap());
        let gauge = tally
            .gauge(name, &Labels::new(), &Default::default())
            .unwrap();
        for step in case["steps"].as_array().unwrap() {
            match step.get("set") {
                Some(value) => gauge.set(number(value)),
                None => gauge.add(number(&step["add"])),
            }
        }
        let snapshot: Value = serde_json::from_str(&tally.snapshot().to_json()).unwrap();
        assert_holds(&snapshot["series"][0], &case["expect"], name);
    }
}

#[test]
fn drops() {
    for case in cases("drops") {
        let (tally, none, default) = (instance(), Labels::new(), InstrumentOptions::default());
        let values: Vec<f64> = case["values"]
            .as_array()
            .unwrap()
            .iter()
            .map(number)
            .collect();
        match case["instrument"].as_str().unwrap() {
            "operation" => {
                let operation = tally.operation("x", &none, Kind::Internal).unwrap();
                values.iter().for_each(|value| operation.record_ms(*value));
            }
            "histogram" => {
                let histogram = tally.histogram("x", &none, &default).unwrap();
                values.iter().for_each(|value| histogram.record(*value));
            }
            "counter" => {
                let counter = tally.counter("x", &none, &default).unwrap();
                values.iter().for_each(|value| counter.add(*value));
            }
            _ => {
                let gauge = tally.gauge("x", &none, &default).unwrap();
                values.iter().for_each(|value| gauge.set(*value));
            }
        }
        let drops = serde_json::to_value(tally.drops()).unwrap();
        for reason in DropReason::ALL {
            let expected = case["drops"][reason.as_str()].as_u64().unwrap_or(0);
            assert_eq!(
                drops[reason.as_str()],
                expected,
                "{case} {}",
                reason.as_str()
            );
        }
        assert_eq!(drops["clamped"], case["clamped"], "{case}");
        let snapshot: Value = serde_json::from_str(&tally.snapshot().to_json()).unwrap();
        for key in ["count", "value"] {
            if let Some(expected) = case.get(key) {
                assert_eq!(
                    snapshot["series"][0][key].as_f64(),
                    expected.as_f64(),
                    "{case}"
                );
            }
        }
    }
}

#[test]
fn names() {
    let names = load("names");
    let list = |key: &str| names[key].as_array().unwrap().clone();
    let tally = instance();
    for name in list("valid") {
        tally
            .operation(&text(&name), &Labels::new(), Kind::Internal)
            .unwrap();
    }
    for name in list("invalidNames") {
        let error = tally
            .operation(&text(&name), &Labels::new(), Kind::Internal)
            .unwrap_err();
        assert_eq!(error.kind().code(), "invalid_name", "{name}");
    }
    for pairs in list("validLabels") {
        Labels::from_pairs(labels(&pairs)).unwrap();
    }
    for pairs in list("invalidLabels") {
        let error = Labels::from_pairs(labels(&pairs)).unwrap_err();
        assert_eq!(error.kind().code(), "invalid_label", "{pairs}");
    }
    for case in list("labelTexts") {
        let (value, expected) = (&case[0], case[1].as_str().unwrap());
        // A boolean's text is Rust's own.
        let text = match value.as_bool() {
            Some(value) => value.to_string(),
            None => tallylight::metrics::number_text(number(value)),
        };
        assert_eq!(text, expected, "{value}");
    }
    for kind in list("invalidKinds") {
        assert_eq!(
            Kind::parse(&text(&kind)).unwrap_err().kind().code(),
            "invalid_value"
        );
    }
}
