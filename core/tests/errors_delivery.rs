//! What was captured arrives: once, whole, whatever the server does meanwhile.

#![cfg(feature = "sentry")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod errors_support;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use errors_support::{
    Folder, PATIENCE, capture, capture_text, config, event, next_id, tally, wait_until,
};
use sentry_receiver::{Answer, Mode, Receiver};
use serde_json::json;
use tallylight::Tallylight;
use tallylight::errors::{Attachment, Category, DiscardReason, Item, Outcome};

#[test]
fn an_event_arrives_once_and_whole() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("whole");
    let tally = tally(&receiver, &folder);
    tally
        .errors()
        .set_facts(r#"{"contexts":{"runtime":{"name":"node","version":"22"}}}"#)
        .unwrap();
    let id = next_id();
    let outcome = tally.errors().capture(&Item {
        category: Category::Error,
        id,
        payload: r#"{"message":"hello","extra":{"own":1},"contexts":{"app":{"name":"x"}}}"#,
        trace: Some("{\"trace_id\":\n\"771a43a4192642f0b136d5159a501700\"}"),
        attachments: &[Attachment {
            filename: "a.txt",
            content_type: Some("text/plain"),
            bytes: b"some text",
        }],
        profile: None,
    });
    assert_eq!(outcome, Outcome::Spooled);
    let answer = tally.errors().flush_blocking(PATIENCE);
    assert_eq!((answer.captured, answer.sent, answer.pending), (1, 1, 0));
    assert!(answer.durable && answer.waiting_for.is_none(), "{answer:?}");

    let items = receiver.items(None);
    let kinds: Vec<&str> = items.iter().map(|item| item.kind.as_str()).collect();
    assert_eq!(kinds, ["event", "attachment"]);
    let event = &items[0].payload;
    assert_eq!(event["event_id"], id.to_string());
    assert_eq!(event["release"], "app@1.2.3");
    assert_eq!(event["environment"], "test");
    assert_eq!(event["server_name"], "machine");
    assert_eq!(event["sdk"]["name"], "tallylight.rust");
    assert_eq!(event["contexts"]["runtime"]["version"], "22");
    assert_eq!(event["contexts"]["app"]["name"], "x");
    assert!(event["contexts"]["os"]["name"].is_string());
    assert!(event["timestamp"].as_f64().unwrap() > 1.6e9);
    assert_eq!(event["extra"], json!({ "own": 1 }));
    assert_eq!(items[0].envelope["event_id"], id.to_string());
    assert_eq!(
        items[0].envelope["trace"]["trace_id"],
        "771a43a4192642f0b136d5159a501700"
    );
    assert_eq!(items[1].payload, "some text");
    assert_eq!(items[1].headers["filename"], "a.txt");
    let request = &receiver.requests()[0];
    assert_eq!(request.headers["content-encoding"], "gzip");
    assert!(request.headers["x-sentry-auth"].contains("sentry_key=key"));
}

#[test]
fn each_category_is_an_item_of_its_type() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("categories");
    let tally = tally(&receiver, &folder);
    let id = next_id();
    tally.errors().capture(&Item {
        category: Category::Transaction,
        id,
        payload: r#"{"type":"transaction","transaction":"GET /","spans":[]}"#,
        trace: None,
        attachments: &[],
        profile: Some(r#"{"version":"1"}"#),
    });
    let check_in =
        r#"{"check_in_id":"83a7c03ed0a04e1b97e2e3b18d38f244","monitor_slug":"m","status":"ok"}"#;
    capture_text(&tally, Category::CheckIn, check_in);
    let session =
        r#"{"sid":"83a7c03ed0a04e1b97e2e3b18d38f244","status":"ok","attrs":{"release":"own"}}"#;
    capture_text(&tally, Category::Session, session);
    capture_text(&tally, Category::Session, r#"{"aggregates":[]}"#);
    assert_eq!(tally.errors().flush_blocking(PATIENCE).sent, 4);
    let payload = |kind| receiver.items(Some(kind))[0].payload.clone();
    assert_eq!(payload("transaction")["environment"], "test");
    assert_eq!(payload("profile")["version"], "1");
    assert_eq!(payload("check_in")["release"], "app@1.2.3");
    assert!(payload("check_in").get("server_name").is_none());
    assert_eq!(
        payload("session")["attrs"],
        json!({ "release": "own", "environment": "test" })
    );
    assert_eq!(payload("sessions")["attrs"]["release"], "app@1.2.3");
}

#[test]
fn an_outage_loses_nothing() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("outage");
    let tally = tally(&receiver, &folder);
    receiver.mode(Mode::Down).unwrap();
    let ids: HashSet<String> = (0..120).map(|_| capture(&tally).to_string()).collect();
    std::thread::sleep(Duration::from_millis(700));
    let waiting = tally.errors().delivery();
    assert_eq!((waiting.sent, waiting.pending), (0, 120));
    assert!(waiting.durable);
    let why = waiting.waiting_for.unwrap();
    assert!(
        why.contains("cannot be reached") && !why.contains("key@"),
        "{why}"
    );
    receiver.mode(Mode::ServerError).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    receiver.mode(Mode::Ok).unwrap();
    let answer = tally.errors().flush_blocking(PATIENCE);
    assert_eq!((answer.sent, answer.dropped, answer.pending), (120, 0, 0));
    assert_eq!(receiver.event_ids(), ids);
}

