//! Recording by calls: gauges, drops, and whatever an isolate without a shard records.

use napi::Env;
use napi_derive::napi;
use tallylight::DropReason;

use crate::boundary::{Result, contained};
use crate::env::{Handle, with_state};

/// Counts a recording that could not be made.
#[napi]
pub fn drop_one(reason: String) -> Result<()> {
    contained(|| {
        // The face knows the core's reasons; a stranger would still be a value of no use.
        let reason = DropReason::parse(&reason).unwrap_or(DropReason::NotANumber);
        tallylight::global()?.drop_one(reason);
        Ok(())
    })
}

/// Counts a value that was recorded as the maximum.
#[napi]
pub fn clamp_one() -> Result<()> {
    contained(|| {
        tallylight::global()?.clamp_one();
        Ok(())
    })
}

/// Runs `f` on a handle of this environment; without one the recording is a drop, since a number
/// that is not registered here was given by nobody but a series past the memory cap.
fn with_handle(env: Env, id: u32, f: impl FnOnce(&Handle) -> Option<()>) -> Result<bool> {
    contained(|| {
        let tally = tallylight::global()?;
        with_state(env, |state| {
            let is_done = state.handles.get(&id).and_then(f).is_some();
            if !is_done {
                tally.drop_one(DropReason::ArenaFull);
            }
            Ok(is_done)
        })
    })
}

/// Records a value into an operation (milliseconds) or a histogram (its own unit).
#[napi]
pub fn record_value(env: Env, id: u32, value: f64) -> Result<bool> {
    with_handle(env, id, |handle| match handle {
        Handle::Operation(operation) => {
            operation.record_ms(value);
            Some(())
        }
        Handle::Histogram(histogram) => {
            histogram.record(value);
            Some(())
        }
        _ => None,
    })
}

/// Records a failure of an operation that took `ms` milliseconds.
#[napi]
pub fn record_failure(env: Env, id: u32, ms: f64, error_type: String) -> Result<bool> {
    with_handle(env, id, |handle| match handle {
        Handle::Operation(operation) => {
            operation.record_error_ms(ms, &error_type);
            Some(())
        }
        _ => None,
    })
}

/// Adds a value to a counter, or a number of failures to an error series.
#[napi]
pub fn add_value(env: Env, id: u32, value: f64) -> Result<bool> {
    // An error series has no handle here: its cells, or this call, are all that uses it.
    if value >= 1.0 && contained(|| Ok(tallylight::global()?.add_failures(id, value as u64)))? {
        return Ok(true);
    }
    with_handle(env, id, |handle| match handle {
        Handle::Counter(counter) => {
            counter.add(value);
            Some(())
        }
        _ => None,
    })
}

/// Sets a gauge.
#[napi]
pub fn gauge_set(env: Env, id: u32, value: f64) -> Result<bool> {
    with_handle(env, id, |handle| match handle {
        Handle::Gauge(gauge) => {
            gauge.set(value);
            Some(())
        }
        _ => None,
    })
}

/// Adds to a gauge.
#[napi]
pub fn gauge_add(env: Env, id: u32, delta: f64) -> Result<bool> {
    with_handle(env, id, |handle| match handle {
        Handle::Gauge(gauge) => {
            gauge.add(delta);
            Some(())
        }
        _ => None,
    })
}
