//! Each `tracing` span is an operation.
#![cfg(feature = "tracing-bridge")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::thread;

use tallylight::bridge::TracingLayer;
use tallylight::{Config, Kind, Labels, Snapshot, Tallylight};
use tracing::level_filters::LevelFilter;
use tracing::{Level, debug_span, error, error_span, field, info_span, span, warn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// Counts each thread's allocations.
struct Counting;

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What is recorded while `f` runs under a layer.
fn recorded(change: impl FnOnce(TracingLayer) -> TracingLayer, f: impl FnOnce()) -> Tallylight {
    let tally = Tallylight::new(Config::default()).unwrap();
    let layer = change(TracingLayer::new(&tally));
    let guard = tracing_subscriber::registry().with(layer).set_default();
    f();
    drop(guard);
    tally
}

/// Name, kind, count and failures by type.
type Row<'a> = (String, Kind, u64, Vec<(&'a str, u64)>);

fn rows(snapshot: &Snapshot) -> Vec<Row<'_>> {
    snapshot
        .series
        .iter()
        .map(|series| {
            let errors = &series.errors_by_type;
            let errors = errors.iter().map(|(name, count)| (name.as_str(), *count));
            (
                series.name.clone(),
                series.kind.unwrap(),
                series.count(),
                errors.collect(),
            )
        })
        .collect()
}

#[test]
fn a_span_is_an_operation_of_its_name_and_kind() {
    let tally = recorded(std::convert::identity, || {
        for _ in 0..3 {
            info_span!("request", otel.kind = "server", path = "/a")
                .in_scope(|| drop(error_span!("query", otel.kind = "Client")));
        }
        drop(info_span!("parse"));
        drop(info_span!("publish", otel.kind = "PRODUCER"));
        drop(info_span!("consume", otel.kind = %"consumer"));
        drop(info_span!("ask", otel.kind = "model"));
        drop(info_span!("odd", otel.kind = 7));
        let late = info_span!("late", otel.kind = field::Empty);
        late.record("otel.kind", "job");
    });
    let expected = [
        ("query", Kind::Client, 3),
        ("request", Kind::Server, 3),
        ("parse", Kind::Internal, 1),
        ("publish", Kind::Client, 1),
        ("consume", Kind::Job, 1),
        ("ask", Kind::Model, 1),
        ("odd", Kind::Internal, 1),
        ("late", Kind::Job, 1),
    ]
    .map(|(name, kind, count)| (name.to_owned(), kind, count, vec![]));
    assert_eq!(rows(&tally.snapshot()), expected);
}

#[test]
fn the_duration_is_from_creation_to_close() {
    let tally = recorded(std::convert::identity, || {
        let outer = info_span!("outer");
        let clone = outer.clone();
        drop(outer);
        drop(info_span!("inner"));
        clone.in_scope(|| ());
        drop(clone);
    });
    let snapshot = tally.snapshot();
    let max = |name: &str| {
        let series = snapshot.find(name, &Labels::new()).unwrap();
        assert_eq!(series.count(), 1);
        series.distribution.max()
    };
    assert!(max("outer") >= max("inner"));
}

#[test]
fn failures_are_told_by_the_field_or_an_error_event() {
    let tally = recorded(std::convert::identity, || {
        drop(info_span!("a", error.type = "Early"));
        let late = info_span!("b", error.type = field::Empty);
        late.record("error.type", field::debug(Level::WARN));
        drop(late);
        info_span!("c").in_scope(|| error!("unnamed"));
        info_span!("d").in_scope(|| {
            error!(error.type = "Named", "and told");
            error!("again");
        });
        info_span!("e").in_scope(|| warn!("only a warning"));
        info_span!("f").in_scope(|| info_span!("g").in_scope(|| error!("the inner one's")));
        info_span!("h")
            .in_scope(|| debug_span!("not recorded").in_scope(|| error!("so the outer")));
        let elsewhere = info_span!("i");
        error!(parent: &elsewhere, "by its parent");
        error!("in no span");
    });
    let snapshot = tally.snapshot();
    let failures: Vec<_> = rows(&snapshot)
        .into_iter()
        .map(|(name, _, count, errors)| {
            assert_eq!(count, 1);
            (name, errors)
        })
        .collect();
    let expected = [
        ("a", vec![("Early", 1)]),
        ("b", vec![("Level(Warn)", 1)]),
        ("c", vec![("error", 1)]),
        ("d", vec![("Named", 1)]),
        ("e", vec![]),
        ("g", vec![("error", 1)]),
        ("f", vec![]),
        ("h", vec![("error", 1)]),
        ("i", vec![("error", 1)]),
    ]
    .map(|(name, errors)| (name.to_owned(), errors));
    assert_eq!(failures, expected);
}

