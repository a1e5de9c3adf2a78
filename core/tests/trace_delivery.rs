//! What traces leave on the wire: transactions with their profile, model calls, check-ins, sessions and
//! authentication failures, as a server receives them.
#![cfg(feature = "sentry")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod errors_support;

use std::sync::Arc;

use errors_support::{Folder, PATIENCE, config, tally};
use sentry_receiver::Receiver;
use serde_json::Value;
use tallylight::errors::sentry::{self, Client, Hub};
use tallylight::errors::{EventId, sentry_options};
use tallylight::trace::propagation::{Incoming, Position};
use tallylight::trace::{
    CheckIn, CheckInStatus, Measured, ModelCallSpec, Monitor, Schedule, SessionEnd, SpanId,
    Transaction,
};
use tallylight::{Kind, Labels, Tallylight};

fn payloads(receiver: &Receiver, kind: &str) -> Vec<Value> {
    let items = receiver.items(Some(kind));
    items.iter().map(|item| item.payload.clone()).collect()
}

#[test]
fn a_transaction_goes_with_its_profile_and_its_context() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("transaction");
    let tally = tally(&receiver, &folder);
    let operation = tally
        .operation("GET /a", &Labels::new(), Kind::Server)
        .unwrap();
    operation.record_ms(5.0);
    let incoming = Incoming::fresh();
    let id = EventId(0xabc);
    let payload = format!(
        r#"{{"type":"transaction","event_id":"{id}","transaction":"GET /a","platform":"other",
        "start_timestamp":1795521600.0,"timestamp":1795521600.5,"spans":[],
        "contexts":{{"trace":{{"trace_id":"{}","span_id":"00000000000000ab","op":"http.server"}}}}}}"#,
        incoming.trace_id
    );
    tally.traces().capture(&Transaction {
        id,
        payload: &payload,
        position: Position {
            trace_id: incoming.trace_id,
            span_id: SpanId::parse("00000000000000ab").unwrap(),
            sampled: Some(true),
            sample_rate: Some(1.0),
            sample_rand: incoming.sample_rand,
            transaction: Some("GET /a"),
            dynamic: None,
        },
        profile: Some(r#"{"version":"1","platform":"rust","profile":{"samples":[]}}"#),
        measured: &[Measured {
            series: operation.id(),
            millis: 5.0,
        }],
    });
    let delivery = tally.errors().flush_blocking(PATIENCE);
    assert_eq!((delivery.sent, delivery.dropped), (1, 0), "{delivery:?}");

    let items = receiver.items(Some("transaction"));
    let trace = &items[0].envelope["trace"];
    assert_eq!(trace["trace_id"], incoming.trace_id.to_string());
    assert_eq!(trace["transaction"], "GET /a");
    assert_eq!(trace["sampled"], "true");
    assert_eq!(trace["release"], "app@1.2.3");
    let profile = &payloads(&receiver, "profile")[0];
    assert_eq!(profile["release"], "app@1.2.3");
    assert_eq!(profile["environment"], "test");
    let exemplars = &tally.snapshot().series[0].exemplars;
    assert_eq!(exemplars[0].event_id, Some(0xabc));
}

/// What the hub's client of that instance captures.
fn with_client(tally: &Tallylight, receiver: &Receiver, work: impl FnOnce()) {
    let mut options = sentry_options(tally).traces_sample_rate(1.0);
    options.dsn = Some(receiver.dsn().parse().unwrap());
    let client = Arc::new(Client::with_options(options));
    let hub = Arc::new(Hub::new(Some(client), Arc::default()));
    Hub::run(hub, work);
}

