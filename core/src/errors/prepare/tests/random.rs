//! Events of any content: what comes out is JSON of bounded size that a second pass leaves alone.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

/// Names that mean something to the pass, and some that do not.
const NAMES: [&str; 64] = [
    "event_id",
    "timestamp",
    "platform",
    "level",
    "logger",
    "transaction",
    "release",
    "environment",
    "dist",
    "message",
    "logentry",
    "formatted",
    "params",
    "exception",
    "values",
    "type",
    "value",
    "module",
    "mechanism",
    "handled",
    "data",
    "stacktrace",
    "frames",
    "function",
    "filename",
    "abs_path",
    "lineno",
    "colno",
    "in_app",
    "vars",
    "context_line",
    "pre_context",
    "post_context",
    "instruction_addr",
    "image_addr",
    "threads",
    "breadcrumbs",
    "category",
    "tags",
    "extra",
    "user",
    "id",
    "email",
    "ip_address",
    "request",
    "url",
    "headers",
    "cookies",
    "query_string",
    "env",
    "contexts",
    "trace",
    "spans",
    "op",
    "description",
    "fingerprint",
    "modules",
    "sdk",
    "debug_meta",
    "_meta",
    "password",
    "api_key",
    "other",
    "",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-zA-Z0-9 ./:=?&@'\"\\\\{}-]{0,40}",
        1 => any::<String>(),
        1 => ("[a-z]{1,3}", 1..1_000usize).prop_map(|(part, times)| part.repeat(times)),
        1 => prop_oneof![
            Just("4111 1111 1111 1111".to_owned()), Just("password=hunter2".to_owned()), Just("https://u:p@h/?token=x".to_owned()),
            Just("jane@example.com".to_owned()), Just("Bearer abcDEF123456".to_owned()), Just("{\"secret\": \"x\"}".to_owned()),
            Just("-----BEGIN PRIVATE KEY-----\nx".to_owned()), Just("[Filtered]".to_owned()), Just("{{ default }}".to_owned()),
        ],
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![6 => proptest::sample::select(&NAMES[..]).prop_map(str::to_owned), 1 => text()]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        5 => text().prop_map(Value::from),
    ];
    leaf.prop_recursive(9, 200, 8, |inner| {
        prop_oneof![
            1 => proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            2 => proptest::collection::vec((name(), inner), 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn event() -> impl Strategy<Value = Value> {
    proptest::collection::vec((name(), value()), 0..12)
        .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_event_becomes_one_that_a_second_pass_leaves_alone(event in event()) {
        let text = event.to_string();
        let json = prepare(Category::Error, &text, &config()).unwrap().json.into_owned();
        prop_assert!(serde_json::from_str::<Map<String, Value>>(&json).is_ok(), "{json}");
        prop_assert!(json.len() <= 1_000_000);
        let again = prepare(Category::Error, &json, &config()).unwrap().json.into_owned();
        prop_assert_eq!(json, again);
    }

    #[test]
    fn nothing_leaks_from_what_an_application_put_there(value in value()) {
        let event = json!({
            "message": value, "extra": value, "contexts": {"a": value}, "tags": value,
            "request": {"data": value, "headers": value, "env": value},
            "breadcrumbs": [{"message": value, "data": value}],
            "exception": [{"type": "E", "value": value, "stacktrace": {"frames": [{"function": "f", "vars": value}]}}],
            "spans": [{"op": "x", "description": value, "data": value}],
        });
        let json = prepare(Category::Error, &event.to_string(), &config()).unwrap().json.into_owned();
        for secret in ["hunter2", "4111 1111", "jane@example", "abcDEF123456", "u:p@h"] {
            prop_assert!(!json.contains(secret), "{secret} in {json}");
        }
    }

    #[test]
    fn any_text_is_refused_or_becomes_json(text in ".{0,200}", cut in 0..2_000usize, byte in any::<u8>()) {
        let mut whole = error(2).to_string();
        while !whole.is_char_boundary(cut.min(whole.len())) {
            whole.pop();
        }
        whole.insert(cut.min(whole.len()), char::from(byte & 127));
        for text in [&text, &whole, &whole[..cut.min(whole.len())]] {
            if let Ok(prepared) = prepare(Category::Error, text, &config()) {
                prop_assert!(serde_json::from_str::<Value>(&prepared.json).is_ok(), "{text} became {}", prepared.json);
            }
        }
    }

    #[test]
    fn any_text_is_scrubbed_once_and_for_all(text in text()) {
        let once = prepare_bytes(text.as_bytes(), &config()).into_owned();
        let twice = prepare_bytes(&once, &config()).into_owned();
        prop_assert_eq!(String::from_utf8_lossy(&once), String::from_utf8_lossy(&twice));
    }
}

/// Writes what comes out of many events, for Sentry's own validation to read.
#[test]
#[ignore = "writes a file where TALLYLIGHT_EVENTS_OUT says"]
fn random_events_are_written_down() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut lines = String::new();
    for _ in 0..1_000 {
        let event = event().new_tree(&mut runner).unwrap().current();
        let json = prepare(Category::Error, &event.to_string(), &config())
            .unwrap()
            .json
            .into_owned();
        lines +=
            &json!({"event": event, "prepared": serde_json::from_str::<Value>(&json).unwrap()})
                .to_string();
        lines.push('\n');
    }
    std::fs::write(std::env::var_os("TALLYLIGHT_EVENTS_OUT").unwrap(), lines).unwrap();
}
