//! Status documents for the tests.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::document::Document;
use super::fetch::Answer;
use super::model::Picture;
use super::time::Moment;
use super::view::View;

/// What kind of service the document tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Green,
    Yellow,
    Red,
    Empty,
    Hostile,
}

/// A whole document.
pub(crate) fn document(mood: Mood) -> String {
    value(mood).to_string()
}

/// A view that has just received `body`.
pub(crate) fn view_of(body: &str) -> View {
    let document = Document::parse(body).unwrap();
    let clock = document.time.unwrap_or(Moment(0));
    let mut view = View::new(
        "http://127.0.0.1:3000/api/monitoring/status".to_owned(),
        Duration::from_secs(1),
    );
    view.receive(
        Ok(Answer {
            body: body.to_owned(),
            document,
        }),
        Instant::now(),
        clock,
    );
    view
}

/// The picture of a document that has just come.
pub(crate) fn picture(mood: Mood) -> Picture {
    Picture::of(&view_of(&document(mood)), Instant::now())
}

/// Compares `text` with the approved file; with TALLYLIGHT_APPROVE set it becomes the approved one.
pub(crate) fn approve(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/snapshots")
        .join(name);
    if std::env::var_os("TALLYLIGHT_APPROVE").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let approved = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        text, approved,
        "{name} differs; if the new text is right, run with TALLYLIGHT_APPROVE=1"
    );
}

/// A whole document, to be changed further.
pub(crate) fn value(mood: Mood) -> Value {
    let (count, errors, rate, p95) = match mood {
        Mood::Green | Mood::Hostile => (24_060, 63, 0.26, 890.4),
        Mood::Yellow => (24_060, 195, 0.81, 1_812.0),
        Mood::Red => (24_060, 843, 3.5, 3_420.0),
        Mood::Empty => (0, 0, 0.0, 0.0),
    };
    let figures = |share: f64| {
        let on = if count == 0 { 0.0 } else { 1.0 };
        json!({
            "totalRequests": (f64::from(count) * share).round(), "avgDuration": 301.2 * on, "p50Duration": 210.4 * on,
            "p90Duration": 640.0 * on, "p95Duration": p95, "p99Duration": p95 * 1.6, "p999Duration": p95 * 2.4,
            "maxDuration": p95 * 3.0, "totalErrors": (f64::from(errors) * share).round(), "errorRate": rate,
            "requestsPerSecond": f64::from(count) / 300.0,
        })
    };
    let with = |mut figures: Value, window: f64| {
        figures["windowSeconds"] = json!(window);
        figures["coveredSeconds"] = json!(window);
        figures
    };
    let windows = json!({"1m": with(figures(0.2), 60.0), "5m": with(figures(1.0), 300.0), "1h": with(figures(10.0), 3600.0)});
    let operation = |name: &str, kind: &str, labels: Value| {
        let mut operation = figures(1.0);
        operation["name"] = json!(name);
        operation["kind"] = json!(kind);
        operation["labels"] = labels;
        operation["count"] = operation["totalRequests"].clone();
        operation["errors"] = operation["totalErrors"].clone();
        operation["windows"] = windows.clone();
        operation
    };
    let points: Vec<Value> = (0..60)
        .map(|step| {
            let wave = 1.0 + (f64::from(step) / 6.0).sin() / 4.0;
            json!({"timestamp": format!("2026-11-24T10:{:02}:{:02}Z", 20 + step / 6, step % 6 * 10), "requests": (f64::from(count) / 30.0 * wave).round(),
                   "errors": 2, "errorRate": rate, "p50Duration": 210.0 * wave, "p95Duration": p95 * wave, "p99Duration": p95 * 1.6 * wave})
        })
        .collect();
    let mut models = figures(0.9);
    models["totalCalls"] = models["totalRequests"].take();
    models["windows"] = windows.clone();
    let quiet = mood == Mood::Empty;
    let mut document = json!({
        "schemaVersion": 1, "timestamp": "2026-11-24T10:30:00.123Z", "environment": "production",
        "environmentReason": "TALLYLIGHT_ENVIRONMENT is set",
        "service": {"name": "cineview-ai-engine", "release": "1.4.2"},
        "process": {"pid": 4242, "runtime": "node", "sdkVersion": "0.1.0", "uptimeSeconds": 7_512.3},
        "metrics": figures(12.0), "windows": windows.clone(), "models": models,
        "operations": [operation("POST /analyze", "server", json!({"region": "eu"})), operation("chat flash", "model", json!({})), operation("nightly", "job", json!({}))],
        "errors": [
            {"type": "TimeoutError", "operation": "POST /analyze", "kind": "server", "count": 412, "lastWindowCount": 9},
            {"type": "HTTP 500", "operation": "chat flash", "kind": "model", "count": 87, "lastWindowCount": 0},
        ],
        "counters": [{"name": "tokens.in", "labels": {}, "unit": "token", "value": 1_204_332, "perSecond": 812.5}],
        "gauges": [{"name": "queue", "labels": {}, "unit": null, "value": -3.5}],
        "histograms": [{"name": "cost", "labels": {}, "unit": "USD", "count": 10, "sum": 1, "mean": 0.004, "p50": 0.003, "p90": 0.01, "p95": 0.012, "p99": 0.02, "p999": 0.02, "max": 0.02}],
        "history": {"stepSeconds": 10, "points": points}, "sentry": {"enabled": false},
        "telemetry": {"series": 12, "maxSeries": 2000, "shards": 3, "memoryBytes": 1_310_720, "maxMemoryBytes": 67_108_864, "windowBytes": 65_536,
                      "drops": {"nan": 3, "negative": 0}, "clamped": 0, "overflowed": 0, "truncated": 0, "tickerRunning": true, "tickerRestarts": 0},
    });
    if quiet {
        for (name, nothing) in [
            ("operations", json!([])),
            ("errors", json!([])),
            ("counters", json!([])),
            ("gauges", json!([])),
            ("histograms", json!([])),
        ] {
            document[name] = nothing;
        }
        document["history"]["points"] = json!([]);
        document["telemetry"]["drops"] = json!({});
    }
    if mood == Mood::Hostile {
        let bad = "\u{1b}[2J\u{1b}]0;owned\u{7}\r\n\u{9b}31m\u{202e}evil\u{200b}";
        document["service"]["name"] = json!(format!("{bad}{}", "分析".repeat(2_000)));
        document["environment"] = json!(bad);
        document["process"]["runtime"] = json!(format!("e{}", "\u{301}".repeat(500)));
        document["operations"][0]["name"] = json!(format!("{bad}{}", "分析".repeat(2_000)));
        document["operations"][0]["labels"] = json!({bad: bad});
        document["errors"][0]["type"] = json!(bad);
        document["errors"][0]["operation"] = json!("x".repeat(100_000));
        document["counters"][0]["unit"] = json!(bad);
        document["telemetry"]["drops"] = json!({bad: 1e300});
        document["metrics"]["maxDuration"] = json!(1e300);
        document["history"]["points"][3]["p99Duration"] = json!(1e300);
    }
    document
}
