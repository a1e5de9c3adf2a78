//! Which categories the server wants no more of for a while.
//!
//! Source: <https://develop.sentry.dev/sdk/expected-features/rate-limiting/>. What is limited waits
//! in the spool instead of being dropped.

use std::time::{Duration, Instant};

use super::item::Category;

/// What a 429 without a usable header means.
const WITHOUT_HEADER: Duration = Duration::from_secs(60);
/// No server means more than a day; a header that says so is a mistake.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

/// Until when each category waits.
#[derive(Debug, Default, Clone)]
pub(crate) struct Limits {
    until: [Option<Instant>; Category::ALL.len()],
}

impl Limits {
    /// When the category may be sent; `None`: now.
    pub(crate) fn until(&self, category: Category, now: Instant) -> Option<Instant> {
        let until = self.until.get(index(category)).copied().flatten()?;
        (until > now).then_some(until)
    }

    /// What an answer with that status and those headers means.
    pub(crate) fn learn(
        &mut self,
        status: u16,
        rate_limits: Option<&str>,
        retry_after: Option<&str>,
        now: Instant,
    ) {
        if let Some(text) = rate_limits {
            let mut is_any = false;
            for quota in text.split(',') {
                is_any |= self.learn_quota(quota, now);
            }
            if is_any || status != 429 {
                return;
            }
        }
        if status == 429 {
            let wait = retry_after.and_then(seconds).unwrap_or(WITHOUT_HEADER);
            for category in Category::ALL {
                self.hold(category, wait, now);
            }
        }
    }

    /// `SECONDS:CATEGORIES:SCOPE…`; whether it was one.
    fn learn_quota(&mut self, quota: &str, now: Instant) -> bool {
        let mut parts = quota.trim().split(':');
        let Some(wait) = parts.next().and_then(seconds) else {
            return false;
        };
        let categories = parts.next().unwrap_or_default().trim();
        if categories.is_empty() {
            for category in Category::ALL {
                self.hold(category, wait, now);
            }
            return true;
        }
        // Categories that we do not know are of no concern, as the source asks for.
        for name in categories.split(';') {
            if let Some(category) = Category::parse(name.trim()) {
                self.hold(category, wait, now);
            }
        }
        true
    }

    fn hold(&mut self, category: Category, wait: Duration, now: Instant) {
        let until = now + wait;
        if let Some(known) = self.until.get_mut(index(category))
            && known.is_none_or(|known| known < until)
        {
            *known = Some(until);
        }
    }
}

fn index(category: Category) -> usize {
    category as usize - 1
}

/// Seconds, whole or with a fraction.
fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.trim().parse().ok()?;
    (seconds.is_finite() && seconds >= 0.0)
        .then(|| Duration::from_secs_f64(seconds.min(LONGEST.as_secs_f64())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(status: u16, limits: Option<&str>, retry: Option<&str>) -> Vec<(Category, u64)> {
        let now = Instant::now();
        let mut known = Limits::default();
        known.learn(status, limits, retry, now);
        Category::ALL
            .into_iter()
            .filter_map(|category| {
                let until = known.until(category, now)?;
                Some((category, (until - now).as_secs()))
            })
            .collect()
    }

    #[test]
    fn quotas_hold_their_categories() {
        assert_eq!(
            learned(
                200,
                Some("60:transaction;monitor:organization, 2700:error;default:project:quota"),
                None
            ),
            [
                (Category::Error, 2700),
                (Category::Transaction, 60),
                (Category::CheckIn, 60)
            ]
        );
        assert_eq!(learned(200, Some("60::organization"), None).len(), 6);
        assert_eq!(learned(200, Some("60:metric_bucket:key"), None), []);
    }

    #[test]
    fn a_429_without_quotas_holds_everything() {
        assert_eq!(learned(429, None, Some("7"))[0], (Category::Error, 7));
        assert_eq!(learned(429, None, None).len(), 6);
        assert_eq!(learned(429, None, Some("tomorrow"))[0].1, 60);
        assert_eq!(learned(429, Some("rubbish"), Some("5"))[0].1, 5);
        assert_eq!(learned(503, None, Some("7")), []);
        // A quota for others only does not hold what was asked for.
        assert_eq!(learned(429, Some("60:metric_bucket:key"), None), []);
    }

    #[test]
    fn the_longer_limit_stays() {
        let now = Instant::now();
        let mut known = Limits::default();
        known.learn(429, Some("60:error:key"), None, now);
        known.learn(200, Some("5:error:key"), None, now);
        let until = known.until(Category::Error, now).unwrap();
        assert_eq!((until - now).as_secs(), 60);
        assert!(
            known
                .until(Category::Error, now + Duration::from_secs(61))
                .is_none()
        );
    }

    #[test]
    fn no_header_can_overflow() {
        assert_eq!(learned(429, Some("1e300::x"), None)[0].1, 24 * 3_600);
        assert_eq!(learned(429, Some("-5::x"), Some("inf"))[0].1, 60);
    }
}
