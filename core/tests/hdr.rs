//! Exchange with HdrHistogram: nothing is lost, nothing from outside can hurt.
#![cfg(feature = "hdr")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer, V2Serializer};
use proptest::prelude::*;
use tallylight::ErrorKind;
use tallylight::metrics::Distribution;
use tallylight::metrics::hdr::{Configuration, decode, encode};
use tallylight::metrics::layout::{self, MAX_VALUE};

thread_local! {
    static LARGEST_ALLOCATION: Cell<usize> = const { Cell::new(0) };
}

/// Remembers each thread's largest allocation.
struct Watching;

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ =
            LARGEST_ALLOCATION.try_with(|largest| largest.set(largest.get().max(layout.size())));
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watching = Watching;

const QUANTILES: [f64; 12] = [
    0.0, 1e-9, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1.0,
];

/// Values of every magnitude, many of them small, as latencies are.
fn values() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let value = (0..=MAX_VALUE, 0_u32..53).prop_map(|(value, shift)| value >> shift);
    prop::collection::vec((value, 1_u64..1_000), 0..200)
}

fn own_histogram() -> Histogram<u64> {
    let own = Configuration::OWN;
    Histogram::new_with_bounds(own.lowest, own.highest, own.significant_digits).unwrap()
}

fn both(values: &[(u64, u64)]) -> (Distribution, Histogram<u64>) {
    let (mut distribution, mut histogram) = (Distribution::new(), own_histogram());
    for (value, count) in values {
        distribution.record_n(*value, *count);
        histogram.record_n(*value, *count).unwrap();
    }
    (distribution, histogram)
}

fn buckets(distribution: &Distribution) -> Vec<(usize, u64)> {
    distribution.buckets().collect()
}

proptest! {
    #[test]
    fn quantiles_are_the_crates(values in values(), more in prop::collection::vec(0.0..=1.0, 8)) {
        let (distribution, histogram) = both(&values);
        for quantile in QUANTILES.into_iter().chain(more) {
            prop_assert_eq!(
                distribution.value_at_quantile(quantile),
                histogram.value_at_quantile(quantile),
                "quantile {}", quantile
            );
        }
    }

    #[test]
    fn every_bucket_keeps_its_count_both_ways(values in values()) {
        let (distribution, histogram) = both(&values);
        prop_assert_eq!(distribution.to_hdr().unwrap(), histogram.clone());
        let back = Distribution::from_hdr(&histogram).unwrap();
        prop_assert!(back.is_lossless());
        prop_assert_eq!(buckets(&back.distribution), buckets(&distribution));
    }

    #[test]
    fn compressed_bytes_are_the_crates_and_come_back_whole(values in values()) {
        let (distribution, histogram) = both(&values);
        let bytes = distribution.to_v2_compressed().unwrap();
        let theirs: Histogram<u64> = Deserializer::new().deserialize(&mut &bytes[..]).unwrap();
        prop_assert_eq!(&theirs, &histogram);

        let mut encoded = Vec::new();
        V2DeflateSerializer::new().serialize(&histogram, &mut encoded).unwrap();
        let mut plain = Vec::new();
        V2Serializer::new().serialize(&histogram, &mut plain).unwrap();
        for form in [&bytes, &encoded, &plain] {
            let back = Distribution::from_v2_compressed(form).unwrap();
            prop_assert!(back.is_lossless());
            prop_assert_eq!(buckets(&back.distribution), buckets(&distribution));
        }
        let text = distribution.to_v2_base64().unwrap();
        let back = Distribution::from_v2_base64(&text).unwrap();
        prop_assert_eq!(buckets(&back.distribution), buckets(&distribution));
    }

    #[test]
    fn what_buckets_cannot_hold_comes_back_close(values in values()) {
        let (distribution, _) = both(&values);
        let bytes = distribution.to_v2_compressed().unwrap();
        let back = Distribution::from_v2_compressed(&bytes).unwrap().distribution;
        let (sum, kept) = (distribution.sum() as f64, back.sum() as f64);
        prop_assert!((sum - kept).abs() <= 0.004 * sum, "{sum} became {kept}");
        let top = layout::highest_of(layout::bucket_index(distribution.max()));
        prop_assert_eq!(back.max(), if distribution.is_empty() { 0 } else { top });
    }

}

