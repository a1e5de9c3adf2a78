//! Which numbers can be recorded.

use super::drops::DropReason;
use super::layout::MAX_VALUE;

/// Nanoseconds in a millisecond.
pub(crate) const NANOS_PER_MILLI: f64 = 1e6;

/// `value * scale`, rounded half up, as an integer to record; what is no such number is the reason
/// of a drop. A number too large to keep becomes one above [`MAX_VALUE`], which the recording
/// clamps and counts.
#[inline]
pub(crate) fn checked(value: f64, scale: f64) -> Result<u64, DropReason> {
    let scaled = value * scale;
    if scaled >= 0.0 && scaled <= MAX_VALUE as f64 {
        // JavaScript's Math.round, so that every language finds the same bucket.
        let floor = scaled.trunc();
        return Ok(floor as u64 + u64::from(scaled - floor >= 0.5));
    }
    Err(if value.is_nan() {
        DropReason::Nan
    } else if value.is_infinite() {
        if value < 0.0 {
            DropReason::Negative
        } else {
            DropReason::Infinite
        }
    } else if value < 0.0 {
        DropReason::Negative
    } else {
        return Ok(u64::MAX);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_has_its_reason() {
        assert_eq!(checked(f64::NAN, 1.0), Err(DropReason::Nan));
        assert_eq!(checked(f64::INFINITY, 1.0), Err(DropReason::Infinite));
        assert_eq!(checked(f64::NEG_INFINITY, 1.0), Err(DropReason::Negative));
        assert_eq!(checked(-0.001, 1e6), Err(DropReason::Negative));
        assert_eq!(checked(-0.0, 1e6), Ok(0));
        assert_eq!(checked(1e300, 1e6), Ok(u64::MAX));
        assert_eq!(checked(0.5, 1.0), Ok(1));
        assert_eq!(checked(0.499_999_999_999_999_94, 1.0), Ok(0));
        assert_eq!(checked(2.5, 1.0), Ok(3));
    }
}
