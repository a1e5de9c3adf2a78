//! What is cut, and what the event says of it.

use serde_json::{Value, json};

use super::*;

#[test]
fn a_text_is_cut_to_size_and_says_how_long_it_was() {
    let event = prepared(&json!({
        "message": "é".repeat(10_000),
        "transaction": "x".repeat(300),
        "exception": [{"type": "E", "value": "v".repeat(1_000_000)}],
        "tags": {"a": "t".repeat(500)},
    }));
    assert_eq!(event["message"].as_str().unwrap().chars().count(), 8_192);
    assert!(event["message"].as_str().unwrap().ends_with("é..."));
    assert_eq!(
        event["_meta"]["message"][""],
        json!({"rem": [["!limit", "s", 16_378, 16_381]], "len": 10_000})
    );
    assert_eq!(
        event["exception"][0]["value"].as_str().unwrap().len(),
        8_192
    );
    assert_eq!(
        event["_meta"]["exception"]["0"]["value"][""]["len"],
        1_000_000
    );
    assert_eq!(event["tags"]["a"].as_str().unwrap().len(), 200);
    assert_eq!(
        event["_meta"]["transaction"][""]["rem"],
        json!([["!limit", "s", 197, 200]])
    );
}

#[test]
fn a_long_list_keeps_both_ends() {
    let exceptions: Vec<Value> = (0..10_000).map(|n| json!({"type": format!("E{n}"), "value": if n == 9_999 { "password=x" } else { "v" }})).collect();
    let event = prepared(&json!({"exception": {"values": exceptions}}));
    let values = event["exception"]["values"].as_array().unwrap();
    assert_eq!(values.len(), 50);
    assert_eq!(values[24]["type"], "E24");
    assert_eq!(values[25]["type"], "E9975");
    assert_eq!(values[49]["value"], "password=[Filtered]");
    let meta = &event["_meta"]["exception"]["values"];
    assert_eq!(meta[""]["len"], 10_000);
    assert!(meta["49"]["value"][""]["rem"].is_array());
    assert!(meta.get("9999").is_none());

    let event = prepared(&error(1_000));
    let frames = event
        .pointer("/exception/values/0/stacktrace/frames")
        .unwrap()
        .as_array()
        .unwrap();
    assert_eq!(frames.len(), 250);
    assert_eq!(frames[124]["function"], "f124");
    assert_eq!(frames[125]["function"], "f875");
}

#[test]
fn spans_and_breadcrumbs_are_limited() {
    let event = prepared(&json!({
        "spans": (0..1_500).map(|n| json!({"op": format!("o{n}")})).collect::<Vec<_>>(),
        "breadcrumbs": {"values": (0..1_500).map(|n| json!({"message": format!("m{n}")})).collect::<Vec<_>>()},
    }));
    assert_eq!(event["spans"].as_array().unwrap().len(), 1_000);
    assert_eq!(event["_meta"]["spans"][""]["len"], 1_500);
    let crumbs = event["breadcrumbs"]["values"].as_array().unwrap();
    assert_eq!(
        (crumbs.len(), &crumbs[0]["message"]),
        (1_000, &json!("m500"))
    );
}

#[test]
fn variables_and_extra_are_limited_in_size_and_depth() {
    let many: serde_json::Map<String, Value> = (0..200)
        .map(|n| (format!("k{n:03}"), json!("v".repeat(20))))
        .collect();
    let event = prepared(&json!({
        "exception": [{"type": "E", "stacktrace": {"frames": [{"function": "f", "vars": many}]}}],
        "extra": {"a": {"b": {"c": {"d": {"e": {"f": {"g": 1}}}}}}, "long": "x".repeat(100_000), "zlist": (0..100_000).collect::<Vec<_>>()},
    }));
    let frame = event.pointer("/exception/0/stacktrace/frames/0").unwrap();
    assert!(frame["vars"].to_string().len() <= 2_048);
    assert_eq!(
        event
            .pointer("/_meta/exception/0/stacktrace/frames/0/vars//len")
            .unwrap(),
        200
    );
    assert_eq!(event.pointer("/extra/a/b/c/d/e/f").unwrap(), "[Object]");
    assert_eq!(event["extra"]["long"].as_str().unwrap().len(), 16_384);
    assert!(event["extra"].to_string().len() <= 262_144);
    assert_eq!(event.pointer("/_meta/extra/zlist//len").unwrap(), 100_000);
}

#[test]
fn an_event_of_any_size_ends_under_a_megabyte() {
    let frame = json!({"function": "f".repeat(500), "abs_path": "p".repeat(900), "context_line": "c".repeat(900), "pre_context": ["p".repeat(900), "q".repeat(900)], "vars": {"v": "x".repeat(1_900)}});
    let exception = json!({"type": "E", "value": "v".repeat(8_000), "stacktrace": {"frames": vec![frame; 250]}});
    let extra: serde_json::Map<String, Value> = (0..30)
        .map(|n| (format!("k{n}"), json!("x".repeat(16_000))))
        .collect();
    let event = json!({"event_id": "0123456789abcdef0123456789abcdef", "exception": {"values": vec![exception; 50]}, "extra": extra});
    let out = prepared(&event);
    assert!(out.to_string().len() <= 1_000_000);
    assert_eq!(out["event_id"], event["event_id"]);
    assert!(
        out.pointer("/exception/values/0/stacktrace/frames/0/function")
            .is_some()
    );

    let extra: serde_json::Map<String, Value> = (0..16)
        .map(|n| (format!("k{n}"), json!("x".repeat(16_000))))
        .collect();
    let crumbs: Vec<Value> = (0..1_000)
        .map(|_| json!({"message": "m".repeat(900)}))
        .collect();
    let out = prepared(&json!({"message": "m", "extra": extra, "breadcrumbs": crumbs}));
    assert_eq!(out["breadcrumbs"], Value::Null);
    assert_eq!(
        out["_meta"]["breadcrumbs"][""]["rem"],
        json!([["!limit", "x"]])
    );
    assert!(out["extra"].is_object());
}

#[test]
fn too_much_of_what_cannot_go_is_refused() {
    let images = vec![json!({"type": "elf", "code_file": "x".repeat(200)}); 10_000];
    let text = json!({"message": "m", "debug_meta": {"images": images}}).to_string();
    assert_eq!(
        prepare(Category::Error, &text, &config()).err(),
        Some(DiscardReason::TooLarge)
    );
}
