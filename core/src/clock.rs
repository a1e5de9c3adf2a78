//! The one clock: wall time for documents, monotonic seconds for windows.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Where an instance reads the time; a test moves a manual one.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The system's. Wall time is read once and then advanced monotonically, so that a clock that
    /// is set back moves no window.
    System {
        /// When the clock was made.
        started: Instant,
        /// The wall time at that moment.
        wall: Duration,
    },
    /// Milliseconds since the Unix epoch, set by whoever holds the other end.
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// The system's clock.
    #[must_use]
    pub fn system() -> Self {
        Self::System {
            started: Instant::now(),
            wall: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        }
    }

    /// A clock that stands until it is moved: milliseconds since the Unix epoch.
    #[must_use]
    pub fn manual(millis: Arc<AtomicU64>) -> Self {
        Self::Manual(millis)
    }

    /// What a wall clock shows: time since the Unix epoch, for documents. Follows the system when
    /// it is set or slept.
    #[must_use]
    pub fn wall(&self) -> Duration {
        match self {
            Self::System { .. } => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
            Self::Manual(_) => self.now(),
        }
    }

    /// Time since the Unix epoch as the clock's first moment had it, never going back: for windows.
    #[must_use]
    pub fn now(&self) -> Duration {
        match self {
            Self::System { started, wall } => *wall + started.elapsed(),
            Self::Manual(millis) => Duration::from_millis(millis.load(Ordering::Relaxed)),
        }
    }
}

/// RFC 3339 in UTC with milliseconds, of a time since the Unix epoch.
///
/// The calendar is Howard Hinnant's `civil_from_days`
/// (<https://howardhinnant.github.io/date_algorithms.html>).
#[must_use]
pub fn rfc3339(since_epoch: Duration) -> String {
    let seconds = since_epoch.as_secs();
    let (days, of_day) = ((seconds / 86_400) as i64, seconds % 86_400);
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        of_day / 3_600,
        of_day / 60 % 60,
        of_day % 60,
        since_epoch.subsec_millis()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399, "2000-02-28T23:59:59.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_705_314_600, "2024-01-15T10:30:00.000Z"),
            (4_107_542_399, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(rfc3339(Duration::from_secs(seconds)), text);
        }
        assert!(rfc3339(Duration::from_millis(1_234)).ends_with("01.234Z"));
    }
}
