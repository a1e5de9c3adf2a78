mod identity;
mod random;
mod secrets;
mod sizes;

use serde_json::{Value, json};

use super::*;

fn config() -> ErrorsConfig {
    ErrorsConfig::default()
}

fn prepared(event: &Value) -> Value {
    let text = event.to_string();
    let prepared = prepare(Category::Error, &text, &config()).unwrap();
    let value: Value = serde_json::from_str(&prepared.json).unwrap();
    let again = prepare(Category::Error, &prepared.json, &config()).unwrap();
    let again: Value = serde_json::from_str(&again.json).unwrap();
    assert_eq!(value, again, "a second pass changes nothing");
    value
}

fn error(frames: usize) -> Value {
    let frame = |n: usize| json!({"function": format!("f{n}"), "filename": "app.js", "lineno": n, "colno": 3, "in_app": true});
    json!({
        "event_id": "0123456789abcdef0123456789abcdef",
        "timestamp": 1_790_000_000.5,
        "platform": "node",
        "level": "error",
        "exception": {"values": [{
            "type": "TypeError",
            "value": "x is not a function",
            "mechanism": {"type": "generic", "handled": true, "exception_id": 0},
            "stacktrace": {"frames": (0..frames).map(frame).collect::<Vec<_>>()},
        }]},
        "breadcrumbs": {"values": (0..20).map(|n| json!({"timestamp": 1_790_000_000 + n, "category": "console", "message": format!("step {n} done"), "data": {"logger": "console", "n": n}})).collect::<Vec<_>>()},
        "tags": {"route": "/api/analyze", "region": "eu"},
        "extra": {"attempt": 3},
        "contexts": {"trace": {"trace_id": "0123456789abcdef0123456789abcdef", "span_id": "0123456789abcdef"}},
        "user": {"id": "7", "email": "jane@example.com"},
    })
}

#[test]
fn an_ordinary_event_is_passed_on_as_it_is() {
    let text = error(10).to_string();
    let prepared = prepare(Category::Error, &text, &config()).unwrap();
    assert!(matches!(prepared.json, Cow::Borrowed(it) if std::ptr::eq(it, &*text)));
    assert_ne!(prepared.fingerprint, 0);
}

