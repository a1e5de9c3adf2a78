//! How the way to the server is: how many requests may be under way, and when to try again.
//!
//! Slow to start, so that a server that wants no more is asked once and not four times.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

/// Requests under way at once.
const MOST: usize = 4;
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// While somebody waits for a flush.
const FLUSH_WAIT: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(crate) struct Link {
    allowed: usize,
    failures: u32,
    not_before: Option<Instant>,
    /// What is wrong, in words for people; until the next success.
    pub(crate) problem: Option<String>,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            allowed: 1,
            failures: 0,
            not_before: None,
            problem: None,
        }
    }
}

impl Link {
    /// How many further requests may start; the first after a pause alone.
    pub(crate) fn free(&mut self, under_way: usize, now: Instant) -> usize {
        if self.not_before.is_some_and(|until| until > now) {
            return 0;
        }
        if under_way == 0 {
            self.allowed = 1;
        }
        self.allowed.saturating_sub(under_way)
    }

    /// When to try again, if that is later than now.
    pub(crate) fn next(&self, now: Instant) -> Option<Instant> {
        self.not_before.filter(|until| *until > now)
    }

    pub(crate) fn is_failing(&self) -> bool {
        self.failures > 0
    }

    /// The server answered, and took it.
    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
        self.not_before = None;
        self.problem = None;
        self.allowed = (self.allowed * 2).min(MOST);
    }

    /// The server answered, and wants no more of it.
    pub(crate) fn refused(&mut self) {
        self.failures = 0;
        self.not_before = None;
        self.allowed = 1;
    }

    /// Nobody answered, or a server that is out of order.
    pub(crate) fn failed(&mut self, why: String, is_flushing: bool, now: Instant) {
        self.problem = Some(why);
        self.allowed = 1;
        // Requests that were under way together fail together, and are one failure.
        if self.not_before.is_some_and(|until| until > now) {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        let longest = FIRST_WAIT
            .saturating_mul(1 << (self.failures - 1).min(16))
            .min(if is_flushing {
                FLUSH_WAIT
            } else {
                LONGEST_WAIT
            });
        self.not_before = Some(now + jitter(longest));
    }

    /// Somebody waits: the next try is now.
    pub(crate) fn hurry(&mut self) {
        self.not_before = None;
    }
}

/// Anything up to `longest`, so that many processes do not come back in step. Never nothing.
fn jitter(longest: Duration) -> Duration {
    let share = (RandomState::new().hash_one(0u8) >> 11) as f64 / (1u64 << 53) as f64;
    longest.mul_f64(share).max(longest / 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_server_is_asked_ever_less() {
        let mut link = Link::default();
        let mut now = Instant::now();
        let mut longest = Duration::ZERO;
        for _ in 0..40 {
            link.failed("down".into(), false, now);
            assert_eq!(link.free(0, now), 0);
            // Those that failed together count once.
            link.failed("down".into(), false, now);
            let next = link.next(now).unwrap();
            longest = longest.max(next - now);
            now = next;
            assert_eq!(link.free(0, now), 1, "one at a time until it answers");
        }
        assert!(longest > Duration::from_secs(10) && longest <= LONGEST_WAIT);
        link.failed("down".into(), true, now);
        assert!(link.next(now).unwrap() - now <= FLUSH_WAIT);
    }

    #[test]
    fn it_widens_with_each_success() {
        let mut link = Link::default();
        let now = Instant::now();
        assert_eq!(link.free(0, now), 1);
        assert_eq!(link.free(1, now), 0);
        link.succeeded();
        assert_eq!(link.free(1, now), 1);
        link.succeeded();
        link.succeeded();
        assert_eq!(link.free(1, now), 3);
        link.refused();
        assert_eq!(link.free(3, now), 0);
    }
}
