//! The Rust face: what a captured error holds, whose scope it has, and that all of it is accounted
//! for. Events are taken where they would enter the pipeline.
#![cfg(feature = "sentry")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod errors_rust_support;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use errors_rust_support::{Instance, hub, recorded};
use serde_json::json;
use tallylight::errors::sentry::protocol::{
    Attachment, MonitorCheckIn, SessionAggregates, SessionUpdate,
};
use tallylight::errors::sentry::{self, ClientOptions, Envelope, Hub, Level, SentryFutureExt};
use tallylight::errors::{
    capture_error, capture_error_with, capture_message, sentry_options, sentry_transport,
};

#[derive(Debug)]
struct Unreachable(std::io::Error);

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the engine is unreachable")
    }
}

impl std::error::Error for Unreachable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

fn unreachable() -> Unreachable {
    Unreachable(std::io::Error::new(
        std::io::ErrorKind::ConnectionRefused,
        "nobody listens",
    ))
}

#[test]
fn an_error_has_its_sources_and_a_stack_of_addresses() {
    let mut id = None;
    let mut line = 0;
    let events = recorded(|| {
        line = line!() + 1;
        id = capture_error(&unreachable());
    });
    let event = events.into_iter().next().unwrap();
    assert_eq!(
        id.unwrap().to_string(),
        event.event_id.as_simple().to_string()
    );
    assert_eq!(event.level, Level::Error);
    let told: Vec<_> = event
        .exception
        .iter()
        .map(|one| (one.ty.as_str(), one.value.as_deref().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ("io::Error", "nobody listens"),
            ("Unreachable", "the engine is unreachable")
        ]
    );
    assert!(event.exception[0].stacktrace.is_none());
    let frames = &event.exception[1].stacktrace.as_ref().unwrap().frames;
    assert!(frames.len() > 5, "{frames:?}");
    let here = frames.last().unwrap();
    assert!(
        here.filename.as_ref().unwrap().ends_with("errors_rust.rs"),
        "{here:?}"
    );
    assert_eq!(here.lineno, Some(u64::from(line)));
    for frame in frames {
        assert!(frame.instruction_addr.is_some() && frame.function.is_none());
    }
    if cfg!(target_os = "linux") {
        let program = std::env::current_exe().unwrap();
        assert_eq!(here.package.as_deref(), program.to_str());
        assert!(here.image_addr < here.instruction_addr);
        let meta = serde_json::to_value(&event.debug_meta).unwrap();
        assert!(
            meta["images"]
                .as_array()
                .unwrap()
                .iter()
                .any(|image| image["name"].as_str() == program.to_str()
                    && image["code_id"].as_str().unwrap().len() >= 32),
            "{meta}"
        );
    }
}

#[test]
fn what_is_set_for_one_event_is_on_no_other() {
    let events = recorded(|| {
        sentry::configure_scope(|scope| scope.set_tag("route", "/primes"));
        capture_error_with(&unreachable(), |scope| scope.set_tag("analysis_id", "a-17"));
        {
            let _guard = Hub::current().push_scope();
            sentry::configure_scope(|scope| scope.set_tag("inner", "yes"));
            capture_message("within", Level::Warning);
        }
        capture_error(&unreachable());
    });
    let tags: Vec<_> = events
        .iter()
        .map(|event| serde_json::to_value(&event.tags).unwrap())
        .collect();
    assert_eq!(
        tags,
        [
            json!({"route": "/primes", "analysis_id": "a-17"}),
            json!({"route": "/primes", "inner": "yes"}),
            json!({"route": "/primes"}),
        ]
    );
}