#[test]
fn a_server_out_of_order_is_asked_again() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("again");
    let tally = tally(&receiver, &folder);
    for mode in [Mode::ServerError, Mode::Refuse, Mode::Hang] {
        receiver.reset().unwrap();
        receiver
            .set(Answer {
                times: Some(2),
                ..Answer::new(mode)
            })
            .unwrap();
        capture(&tally);
        let answer = tally.errors().flush_blocking(PATIENCE);
        assert_eq!((answer.dropped, answer.pending), (0, 0), "{mode:?}");
        let counts = receiver.counts();
        assert_eq!((counts.requests, counts.unique_events), (3, 1), "{mode:?}");
    }
}

#[test]
fn a_burst_arrives_whole() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("burst");
    let tally = tally(&receiver, &folder);
    let ids: HashSet<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let tally = &tally;
                scope.spawn(move || {
                    let ids: Vec<String> = (0..1_000).map(|_| capture(tally).to_string()).collect();
                    ids
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|t| t.join().unwrap())
            .collect()
    });
    assert_eq!(ids.len(), 4_000);
    let answer = tally.errors().flush_blocking(Duration::from_secs(120));
    assert_eq!((answer.sent, answer.dropped, answer.pending), (4_000, 0, 0));
    assert_eq!(receiver.event_ids(), ids);
    assert_eq!(receiver.counts().malformed, 0);
}

#[test]
fn a_lost_answer_repeats_the_same_id() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("lost");
    let tally = tally(&receiver, &folder);
    receiver
        .set(Answer {
            times: Some(1),
            ..Answer::new(Mode::Lost)
        })
        .unwrap();
    let id = capture(&tally);
    assert_eq!(tally.errors().flush_blocking(PATIENCE).sent, 1);
    let counts = receiver.counts();
    assert_eq!((counts.unique_events, counts.repeated_events), (1, 1));
    assert!(receiver.event_ids().contains(&id.to_string()));
}

#[test]
fn close_takes_no_longer_than_its_limit_and_loses_nothing() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("hang");
    receiver.mode(Mode::Hang).unwrap();
    let first = tally(&receiver, &folder);
    for _ in 0..20 {
        capture(&first);
    }
    let started = Instant::now();
    let answer = first.errors().close_blocking(Duration::from_millis(400));
    let took = started.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!((answer.captured, answer.pending), (20, 20));
    assert!(answer.durable);
    let (_, outcome) = capture_text(&first, Category::Error, "{}");
    assert_eq!(outcome, Outcome::Discarded(DiscardReason::Closed));
    drop(first);

    receiver.mode(Mode::Ok).unwrap();
    let second = tally(&receiver, &folder);
    capture(&second);
    assert!(receiver.wait_for(PATIENCE, |counts| counts.unique_events == 21));
    // They are none of this process's.
    let answer = second.errors().close_blocking(PATIENCE);
    assert_eq!((answer.captured, answer.sent), (1, 1));
    assert_eq!(folder.files(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn close_sends_what_there_is() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("close");
    let tally = tally(&receiver, &folder);
    for _ in 0..60 {
        capture(&tally);
    }
    let answer = tally.errors().close_blocking(PATIENCE);
    assert_eq!((answer.captured, answer.sent, answer.pending), (60, 60, 0));
    assert_eq!(receiver.counts().unique_events, 60);
}

#[test]
fn a_rate_limit_is_obeyed_and_nothing_is_lost() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("limit");
    receiver
        .set(Answer {
            retry_after: Some(60),
            ..Answer::new(Mode::RateLimit)
        })
        .unwrap();
    let tally = tally(&receiver, &folder);
    for _ in 0..100 {
        capture(&tally);
    }
    let started = Instant::now();
    let answer = tally.errors().flush_blocking(PATIENCE);
    assert!(
        started.elapsed() < PATIENCE / 2,
        "a limit is not waited for"
    );
    assert_eq!((answer.pending, answer.dropped), (100, 0));
    assert!(answer.waiting_for.unwrap().contains("rate limit"));
    assert!(receiver.counts().requests <= 2, "{:?}", receiver.counts());
}

