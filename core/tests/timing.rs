//! Timers and instrumented futures: what ends how, and is counted once.
#![cfg(feature = "metrics")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::future::{Future, pending, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tallylight::metrics::SeriesSnapshot;
use tallylight::{Config, Kind, Labels, Operation, Tallylight};

fn instance() -> (Tallylight, Operation) {
    let tally = Tallylight::new(Config::default()).unwrap();
    let operation = tally.operation("op", &Labels::new(), Kind::Job).unwrap();
    (tally, operation)
}

fn series(tally: &Tallylight) -> SeriesSnapshot {
    tally.snapshot().series.remove(0)
}

fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
    pin!(future).poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_timer_is_counted_once_however_it_ends() {
    let (tally, operation) = instance();
    let took = operation.start().end();
    operation.start().fail("Broken");
    drop(operation.start());
    let failed: Result<u8, std::num::ParseIntError> = operation.time_result(|| "x".parse());
    assert!(failed.is_err());
    let fine: Result<u8, std::num::ParseIntError> = operation.time_result(|| "7".parse());
    assert_eq!(fine, Ok(7));
    let series = series(&tally);
    assert_eq!(series.count(), 5);
    assert_eq!(series.errors_by_type["Broken"], 1);
    assert_eq!(series.errors_by_type["ParseIntError"], 1);
    assert_eq!(series.errors(), 2);
    assert!(took < Duration::from_secs(60));
}

#[test]
fn any_future_is_recorded_when_it_is_done() {
    let (tally, operation) = instance();
    assert_eq!(poll_once(operation.instrument(ready(7))), Poll::Ready(7));
    assert_eq!(series(&tally).count(), 1);
    assert_eq!(series(&tally).errors(), 0);
}

#[test]
fn an_err_is_a_failure_of_its_type_where_asked() {
    let (tally, operation) = instance();
    let error = || ready(Err::<(), _>(std::fmt::Error));
    assert!(poll_once(operation.instrument(error())).is_ready());
    assert_eq!(series(&tally).errors(), 0);
    assert!(poll_once(operation.instrument_result(error())).is_ready());
    assert_eq!(series(&tally).errors_by_type["Error"], 1);
}

#[test]
fn a_future_dropped_before_its_end_is_no_failure_and_one_never_polled_is_nothing() {
    let (tally, operation) = instance();
    assert!(poll_once(operation.instrument(pending::<()>())).is_pending());
    drop(operation.instrument(pending::<()>()));
    let series = series(&tally);
    assert_eq!(series.count(), 1);
    assert_eq!(series.errors(), 0);
}
