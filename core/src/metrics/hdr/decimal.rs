//! The numbers of an interval log: decimals, kept exactly to nine places.
//!
//! Floats would turn `1441812279.474` into something else when a log is read and written back.

use std::fmt;
use std::time::Duration;

/// A decimal of nine places, not negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Decimal {
    whole: u64,
    /// Below 1,000,000,000.
    billionths: u32,
}

const BILLION: u128 = 1_000_000_000;

impl Decimal {
    /// Digits, with a fraction or without; places past the ninth are cut.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let digits_only = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if fraction.is_empty() || !digits_only(whole) || !digits_only(fraction) {
            return None;
        }
        let kept = &fraction[..fraction.len().min(9)];
        Some(Self {
            whole: whole.parse().ok()?,
            billionths: kept.parse::<u32>().ok()? * 10_u32.pow(9 - kept.len() as u32),
        })
    }

    pub(super) fn of_millionths(value: u64) -> Self {
        Self {
            whole: value / 1_000_000,
            billionths: (value % 1_000_000) as u32 * 1_000,
        }
    }

    /// This many times `factor`, rounded; `None` past u64.
    pub(super) fn times(self, factor: Self) -> Option<u64> {
        let product = self.in_billionths().checked_mul(factor.in_billionths())?;
        u64::try_from(product.checked_add(BILLION * BILLION / 2)? / (BILLION * BILLION)).ok()
    }

    fn in_billionths(self) -> u128 {
        u128::from(self.whole) * BILLION + u128::from(self.billionths)
    }

    pub(super) fn as_f64(self) -> f64 {
        self.in_billionths() as f64 / BILLION as f64
    }
}

impl From<Duration> for Decimal {
    fn from(duration: Duration) -> Self {
        Self {
            whole: duration.as_secs(),
            billionths: duration.subsec_nanos(),
        }
    }
}

impl From<Decimal> for Duration {
    fn from(decimal: Decimal) -> Self {
        Self::new(decimal.whole, decimal.billionths)
    }
}

/// Three places, as Java writes them, and more where there are more.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = format!("{:09}", self.billionths);
        let (three, more) = places.split_at(3);
        write!(f, "{}.{three}{}", self.whole, more.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_they_were_read() {
        for text in [
            "0.127",
            "1441812279.474",
            "0.000",
            "18446744073709551615.123456789",
            "2.7695",
        ] {
            assert_eq!(Decimal::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Decimal::parse("7").unwrap().to_string(), "7.000");
        assert_eq!(
            Decimal::parse("0.0000000019").unwrap().to_string(),
            "0.000000001"
        );
        for bad in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "1e3",
            "NaN",
            "1,5",
            "18446744073709551616",
            "1.2.3",
        ] {
            assert_eq!(Decimal::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_product_is_exact() {
        let max = (1_u64 << 53) - 1;
        let million = Decimal::parse("1000000.000").unwrap();
        assert_eq!(Decimal::of_millionths(max).times(million), Some(max));
        assert_eq!(
            Decimal::parse("2.5")
                .unwrap()
                .times(Decimal::parse("1").unwrap()),
            Some(3)
        );
        let huge = Decimal::parse("18446744073709551615").unwrap();
        assert_eq!(huge.times(huge), None);
    }
}
