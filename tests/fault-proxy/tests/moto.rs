//! The proxy before the server that it is made for. Outside `cargo xtask test` these tests say so and pass.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::time::{SystemTime, UNIX_EPOCH};

use fault_proxy::{FaultProxy, Mode, Rule, Service, moto};
use serde_json::{Value, json};

/// All suites share one moto, so each test has secrets of its own.
fn unique(name: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    format!(
        "fault-proxy/{name}-{}-{}",
        std::process::id(),
        now.as_nanos()
    )
}

macro_rules! moto_or_skip {
    () => {
        match moto() {
            Some(url) => url,
            None => {
                eprintln!("skipped: TALLYLIGHT_TEST_MOTO is unset; `cargo xtask test` sets it");
                return;
            }
        }
    };
}

fn read(service: &Service, input: &Value) -> (u16, Value) {
    service.call("GetSecretValue", input).unwrap()
}

#[test]
fn secret_is_rotated_behind_the_proxy() {
    let url = moto_or_skip!();
    let proxy = FaultProxy::start(&url).unwrap();
    let (behind, through) = (Service::new(&url), Service::new(proxy.url()));
    let name = unique("rotated");
    let first = behind.create(&name, "one").unwrap();
    let current = json!({ "SecretId": name, "VersionStage": "AWSCURRENT" });
    let previous = json!({ "SecretId": name, "VersionStage": "AWSPREVIOUS" });
    assert_eq!(read(&through, &current).1["SecretString"], "one");

    let second = behind.put_pending(&name, "two").unwrap();
    assert_eq!(read(&through, &current).1["SecretString"], "one");
    behind.promote(&name, &first, &second).unwrap();
    assert_eq!(read(&through, &current).1["SecretString"], "two");
    assert_eq!(read(&through, &previous).1["SecretString"], "one");
    assert_eq!(proxy.counts().call("GetSecretValue", &name), 4);
}

#[test]
fn regions_are_apart_and_only_one_of_them_fails() {
    let url = moto_or_skip!();
    let proxy = FaultProxy::start(&url).unwrap();
    let (here, there) = (
        Service::new(proxy.url()),
        Service::new(proxy.url()).region("eu-west-1"),
    );
    let name = unique("regional");
    here.create(&name, "here").unwrap();
    there.create(&name, "there").unwrap();
    proxy
        .mode(Rule::new(Mode::Unavailable).region("us-east-1"))
        .unwrap();
    let input = json!({ "SecretId": name });
    assert_eq!(read(&here, &input).0, 503);
    assert_eq!(read(&there, &input).1["SecretString"], "there");
}

#[test]
fn batch_has_an_error_for_each_secret_that_is_refused_or_missing() {
    let url = moto_or_skip!();
    let proxy = FaultProxy::start(&url).unwrap();
    let service = Service::new(proxy.url());
    let (good, denied, missing) = (unique("good"), unique("denied"), unique("missing"));
    service.create(&good, "good").unwrap();
    service.create(&denied, "never seen").unwrap();
    proxy
        .mode(Rule::new(Mode::AccessDenied).secret(&denied))
        .unwrap();
    let (status, answer) = service
        .call(
            "BatchGetSecretValue",
            &json!({ "SecretIdList": [good, denied, missing] }),
        )
        .unwrap();
    assert_eq!(status, 200);
    assert_eq!(answer["SecretValues"][0]["SecretString"], "good");
    assert_eq!(answer["SecretValues"].as_array().unwrap().len(), 1);
    let mut codes: Vec<&str> = answer["Errors"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|error| error["ErrorCode"].as_str())
        .collect();
    codes.sort_unstable();
    assert_eq!(
        codes,
        ["AccessDeniedException", "ResourceNotFoundException"]
    );
    assert!(!answer.to_string().contains("never seen"));
}

#[test]
fn deleted_secret_is_gone_and_a_missing_one_was_never_there() {
    let url = moto_or_skip!();
    let service = Service::new(&url);
    let name = unique("deleted");
    service.create(&name, "value").unwrap();
    service.delete(&name).unwrap();
    let (status, answer) = read(&service, &json!({ "SecretId": name }));
    assert!(status >= 400);
    assert_eq!(answer["__type"], "InvalidRequestException");
    let failure = service.put(&unique("missing"), "value").unwrap_err();
    assert!(failure.to_string().contains("ResourceNotFoundException"));
}
