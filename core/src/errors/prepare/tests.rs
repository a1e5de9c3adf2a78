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

fn fingerprint(event: &Value) -> u64 {
    prepare(Category::Error, &event.to_string(), &config())
        .unwrap()
        .fingerprint
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
fn values_under_sensitive_names_are_redacted_wherever_an_application_names_them() {
    let event = prepared(&json!({
        "extra": {"password": "hunter2", "ok": 1, "nested": {"apiKey": {"a": [1, 2]}, "has_token": true, "token": null}},
        "contexts": {"session": {"id": "kept", "auth": "x"}, "trace": {"trace_id": "a", "token": "x"}},
        "tags": [["authorization", "x"], ["route", "/"]],
        "user": {"id": 1, "sessionid": "x", "data": {"secret": "x"}},
        "request": {
            "url": "https://u:p@h/?token=x&page=1",
            "headers": {"Cookie": "a=b", "X-Api-Key": "k", "Accept": "*/*", "X-Forwarded-For": "1.2.3.4"},
            "cookies": {"theme": "dark"},
            "query_string": [["token", "x"], ["page", "1"]],
            "data": {"passwd": "x", "name": "n"},
            "env": {"REMOTE_ADDR": "1.2.3.4", "DATABASE_URL": "postgres://u:p@h/d", "SERVER_PORT": "80"},
        },
        "breadcrumbs": [{"message": "GET /?access_token=x", "data": {"csrf_token": "x", "url": "http://h"}}],
        "exception": [{"type": "E", "value": "no", "mechanism": {"type": "m", "data": {"secret": "x"}}, "stacktrace": {"frames": [
            {"function": "password", "vars": {"password": "'hunter2'", "n": "1", "config": "{'api_key': 'x'}"}},
        ]}}],
        "spans": [{"op": "db", "description": "SELECT 1", "data": {"db.password": "x", "gen_ai.usage.input_tokens": 5}}],
    }));
    let filtered = |path: &str| assert_eq!(event.pointer(path).unwrap(), "[Filtered]", "{path}");
    for path in [
        "/extra/password",
        "/extra/nested/apiKey",
        "/contexts/session/auth",
        "/contexts/trace/token",
        "/tags/0/1",
        "/user/sessionid",
        "/user/data/secret",
        "/request/headers/Cookie",
        "/request/headers/X-Api-Key",
        "/request/headers/X-Forwarded-For",
        "/request/cookies/theme",
        "/request/query_string/0/1",
        "/request/data/passwd",
        "/request/env/REMOTE_ADDR",
        "/breadcrumbs/0/data/csrf_token",
        "/exception/0/mechanism/data/secret",
        "/exception/0/stacktrace/frames/0/vars/password",
        "/spans/0/data/db.password",
    ] {
        filtered(path);
        let note = event
            .pointer(&format!("/_meta{path}/"))
            .unwrap_or_else(|| panic!("no note of {path}"));
        assert_eq!(note["rem"][0][0], "@password:filter", "{path}");
    }
    assert_eq!(
        event["request"]["url"],
        "https://[Filtered]@h/?token=[Filtered]&page=1"
    );
    assert_eq!(
        event["request"]["env"]["DATABASE_URL"],
        "postgres://[Filtered]@h/d"
    );
    assert_eq!(
        event["breadcrumbs"][0]["message"],
        "GET /?access_token=[Filtered]"
    );
    assert_eq!(
        event["exception"][0]["stacktrace"]["frames"][0]["vars"]["config"],
        "{'api_key': '[Filtered]'}"
    );
    for (path, kept) in [
        ("/extra/ok", json!(1)),
        ("/extra/nested/has_token", json!(true)),
        ("/extra/nested/token", json!(null)),
        ("/contexts/session/id", json!("kept")),
        ("/tags/1/1", json!("/")),
        ("/request/headers/Accept", json!("*/*")),
        (
            "/exception/0/stacktrace/frames/0/function",
            json!("password"),
        ),
        ("/spans/0/data/gen_ai.usage.input_tokens", json!(5)),
        ("/request/env/SERVER_PORT", json!("80")),
    ] {
        assert_eq!(event.pointer(path).unwrap(), &kept, "{path}");
    }
}

#[test]
fn people_are_told_of_only_where_that_is_wanted() {
    let event = json!({
        "message": "mail to jane@example.com",
        "user": {"email": "jane@example.com", "ip_address": "1.2.3.4"},
        "request": {"cookies": "a=b; c=d", "headers": {"X-Real-Ip": "1.2.3.4"}},
    });
    let usual = prepared(&event);
    assert_eq!(usual["message"], "mail to [Filtered]");
    assert_eq!(usual["user"], event["user"]);
    assert_eq!(usual["request"]["cookies"], "a=[Filtered]; c=[Filtered]");
    assert_eq!(usual["request"]["headers"]["X-Real-Ip"], "[Filtered]");
    let wanted = ErrorsConfig {
        send_default_pii: true,
        ..config()
    };
    let text = event.to_string();
    let told = prepare(Category::Error, &text, &wanted).unwrap();
    let told: Value = serde_json::from_str(&told.json).unwrap();
    assert_eq!(told["message"], event["message"]);
    assert_eq!(told["request"]["headers"], event["request"]["headers"]);
}

#[test]
fn the_application_names_further_keys() {
    let config = ErrorsConfig {
        scrub_keys: vec!["patient".to_owned()],
        ..config()
    };
    let answer = prepare(
        Category::Error,
        r#"{"extra":{"patientName":"x","other":"y"},"message":"patient=x"}"#,
        &config,
    )
    .unwrap();
    let event: Value = serde_json::from_str(&answer.json).unwrap();
    assert_eq!(
        event["extra"],
        json!({"patientName": "[Filtered]", "other": "y"})
    );
    assert_eq!(event["message"], "patient=[Filtered]");
}

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
fn what_is_redacted_is_redacted_before_it_is_cut() {
    let text = format!("{} {}", "a".repeat(185), "4111111111111111");
    let event = prepared(&json!({"transaction": text}));
    let shown = event["transaction"].as_str().unwrap();
    assert!(!shown.contains("4111"), "{shown}");
    assert_eq!(
        event["_meta"]["transaction"][""]["rem"][0],
        json!(["@creditcard:filter", "s", 186, 196])
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

#[test]
fn notes_join_what_the_event_says_of_itself() {
    let event = prepared(&json!({
        "_meta": {"extra": {"a": {"": {"len": 5, "val": "secret original"}}}},
        "extra": {"a": "x", "password": "y"},
    }));
    assert_eq!(event["_meta"]["extra"]["a"][""], json!({"len": 5}));
    assert!(event["_meta"]["extra"]["password"][""]["rem"].is_array());
}

#[test]
fn escapes_hide_nothing() {
    let text = r#"{"message":"\u0070assword\u003dhunter2 jane\u0040example.com","extra":{"pass\u0077ord":"x"}}"#;
    let answer = prepare(Category::Error, text, &config()).unwrap();
    let event: Value = serde_json::from_str(&answer.json).unwrap();
    assert_eq!(event["message"], "password=[Filtered] [Filtered]");
    assert_eq!(event["extra"]["password"], "[Filtered]");
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

#[test]
fn an_attachment_is_scrubbed_as_text_or_of_what_is_known() {
    let text = prepare_bytes(b"log: password=hunter2\n", &config()).into_owned();
    assert_eq!(text, b"log: password=[Filtered]\n");
    let binary = [0xff, 0xfe, b'a'];
    assert!(matches!(prepare_bytes(&binary, &config()), Cow::Borrowed(it) if it == binary));
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

/// A secret that this process knows is in nothing that leaves, wherever it stood.
#[test]
fn a_known_secret_is_nowhere_in_what_leaves() {
    let canary = "canary-5f1Xq9/ZpV\"7wLmE2\\rT8";
    scrub::register(canary.as_bytes());
    let event = |c: &str| {
        json!({
            "message": format!("failed with {c}"), "transaction": c, "logger": c, "release": c, "environment": c, "server_name": c,
            "logentry": {"message": c, "params": [c]}, "fingerprint": [c], "tags": {"a": c, c: "b"}, "extra": {"a": c, c: 1, "b": {"c": [c]}},
            "user": {"id": c, "email": c, "plan": c}, "contexts": {"a": {"b": c}, "trace": {"trace_id": c, "data": {"x": c}}},
            "request": {"url": format!("https://h/{c}?a={c}"), "headers": {"X": c}, "query_string": format!("a={c}"), "data": c, "env": {"A": c}, "cookies": {"a": c}},
            "breadcrumbs": [{"message": c, "category": c, "data": {"a": c}}],
            "exception": [{"type": c, "value": format!("{}{c}", "x".repeat(8_180)), "mechanism": {"type": c, "data": {"a": c}}, "stacktrace": {"frames": [
                {"function": c, "filename": c, "vars": {"a": format!("'{c}'")}, "context_line": format!("x = '{c}'"), "pre_context": [c]}]}}],
            "spans": [{"op": c, "description": c, "data": {"a": c}, "tags": {"a": c}}], "_meta": {"extra": {"": {"val": c}}}, "modules": {c: c}, "unknown": {c: c},
        })
    };
    for category in [
        Category::Error,
        Category::Transaction,
        Category::CheckIn,
        Category::Session,
        Category::Profile,
    ] {
        let text = event(canary).to_string();
        let json = prepare(category, &text, &config())
            .unwrap()
            .json
            .into_owned();
        assert!(serde_json::from_str::<Value>(&json).is_ok());
        for part in ["canary-", "5f1Xq9", "7wLmE2", "rT8"] {
            assert!(!json.contains(part), "{category:?}: {part} in {json}");
        }
    }
    // Half a surrogate pair beside it hides nothing either.
    let text = format!(
        "{{\"message\":\"\\ud800 {}\"}}",
        canary.replace('\\', "\\\\").replace('"', "\\\"")
    );
    let json = prepare(Category::Error, &text, &config())
        .unwrap()
        .json
        .into_owned();
    assert!(!json.contains("5f1Xq9"), "{json}");
    let attachment = format!("log {canary}");
    assert!(
        !String::from_utf8_lossy(&prepare_bytes(attachment.as_bytes(), &config()))
            .contains("5f1Xq9")
    );
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
