//! Operations: how long something takes, and how it fails.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::drops::DropReason;
use super::local::{self, HeldWriter};
use super::number::{NANOS_PER_MILLI, checked};
use super::registry::Registry;
use super::series::SeriesId;
use super::writer::Outcome;
use crate::stopwatch;

/// Something a service does, measured: a request answered, a call made, a model asked, a job run.
///
/// Cheap to clone and safe to share. Recording takes no lock, allocates nothing after the first
/// use on a thread and never blocks, panics or fails; what cannot be recorded is a counted drop
/// (see [`super::Drops`]).
///
/// ```
/// # fn main() -> Result<(), tallylight::Error> {
/// use tallylight::{Config, Kind, Labels, Tallylight};
/// let tally = Tallylight::new(Config::default())?;
/// let checkout = tally.operation("POST /checkout", &Labels::new(), Kind::Server)?;
/// checkout.record_ms(12.5);
/// let answer = checkout.time(|| 6 * 7);
/// checkout.record_error_ms(30.0, "TimeoutError");
/// assert_eq!((answer, tally.status().metrics.total_requests), (42, 3));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Operation {
    registry: Arc<Registry>,
    series: SeriesId,
}

impl std::fmt::Debug for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Operation").field(&self.series.0).finish()
    }
}

impl Operation {
    pub(crate) fn new(registry: &Arc<Registry>, series: SeriesId) -> Self {
        stopwatch::start();
        Self {
            registry: Arc::clone(registry),
            series,
        }
    }

    /// The number of this operation's series in its instance.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.series.0
    }

    /// Records a success that took `nanos` nanoseconds. Above [`super::layout::MAX_VALUE`] it
    /// counts as that and as clamped.
    #[inline]
    pub fn record_ns(&self, nanos: u64) {
        local::record(&self.registry, self.series, nanos);
    }

    /// Records a success that took this long.
    #[inline]
    pub fn record(&self, duration: Duration) {
        self.record_ns(nanos_of(duration));
    }

    /// Records a success that took `millis` milliseconds. NaN, negative and infinite values are
    /// counted drops.
    #[inline]
    pub fn record_ms(&self, millis: f64) {
        match checked(millis, NANOS_PER_MILLI) {
            Ok(nanos) => self.record_ns(nanos),
            Err(reason) => self.registry.dropped(reason),
        }
    }

    /// Records a failure that took this long. It counts into the durations as every request does,
    /// and by type: the exception's name, or what a log would call it. Past 32 types a further one
    /// counts as `_OTHER`.
    pub fn record_error(&self, duration: Duration, error_type: &str) {
        self.record_failure(nanos_of(duration), error_type);
    }

    /// As [`Self::record_error`], in milliseconds. A duration that cannot be recorded drops the
    /// whole call: a failure without its request would put the error rate above 100 %.
    pub fn record_error_ms(&self, millis: f64, error_type: &str) {
        match checked(millis, NANOS_PER_MILLI) {
            Ok(nanos) => self.record_failure(nanos, error_type),
            Err(reason) => self.registry.dropped(reason),
        }
    }

    fn record_failure(&self, nanos: u64, error_type: &str) {
        // A request that was dropped was counted as that; its failure is not counted without it.
        if !local::record(&self.registry, self.series, nanos) {
            return;
        }
        let series = {
            let inside = local::enter_unless_inside(&self.registry);
            inside.and_then(|_inside| self.registry.error_series(self.series, error_type))
        };
        if let Some(series) = series {
            local::add(&self.registry, series, 1);
        }
    }

    /// Starts a measurement that ends with the value returned: by [`Timer::end`],
    /// [`Timer::fail`], or when it is dropped.
    pub fn start(&self) -> Timer<'_> {
        Timer {
            operation: self,
            started: stopwatch::now(),
            is_done: false,
        }
    }

    /// Runs `f` and records how long it took. A panic is recorded as the error type `panic` and
    /// goes on.
    pub fn time<T>(&self, f: impl FnOnce() -> T) -> T {
        let timer = self.start();
        let value = f();
        timer.end();
        value
    }

    /// Runs `f` and records how long it took; an `Err` is a failure of the error's type.
    ///
    /// # Errors
    /// Whatever `f` answers, unchanged.
    pub fn time_result<T, E>(&self, f: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let timer = self.start();
        let result = f();
        timer.end_with(&result);
        result
    }

    /// Wraps a future so that it is recorded from its first poll to its end. One that is dropped
    /// before its end was cancelled, which is recorded with the time until then and is no failure;
    /// one that panicked is a failure of type `panic`.
    pub fn instrument<F: Future>(&self, future: F) -> Instrumented<F> {
        self.instrumented(future, |_| None)
    }

    /// As [`Self::instrument`]; an `Err` is a failure of the error's type.
    pub fn instrument_result<F, T, E>(&self, future: F) -> Instrumented<F>
    where
        F: Future<Output = Result<T, E>>,
    {
        self.instrumented(future, |result| result.is_err().then(short_type_name::<E>))
    }

    fn instrumented<F: Future>(
        &self,
        future: F,
        error_type: fn(&F::Output) -> Option<&'static str>,
    ) -> Instrumented<F> {
        Instrumented {
            future: Box::pin(future),
            operation: self.clone(),
            started: None,
            is_done: false,
            error_type,
        }
    }

    /// This thread's own writer of the operation, the fastest way to record in a loop. It stays on
    /// its thread, and goes on to count after the thread's own shard is gone.
    #[must_use]
    pub fn recorder(&self) -> Recorder {
        Recorder {
            held: local::hold(&self.registry, self.series),
            operation: self.clone(),
            _not_send: PhantomData,
        }
    }
}

