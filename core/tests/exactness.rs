//! Every count, sum and maximum is exact, and every quantile is HdrHistogram's.
#![cfg(feature = "metrics")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use hdrhistogram::Histogram as Reference;
use proptest::prelude::*;
use tallylight::metrics::{Distribution, layout};
use tallylight::{Config, Kind, Labels, Tallylight};

const MAX: u64 = layout::MAX_VALUE;

fn recorded(values: &[u64]) -> Distribution {
    let tally = Tallylight::new(Config::default()).unwrap();
    let operation = tally
        .operation("op", &Labels::new(), Kind::Internal)
        .unwrap();
    for value in values {
        operation.record_ns(*value);
    }
    Distribution::clone(&tally.snapshot().series[0].distribution)
}

fn reference(values: &[u64]) -> Reference<u64> {
    let mut reference = Reference::new_with_bounds(1, MAX, 2).unwrap();
    for value in values {
        reference.record(*value).unwrap();
    }
    reference
}

/// Values of every magnitude, with runs close together.
fn streams() -> impl Strategy<Value = Vec<u64>> {
    let value = (0u32..53, any::<u64>()).prop_map(|(shift, bits)| (bits & MAX) >> shift);
    prop_oneof![
        proptest::collection::vec(value, 1..600),
        proptest::collection::vec(1_000u64..4_000_000_000_000, 1..600),
        (0u64..1_000_000_000, 1usize..600).prop_map(|(value, n)| vec![value; n]),
    ]
}

proptest! {
    #[test]
    fn count_sum_and_maximum_are_exact(values in streams()) {
        let distribution = recorded(&values);
        prop_assert_eq!(distribution.count(), values.len() as u64);
        prop_assert_eq!(distribution.sum(), values.iter().map(|v| u128::from(*v)).sum::<u128>());
        prop_assert_eq!(distribution.max(), *values.iter().max().unwrap());
    }

    #[test]
    fn quantiles_equal_hdrhistograms(values in streams(), q in 0.0f64..=1.0) {
        let distribution = recorded(&values);
        let reference = reference(&values);
        for q in [q, 0.0, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0] {
            prop_assert_eq!(distribution.value_at_quantile(q), reference.value_at_quantile(q), "q {}", q);
        }
    }

    #[test]
    fn quantiles_are_within_one_percent_of_the_exact(values in streams(), q in 0.001f64..=1.0) {
        let distribution = recorded(&values);
        let mut sorted = values;
        sorted.sort_unstable();
        let rank = ((q * sorted.len() as f64).ceil() as usize).clamp(1, sorted.len());
        let exact = sorted[rank - 1] as f64;
        let told = distribution.value_at_quantile(q) as f64;
        prop_assert!((told - exact).abs() <= exact * 0.01, "{told} for {exact}");
    }

    #[test]
    fn merging_parts_is_recording_the_whole(values in streams(), cut in any::<prop::sample::Index>()) {
        let (left, right) = values.split_at(cut.index(values.len()));
        let mut merged = Distribution::new();
        for part in [left, right] {
            let mut distribution = Distribution::new();
            part.iter().for_each(|value| distribution.record(*value));
            merged.merge(&distribution);
        }
        prop_assert!(merged == recorded(&values));
    }
}

#[test]
fn a_sum_past_64_bits_is_exact() {
    let tally = Tallylight::new(Config::default()).unwrap();
    let operation = tally.operation("op", &Labels::new(), Kind::Job).unwrap();
    let times = 5_000;
    for _ in 0..times {
        operation.record_ns(MAX);
    }
    let distribution = &tally.snapshot().series[0].distribution;
    assert_eq!(distribution.sum(), u128::from(MAX) * times);
    assert!(distribution.sum() > u128::from(u64::MAX));
}

#[test]
fn a_held_recorder_records_the_same() {
    let tally = Tallylight::new(Config::default()).unwrap();
    let operation = tally.operation("op", &Labels::new(), Kind::Job).unwrap();
    let recorder = operation.recorder();
    for value in [0, 1, 127, 128, 1 << 20, MAX, u64::MAX] {
        recorder.record_ns(value);
        operation.record_ns(value);
    }
    let snapshot = tally.snapshot();
    assert_eq!(snapshot.series[0].count(), 14);
    assert_eq!(tally.drops().clamped, 2);
    assert!(
        snapshot.series[0]
            .distribution
            .buckets()
            .all(|(_, count)| count % 2 == 0)
    );
}