proptest! {
    // A histogram of many digits takes megabytes.
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_foreign_histogram_keeps_its_configuration(
        lowest in 1_u64..2_000_000,
        factor in 2_u64..4_000_000_000,
        digits in 0_u8..=4,
        values in prop::collection::vec((any::<u64>(), 1_u64..1_000), 0..50),
    ) {
        let mut foreign =
            Histogram::<u64>::new_with_bounds(lowest, lowest * factor, digits).unwrap();
        for (value, count) in values {
            foreign.record_n(value % (lowest * factor), count).unwrap();
        }
        let bytes = encode(&foreign).unwrap();
        let back = decode(&bytes).unwrap();
        prop_assert_eq!(&back, &foreign);
        prop_assert_eq!((back.high(), back.sigfig()), (foreign.high(), foreign.sigfig()));
        prop_assert_eq!(encode(&back).unwrap(), bytes.clone());

        let ours = Distribution::from_v2_compressed(&bytes).unwrap();
        prop_assert_eq!(&Distribution::from_hdr(&foreign).unwrap(), &ours);
        prop_assert_eq!(ours.rebucketed, lowest != 1 || digits != 2);
        prop_assert_eq!(ours.distribution.count(), foreign.len());
        for quantile in &QUANTILES[1..] {
            // Their answer is the highest value of their bucket, and we keep it within ours.
            let theirs = foreign.value_at_quantile(*quantile).min(MAX_VALUE);
            let kept = ours.distribution.value_at_quantile(*quantile);
            prop_assert!(theirs <= kept && kept - theirs <= theirs / 100);
        }
    }

}

proptest! {
    #[test]
    fn random_bytes_are_an_error_and_nothing_else(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        expect_parse_error(&bytes);
        for cookie in [0x1c84_9313_u32, 0x1c84_9314] {
            let mut with_cookie = cookie.to_be_bytes().to_vec();
            with_cookie.extend_from_slice(&bytes);
            let _ = Distribution::from_v2_compressed(&with_cookie);
            let _ = decode(&with_cookie);
        }
    }

    #[test]
    fn a_damaged_histogram_is_refused_or_read(
        values in values(),
        plain in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let (_, histogram) = both(&values);
        let mut bytes = Vec::new();
        if plain {
            V2Serializer::new().serialize(&histogram, &mut bytes).unwrap();
        } else {
            V2DeflateSerializer::new().serialize(&histogram, &mut bytes).unwrap();
        }
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        // Without compression nothing tells a count from a changed one; both readers agree then.
        match (Distribution::from_v2_compressed(&bytes), decode(&bytes)) {
            (Ok(ours), Ok(theirs)) => {
                prop_assert_eq!(Distribution::from_hdr(&theirs).unwrap(), ours);
            }
            (Err(error), Err(_)) => prop_assert_eq!(error.kind(), ErrorKind::Parse),
            (ours, theirs) => prop_assert!(false, "{ours:?} but {:?}", theirs.map(|h| h.len())),
        }
    }
}

fn expect_parse_error(bytes: &[u8]) -> String {
    let error = Distribution::from_v2_compressed(bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Parse);
    assert_eq!(decode(bytes).unwrap_err().kind(), ErrorKind::Parse);
    error.to_string()
}

