//! The two ways in which AWS writes a time: in headers and in signatures.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

struct Civil {
    year: u64,
    month: usize,
    day: u64,
    weekday: usize,
    seconds: u64,
}

impl Civil {
    /// Days to a date by Howard Hinnant's algorithm, for times after 1970.
    fn of(time: SystemTime) -> Self {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let days = since.as_secs() / 86_400;
        let shifted = days + 719_468;
        let (era, of_era) = (shifted / 146_097, shifted % 146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 {
            from_march + 3
        } else {
            from_march - 9
        };
        Self {
            year: era * 400 + year_of_era + u64::from(month <= 2),
            month: month as usize,
            day: of_year - (153 * from_march + 2) / 5 + 1,
            weekday: (days % 7) as usize,
            seconds: since.as_secs() % 86_400,
        }
    }

    fn clock(&self) -> (u64, u64, u64) {
        (
            self.seconds / 3_600,
            self.seconds / 60 % 60,
            self.seconds % 60,
        )
    }
}

/// As in a `Date` header: `Tue, 24 Nov 2026 12:00:00 GMT`.
pub(crate) fn header(time: SystemTime) -> String {
    let civil = Civil::of(time);
    let (hour, minute, second) = civil.clock();
    format!(
        "{}, {:02} {} {} {hour:02}:{minute:02}:{second:02} GMT",
        DAYS.get(civil.weekday).unwrap_or(&"Thu"),
        civil.day,
        MONTHS.get(civil.month.wrapping_sub(1)).unwrap_or(&"Jan"),
        civil.year,
    )
}

/// As in `X-Amz-Date`: `20261124T120000Z`.
pub(crate) fn signature(time: SystemTime) -> String {
    let civil = Civil::of(time);
    let (hour, minute, second) = civil.clock();
    format!(
        "{:04}{:02}{:02}T{hour:02}{minute:02}{second:02}Z",
        civil.year, civil.month, civil.day,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_aws_writes_them() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(header(at(1_795_521_600)), "Tue, 24 Nov 2026 12:00:00 GMT");
        assert_eq!(signature(at(1_795_521_600)), "20261124T120000Z");
        assert_eq!(header(at(951_782_399)), "Mon, 28 Feb 2000 23:59:59 GMT");
        assert_eq!(signature(at(951_782_400)), "20000229T000000Z");
        assert_eq!(signature(at(0)), "19700101T000000Z");
    }
}
