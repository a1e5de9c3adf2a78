//! The panic hook: what it reports, what it leaves alone, and that the hook before it still runs.
//! Alone in its process, whose hook it changes.
#![cfg(feature = "sentry")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod errors_rust_support;

use std::fmt;
use std::panic;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Once};
use std::thread;

use errors_rust_support::recorded;
use tallylight::errors::capture_error;
use tallylight::errors::sentry::protocol::{Event, Level};
use tallylight::errors::sentry::{self, Hub};

/// Panics that the hook before ours saw.
static SEEN_BEFORE: AtomicUsize = AtomicUsize::new(0);

/// Sets the hook that was there before ours; to be called before any client is made.
fn set_hook_before() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        panic::set_hook(Box::new(|_| {
            SEEN_BEFORE.fetch_add(1, Ordering::Relaxed);
        }));
    });
}

/// The events of panics in a thread of its own.
fn reported(body: impl FnOnce() + Send + 'static) -> Vec<Event<'static>> {
    set_hook_before();
    recorded(|| {
        let hub = Arc::new(Hub::new_from_top(Hub::current()));
        let thread = thread::Builder::new()
            .name("worker-7".to_owned())
            .spawn(|| Hub::run(hub, body));
        let _ = thread.unwrap().join();
    })
}

#[test]
fn a_panic_is_reported_with_its_place_and_stack_and_the_hook_before_runs() {
    let before = SEEN_BEFORE.load(Ordering::Relaxed);
    let events = reported(|| {
        sentry::configure_scope(|scope| scope.set_tag("route", "/primes"));
        panic!("no prime below {}", 2);
    });
    assert!(SEEN_BEFORE.load(Ordering::Relaxed) > before);
    assert_eq!(events.len(), 1);
    let event = &events[0];
    assert_eq!(event.level, Level::Fatal);
    assert_eq!(event.tags["route"], "/primes");
    let exception = &event.exception[0];
    assert_eq!(
        (exception.ty.as_str(), exception.value.as_deref()),
        ("panic", Some("no prime below 2"))
    );
    let mechanism = exception.mechanism.as_ref().unwrap();
    assert_eq!(
        (mechanism.ty.as_str(), mechanism.handled),
        ("panic", Some(false))
    );
    let place = mechanism.data["location"].as_str().unwrap();
    assert!(place.contains("errors_rust_panics.rs:"), "{place}");
    assert_eq!(mechanism.data["thread"], "worker-7");
    let frames = &exception.stacktrace.as_ref().unwrap().frames;
    assert!(frames.len() > 5);
    assert!(frames.iter().all(|frame| frame.instruction_addr.is_some()));
}

#[test]
fn any_payload_is_reported() {
    let value = |events: Vec<Event<'static>>| events[0].exception[0].value.clone().unwrap();
    assert_eq!(value(reported(|| panic!("plain"))), "plain");
    assert_eq!(
        value(reported(|| panic::panic_any("owned".to_owned()))),
        "owned"
    );
    assert_eq!(
        value(reported(|| panic::panic_any(7))),
        "(a panic with a payload that is no text)"
    );
    let long = value(reported(|| panic!("{}", "é".repeat(1 << 20))));
    assert!(long.len() <= 64 << 10 && long.starts_with('é'));
}

#[test]
fn a_panic_that_we_contain_is_not_reported() {
    #[derive(Debug)]
    struct Unshowable;

    impl fmt::Display for Unshowable {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("on purpose")
        }
    }

    impl std::error::Error for Unshowable {}

    let events = reported(|| {
        capture_error(&Unshowable);
    });
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].exception[0].ty, "Unshowable");
}

#[test]
fn a_panic_that_is_caught_is_reported_once_and_the_thread_goes_on() {
    let events = reported(|| {
        let caught = panic::catch_unwind(|| panic!("caught"));
        assert!(caught.is_err());
        let caught = panic::catch_unwind(|| panic!("again"));
        assert!(caught.is_err());
    });
    let values: Vec<_> = events
        .iter()
        .map(|event| event.exception[0].value.as_deref().unwrap())
        .collect();
    assert_eq!(values, ["caught", "again"]);
}

#[test]
fn a_panic_within_the_hub_hangs_nobody() {
    let events = reported(|| {
        sentry::add_breadcrumb(|| -> sentry::Breadcrumb { panic!("no crumb") });
    });
    // Its hub could not be asked, and no other client is bound in this process.
    assert_eq!(events.len(), 0);
    let events = reported(|| {
        let caught = panic::catch_unwind(|| {
            sentry::add_breadcrumb(|| -> sentry::Breadcrumb { panic!("no crumb") });
        });
        assert!(caught.is_err());
        sentry::capture_message("goes on", Level::Error);
    });
    assert_eq!(events[0].message.as_deref(), Some("goes on"));
}

#[test]
fn a_before_send_that_panics_loses_the_event_and_not_the_caller() {
    set_hook_before();
    let instance = errors_rust_support::Instance::new(|_| {});
    let options = tallylight::errors::sentry_options(&instance.tally)
        .before_send(|_| panic!("before_send fails on purpose"));
    Hub::run(errors_rust_support::hub(options), || {
        assert_eq!(capture_error(&fmt::Error), None);
    });
    assert_eq!(instance.tally.errors().delivery().pending, 0);
}

#[test]
fn a_panic_without_a_client_is_nobodys() {
    let _ = reported(|| {});
    let alone = Arc::new(Hub::new(None, Arc::default()));
    let thread = thread::spawn(|| Hub::run(alone, || panic!("unheard")));
    assert!(thread.join().is_err());
}
