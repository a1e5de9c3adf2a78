//! How long something takes, the cheap way: by the processor's cycle counter where it can be
//! trusted, since two readings of the system's clock cost several times what a recording does.
//!
//! It is trusted where the kernel itself keeps time by it (`tsc` as the clock source: constant,
//! never stopping, the same on every core, and watched for that); elsewhere [`Instant`] is read.
//! Nothing waits for a calibration: a difference of counts is converted by the whole span since
//! [`start`], which is longer than the difference, so the error is that of two readings, some tens
//! of nanoseconds; once the span is long enough its ratio is kept.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// A span whose ratio is exact to better than one in a million.
const SETTLED_NANOS: u64 = 200_000_000;
/// Fraction bits of [`SCALE`].
const SHIFT: u32 = 32;

/// Whether ticks are counts of the processor; set once, before the first reading.
static COUNTS: AtomicBool = AtomicBool::new(false);
/// Nanoseconds of one count as a fixed-point number; 0 until it has settled.
static SCALE: AtomicU64 = AtomicU64::new(0);
static BASE: OnceLock<Reading> = OnceLock::new();

/// Both clocks at one moment.
#[derive(Clone, Copy)]
struct Reading {
    at: Instant,
    count: u64,
}

/// Chooses the clock, once; registering an operation does it.
#[cold]
pub fn start() {
    if BASE.get().is_some() {
        return;
    }
    // Inside, so that no forked child inherits a lock that is being filled.
    let Some(_inside) = crate::fork::enter() else {
        return;
    };
    BASE.get_or_init(|| {
        COUNTS.store(counter::is_trusted(), Relaxed);
        reading()
    });
}

/// Ticks now, never 0; their difference is for [`nanos_since`].
#[inline(always)]
pub fn now() -> u64 {
    if COUNTS.load(Relaxed) {
        counter::read()
    } else {
        system_now()
    }
}

/// Nanoseconds from `started`, an earlier [`now`], to now.
#[inline(always)]
pub fn nanos_since(started: u64) -> u64 {
    let ticks = now().saturating_sub(started);
    if !COUNTS.load(Relaxed) {
        return ticks;
    }
    match SCALE.load(Relaxed) {
        0 => unsettled(ticks),
        scale => scaled(ticks, scale),
    }
}

#[inline(always)]
fn scaled(ticks: u64, scale: u64) -> u64 {
    ((u128::from(ticks) * u128::from(scale)) >> SHIFT) as u64
}

#[cold]
fn system_now() -> u64 {
    match BASE.get() {
        Some(base) => base.at.elapsed().as_nanos() as u64 + 1,
        None => 1,
    }
}

#[cold]
fn unsettled(ticks: u64) -> u64 {
    let (Some(base), now) = (BASE.get(), reading()) else {
        return 0;
    };
    let nanos = now.at.duration_since(base.at).as_nanos() as u64;
    let counts = now.count.saturating_sub(base.count).max(1);
    let scale = ((u128::from(nanos) << SHIFT) / u128::from(counts)) as u64;
    if nanos >= SETTLED_NANOS {
        SCALE.store(scale, Relaxed);
    }
    scaled(ticks, scale)
}

/// Reads both clocks as close together as a few tries allow: the thread may be interrupted between.
fn reading() -> Reading {
    let mut best = one_reading();
    for _ in 0..4 {
        let next = one_reading();
        if next.1 < best.1 {
            best = next;
        }
    }
    best.0
}

fn one_reading() -> (Reading, u64) {
    let before = counter::read();
    let at = Instant::now();
    let width = counter::read().saturating_sub(before);
    let count = before + width / 2;
    (Reading { at, count }, width)
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod counter {
    use std::arch::x86_64::_rdtsc;
    use std::fs;

    const SOURCE: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";

    pub(super) fn is_trusted() -> bool {
        fs::read_to_string(SOURCE).is_ok_and(|source| source.trim() == "tsc")
    }

    #[inline(always)]
    pub(super) fn read() -> u64 {
        // SAFETY: every x86-64 processor has the instruction, and it has no operand.
        unsafe { _rdtsc() }
    }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
mod counter {
    pub(super) fn is_trusted() -> bool {
        false
    }

    pub(super) fn read() -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn it_agrees_with_the_systems_clock() {
        start();
        // Before the ratio has settled, and after.
        for millis in [1, 20, 250, 20] {
            let system = Instant::now();
            let started = now();
            std::thread::sleep(Duration::from_millis(millis));
            let inner = Duration::from_nanos(nanos_since(started));
            let outer = system.elapsed();
            assert!(inner <= outer + outer / 1_000, "{inner:?} of {outer:?}");
            assert!(
                inner >= Duration::from_millis(millis) * 999 / 1_000,
                "{inner:?}"
            );
        }
    }

    #[test]
    fn it_never_goes_back() {
        start();
        let mut last = now();
        for _ in 0..10_000 {
            let next = now();
            assert!(next >= last);
            last = next;
        }
        assert_eq!(nanos_since(u64::MAX), 0);
    }
}
