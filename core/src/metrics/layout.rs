//! Where a value falls: HdrHistogram's log-linear layout at two significant digits.
//!
//! Values below 128 have a bucket each; above, every power of two (an *octave*) is cut into 128
//! buckets, so a bucket is at most 1/128 (0.78 %) of its value wide. With 1 as the unit these are
//! exactly the buckets of an HdrHistogram with `significant_figures = 2` and
//! `lowest_discernible = 1` (Gil Tene, <http://hdrhistogram.org>), so quantiles agree bucket for
//! bucket and conversion loses nothing. The bucket number is also the exponent and top seven
//! mantissa bits of the value as a float64, which is how the JavaScript recorder computes it.

/// Buckets in an octave.
pub const CELLS_PER_OCTAVE: usize = 128;
/// Octaves from 0 up to [`MAX_VALUE`].
pub const OCTAVES: usize = 47;
/// All buckets of a full series.
pub const BUCKETS: usize = OCTAVES * CELLS_PER_OCTAVE;
/// The largest value kept apart, 2^53 - 1: the largest integer that a float64 holds exactly
/// (104 days in nanoseconds). Larger values are recorded as this one and counted as clamped.
pub const MAX_VALUE: u64 = (1 << 53) - 1;

const SUB_BUCKET_BITS: u32 = CELLS_PER_OCTAVE.trailing_zeros();

/// The bucket that `value` falls into. Meaningful up to [`MAX_VALUE`]; beyond, it goes on past
/// [`BUCKETS`] by the same rule, and is at most `58 * 128`.
#[inline(always)]
#[must_use]
pub const fn bucket_index(value: u64) -> usize {
    let exponent = 63 - (value | CELLS_PER_OCTAVE as u64).leading_zeros();
    let shift = exponent - SUB_BUCKET_BITS;
    ((shift as usize) << SUB_BUCKET_BITS) + (value >> shift) as usize
}

/// As [`bucket_index`], from the float's bits: no bit scan, which takes several times as long on
/// some processors. Above [`MAX_VALUE`] it answers something at or past [`BUCKETS`].
#[inline(always)]
pub(crate) const fn fast_bucket_index(value: u64) -> usize {
    /// What makes the float 128.0 bucket 128.
    const BIAS: u64 = (1023 + SUB_BUCKET_BITS as u64) * 128 - 128;
    if value < CELLS_PER_OCTAVE as u64 {
        return value as usize;
    }
    // A signed conversion is one instruction. From 2^63 on the float is negative, and its sign bit
    // puts the answer far out of range.
    (((value as i64 as f64).to_bits() >> (52 - SUB_BUCKET_BITS)) - BIAS) as usize
}

/// The smallest value of bucket `index`.
#[inline]
#[must_use]
pub const fn lowest_of(index: usize) -> u64 {
    let octave = index >> SUB_BUCKET_BITS;
    let cell = (index & (CELLS_PER_OCTAVE - 1)) as u64;
    if octave == 0 {
        cell
    } else {
        (CELLS_PER_OCTAVE as u64 + cell) << (octave - 1)
    }
}

/// The largest value of bucket `index`.
#[inline]
#[must_use]
pub const fn highest_of(index: usize) -> u64 {
    let octave = index >> SUB_BUCKET_BITS;
    let width = if octave == 0 { 1 } else { 1u64 << (octave - 1) };
    lowest_of(index) + width - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn buckets_tile_the_range_without_gap_or_overlap() {
        let mut expected = 0;
        for index in 0..BUCKETS {
            assert_eq!(lowest_of(index), expected, "bucket {index}");
            assert_eq!(bucket_index(lowest_of(index)), index);
            assert_eq!(bucket_index(highest_of(index)), index);
            expected = highest_of(index) + 1;
        }
        assert_eq!(expected, MAX_VALUE + 1);
    }

    #[test]
    fn every_u64_has_an_index_below_the_writers_table() {
        assert!(bucket_index(u64::MAX) >> SUB_BUCKET_BITS < 64);
    }

    proptest! {
        #[test]
        fn a_bucket_is_narrower_than_one_percent(value in 1u64..=MAX_VALUE) {
            let index = bucket_index(value);
            prop_assert!(lowest_of(index) <= value && value <= highest_of(index));
            let width = highest_of(index) - lowest_of(index);
            prop_assert!(width as f64 <= 0.01 * value as f64);
        }

        #[test]
        fn the_float_bits_name_the_same_bucket(value in 0u64..=MAX_VALUE, shift in 0u32..53) {
            let value = value >> shift;
            prop_assert_eq!(fast_bucket_index(value), bucket_index(value));
        }

        #[test]
        fn too_large_a_value_is_out_of_range(value in MAX_VALUE + 1..) {
            prop_assert!(fast_bucket_index(value) >= BUCKETS);
        }
    }
}