#[test]
fn a_model_call_is_a_span_of_the_hubs_trace() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("model");
    let tally = tally(&receiver, &folder);
    let spec = ModelCallSpec {
        provider: "gcp.gemini",
        model: "gemini-2.5-flash",
        operation: "generate_content",
    };
    let analyze = tally
        .operation("POST /analyze", &Labels::new(), Kind::Server)
        .unwrap();
    with_client(&tally, &receiver, || {
        let context = sentry::TransactionContext::new("POST /analyze", "http.server");
        let transaction = sentry::start_transaction(context);
        sentry::configure_scope(|scope| scope.set_span(Some(transaction.clone().into())));
        let timer = analyze.start();
        let mut call = tally.traces().model_call(&spec);
        call.analysis("A-1", Some(7));
        call.tokens(10, 2);
        call.chunk();
        call.end();
        tally.traces().model_call(&spec).fail("RateLimited");
        timer.end();
        transaction.finish();
        // Outside of all it is a transaction of its own.
        sentry::configure_scope(|scope| scope.set_span(None));
        tally.traces().model_call(&spec).end();
    });
    tally.errors().flush_blocking(PATIENCE);
    let transactions = payloads(&receiver, "transaction");
    let named = |name: &str| {
        let found = transactions.iter().find(|one| one["transaction"] == name);
        found.unwrap_or_else(|| panic!("{name} in {transactions:#?}"))
    };
    let analyze = named("POST /analyze");
    let spans = analyze["spans"].as_array().unwrap();
    assert_eq!(spans.len(), 2);
    let of = |status: &str| spans.iter().find(|span| span["status"] == status).unwrap();
    let data = &of("ok")["data"];
    assert_eq!(of("ok")["op"], "gen_ai.generate_content");
    assert_eq!(data["gen_ai.usage.total_tokens"], 12);
    assert_eq!(data["analysis.id"], "A-1");
    assert_eq!(data["gen_ai.response.streaming"], true);
    assert_eq!(of("internal_error")["data"]["error.type"], "RateLimited");
    assert_eq!(
        of("ok")["parent_span_id"],
        analyze["contexts"]["trace"]["span_id"]
    );
    named("generate_content gemini-2.5-flash");
    let status = tally.status();
    assert_eq!(status.models.total_calls, 3);
    let row = status
        .operations
        .iter()
        .find(|row| row.name == "POST /analyze");
    let exemplar = row.unwrap().exemplars[0].exemplar;
    assert_eq!(
        analyze["contexts"]["trace"]["trace_id"],
        format!("{:032x}", exemplar.trace_id)
    );
}

#[test]
fn check_ins_sessions_and_authentication_failures_arrive_whole() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("signals");
    let tally = Tallylight::new(config(&receiver, &folder)).unwrap();
    let monitor = Monitor {
        schedule: Some(Schedule::Crontab("0 2 * * *".to_owned())),
        ..Monitor::default()
    };
    let check_in = |id, status| {
        tally.traces().check_in(&CheckIn {
            slug: "nightly-backup",
            status,
            id,
            duration: id.map(|_| 1.5),
            monitor: Some(&monitor),
            trace_id: None,
        })
    };
    let (id, _) = check_in(None, CheckInStatus::InProgress);
    assert_eq!(check_in(Some(id), CheckInStatus::Ok).0, id);
    assert!(tally.traces().start_session(Some("7")));
    tally.traces().session_errored();
    tally.traces().session_errored();
    assert!(tally.traces().end_session(SessionEnd::Exited));
    for _ in 0..10 {
        tally
            .traces()
            .authentication_failed("bad_password", Some(r#"{"id":"7"}"#));
    }
    let delivery = tally.errors().flush_blocking(PATIENCE);
    assert_eq!((delivery.sent, delivery.dropped), (6, 0), "{delivery:?}");

    let mut check_ins = payloads(&receiver, "check_in");
    check_ins.sort_by_key(|one| one["status"].to_string());
    assert_eq!(check_ins[0]["status"], "in_progress");
    assert_eq!(check_ins[1]["duration"], 1.5);
    for one in &check_ins {
        assert_eq!(one["check_in_id"], id.to_string());
        assert_eq!(one["monitor_slug"], "nightly-backup");
        assert_eq!(one["monitor_config"]["schedule"]["value"], "0 2 * * *");
        assert_eq!(one["environment"], "test");
    }
    let mut sessions = payloads(&receiver, "session");
    sessions.sort_by_key(|one| one["seq"].as_u64());
    let told: Vec<_> = sessions
        .iter()
        .map(|one| (&one["init"], &one["status"], &one["errors"]))
        .collect();
    let (yes, no) = (Value::from(true), Value::from(false));
    let (ok, exited) = (Value::from("ok"), Value::from("exited"));
    let [none, one, two] = [0, 1, 2].map(Value::from);
    assert_eq!(
        told,
        [(&yes, &ok, &none), (&no, &ok, &one), (&no, &exited, &two)]
    );
    assert_eq!(sessions[0]["attrs"]["release"], "app@1.2.3");
    assert_eq!(sessions[0]["sid"], sessions[2]["sid"]);
    let events = payloads(&receiver, "event");
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["tags"]["authentication.reason"], "bad_password");
}
