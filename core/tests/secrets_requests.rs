//! What can be asked of a secret, by the vectors that every language answers alike.
#![cfg(feature = "secrets-aws")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod secrets_support;

use std::time::Duration;

use secrets_support::{name, tally};
use serde_json::Value;
use tallylight::secrets::{Request, SecretsConfig, Source, WithSecretError};
use tallylight::{Config, Error, ErrorKind, Tallylight};

fn vectors() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/vectors/secret_requests.json"
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The cases that Rust's types let somebody write.
fn cases(of: &Value) -> impl Iterator<Item = &Value> {
    let all = of.as_array().unwrap().iter();
    all.filter(|case| case["typed"] != true)
}

fn request<'a>(name: &'a str, options: &'a Value) -> Request<'a> {
    let text = |option: &str| options[option].as_str();
    let time = |option: &str| {
        let ms = options[option].as_f64()?;
        Some(Duration::try_from_secs_f64(ms / 1e3).unwrap())
    };
    Request {
        name,
        key: text("key"),
        stage: text("stage"),
        version: text("version"),
        max_age: time("maxAge"),
        deadline: time("deadline"),
    }
}

#[test]
fn a_request_that_is_none_is_refused_by_every_call_whatever_is_at_hand() {
    let vectors = vectors();
    let tally = tally(SecretsConfig::default());
    let secrets = tally.secrets();
    let warm = name("warm");
    let value = r#"{"a": "b", "deep": {"a": "b"}}"#;
    secrets.set_override(&warm, value).unwrap();
    for options in vectors["requests"]["valid"].as_array().unwrap() {
        let request = request(&warm, options);
        request.check().unwrap();
        secrets
            .get_blocking(&request)
            .unwrap_or_else(|error| panic!("{options}: {error}"));
    }
    for case in cases(&vectors["requests"]["invalid"]) {
        let request = request(&warm, &case["options"]);
        let refused = |answer: Result<(), Error>| {
            let error = answer.expect_err(&case.to_string());
            assert_eq!(error.kind(), ErrorKind::InvalidValue, "{case}: {error}");
            assert!(
                error.to_string().contains(case["says"].as_str().unwrap()),
                "{error}"
            );
        };
        refused(request.check());
        refused(secrets.get_blocking(&request).map(drop));
        refused(secrets.get_sync(&request).map(drop));
        refused(secrets.refresh_blocking(&request).map(drop));
        refused(secrets.both_blocking(&request).map(drop));
        assert!(secrets.peek(&request).is_none(), "{case}");
    }
}

#[test]
fn an_override_that_no_secret_can_be_is_refused_and_the_one_before_stands() {
    let vectors = vectors();
    let tally = tally(SecretsConfig::default());
    let name = name("override");
    tally.secrets().set_override(&name, "before").unwrap();
    for case in cases(&vectors["overrides"]) {
        let value = match &case["value"] {
            Value::String(text) => text.clone().into_bytes(),
            value => vec![b'x'; value["bytes"].as_u64().unwrap() as usize],
        };
        let error = tally.secrets().set_override(&name, value).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidValue, "{case}: {error}");
        assert!(
            error.to_string().contains(case["says"].as_str().unwrap()),
            "{error}"
        );
    }
    let secret = tally.secrets().get_sync(&Request::new(&name)).unwrap();
    assert_eq!(secret.reveal().unwrap(), "before");
}

#[test]
fn settings_that_cannot_be_are_refused() {
    for case in cases(&vectors()["settings"]) {
        let mut secrets = SecretsConfig::default();
        for (setting, value) in case["settings"].as_object().unwrap() {
            let millis = || Duration::from_millis(value.as_u64().unwrap());
            let text = || value.as_str().map(str::to_owned);
            match setting.as_str() {
                "deadline" => secrets.deadline = millis(),
                "ttl" => secrets.ttl = millis(),
                "concurrency" => secrets.concurrency = 0,
                "region" => secrets.region = text(),
                "secondRegion" => secrets.second_region = text(),
                "endpoint" => secrets.endpoint = text(),
                "roleArn" => secrets.role_arn = text(),
                _ => panic!("{setting}"),
            }
        }
        let config = Config {
            secrets,
            ..Config::default()
        };
        let error = Tallylight::new(config).expect_err(&case.to_string());
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{case}: {error}");
        assert!(
            error.to_string().contains(case["says"].as_str().unwrap()),
            "{error}"
        );
    }
}

#[test]
fn an_override_answers_whatever_is_asked_of_it() {
    let tally = tally(SecretsConfig::default());
    let secrets = tally.secrets();
    let name = name("override");
    secrets.set_override(&name, r#"{"a": "mine"}"#).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    let plain = Request::new(&name).key("a");
    for answer in [
        secrets.get_blocking(&plain.max_age(Duration::ZERO)),
        secrets.get_sync(&plain.max_age(Duration::ZERO)),
        secrets.refresh_blocking(&plain),
        secrets.refresh_blocking(&plain.stage("AWSPENDING")),
        secrets.both_blocking(&plain).map(|both| both.current),
    ] {
        let secret = answer.unwrap();
        assert_eq!(
            (secret.reveal().unwrap(), secret.source()),
            ("mine", Source::Override)
        );
    }
    // There is no newer one.
    let mut calls = 0;
    let refused = secrets.with_secret_blocking(
        &plain,
        |_| {
            calls += 1;
            Err::<(), _>(401)
        },
        |_| true,
    );
    assert!(matches!(refused, Err(WithSecretError::Call(401))));
    assert_eq!(calls, 1);
}
