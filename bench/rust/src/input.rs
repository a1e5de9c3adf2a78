//! The latencies that every contender records: log-normal, made before any clock is read, the same in each run.

use std::time::Duration;

/// The length of the array that the timed loops walk. 128 KiB of nanoseconds stay in the second-level cache, and the
/// order is too long for a branch predictor to learn.
pub(crate) const LENGTH: usize = 16_384;

/// The middle of the distribution.
const MEDIAN_NS: f64 = 20e6;

/// A service with a short tail: its P99 is 3.2 times its median.
pub(crate) const TYPICAL_SIGMA: f64 = 0.5;

/// A service with a long tail: its P99 is ten times its median.
pub(crate) const LONG_TAIL_SIGMA: f64 = 1.0;

/// One sequence of latencies in the forms that the contenders take, so that no contender converts inside the loop.
pub(crate) struct Input {
    pub(crate) ns: Vec<u64>,
    pub(crate) millis: Vec<f64>,
    pub(crate) seconds: Vec<f64>,
    pub(crate) durations: Vec<Duration>,
}

impl Input {
    pub(crate) fn typical(length: usize) -> Self {
        Self::of(log_normal(length, TYPICAL_SIGMA))
    }

    pub(crate) fn of(ns: Vec<u64>) -> Self {
        Self {
            millis: ns.iter().map(|&ns| ns as f64 / 1e6).collect(),
            seconds: ns.iter().map(|&ns| ns as f64 / 1e9).collect(),
            durations: ns.iter().map(|&ns| Duration::from_nanos(ns)).collect(),
            ns,
        }
    }
}

/// `length` log-normal latencies in nanoseconds, with a median of 20 ms.
pub(crate) fn log_normal(length: usize, sigma: f64) -> Vec<u64> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut uniform = move || {
        // SplitMix64: any even generator does, and it must be the same one everywhere.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..length)
        .map(|_| {
            // Box-Muller.
            let radius = (-2.0 * (1.0 - uniform()).ln()).sqrt();
            let normal = radius * (std::f64::consts::TAU * uniform()).cos();
            (MEDIAN_NS * (sigma * normal).exp()).round() as u64
        })
        .collect()
}
