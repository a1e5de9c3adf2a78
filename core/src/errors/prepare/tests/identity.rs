//! Which events count as copies of each other.

use serde_json::{Value, json};

use super::*;

fn fingerprint(event: &Value) -> u64 {
    prepare(Category::Error, &event.to_string(), &config())
        .unwrap()
        .fingerprint
}

#[test]
fn copies_have_one_fingerprint_and_distinct_errors_have_their_own() {
    let base = error(3);
    let set = |path: &str, value: Value| {
        let mut event = base.clone();
        *event.pointer_mut(path).unwrap() = value;
        event
    };
    for same in [
        set("/event_id", json!("f".repeat(32))),
        set("/timestamp", json!(1)),
        set("/user", json!({"id": 9})),
        set("/breadcrumbs", json!([])),
        set("/tags", json!({})),
        set("/extra", json!({"a": 1})),
        set("/contexts", json!({})),
    ] {
        assert_eq!(fingerprint(&same), fingerprint(&base));
    }
    let frame = "/exception/values/0/stacktrace/frames/0";
    for other in [
        set("/exception/values/0/type", json!("RangeError")),
        set("/exception/values/0/value", json!("y is not a function")),
        set(&format!("{frame}/lineno"), json!(99)),
        set(&format!("{frame}/function"), json!("g")),
        set(&format!("{frame}/filename"), json!("b.js")),
        set(&format!("{frame}/colno"), json!(99)),
    ] {
        assert_ne!(fingerprint(&other), fingerprint(&base));
    }
    // Three errors with one root cause.
    let chain = |top: &str| json!({"exception": {"values": [{"type": "Cause", "value": "c"}, {"type": top, "value": "t"}]}});
    assert_ne!(fingerprint(&chain("A")), fingerprint(&chain("B")));
    assert_ne!(
        fingerprint(&json!({"message": "a"})),
        fingerprint(&json!({"message": "b"}))
    );
    assert_eq!(
        fingerprint(&json!({"extra": {"a": 1}})),
        0,
        "nothing says that it is a copy"
    );
    let transaction =
        json!({"type": "transaction", "transaction": "t", "message": "m"}).to_string();
    assert_eq!(
        prepare(Category::Transaction, &transaction, &config())
            .unwrap()
            .fingerprint,
        0
    );
}

#[test]
fn the_application_says_what_is_one_problem() {
    let event = |fingerprint: Value, value: &str| json!({"exception": [{"type": "E", "value": value}], "fingerprint": fingerprint});
    assert_eq!(
        fingerprint(&event(json!(["one"]), "a")),
        fingerprint(&event(json!(["one"]), "b"))
    );
    assert_ne!(
        fingerprint(&event(json!(["one"]), "a")),
        fingerprint(&event(json!(["two"]), "a"))
    );
    let default = json!(["{{ default }}", "one"]);
    assert_ne!(
        fingerprint(&event(default.clone(), "a")),
        fingerprint(&event(default, "b"))
    );
}

#[test]
fn native_frames_are_told_by_their_place_in_the_module() {
    let event = |base: u64| json!({"exception": [{"type": "E", "stacktrace": {"frames": [{"instruction_addr": format!("{:#x}", base + 0x10), "image_addr": format!("{base:#x}")}]}}]});
    assert_eq!(
        fingerprint(&event(0x7000_0000)),
        fingerprint(&event(0x5000_0000))
    );
}