#[test]
fn what_is_no_json_object_is_refused() {
    for text in [
        "",
        " ",
        "null",
        "1",
        "\"a\"",
        "[]",
        "[{}]",
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":1}x",
        "{\"a\":01}",
        "{\"a\":tru}",
        "{a:1}",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{\"tags\":[[\"a\",]]}",
        "{\"a\":\"\\x\"}",
        "{\"a\":1}{}",
        "{\"exception\":{\"values\":[{\"type\":}]}}",
        "{\"password\":}",
        "{\"tags\":[[\"a\"",
        "\u{feff}{}",
    ] {
        for category in [
            Category::Error,
            Category::Transaction,
            Category::CheckIn,
            Category::Session,
            Category::Profile,
        ] {
            let answer = prepare(category, text, &config());
            assert_eq!(
                answer.err(),
                Some(DiscardReason::Invalid),
                "{category:?} {text}"
            );
        }
    }
    for category in Category::ALL {
        assert!(prepare(category, " { } ", &config()).is_ok());
    }
}

#[test]
fn what_a_server_refuses_is_mended() {
    let event = prepared(&json!({
        "level": "warn", "platform": "rust", "release": "a/b\n", "environment": "none", "dist": "a b", "logger": "a\nb",
        "fingerprint": "one", "tags": {"a/é": "x\ny", "empty": "", "list": [1, 2]},
        "contexts": {"a": "text", "b": [1], "c": null}, "extra": "text",
        "exception": {"values": [{"stacktrace": {"frames": []}}, {"type": null, "value": "v", "stacktrace": {"frames": [{"lineno": -1, "colno": 3}]}}, {}]},
        "breadcrumbs": [{"level": "log", "data": "text"}],
    }));
    let wanted = json!({
        "level": "warning", "platform": "native", "release": "a-b", "environment": null, "dist": "a-b", "logger": "a b",
        "fingerprint": ["one"], "tags": {"a__": "x y", "empty": null, "list": "[1,2]"},
        "contexts": {"a": {"value": "text"}, "b": {"value": [1]}, "c": null}, "extra": {"value": "text"},
        "exception": {"values": [{"type": "Error", "stacktrace": null}, {"type": null, "value": "v", "stacktrace": {"frames": [{"lineno": null, "colno": 3}]}}, {"type": "Error"}]},
        "breadcrumbs": [{"level": "info", "data": {"value": "text"}}],
    });
    assert_eq!(event, wanted);
}

#[test]
fn what_other_languages_write_for_json_is_taken() {
    let text = "{\"message\":\"half \\ud83d and a\nbreak\",\"extra\":{\"n\":NaN,\"m\":-Infinity,\"big\":1e999,\"digits\":1E400,\"ok\":1e3}}";
    let answer = prepare(Category::Error, text, &config()).unwrap();
    let event: Value = serde_json::from_str(&answer.json).unwrap();
    assert_eq!(event["message"], "half \u{fffd} and a\nbreak");
    assert_eq!(
        event["extra"],
        json!({"n": null, "m": null, "big": "1e999", "digits": "1E400", "ok": 1e3})
    );
    assert!(prepare(Category::CheckIn, "{\"a\":NaN}", &config()).is_ok());
}

#[test]
fn depth_and_doubled_names_are_safe() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for place in [
            "extra",
            "exception",
            "tags",
            "spans",
            "contexts",
            "other",
            "_meta",
            "fingerprint",
            "breadcrumbs",
            "sdk",
            "threads",
            "user",
            "request",
            "logentry",
            "measurements",
        ] {
            let deep = format!(
                "{{\"{place}\":{}1{}}}",
                open.repeat(10_000),
                close.repeat(10_000)
            );
            let answer = prepare(Category::Error, &deep, &config()).unwrap();
            assert!(
                serde_json::from_str::<Value>(&answer.json).is_ok(),
                "{place}"
            );
        }
    }
    let doubled = r#"{"extra":{"password":"a","password":"b","a":1,"a":2},"extra":{"password":"c"},"message":"m","message":"password=d"}"#;
    let json = prepare(Category::Error, doubled, &config())
        .unwrap()
        .json
        .into_owned();
    for secret in ["\"a\",\"p", "\"b\"", "\"c\"", "=d"] {
        assert!(!json.contains(secret), "{json}");
    }
}

/// The cases that other tools check too: Sentry's own validation reads what is expected here.
#[test]
fn events_leave_as_the_shared_vectors_have_them() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/vectors/scrub_events.json"
    );
    let mut vectors: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let writes = std::env::var_os("TALLYLIGHT_WRITE_VECTORS").is_some();
    for case in vectors["cases"].as_array_mut().unwrap() {
        let config = ErrorsConfig {
            send_default_pii: case["sendDefaultPii"].as_bool().unwrap_or(false),
            ..config()
        };
        let category = Category::parse(case["category"].as_str().unwrap()).unwrap();
        let text = case["event"].to_string();
        let answer = prepare(category, &text, &config).unwrap();
        let event: Value = serde_json::from_str(&answer.json).unwrap();
        if writes {
            case["expect"] = event;
        } else {
            assert_eq!(event, case["expect"], "{}", case["name"]);
        }
    }
    if writes {
        // One case a line.
        let cases: Vec<String> = vectors["cases"]
            .as_array()
            .unwrap()
            .iter()
            .map(Value::to_string)
            .collect();
        std::fs::write(
            path,
            format!("{{\"cases\": [\n{}\n]}}\n", cases.join(",\n")),
        )
        .unwrap();
    }
}

/// Prints what a pass costs: `cargo test --release … prepare_costs -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn prepare_costs() {
    for (what, event) in [
        ("10 frames, 20 breadcrumbs", error(10)),
        ("50 frames", error(50)),
    ] {
        let text = event.to_string();
        let mut took: Vec<_> = (0..20_000)
            .map(|_| {
                let started = std::time::Instant::now();
                std::hint::black_box(
                    prepare(Category::Error, std::hint::black_box(&text), &config()).is_ok(),
                );
                started.elapsed()
            })
            .collect();
        took.sort();
        println!(
            "{what}: {} bytes, median {:?}, p99 {:?}",
            text.len(),
            took[took.len() / 2],
            took[took.len() * 99 / 100]
        );
    }
}
