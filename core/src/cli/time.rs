//! Reads the document's timestamps; the age of a picture depends on them.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(crate) i64);

impl Moment {
    /// This machine's clock.
    pub(crate) fn now() -> Self {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    /// Reads RFC 3339, such as `2026-11-24T10:30:00.123Z`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let digits = |from: usize, to: usize| -> Option<i64> {
            let part = bytes.get(from..to)?;
            part.iter().all(u8::is_ascii_digit).then(|| {
                part.iter()
                    .fold(0, |value, digit| value * 10 + i64::from(digit - b'0'))
            })
        };
        let at =
            |index: usize, allowed: &[u8]| bytes.get(index).is_some_and(|b| allowed.contains(b));
        if !(at(4, b"-") && at(7, b"-") && at(10, b"Tt ") && at(13, b":") && at(16, b":")) {
            return None;
        }
        let (year, month, day) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
        let (hour, minute, second) = (digits(11, 13)?, digits(14, 16)?, digits(17, 19)?);
        if !(1..=12).contains(&month)
            || !(1..=31).contains(&day)
            || hour > 23
            || minute > 59
            || second > 60
        {
            return None;
        }
        let mut index = 19;
        let mut millis = 0;
        if at(index, b".") {
            index += 1;
            let start = index;
            while bytes.get(index).is_some_and(u8::is_ascii_digit) {
                index += 1;
            }
            if index == start {
                return None;
            }
            let fraction = digits(start, index.min(start + 3))?;
            millis = fraction * [0, 100, 10, 1][(index - start).min(3)];
        }
        let offset_minutes = if at(index, b"Zz") {
            index += 1;
            0
        } else if at(index, b"+-") && at(index + 3, b":") {
            let size = digits(index + 1, index + 3)? * 60 + digits(index + 4, index + 6)?;
            let sign = if at(index, b"-") { -1 } else { 1 };
            index += 6;
            sign * size
        } else {
            return None;
        };
        (index == bytes.len()).then(|| {
            let seconds = days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
            Self((seconds - offset_minutes * 60) * 1_000 + millis)
        })
    }

    /// Seconds from `earlier` to this.
    pub(crate) fn seconds_since(self, earlier: Self) -> f64 {
        // Both come from four-digit years or this machine's clock, far below 2^53.
        self.0.saturating_sub(earlier.0) as f64 / 1_000.0
    }

    /// The time of day in UTC.
    pub(crate) fn clock(self) -> String {
        let second = self.0.div_euclid(1_000).rem_euclid(86_400);
        format!(
            "{:02}:{:02}:{:02} UTC",
            second / 3_600,
            second / 60 % 60,
            second % 60
        )
    }
}

/// Days from 1970-01-01 in the Gregorian calendar (years start in March, so that leap days come last).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_read_in_every_spelling_of_the_standard() {
        assert_eq!(Moment::parse("1970-01-01T00:00:00Z"), Some(Moment(0)));
        assert_eq!(
            Moment::parse("2024-02-29T12:00:00.5Z"),
            Some(Moment(1_709_208_000_500))
        );
        assert_eq!(
            Moment::parse("2026-11-24T10:30:00.123456Z"),
            Moment::parse("2026-11-24T12:30:00.123+02:00")
        );
        assert_eq!(
            Moment::parse("2000-01-01T00:00:00-00:30"),
            Moment::parse("2000-01-01T00:30:00Z")
        );
        assert_eq!(Moment(1_709_208_000_500).clock(), "12:00:00 UTC");
    }

    #[test]
    fn anything_else_is_no_timestamp() {
        for text in [
            "",
            "now",
            "2024-13-01T00:00:00Z",
            "2024-01-01",
            "2024-01-01T00:00:00",
            "2024-01-01T00:00:00.Z",
            "2024-01-01T00:00:00Zx",
            "２024-01-01T00:00:00Z",
            "2024-01-01T00:00:00+0200",
            "-024-01-01T00:00:00Z",
        ] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
    }
}