/// A histogram without compression: a header, then numbers.
fn plain(
    payload_bytes: u32,
    shift: u32,
    digits: u32,
    range: (u64, u64),
    ratio: f64,
    numbers: &[u8],
) -> Vec<u8> {
    let mut bytes = 0x1c84_9313_u32.to_be_bytes().to_vec();
    bytes.extend_from_slice(&payload_bytes.to_be_bytes());
    bytes.extend_from_slice(&shift.to_be_bytes());
    bytes.extend_from_slice(&digits.to_be_bytes());
    bytes.extend_from_slice(&range.0.to_be_bytes());
    bytes.extend_from_slice(&range.1.to_be_bytes());
    bytes.extend_from_slice(&ratio.to_be_bytes());
    bytes.extend_from_slice(numbers);
    bytes
}

#[test]
fn bad_headers_are_named() {
    let own = (1, MAX_VALUE);
    let ok = plain(1, 0, 2, own, 1.0, &[2]);
    assert_eq!(
        Distribution::from_v2_compressed(&ok)
            .unwrap()
            .distribution
            .count(),
        1
    );
    for (bytes, told) in [
        (vec![], "it is cut, at byte 0"),
        (ok[..39].to_vec(), "it is cut, at byte 39"),
        (
            ok[..40].to_vec(),
            "declares 1 bytes and 0 follow, at byte 4",
        ),
        (
            [&ok[..], &[0]].concat(),
            "declares 1 bytes and 2 follow, at byte 4",
        ),
        (
            plain(u32::MAX, 0, 2, own, 1.0, &[2]),
            "4294967295 bytes declared for 6016 buckets",
        ),
        (plain(1, 7, 2, own, 1.0, &[2]), "a shifted histogram"),
        (
            plain(1, 0, 6, own, 1.0, &[2]),
            "no HdrHistogram can have, at byte 12",
        ),
        (
            plain(1, 0, u32::MAX, own, 1.0, &[2]),
            "no HdrHistogram can have",
        ),
        (
            plain(1, 0, 2, (0, 5), 1.0, &[2]),
            "no HdrHistogram can have",
        ),
        (
            plain(1, 0, 2, (5, 9), 1.0, &[2]),
            "no HdrHistogram can have",
        ),
        (
            plain(1, 0, 2, (u64::MAX, u64::MAX), 1.0, &[2]),
            "no HdrHistogram can have",
        ),
        (plain(1, 0, 2, own, 2.0, &[2]), "a scaled histogram"),
        (plain(1, 0, 2, own, f64::NAN, &[2]), "a scaled histogram"),
        (vec![0x1c, 0x84, 0x93, 0x81], "V0 or V1"),
        (vec![0x1c, 0x84, 0x93, 0x15], "is none of V2's"),
        // Skips of 2^63 and of 6017 buckets, a count too many, a number cut, 2 * (2^63 - 1) values.
        (
            plain(9, 0, 2, own, 1.0, &[0xff; 9]),
            "counts beyond its 6016 buckets, at byte 40",
        ),
        (
            plain(2, 0, 2, own, 1.0, &[0x81, 0x5e]),
            "counts beyond its 6016 buckets",
        ),
        (
            plain(3, 0, 2, own, 1.0, &[0xff, 0x5d, 2]),
            "counts beyond its 6016 buckets, at byte 42",
        ),
        (plain(1, 0, 2, own, 1.0, &[0x80]), "it is cut, at byte 41"),
        (
            plain(
                18,
                0,
                2,
                own,
                1.0,
                &[&[0xfe][..], &[0xff; 8], &[0xfe], &[0xff; 8]].concat(),
            ),
            "more than 2^63 - 1 values, at byte 49",
        ),
    ] {
        let message = expect_parse_error(&bytes);
        assert!(message.contains(told), "{message} does not say {told}");
    }
}

