//! Traces: how they come in and go on, who is in the sample, what a call of a model leaves behind.
#![cfg(feature = "sentry")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use tallylight::clock::Clock;
use tallylight::errors::{Dsn, EventId, Outcome};
use tallylight::trace::propagation::{Incoming, Position};
use tallylight::trace::{
    CheckIn, CheckInStatus, Measured, ModelCallSpec, SessionEnd, SpanId, Start, TraceId,
    Transaction, baggage, sampling,
};
use tallylight::{Config, ErrorsConfig, Kind, Labels, Tallylight};

fn vectors(name: &str) -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/");
    let text = std::fs::read_to_string(format!("{path}{name}.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Nobody listens there, and nothing is kept on disk.
fn config(rate: f64) -> Config {
    Config {
        environment: Some("test".to_owned()),
        release: Some("app@1.0".to_owned()),
        errors: ErrorsConfig {
            dsn: Some(Dsn::parse("http://key@o42.localhost:9/1").unwrap()),
            traces_sample_rate: rate,
            spool: false,
            shutdown_timeout: std::time::Duration::ZERO,
            ..ErrorsConfig::default()
        },
        ..Config::default()
    }
}

fn tally(rate: f64) -> Tallylight {
    Tallylight::new(config(rate)).unwrap()
}

#[test]
fn headers_are_read_as_the_vectors_say() {
    let tally = tally(1.0);
    for case in vectors("propagation")["incoming"].as_array().unwrap() {
        let what = &case["what"];
        let header = |name: &str| case["headers"][name].as_str();
        let incoming = tally.traces().incoming(
            header("sentry-trace"),
            header("baggage"),
            header("traceparent"),
        );
        let Some(trace) = case["traceId"].as_str() else {
            assert_eq!(incoming.parent_span_id, None, "{what}");
            assert_eq!(incoming.sampled, None, "{what}");
            assert_eq!(incoming.dynamic, None, "{what}");
            continue;
        };
        assert_eq!(incoming.trace_id.to_string(), trace, "{what}");
        let parent = incoming.parent_span_id.unwrap().to_string();
        assert_eq!(parent, case["parentSpanId"], "{what}");
        assert_eq!(incoming.sampled, case["sampled"].as_bool(), "{what}");
        assert_eq!(incoming.sample_rate, case["sampleRate"].as_f64(), "{what}");
        if let Some(rand) = case["sampleRand"].as_f64() {
            assert_eq!(incoming.sample_rand, rand, "{what}");
        }
        assert_eq!(
            incoming.dynamic.as_deref(),
            case["baggage"].as_str(),
            "{what}"
        );
    }
}

#[test]
fn members_are_merged_as_the_vectors_say() {
    for case in vectors("propagation")["merge"].as_array().unwrap() {
        let merged = baggage::merge(case["existing"].as_str(), case["ours"].as_str().unwrap());
        assert_eq!(merged, case["merged"].as_str().unwrap(), "{case}");
    }
    // What does not fit is left out whole.
    let long = format!("k={}", "x".repeat(8_185));
    assert_eq!(baggage::merge(Some(&long), "sentry-a=1"), long);
    let longer = format!("a=1,k={}", "x".repeat(9_000));
    assert_eq!(
        baggage::merge(Some(&longer), "sentry-a=1"),
        "a=1,sentry-a=1"
    );
}

#[test]
fn the_sample_is_the_one_of_the_vectors() {
    let number = |value: &Value| {
        let text = || value.as_str().map(|text| text.parse().unwrap());
        value.as_f64().or_else(text)
    };
    for case in vectors("sampling").as_array().unwrap() {
        let decision = sampling::decide(
            number(&case["rand"]).unwrap(),
            case["parent"].as_bool(),
            number(&case["parentRate"]),
            number(&case["asked"]),
            number(&case["rate"]).unwrap(),
        );
        assert_eq!(Some(decision.sampled), case["sampled"].as_bool(), "{case}");
        assert_eq!(decision.rate, number(&case["sampleRate"]), "{case}");
    }
}

fn position(incoming: &Incoming, sampled: Option<bool>) -> Position<'_> {
    Position {
        trace_id: incoming.trace_id,
        span_id: SpanId::parse("00000000000000ab").unwrap(),
        sampled,
        sample_rate: Some(0.5),
        sample_rand: incoming.sample_rand,
        transaction: Some("GET /a?b=ü,;"),
        dynamic: incoming.dynamic.as_deref(),
    }
}

#[test]
fn what_goes_out_comes_in_again() {
    let tally = tally(0.5);
    for sampled in [Some(true), Some(false), None] {
        let here = Incoming::fresh();
        let out = tally
            .traces()
            .headers(&position(&here, sampled), Some("k=v"));
        assert!(
            out.baggage.starts_with("k=v,sentry-trace_id="),
            "{}",
            out.baggage
        );
        let header = out.baggage.as_str();
        let there = tally.traces().incoming(
            Some(&out.sentry_trace),
            Some(header),
            Some(&out.traceparent),
        );
        assert_eq!(there.trace_id, here.trace_id);
        assert_eq!(there.parent_span_id, SpanId::parse("00000000000000ab"));
        assert_eq!(there.sampled, sampled);
        assert_eq!(there.sample_rate, Some(0.5));
        assert_eq!(there.sample_rand, here.sample_rand);
        assert_eq!(there.dynamic.as_deref(), Some(out.dynamic.as_str()));
        let read = baggage::Dynamic::parse(header);
        assert_eq!(read.get("transaction"), Some("GET /a?b=ü,;"));
        assert_eq!(read.get("public_key"), Some("key"));
        assert_eq!(read.get("org_id"), Some("42"));
        assert_eq!(read.get("release"), Some("app@1.0"));
        assert_eq!(read.get("environment"), Some("test"));
        // The next process says what the first one said, whatever its own name is.
        let on = tally.traces().headers(&position(&there, sampled), None);
        assert_eq!(on.dynamic, out.dynamic);
        let w3c = tally.traces().incoming(None, None, Some(&out.traceparent));
        assert_eq!(w3c.trace_id, here.trace_id);
        assert_eq!(w3c.sampled, Some(sampled == Some(true)));
    }
}

#[test]
fn without_a_dsn_there_is_nothing_to_sample_by() {
    let mut config = config(1.0);
    config.errors.dsn = None;
    let tally = Tallylight::new(config).unwrap();
    let here = Incoming::fresh();
    let out = tally.traces().headers(&position(&here, Some(true)), None);
    assert_eq!(out.baggage, "");
    assert!(out.sentry_trace.ends_with("-1"));
}

#[test]
fn the_rate_is_kept_over_many_traces() {
    let tally = tally(0.25);
    let start = |incoming: &Incoming| {
        tally.traces().start(&Start {
            sample_rand: incoming.sample_rand,
            parent: incoming.sampled,
            parent_rate: incoming.sample_rate,
            asked: None,
        })
    };
    let sampled = (0..4_000)
        .filter(|_| start(&Incoming::fresh()).sampled)
        .count();
    assert!((850..1_150).contains(&sampled), "{sampled} of 4,000");
    let delivery = tally.errors().delivery();
    assert_eq!(delivery.reasons["sample_rate"], 4_000 - sampled as u64);
}

fn transaction<'a>(incoming: &'a Incoming, measured: &'a [Measured]) -> Transaction<'a> {
    Transaction {
        id: EventId(0xfeed),
        payload: r#"{"type":"transaction","event_id":"0000000000000000000000000000feed"}"#,
        position: position(incoming, Some(true)),
        profile: None,
        measured,
    }
}

#[test]
fn a_slow_percentile_leads_to_the_trace_that_was_slow() {
    let millis = Arc::new(AtomicU64::new(1_795_521_600_000));
    let tally = Tallylight::with_clock(config(1.0), Clock::manual(Arc::clone(&millis))).unwrap();
    let operation = tally
        .operation("GET /a", &Labels::new(), Kind::Server)
        .unwrap();
    for _ in 0..98 {
        operation.record_ms(10.0);
    }
    operation.record_ms(900.0);
    operation.record_ms(1_000.0);
    let slow = Incoming::fresh();
    let usual = Incoming::fresh();
    for (trace, ms) in [(&slow, 1_000.0), (&usual, 10.0)] {
        let measured = [Measured {
            series: operation.id(),
            millis: ms,
        }];
        let outcome = tally.traces().capture(&transaction(trace, &measured));
        assert!(!matches!(outcome, Outcome::Discarded(_)));
    }
    let status: Value = serde_json::from_str(&tally.status().to_json()).unwrap();
    let rows = &status["operations"][0]["exemplars"];
    assert_eq!(rows.as_array().unwrap().len(), 2);
    assert_eq!(rows[0]["traceId"], slow.trace_id.to_string());
    assert_eq!(rows[0]["eventId"], "0000000000000000000000000000feed");
    assert_eq!(rows[0]["duration"], 1_000.0);
    assert_eq!(rows[0]["timestamp"], "2026-11-24T12:00:00.000Z");
    assert_eq!(rows[0]["quantile"], 0.999);
    assert_eq!(rows[1]["traceId"], usual.trace_id.to_string());
    assert_eq!(rows[1]["quantile"], 0.95);
    let snapshot: Value = serde_json::from_str(&tally.snapshot().to_json()).unwrap();
    let traces = &snapshot["series"][0]["exemplars"];
    assert_eq!(traces[0]["traceId"], slow.trace_id.to_string());

    millis.fetch_add(3_600_000, Ordering::Relaxed);
    assert!(tally.status().operations[0].exemplars.is_empty());
}

#[test]
fn a_transaction_that_is_not_sent_is_nobodys_exemplar() {
    let tally = tally(1.0);
    let operation = tally
        .operation("GET /a", &Labels::new(), Kind::Server)
        .unwrap();
    operation.record_ms(10.0);
    let incoming = Incoming::fresh();
    let measured = [Measured {
        series: operation.id(),
        millis: 10.0,
    }];
    tally.errors().close_blocking(std::time::Duration::ZERO);
    tally.shutdown();
    let outcome = tally.traces().capture(&transaction(&incoming, &measured));
    assert!(matches!(outcome, Outcome::Discarded(_)), "{outcome:?}");
    assert!(tally.snapshot().series[0].exemplars.is_empty());
}

const SPEC: ModelCallSpec<'_> = ModelCallSpec {
    provider: "gcp.gemini",
    model: "gemini-2.5-flash",
    operation: "generate_content",
};

