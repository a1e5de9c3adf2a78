//! The timer behind `with op.time():` and `op.start()`.
//!
//! A timer is reused: its operation keeps one and lends it out whenever nobody else holds it
//! (see [`crate::raw`]), so the usual `with` block allocates none. Its hot calls (`__enter__`,
//! `__exit__`, `end`) are attached by [`crate::raw`] too.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;

use crate::convert;
use crate::errors::guard;
use tallylight::stopwatch;

/// Not started, or ended already. The clock never reads 0.
const IDLE: u64 = 0;

/// Measures one duration at a time of one operation: from `start()` or the head of a `with`
/// block to `end()`, `fail()` or the block's end. A timer that is never ended records nothing.
#[pyclass(module = "tallylight", frozen)]
pub(crate) struct Timer {
    operation: tallylight::Operation,
    /// When the running measurement began, in ticks of our clock; the interpreter's lock
    /// orders its users, so it needs no ordering of its own.
    started: AtomicU64,
    /// Set while `outer` holds anything.
    nested: AtomicBool,
    /// Nanoseconds of the last measurement that ended.
    last: AtomicU64,
    /// The beginnings of the blocks around the innermost, where one timer is entered twice.
    outer: Mutex<Vec<u64>>,
}

impl Timer {
    pub(crate) fn new(operation: tallylight::Operation) -> Self {
        stopwatch::start();
        Self {
            operation,
            started: AtomicU64::new(IDLE),
            nested: AtomicBool::new(false),
            last: AtomicU64::new(0),
            outer: Mutex::new(Vec::new()),
        }
    }

    /// Forgets what an earlier user left running.
    #[inline]
    pub(crate) fn reset(&self) {
        self.started.store(IDLE, Relaxed);
        if self.nested.load(Relaxed) {
            self.forget_outer();
        }
    }

    /// Starts measuring.
    #[inline]
    pub(crate) fn begin(&self) {
        let outer = self.started.load(Relaxed);
        if outer != IDLE {
            self.nest(outer);
        }
        self.started.store(stopwatch::now(), Relaxed);
    }

    /// Records a success, if a measurement runs.
    #[inline]
    pub(crate) fn end(&self) {
        if let Some(ns) = self.finish() {
            self.operation.record_ns(ns);
        }
    }

    /// Records a failure of the type that `error_type` gives, if a measurement runs.
    pub(crate) fn end_with(&self, error_type: impl FnOnce() -> String) {
        if let Some(ns) = self.finish() {
            let duration = std::time::Duration::from_nanos(ns);
            self.operation.record_error(duration, &error_type());
        }
    }

    /// Milliseconds of the last measurement that ended.
    #[inline]
    pub(crate) fn last_ms(&self) -> f64 {
        self.last.load(Relaxed) as f64 / 1e6
    }

    #[inline]
    fn finish(&self) -> Option<u64> {
        let started = self.started.load(Relaxed);
        if started == IDLE {
            return None;
        }
        let ns = stopwatch::nanos_since(started);
        self.last.store(ns, Relaxed);
        let outer = if self.nested.load(Relaxed) {
            self.unnest()
        } else {
            IDLE
        };
        self.started.store(outer, Relaxed);
        Some(ns)
    }

    #[cold]
    fn nest(&self, started: u64) {
        let mut outer = self.outer.lock().unwrap_or_else(PoisonError::into_inner);
        outer.push(started);
        self.nested.store(true, Relaxed);
    }

    #[cold]
    fn unnest(&self) -> u64 {
        let mut outer = self.outer.lock().unwrap_or_else(PoisonError::into_inner);
        let started = outer.pop().unwrap_or(IDLE);
        self.nested.store(!outer.is_empty(), Relaxed);
        started
    }

    #[cold]
    fn forget_outer(&self) {
        let mut outer = self.outer.lock().unwrap_or_else(PoisonError::into_inner);
        outer.clear();
        self.nested.store(false, Relaxed);
    }
}

#[pymethods]
impl Timer {
    /// Ends the measurement as a failure and returns as `end` does; `error` is its type's name, the
    /// exception or its class. Inside a `with` block it takes the place of what the block's end
    /// would record.
    #[pyo3(signature = (error, /))]
    fn fail(&self, py: Python<'_>, error: &Bound<'_, PyAny>) -> PyResult<f64> {
        guard(py, || {
            self.end_with(|| convert::error_type(error));
            Ok(self.last_ms())
        })
    }
}