#[test]
fn a_histogram_of_the_whole_range_is_clamped_and_says_so() {
    let mut wide = Histogram::<u64>::new_with_bounds(1, u64::MAX, 2).unwrap();
    for value in [5, MAX_VALUE, MAX_VALUE + 1, u64::MAX] {
        wide.record(value).unwrap();
    }
    let ours = Distribution::from_v2_compressed(&encode(&wide).unwrap()).unwrap();
    assert!(!ours.rebucketed && !ours.is_lossless());
    assert_eq!((ours.clamped, ours.distribution.count()), (2, 4));
    assert_eq!(ours.distribution.max(), MAX_VALUE);
    assert_eq!(ours, Distribution::from_hdr(&wide).unwrap());
}

#[test]
fn the_most_that_an_hdrhistogram_counts_is_kept() {
    let mut most = Distribution::new();
    most.record_n(7, i64::MAX as u64);
    let bytes = most.to_v2_compressed().unwrap();
    assert_eq!(
        Distribution::from_v2_compressed(&bytes)
            .unwrap()
            .distribution,
        most
    );
    most.record(9);
    assert_eq!(
        most.to_v2_compressed().unwrap_err().kind(),
        ErrorKind::InvalidValue
    );
    let mut theirs = own_histogram();
    theirs.record_n(1, u64::MAX).unwrap();
    assert_eq!(encode(&theirs).unwrap_err().kind(), ErrorKind::InvalidValue);
    assert_eq!(
        Distribution::from_hdr(&theirs).unwrap_err().kind(),
        ErrorKind::InvalidValue
    );
}

#[test]
fn an_operation_can_be_exchanged() {
    use tallylight::{Config, Kind, Labels, Tallylight};
    let tally = Tallylight::new(Config::default()).unwrap();
    let analyze = tally
        .operation("analyze", &Labels::new(), Kind::Server)
        .unwrap();
    analyze.record(Duration::from_millis(240));
    let snapshot = tally.snapshot();
    let recorded = &snapshot
        .find("analyze", &Labels::new())
        .unwrap()
        .distribution;
    let histogram = recorded.to_hdr().unwrap();
    assert_eq!(
        (
            histogram.len(),
            histogram.equivalent(histogram.max(), 240_000_000)
        ),
        (1, true)
    );
}

/// The compressed form, in a block that is stored as it is.
fn compressed(inner: &[u8]) -> Vec<u8> {
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in inner {
        low = (low + u32::from(*byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    let length = inner.len() as u16;
    let mut zlib = vec![0x78, 1, 1];
    zlib.extend_from_slice(&length.to_le_bytes());
    zlib.extend_from_slice(&(!length).to_le_bytes());
    zlib.extend_from_slice(inner);
    zlib.extend_from_slice(&(high << 16 | low).to_be_bytes());
    let mut bytes = 0x1c84_9314_u32.to_be_bytes().to_vec();
    bytes.extend_from_slice(&(zlib.len() as u32).to_be_bytes());
    bytes.extend_from_slice(&zlib);
    bytes
}

#[test]
fn a_header_that_lies_takes_no_memory() {
    let own = (1, MAX_VALUE);
    let honest = compressed(&plain(1, 0, 2, own, 1.0, &[2]));
    let read = Distribution::from_v2_compressed(&honest).unwrap();
    assert_eq!(read.distribution.count(), 1);

    let mut oversized = honest.clone();
    oversized[4..8].copy_from_slice(&u32::MAX.to_be_bytes());
    let lies = [
        oversized,
        plain(u32::MAX, 0, 2, own, 1.0, &[2]),
        compressed(&plain(u32::MAX, 0, 2, own, 1.0, &[2])),
        // As much as the largest configuration could hold, of which there is one byte.
        compressed(&plain(50_000_000, 0, 5, (1, u64::MAX), 1.0, &[2])),
        compressed(&honest),
    ];
    LARGEST_ALLOCATION.set(0);
    for lie in &lies {
        expect_parse_error(lie);
    }
    // The inflater's own state, whatever the header says.
    assert!(
        LARGEST_ALLOCATION.get() < 64 * 1024,
        "{} bytes",
        LARGEST_ALLOCATION.get()
    );
}