#[derive(Debug)]
struct RateLimited;

#[test]
fn a_model_call_is_measured_under_the_conventions_names() {
    let tally = tally(1.0);
    let answer = tally.traces().track_model_call(&SPEC, |call| {
        call.chunk();
        call.chunk();
        call.tokens(100, 20);
        Ok::<_, RateLimited>(7)
    });
    assert_eq!(answer.unwrap(), 7);
    let failed = tally
        .traces()
        .track_model_call(&SPEC, |_| Err::<(), _>(RateLimited));
    assert!(failed.is_err());
    drop(tally.traces().model_call(&SPEC));

    let status: Value = serde_json::from_str(&tally.status().to_json()).unwrap();
    assert_eq!(status["models"]["totalCalls"], 3);
    assert_eq!(status["metrics"]["totalRequests"], 0);
    let row = &status["operations"][0];
    assert_eq!(row["name"], "gen_ai.client.operation.duration");
    assert_eq!(row["kind"], "model");
    assert_eq!(row["errorsByType"]["RateLimited"], 1);
    assert_eq!(row["labels"]["gen_ai.provider.name"], "gcp.gemini");
    assert_eq!(row["labels"]["gen_ai.request.model"], "gemini-2.5-flash");
    assert_eq!(row["labels"]["gen_ai.operation.name"], "generate_content");
    let histograms = status["histograms"].as_array().unwrap();
    let of = |name: &str, token_type: Option<&str>| {
        let found = histograms.iter().find(|row| {
            row["name"] == name && row["labels"]["gen_ai.token.type"].as_str() == token_type
        });
        found.unwrap().clone()
    };
    assert_eq!(of("gen_ai.client.token.usage", Some("input"))["sum"], 100.0);
    assert_eq!(of("gen_ai.client.token.usage", Some("output"))["sum"], 20.0);
    let first = of("gen_ai.client.operation.time_to_first_chunk", None);
    assert_eq!(
        (&first["count"], &first["unit"]),
        (&Value::from(1), &Value::from("s"))
    );
}

