//! Which requests a rule is for, and what is counted of all that come.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::sync::{Arc, Barrier};
use std::thread;

use common::{Client, Upstream, get};
use fault_proxy::{FaultProxy, Mode, Rule};

fn started() -> (Upstream, FaultProxy) {
    let upstream = Upstream::start("first");
    let proxy = FaultProxy::start(&upstream.url).unwrap();
    (upstream, proxy)
}

#[test]
fn rule_is_for_its_operation_secret_region_and_count_alone() {
    let (_upstream, proxy) = started();
    let mut client = Client::connect(&proxy.url()).unwrap();
    let mut status = |operation: &str, region: &str, secret: &str| {
        client
            .send(operation, region, &format!("{{\"SecretId\":\"{secret}\"}}"))
            .unwrap();
        client.answer().unwrap().status
    };
    proxy
        .rules(vec![
            Rule::new(Mode::Throttle)
                .operation("GetSecretValue")
                .secret("a")
                .next(2),
            Rule::new(Mode::ServerError).region("eu-west-1"),
        ])
        .unwrap();
    assert_eq!(status("DescribeSecret", "us-east-1", "a"), 200);
    assert_eq!(status("GetSecretValue", "us-east-1", "b"), 200);
    assert_eq!(status("GetSecretValue", "eu-west-1", "b"), 500);
    assert_eq!(status("GetSecretValue", "us-east-1", "a"), 400);
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf";
    assert_eq!(status("GetSecretValue", "us-east-1", arn), 400);
    assert_eq!(status("GetSecretValue", "us-east-1", "a"), 200);
}

#[test]
fn denied_entry_of_a_batch_joins_its_errors_and_the_rest_is_asked() {
    let (upstream, proxy) = started();
    proxy
        .mode(Rule::new(Mode::AccessDenied).secret("b"))
        .unwrap();
    let mut client = Client::connect(&proxy.url()).unwrap();
    let mut batch = |list: &str| {
        client
            .send(
                "BatchGetSecretValue",
                "us-east-1",
                &format!("{{\"SecretIdList\":{list}}}"),
            )
            .unwrap();
        client.answer().unwrap().json()
    };
    let answer = batch(r#"["a","b","c"]"#);
    assert_eq!(answer["got"]["SecretIdList"], serde_json::json!(["a", "c"]));
    assert_eq!(answer["Errors"][0]["SecretId"], "b");
    assert_eq!(answer["Errors"][0]["ErrorCode"], "AccessDeniedException");
    let answer = batch(r#"["b"]"#);
    assert_eq!(answer["Errors"][0]["SecretId"], "b");
    assert_eq!(upstream.asked(), 1);
    proxy
        .mode(Rule::new(Mode::AccessDenied).operation("BatchGetSecretValue"))
        .unwrap();
    assert_eq!(batch(r#"["a"]"#)["__type"], "AccessDeniedException");
}

#[test]
fn counts_tell_operations_secrets_regions_and_modes_apart() {
    let (_upstream, proxy) = started();
    let mut client = Client::connect(&proxy.url()).unwrap();
    client.get("a").unwrap();
    proxy.mode(Rule::new(Mode::Throttle).next(1)).unwrap();
    client.get("a").unwrap();
    client
        .send(
            "BatchGetSecretValue",
            "eu-west-1",
            r#"{"SecretIdList":["a","b"]}"#,
        )
        .unwrap();
    client.answer().unwrap();
    let counts = proxy.counts();
    assert_eq!(
        (counts.total, counts.forwarded, counts.connections),
        (3, 2, 1)
    );
    assert_eq!(counts.operation("GetSecretValue"), 2);
    assert_eq!((counts.secret("a"), counts.secret("b")), (3, 1));
    assert_eq!(counts.call("GetSecretValue", "a"), 2);
    assert_eq!(counts.call("BatchGetSecretValue", "b"), 1);
    assert_eq!(counts.by_region["eu-west-1"], 1);
    assert_eq!((counts.mode(Mode::Throttle), counts.mode(Mode::Ok)), (1, 2));
    assert_eq!((counts.in_flight, counts.max_in_flight), (0, 1));
    proxy.reset().unwrap();
    assert_eq!((proxy.counts().total, proxy.requests().len()), (0, 0));
}

#[test]
fn no_body_and_no_authorization_is_kept() {
    let (_upstream, proxy) = started();
    let mut client = Client::connect(&proxy.url()).unwrap();
    client
        .send(
            "PutSecretValue",
            "us-east-1",
            r#"{"SecretId":"a","SecretString":"canary-value"}"#,
        )
        .unwrap();
    client.answer().unwrap();
    let kept = serde_json::to_string(&(proxy.requests(), proxy.counts())).unwrap();
    assert!(kept.contains("PutSecretValue"));
    assert!(!kept.to_lowercase().contains("canary"), "{kept}");
}

#[test]
fn thousand_connections_at_once_are_each_answered_and_counted() {
    let (upstream, proxy) = started();
    let url: Arc<str> = proxy.url().into();
    let together = Arc::new(Barrier::new(1_000));
    let clients: Vec<_> = (0..1_000)
        .map(|index| {
            let (url, together) = (Arc::clone(&url), Arc::clone(&together));
            thread::Builder::new()
                .stack_size(256 * 1024)
                .spawn(move || {
                    together.wait();
                    get(&url, &format!("secret-{index}")).unwrap().status
                })
                .unwrap()
        })
        .collect();
    for client in clients {
        assert_eq!(client.join().unwrap(), 200);
    }
    let counts = proxy.counts();
    assert_eq!(
        (counts.total, counts.connections, counts.in_flight),
        (1_000, 1_000, 0)
    );
    assert_eq!(upstream.asked(), 1_000);
    assert_eq!(counts.secret("secret-999"), 1);
}

#[test]
fn dropped_proxy_refuses_and_ends_what_hangs() {
    let (_upstream, proxy) = started();
    let url = proxy.url();
    proxy.mode(Rule::new(Mode::Hang)).unwrap();
    let mut client = Client::connect(&url).unwrap();
    client.send("GetSecretValue", "us-east-1", "{}").unwrap();
    while proxy.counts().in_flight == 0 {
        thread::yield_now();
    }
    drop(proxy);
    assert!(client.answer().is_err());
    assert!(Client::connect(&url).is_err());
}