#[test]
fn levels_and_targets_are_chosen() {
    let spans = || {
        drop(span!(target: "app", Level::TRACE, "trace"));
        drop(span!(target: "app::http", Level::INFO, "info"));
        drop(span!(target: "app2", Level::ERROR, "other"));
    };
    let names = |tally: Tallylight| -> Vec<String> {
        let series = tally.snapshot().series;
        series.into_iter().map(|series| series.name).collect()
    };
    assert_eq!(names(recorded(|layer| layer, spans)), ["info", "other"]);
    let targeted = |layer: TracingLayer| {
        layer
            .with_targets(["app"])
            .with_max_level(LevelFilter::TRACE)
    };
    assert_eq!(names(recorded(targeted, spans)), ["trace", "info"]);
    let errors = |layer: TracingLayer| layer.with_max_level(Level::ERROR);
    assert_eq!(names(recorded(errors, spans)), ["other"]);
}

#[test]
fn one_name_for_several_kinds_is_told_apart_and_a_bad_name_dropped() {
    const LONG: &str = "0123456789012345678901234567890123456789012345678901234567890123456789\
        0123456789012345678901234567890123456789012345678901234567890123456789\
        0123456789012345678901234567890123456789012345678901234567890123456789";
    let tally = recorded(std::convert::identity, || {
        for kind in ["server", "client", "server"] {
            drop(info_span!("call", otel.kind = kind));
        }
        drop(info_span!(LONG));
        drop(info_span!(LONG, error.type = "Any"));
    });
    let snapshot = tally.snapshot();
    assert_eq!(snapshot.find("call", &Labels::new()).unwrap().count(), 2);
    let client = Labels::from_pairs([("otel.kind", "client")]).unwrap();
    assert_eq!(snapshot.find("call", &client).unwrap().count(), 1);
    assert_eq!((snapshot.series.len(), tally.drops().total()), (2, 2));
}

#[test]
fn spans_of_many_threads_are_all_recorded() {
    let tally = Tallylight::new(Config::default()).unwrap();
    let subscriber = tracing_subscriber::registry().with(TracingLayer::new(&tally));
    let dispatch = tracing::Dispatch::new(subscriber);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let _guard = dispatch.clone().set_default();
                for request in 0..1_000 {
                    let span = info_span!("request", otel.kind = "server");
                    if request % 4 == 0 {
                        span.in_scope(|| error!(error.type = "Fourth", "failed"));
                    }
                    let here = thread::current().id();
                    // Closed on another thread than it was created on.
                    if request % 100 == 0 {
                        let there = thread::spawn(move || {
                            drop(span);
                            thread::current().id()
                        });
                        assert_ne!(there.join().unwrap(), here);
                    }
                }
            });
        }
    });
    let status = tally.status();
    assert_eq!(status.metrics.total_requests, 8_000);
    assert_eq!(status.metrics.total_errors, 2_000);
    assert_eq!(tally.drops().total(), 0);
}

#[test]
fn a_success_allocates_nothing_in_steady_state() {
    let spans = || {
        for _ in 0..100 {
            info_span!("request", otel.kind = "server", path = "/a")
                .in_scope(|| drop(info_span!("query")));
        }
    };
    let allocations = Cell::new(u64::MAX);
    let tally = recorded(std::convert::identity, || {
        // The registry, the thread's shard and each duration's octave are taken up first.
        for _ in 0..1_000 {
            spans();
        }
        // One round may meet a duration of an octave that is new.
        for _ in 0..5 {
            let before = ALLOCATIONS.get();
            spans();
            let fewest = allocations.get().min(ALLOCATIONS.get() - before);
            allocations.set(fewest);
        }
    });
    assert_eq!(tally.status().metrics.total_requests, 100_500);
    assert_eq!(allocations.get(), 0);
}