#[test]
fn authentication_failures_are_counted_each_and_reported_once_a_minute() {
    let millis = Arc::new(AtomicU64::new(1_795_521_600_000));
    let tally = Tallylight::with_clock(config(1.0), Clock::manual(Arc::clone(&millis))).unwrap();
    let reports = || tally.errors().delivery().captured;
    for _ in 0..1_000 {
        tally.traces().authentication_failed("bad_password", None);
    }
    assert_eq!(reports(), 1);
    tally
        .traces()
        .authentication_failed("expired_token", Some(r#"{"id":"7"}"#));
    assert_eq!(reports(), 2);
    // What waits is told of once its minute is over, without another failure.
    millis.fetch_add(59_999, Ordering::Relaxed);
    tally.start_ticker();
    assert_eq!(reports(), 2);
    millis.fetch_add(1, Ordering::Relaxed);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while reports() == 2 && std::time::Instant::now() < until {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(reports(), 3);
    assert_eq!(tally.errors().delivery().dropped, 0);
    tally.traces().authentication_failed("bad_password", None);
    assert_eq!(reports(), 3);
    millis.fetch_add(60_000, Ordering::Relaxed);
    let due = tally
        .traces()
        .count_authentication_failure("bad_password", None);
    let event: Value = serde_json::from_str(&due.unwrap().event).unwrap();
    assert_eq!(event["extra"]["authentication.failures"], 2);
    assert_eq!(event["message"], "Authentication failed: bad_password");
    assert_eq!(event["level"], "warning");
    // Whatever users type in place of a reason costs no memory.
    for number in 0..500 {
        tally
            .traces()
            .authentication_failed(&format!("reason {number}"), None);
    }
    let status = tally.status();
    let rows: Vec<_> = status
        .counters
        .iter()
        .filter(|row| row.name == "authentication.failures")
        .collect();
    assert_eq!(rows.len(), 33);
    assert_eq!(rows.iter().map(|row| row.value).sum::<f64>(), 1_503.0);
}

#[test]
fn check_ins_and_sessions_need_what_the_server_needs() {
    let tally = tally(1.0);
    let check_in = |slug| {
        tally.traces().check_in(&CheckIn {
            slug,
            status: CheckInStatus::InProgress,
            id: None,
            duration: None,
            monitor: None,
            trace_id: Some(TraceId::random()),
        })
    };
    let (id, outcome) = check_in("Nightly Backup");
    assert_ne!(id.0, 0);
    assert!(!matches!(outcome, Outcome::Discarded(_)));
    let (_, outcome) = check_in("  ");
    assert_eq!(outcome.name(), "invalid");

    assert!(tally.traces().start_session(Some("user 7")));
    let before = tally.errors().delivery().captured;
    for _ in 0..10 {
        tally.traces().session_errored();
    }
    assert_eq!(tally.errors().delivery().captured, before + 1);
    assert!(tally.traces().end_session(SessionEnd::Crashed));
    assert!(!tally.traces().end_session(SessionEnd::Exited));
    let dropped = tally.errors().delivery().reasons;
    assert_eq!(dropped.into_iter().collect::<Vec<_>>(), [("invalid", 1)]);

    let mut config = config(1.0);
    config.release = None;
    let tally = Tallylight::new(config).unwrap();
    assert!(!tally.traces().start_session(None));
    assert_eq!(tally.errors().delivery().captured, 0);
}