/// Nanoseconds of a duration; past u64 it is the largest, which is then clamped and counted.
fn nanos_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// An operation held by one thread; see [`Operation::recorder`].
pub struct Recorder {
    held: Option<HeldWriter>,
    operation: Operation,
    _not_send: PhantomData<*const ()>,
}

impl Recorder {
    /// Records a success that took `nanos` nanoseconds.
    #[inline]
    pub fn record_ns(&self, nanos: u64) {
        if let Some(held) = &self.held
            && held.record(nanos) == Outcome::Recorded
        {
            return;
        }
        local::record_slow(&self.operation.registry, self.operation.series, nanos);
    }

    /// Records a success that took this long.
    #[inline]
    pub fn record(&self, duration: Duration) {
        self.record_ns(nanos_of(duration));
    }
}

/// A measurement under way. Dropping it records it: as a failure of type `panic` while the thread
/// unwinds, else as a success.
#[must_use = "a timer that is dropped at once measures nothing"]
pub struct Timer<'a> {
    operation: &'a Operation,
    /// Of the [`stopwatch`].
    started: u64,
    is_done: bool,
}

impl Timer<'_> {
    /// Ends in success and answers how long it took.
    pub fn end(mut self) -> Duration {
        let took = self.stop();
        self.operation.record(took);
        took
    }

    /// Ends in failure of this type and answers how long it took.
    pub fn fail(mut self, error_type: &str) -> Duration {
        let took = self.stop();
        self.operation.record_error(took, error_type);
        took
    }

    /// Ends as the result did; the error's type names the failure.
    pub fn end_with<T, E>(self, result: &Result<T, E>) -> Duration {
        match result {
            Ok(_) => self.end(),
            Err(_) => self.fail(short_type_name::<E>()),
        }
    }

    /// One reading of the clock: it costs more than the recording.
    fn stop(&mut self) -> Duration {
        self.is_done = true;
        Duration::from_nanos(stopwatch::nanos_since(self.started))
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let took = self.stop();
        if std::thread::panicking() {
            self.operation.record_error(took, "panic");
        } else {
            self.operation.record(took);
        }
    }
}

/// The type's own name, without its path: `io::Error` of `std::io::error::Error` is `Error`.
pub(crate) fn short_type_name<T>() -> &'static str {
    let full = std::any::type_name::<T>();
    let head = full.split('<').next().unwrap_or(full);
    head.rsplit("::").next().unwrap_or(head)
}

/// A future that records itself; see [`Operation::instrument`].
#[must_use = "futures do nothing unless polled"]
pub struct Instrumented<F: Future> {
    future: Pin<Box<F>>,
    operation: Operation,
    /// Of the [`stopwatch`], from the first poll on.
    started: Option<u64>,
    is_done: bool,
    error_type: fn(&F::Output) -> Option<&'static str>,
}

impl<F: Future> Future for Instrumented<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let started = *self.started.get_or_insert_with(stopwatch::now);
        let output = std::task::ready!(self.future.as_mut().poll(context));
        self.is_done = true;
        let took = Duration::from_nanos(stopwatch::nanos_since(started));
        match (self.error_type)(&output) {
            Some(error_type) => self.operation.record_error(took, error_type),
            None => self.operation.record(took),
        }
        Poll::Ready(output)
    }
}

impl<F: Future> Drop for Instrumented<F> {
    fn drop(&mut self) {
        if let (Some(started), false) = (self.started, self.is_done) {
            let took = Duration::from_nanos(stopwatch::nanos_since(started));
            if std::thread::panicking() {
                self.operation.record_error(took, "panic");
            } else {
                self.operation.record(took);
            }
        }
    }
}

impl Operation {
    /// The registry that it records into, for a test of its locks.
    #[cfg(test)]
    pub(crate) fn registry_for_test(&self) -> Arc<Registry> {
        Arc::clone(&self.registry)
    }

    /// Counts a call that had no number to record.
    pub fn drop_one(&self, reason: DropReason) {
        self.registry.dropped(reason);
    }
}