/// Is pending once, so that the other task runs meanwhile.
async fn pause() {
    let mut waited = false;
    std::future::poll_fn(|_| match std::mem::replace(&mut waited, true) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
}

#[test]
fn tasks_that_take_turns_on_a_thread_keep_their_scopes() {
    async fn request(user: usize) {
        sentry::configure_scope(|scope| scope.set_tag("user", user));
        pause().await;
        capture_message(&format!("of {user}"), Level::Error);
        pause().await;
        capture_message(&format!("of {user}"), Level::Error);
    }
    let events = recorded(|| {
        let mut tasks: Vec<_> = (0..100)
            .map(|user| {
                let hub = Arc::new(Hub::new_from_top(Hub::current()));
                Box::pin(request(user).bind_hub(hub))
            })
            .collect();
        let mut context = Context::from_waker(Waker::noop());
        while !tasks.is_empty() {
            tasks.retain_mut(|task| task.as_mut().poll(&mut context).is_pending());
        }
    });
    assert_eq!(events.len(), 200);
    for event in events {
        assert_eq!(event.message.unwrap(), format!("of {}", event.tags["user"]));
    }
}

#[test]
fn an_error_message_without_an_exception_has_its_threads_stack() {
    let events = recorded(|| {
        capture_message("plain", Level::Error);
        capture_message("all is well", Level::Info);
    });
    let thread = &events[0].threads[0];
    assert!(thread.stacktrace.as_ref().unwrap().frames.len() > 5);
    assert!(events[1].threads.is_empty());
}

#[test]
fn without_a_client_nothing_is_captured_and_nothing_fails() {
    let alone = Arc::new(Hub::new(None, Arc::default()));
    Hub::run(alone, || {
        assert_eq!(capture_error(&unreachable()), None);
        assert_eq!(capture_message("hello", Level::Error), None);
    });
}

#[test]
fn what_a_client_drops_by_itself_is_in_the_account() {
    let instance = Instance::new(|_| {});
    let options = ClientOptions::new()
        .dsn("http://key@127.0.0.1:9/1")
        .transport(sentry_transport(&instance.tally))
        .before_send(|event| (event.message.as_deref() != Some("unwanted")).then_some(event));
    Hub::run(hub(options), || {
        for text in ["wanted", "unwanted", "unwanted", "wanted"] {
            capture_message(text, Level::Error);
        }
    });
    let delivery = instance.tally.errors().delivery();
    assert_eq!(delivery.captured, 4);
    assert_eq!(
        delivery.reasons.get("before_send"),
        Some(&2),
        "{delivery:?}"
    );
}

#[test]
fn errors_are_sampled_at_the_configured_rate_and_the_rest_is_counted() {
    let instance = Instance::new(|config| config.errors.sample_rate = 0.5);
    Hub::run(hub(sentry_options(&instance.tally)), || {
        for _ in 0..400 {
            capture_message("now and then", Level::Info);
        }
    });
    let delivery = instance.tally.errors().delivery();
    assert_eq!(delivery.captured, 400);
    let dropped = delivery.reasons["sample_rate"];
    assert!((100..300).contains(&dropped), "{delivery:?}");
}

#[test]
fn an_envelope_of_bytes_is_taken_apart() {
    let instance = Instance::new(|_| {});
    let id = "9ec79c33ec9942ab8353589fcb2e04dc";
    let event = json!({"event_id": id, "message": "stored"}).to_string();
    let check = json!({"check_in_id": id, "monitor_slug": "nightly", "status": "ok"}).to_string();
    let bytes = format!(
        "{{\"event_id\":\"{id}\"}}\n\
         {{\"type\":\"event\",\"length\":{}}}\n{event}\n\
         {{\"type\":\"attachment\",\"length\":5,\"filename\":\"a.txt\"}}\na\nb\nc\n\
         {{\"type\":\"check_in\"}}\n{check}\n",
        event.len()
    );
    let send = |bytes: Vec<u8>| {
        let hub = hub(sentry_options(&instance.tally));
        let envelope = Envelope::from_bytes_raw(bytes).unwrap();
        hub.client().unwrap().send_envelope(envelope);
    };
    send(bytes.clone().into_bytes());
    assert_eq!(instance.tally.errors().delivery().captured, 2);
    // A length past the end: nothing of it can be trusted.
    let long = event.len() + 1;
    send(format!("{{}}\n{{\"type\":\"event\",\"length\":{long}}}\n{event}").into_bytes());
    send(b"no envelope".to_vec());
    let delivery = instance.tally.errors().delivery();
    assert_eq!(delivery.reasons.get("invalid"), Some(&2), "{delivery:?}");
}

#[test]
fn sessions_and_check_ins_of_the_crate_are_taken() {
    let id = "9ec79c33-ec99-42ab-8353-589fcb2e04dc";
    let session: SessionUpdate<'static> = serde_json::from_value(json!({
        "sid": id, "init": true, "started": "2026-11-24T12:00:00Z", "status": "exited",
        "errors": 0, "attrs": {"release": "app@1"},
    }))
    .unwrap();
    let sessions: SessionAggregates<'static> = serde_json::from_value(json!({
        "aggregates": [{"started": "2026-11-24T12:00:00Z", "exited": 3}],
        "attrs": {"release": "app@1"},
    }))
    .unwrap();
    let check_in: MonitorCheckIn = serde_json::from_value(json!({
        "check_in_id": id.replace('-', ""), "monitor_slug": "nightly", "status": "ok",
    }))
    .unwrap();
    let instance = Instance::new(|_| {});
    let client = hub(sentry_options(&instance.tally)).client().unwrap();
    let mut envelope = Envelope::new();
    envelope.add_item(session);
    envelope.add_item(sessions);
    envelope.add_item(check_in);
    client.send_envelope(envelope);
    assert_eq!(instance.tally.errors().delivery().captured, 3);
}

