//! What is redacted, where, and what stays.

use serde_json::{Value, json};

use super::*;

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
fn a_name_that_tells_of_a_person_is_redacted_too() {
    let event = prepared(&json!({
        "extra": {"jane@example.com": "password=x", "4111 1111 1111 1111": {"a": "token=x"}, "plain-name": 1},
        "tags": {"joe@example.com": "a"},
    }));
    let text = event.to_string();
    assert!(
        !text.contains("example.com") && !text.contains("4111"),
        "{text}"
    );
    assert_eq!(event["extra"]["plain-name"], 1);
    assert_eq!(event["tags"]["_Filtered_"], "a");
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
fn an_attachment_is_scrubbed_as_text_or_of_what_is_known() {
    let text = prepare_bytes(b"log: password=hunter2\n", &config()).into_owned();
    assert_eq!(text, b"log: password=[Filtered]\n");
    let binary = [0xff, 0xfe, b'a'];
    assert!(matches!(prepare_bytes(&binary, &config()), Cow::Borrowed(it) if it == binary));
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
