//! Monotonic milliseconds for a few nanoseconds, for paths where a precise clock would cost more
//! than everything else they do.

use std::time::Duration;

use crate::clock::Clock;

/// Milliseconds that never go back, a few milliseconds late at most. Manual clocks answer their own.
#[inline]
pub(crate) fn millis(clock: &Clock) -> u64 {
    match clock {
        Clock::System { started, .. } => {
            system_millis().unwrap_or_else(|| whole(started.elapsed()))
        }
        Clock::Manual(_) => whole(clock.now()),
    }
}

/// A span in whole milliseconds.
pub(crate) fn whole(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// The kernel's clock as of its last tick: read from a shared page, without asking the counter that
/// makes a precise reading slow.
#[cfg(any(target_os = "linux", target_os = "android"))]
#[inline]
fn system_millis() -> Option<u64> {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a timespec of this frame, which outlives the call.
    let code = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut time) };
    // Neither part of a monotonic time is negative.
    (code == 0).then(|| (time.tv_sec as u64) * 1_000 + (time.tv_nsec as u64) / 1_000_000)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
#[inline]
fn system_millis() -> Option<u64> {
    None
}