#[test]
fn a_limit_of_one_category_holds_no_other() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("quota");
    receiver
        .set(Answer {
            rate_limits: Some("2:error:organization".into()),
            ..Answer::new(Mode::Ok)
        })
        .unwrap();
    let tally = tally(&receiver, &folder);
    capture(&tally);
    assert_eq!(tally.errors().flush_blocking(PATIENCE).sent, 1);
    receiver.mode(Mode::Ok).unwrap();
    capture(&tally);
    capture_text(&tally, Category::Transaction, r#"{"type":"transaction"}"#);
    let answer = tally.errors().flush_blocking(PATIENCE);
    assert_eq!((answer.sent, answer.pending), (2, 1), "{answer:?}");
    // The limit ends by itself.
    assert!(receiver.wait_for(PATIENCE, |counts| counts.unique_events == 3));
}

#[test]
fn an_event_does_not_wait_for_a_profile_that_is_not_wanted() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("parts");
    receiver
        .set(Answer {
            rate_limits: Some("60:profile;attachment:organization".into()),
            ..Answer::new(Mode::Ok)
        })
        .unwrap();
    let tally = tally(&receiver, &folder);
    for _ in 0..2 {
        tally.errors().capture(&Item {
            category: Category::Transaction,
            id: next_id(),
            payload: r#"{"type":"transaction"}"#,
            trace: None,
            attachments: &[Attachment {
                filename: "a",
                content_type: None,
                bytes: b"b",
            }],
            profile: Some(r#"{"version":"1"}"#),
        });
        tally.errors().flush_blocking(PATIENCE);
    }
    let answer = tally.errors().close_blocking(PATIENCE);
    assert_eq!((answer.sent, answer.dropped), (2, 0));
    let counts = receiver.counts();
    assert_eq!(
        (counts.items["transaction"], counts.items["profile"]),
        (2, 1)
    );
    assert_eq!(counts.discarded["ratelimit_backoff:profile"], 1);
    assert_eq!(counts.discarded["ratelimit_backoff:attachment"], 1);
}

#[test]
fn what_the_server_refuses_is_dropped_with_a_reason() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("refused");
    let tally = tally(&receiver, &folder);
    let refuse = |status| {
        receiver
            .set(Answer {
                status: Some(status),
                times: Some(1),
                ..Answer::new(Mode::Status)
            })
            .unwrap();
        capture(&tally);
        tally.errors().flush_blocking(PATIENCE)
    };
    let answer = refuse(413);
    assert_eq!(answer.reasons["too_large"], 1);
    let answer = refuse(403);
    assert_eq!((answer.reasons["send_error"], answer.pending), (1, 0));
    let why = answer.waiting_for.unwrap();
    assert!(why.contains(&format!("{}/1", receiver.url())), "{why}");
    assert!(why.contains("403") && why.contains("DSN"), "{why}");
    // The server hears of both.
    let answer = tally.errors().close_blocking(PATIENCE);
    assert_eq!((answer.captured, answer.sent, answer.dropped), (2, 0, 2));
    let counts = receiver.counts();
    assert_eq!(counts.discarded["send_error:error"], 1);
    assert_eq!(counts.discarded["too_large:error"], 1);
}