#[test]
fn flushing_a_client_answers_whether_nothing_waits() {
    let instance = Instance::new(|_| {});
    let hub = hub(sentry_options(&instance.tally));
    let client = hub.client().unwrap();
    assert!(client.flush(Some(Duration::from_millis(1))));
}

#[test]
fn a_scopes_attachment_travels_with_the_event() {
    let instance = Instance::new(|_| {});
    Hub::run(hub(sentry_options(&instance.tally)), || {
        capture_error_with(&unreachable(), |scope| {
            scope.add_attachment(Attachment {
                buffer: b"a,b\n1,2\n".to_vec(),
                filename: "input.csv".to_owned(),
                content_type: Some("text/csv".to_owned()),
                ty: None,
            });
        });
    });
    assert_eq!(instance.tally.errors().delivery().captured, 1);
}

#[cfg(feature = "sentry-tracing")]
#[test]
fn tracing_events_are_errors_and_breadcrumbs() {
    use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

    let events = recorded(|| {
        let _guard = tracing_subscriber::registry()
            .with(tallylight::errors::tracing_layer())
            .set_default();
        tracing::debug!("not kept");
        tracing::info!(size = 3, "began");
        tracing::warn!("is slow");
        let error = unreachable();
        tracing::error!(error = &error as &dyn std::error::Error, "failed");
    });
    assert_eq!(events.len(), 1);
    let event = &events[0];
    let crumbs: Vec<_> = event
        .breadcrumbs
        .iter()
        .map(|crumb| crumb.message.as_deref().unwrap())
        .collect();
    assert_eq!(crumbs, ["began", "is slow"]);
    assert_eq!(event.exception.len(), 2, "{:?}", event.exception);
    assert!(event.exception[1].stacktrace.is_some());
}

#[cfg(feature = "sentry-tracing")]
#[test]
fn tracing_spans_are_a_sampled_trace() {
    use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

    let instance = Instance::new(|config| config.errors.traces_sample_rate = 1.0);
    Hub::run(hub(sentry_options(&instance.tally)), || {
        let _guard = tracing_subscriber::registry()
            .with(tallylight::errors::tracing_layer())
            .set_default();
        tracing::info_span!("GET /primes").in_scope(|| {
            tracing::info_span!("sieve").in_scope(|| {});
        });
    });
    assert_eq!(instance.tally.errors().delivery().captured, 1);
}

#[cfg(feature = "sentry-log")]
#[test]
fn log_records_are_errors_and_breadcrumbs() {
    use log::Log;
    use tallylight::errors::sentry_log::SentryLogger;

    let events = recorded(|| {
        let logger = SentryLogger::new();
        let say = |level, text: &str| {
            logger.log(
                &log::Record::builder()
                    .level(level)
                    .target("app")
                    .args(format_args!("{text}"))
                    .build(),
            );
        };
        say(log::Level::Info, "began");
        say(log::Level::Error, "failed");
    });
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].message.as_deref(), Some("failed"));
    assert_eq!(events[0].breadcrumbs.len(), 1);
}
