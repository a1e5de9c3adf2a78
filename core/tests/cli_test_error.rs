//! Transcripts of `tallylight test-error` against a receiver that takes, refuses, hangs and is not there.
#![cfg(all(feature = "cli", feature = "sentry"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

mod cli_support;
mod errors_support;

use std::process::Stdio;
use std::time::{Duration, Instant};

use cli_support::{end, interrupt, tallylight, unused_address};
use errors_support::{Folder, PATIENCE, config, event, next_id};
use sentry_receiver::{Answer, Mode, Receiver};
use serde_json::Value;
use tallylight::Tallylight;
use tallylight::errors::{Category, Item};

#[test]
fn help_has_examples_and_wrong_arguments_a_hint() {
    let ran = end(tallylight(["test-error", "--help"]));
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.contains("Examples:"), "{}", ran.out);
    for args in [
        ["test-error", "--timeout", "soon"],
        ["test-error", "--dsn", "https://example.com/1"],
    ] {
        let ran = end(tallylight(args));
        assert_eq!(
            (ran.code, ran.out.as_str()),
            (2, ""),
            "{args:?}: {}",
            ran.err
        );
        assert!(ran.err.contains("\nhint: "), "{args:?}: {}", ran.err);
    }
}

#[test]
fn a_test_error_is_delivered_and_its_id_is_the_servers() {
    let receiver = Receiver::start(0).unwrap();
    let mut command = tallylight(["test-error", "--json", "--message", "hello"]);
    command
        .env("SENTRY_DSN", receiver.dsn())
        .env("SENTRY_ENVIRONMENT", "staging")
        .env("SENTRY_RELEASE", "shop@9");
    let ran = end(command);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let said: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(said["delivered"], true);
    let items = receiver.items(Some("event"));
    assert_eq!(items.len(), 1);
    let event = &items[0].payload;
    assert_eq!(event["event_id"], said["eventId"]);
    assert_eq!(event["environment"], "staging");
    assert_eq!(event["release"], "shop@9");
    assert_eq!(event["tags"]["tallylight.test"], "true");
    assert_eq!(event["exception"]["values"][0]["value"], "hello");

    let ran = end(tallylight(["test-error", "--dsn", &receiver.dsn()]));
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(
        ran.out
            .starts_with(&format!("delivered: {}/1 took event ", receiver.url())),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains("key@"), "{}", ran.out);
}

#[test]
fn a_test_error_that_is_not_taken_says_why_and_what_to_do() {
    let receiver = Receiver::start(0).unwrap();
    let dsn = receiver.dsn();
    let refused = |status| Answer {
        status: Some(status),
        ..Answer::new(Mode::Status)
    };
    for (answer, said) in [
        (refused(401), "401"),
        (refused(403), "403"),
        (refused(404), "404"),
        (refused(413), "too_large"),
        (Answer::new(Mode::ServerError), "500"),
        (
            Answer {
                retry_after: Some(60),
                ..Answer::new(Mode::RateLimit)
            },
            "rate limit",
        ),
    ] {
        receiver.set(answer).unwrap();
        let started = Instant::now();
        let ran = end(tallylight(["test-error", "--timeout", "1s", "--dsn", &dsn]));
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{said}: {}", ran.err);
        assert!(ran.err.contains(said), "{said}: {}", ran.err);
        assert!(ran.err.contains("\nhint: "), "{}", ran.err);
        assert!(!ran.err.contains("key@"), "{}", ran.err);
        assert!(started.elapsed() < Duration::from_secs(20));
    }
    let gone = format!("http://key@{}/1", unused_address());
    let ran = end(tallylight([
        "test-error",
        "--timeout",
        "1s",
        "--dsn",
        &gone,
    ]));
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("cannot be reached"), "{}", ran.err);
    let ran = end(tallylight(["test-error"]));
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("there is no DSN") && ran.err.contains("SENTRY_DSN"),
        "{}",
        ran.err
    );
}

#[test]
fn a_test_error_ends_on_ctrl_c_while_the_server_hangs() {
    let receiver = Receiver::start(0).unwrap();
    receiver.mode(Mode::Hang).unwrap();
    let child = tallylight(["test-error", "--timeout", "60s", "--dsn", &receiver.dsn()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert!(receiver.wait_for(Duration::from_secs(20), |counts| counts.connections > 0));
    let started = Instant::now();
    interrupt(&child);
    let mut child = child;
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_test_error_leaves_nothing_that_is_delivered_later() {
    let folder = Folder::new("test-error");
    let receiver = Receiver::start(0).unwrap();
    receiver.mode(Mode::Down).unwrap();
    let mut command = tallylight(["test-error", "--timeout", "500ms"]);
    command
        .env("SENTRY_DSN", receiver.dsn())
        .env("TALLYLIGHT_SPOOL_DIR", folder.path());
    assert_eq!(end(command).code, 1);
    receiver.mode(Mode::Ok).unwrap();
    let tally = Tallylight::new(config(&receiver, &folder)).unwrap();
    let id = next_id();
    tally.errors().capture(&Item {
        category: Category::Error,
        id,
        payload: &event(id),
        trace: None,
        attachments: &[],
        profile: None,
    });
    // What a dead process left is taken over at the first capture, and delivered with it.
    assert!(receiver.wait_for(PATIENCE, |counts| counts.unique_events > 0));
    assert!(!receiver.wait_for(Duration::from_secs(1), |counts| counts.unique_events > 1));
    assert_eq!(
        receiver.event_ids().into_iter().collect::<Vec<_>>(),
        [id.to_string()]
    );
}