#[test]
fn copies_past_the_limit_become_a_count() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("storm");
    let mut config = config(&receiver, &folder);
    config.errors.storm_limit = 3;
    let tally = Tallylight::new(config).unwrap();
    let storm = r#"{"exception":{"values":[{"type":"E","value":"same"}]}}"#;
    let outcomes: Vec<Outcome> = (0..50)
        .map(|_| capture_text(&tally, Category::Error, storm).1)
        .collect();
    assert_eq!(outcomes[3], Outcome::Spooled);
    assert_eq!(outcomes[4], Outcome::Discarded(DiscardReason::Storm));
    for _ in 0..50 {
        capture(&tally);
    }
    let answer = tally.errors().close_blocking(PATIENCE);
    assert_eq!((answer.captured, answer.sent, answer.pending), (100, 54, 0));
    assert_eq!(answer.reasons["storm"], 46);
    let copies: u64 = receiver
        .items(Some("event"))
        .iter()
        .filter_map(|item| item.payload["extra"]["tallylight.copies"].as_u64())
        .sum();
    assert_eq!(copies, 47, "one that stands for 46 others");
    assert_eq!(receiver.counts().discarded["storm:error"], 46);
}

#[test]
fn what_is_never_handed_over_is_counted_and_reported() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("discards");
    let tally = tally(&receiver, &folder);
    let errors = tally.errors();
    errors.discard(Category::Transaction, DiscardReason::SampleRate, 9);
    errors.discard(Category::Error, DiscardReason::BeforeSend, 1);
    let (_, outcome) = capture_text(&tally, Category::Error, "no object");
    assert_eq!(outcome, Outcome::Discarded(DiscardReason::Invalid));
    capture(&tally);
    let answer = errors.close_blocking(PATIENCE);
    assert_eq!((answer.captured, answer.sent, answer.dropped), (12, 1, 11));
    let counts = receiver.counts();
    assert_eq!(counts.discarded["sample_rate:transaction"], 9);
    assert_eq!(counts.discarded["before_send:error"], 1);
    assert_eq!(counts.discarded["invalid:error"], 1);
}

#[test]
fn flush_answers_on_time_from_anywhere() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("flush");
    let tally = tally(&receiver, &folder);
    // Nothing waits: at once, and no thread is started for it.
    assert_eq!(tally.errors().flush_blocking(PATIENCE).captured, 0);
    receiver.mode(Mode::Hang).unwrap();
    capture(&tally);
    let (send, answers) = std::sync::mpsc::channel();
    let again = tally.errors().clone();
    tally
        .errors()
        .flush_then(Duration::from_millis(50), move |answer| {
            // On the I/O thread itself it must not wait for itself.
            let inner = again.flush_blocking(PATIENCE);
            send.send((answer.pending, inner.pending)).unwrap();
        });
    assert_eq!(answers.recv_timeout(PATIENCE).unwrap(), (1, 1));
    receiver.mode(Mode::Ok).unwrap();
    assert_eq!(tally.errors().flush_blocking(PATIENCE).pending, 0);
}

#[test]
fn what_was_captured_is_always_somewhere() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("sum");
    let tally = tally(&receiver, &folder);
    let is_over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(std::sync::atomic::Ordering::Relaxed) {
                let d = tally.errors().delivery();
                assert_eq!(d.captured, d.sent + d.dropped + d.pending, "{d:?}");
                assert_eq!(d.dropped, d.reasons.values().sum::<u64>());
            }
        });
        for _ in 0..300 {
            capture(&tally);
        }
        tally.errors().flush_blocking(PATIENCE);
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn the_io_thread_may_be_stopped_in_the_midst() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("stopped");
    let tally = tally(&receiver, &folder);
    receiver.mode(Mode::Hang).unwrap();
    capture(&tally);
    wait_until("the request is under way", || {
        receiver.counts().requests == 1
    });
    // As an application does that shuts down and goes on.
    tally.shutdown();
    assert_eq!(tally.errors().delivery().pending, 1);
    receiver.mode(Mode::Ok).unwrap();
    drop(tally);
    let again = self::tally(&receiver, &folder);
    let id = next_id();
    capture_text(&again, Category::Error, &event(id));
    assert!(receiver.wait_for(PATIENCE, |counts| counts.unique_events == 2));
}
