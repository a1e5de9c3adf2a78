//! The storm guard: past a limit a minute, copies of one event become a count on one that stands
//! for them.
//!
//! Asked by `capture` with an event's fingerprint, under the pipeline's lock. Events with different
//! fingerprints never thin each other. Bounded: when more fingerprints than it knows come in a
//! minute, the newest is not guarded.

use std::collections::HashMap;
use std::time::Duration;

/// Where the minute's count begins again.
pub(crate) const WINDOW: Duration = Duration::from_secs(60);
/// Fingerprints that are known at once.
const MOST: usize = 2_000;

/// Where a record lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// The segment's number in this process.
    pub(crate) segment: u32,
    /// Where in it.
    pub(crate) at: u32,
}

/// What becomes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is delivered.
    Pass,
    /// It is kept back and stands for the copies behind it.
    Hold,
    /// That one stands for it.
    Copy(Place),
}

#[derive(Debug)]
struct Storm {
    since: Duration,
    passed: u32,
    held: Option<Place>,
}

#[derive(Debug, Default)]
pub(crate) struct Storms {
    known: HashMap<u64, Storm>,
}

impl Storms {
    /// What becomes of an event with that fingerprint (0: it has none) now.
    pub(crate) fn judge(&mut self, fingerprint: u64, limit: u32, now: Duration) -> Verdict {
        if fingerprint == 0 {
            return Verdict::Pass;
        }
        if !self.known.contains_key(&fingerprint) {
            if self.known.len() >= MOST {
                self.known
                    .retain(|_, storm| storm.held.is_some() || !is_over(storm, now));
            }
            if self.known.len() >= MOST {
                return Verdict::Pass;
            }
        }
        let storm = self.known.entry(fingerprint).or_insert(Storm {
            since: now,
            passed: 0,
            held: None,
        });
        // One that is held is released by the I/O thread, which may be late.
        if storm.held.is_none() && is_over(storm, now) {
            storm.since = now;
            storm.passed = 0;
        }
        if let Some(place) = storm.held {
            return Verdict::Copy(place);
        }
        if storm.passed < limit {
            storm.passed += 1;
            return Verdict::Pass;
        }
        Verdict::Hold
    }

    /// The event that was judged `Hold` lies there.
    pub(crate) fn held(&mut self, fingerprint: u64, place: Place) {
        if let Some(storm) = self.known.get_mut(&fingerprint) {
            storm.held = Some(place);
        }
    }

    /// It lies elsewhere now.
    pub(crate) fn moved(&mut self, fingerprint: u64, place: Place) {
        self.held(fingerprint, place);
    }

    /// Those whose minute is over, or all; they stand for no further copies.
    pub(crate) fn release(&mut self, now: Duration, all: bool) -> Vec<Place> {
        let mut released = Vec::new();
        self.known.retain(|_, storm| {
            let is_over = is_over(storm, now);
            if is_over || all {
                released.extend(storm.held.take());
            }
            !is_over
        });
        released
    }

    /// How long until the next minute is over of one that is held.
    pub(crate) fn next_release(&self, now: Duration) -> Option<Duration> {
        self.known
            .values()
            .filter(|storm| storm.held.is_some())
            .map(|storm| (storm.since + WINDOW).saturating_sub(now))
            .min()
    }
}

fn is_over(storm: &Storm, now: Duration) -> bool {
    now.saturating_sub(storm.since) >= WINDOW
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { segment: 1, at: 64 };

    #[test]
    fn copies_past_the_limit_are_held_and_then_counted() {
        let mut storms = Storms::default();
        let at = Duration::from_secs;
        let mut judge = |fingerprint, second| storms.judge(fingerprint, 2, at(second));
        assert_eq!(judge(7, 0), Verdict::Pass);
        assert_eq!(judge(7, 1), Verdict::Pass);
        assert_eq!(judge(7, 2), Verdict::Hold);
        assert_eq!(judge(8, 2), Verdict::Pass, "another event is another storm");
        storms.held(7, PLACE);
        assert_eq!(storms.judge(7, 2, at(59)), Verdict::Copy(PLACE));
        assert_eq!(storms.next_release(at(59)), Some(at(1)));
        assert!(storms.release(at(59), false).is_empty());
        assert_eq!(storms.release(at(60), false), [PLACE]);
        assert_eq!(storms.judge(7, 2, at(60)), Verdict::Pass, "a new minute");
    }

    #[test]
    fn a_flush_releases_and_the_minute_goes_on() {
        let mut storms = Storms::default();
        let now = Duration::from_secs(5);
        assert_eq!(storms.judge(7, 1, now), Verdict::Pass);
        assert_eq!(storms.judge(7, 1, now), Verdict::Hold);
        storms.held(7, PLACE);
        assert_eq!(storms.release(now, true), [PLACE]);
        assert_eq!(storms.judge(7, 1, now), Verdict::Hold);
    }

    #[test]
    fn what_has_no_fingerprint_and_what_comes_too_many_passes() {
        let mut storms = Storms::default();
        for fingerprint in 0..10_000u64 {
            for _ in 0..2 {
                let verdict = storms.judge(fingerprint, 1, Duration::ZERO);
                let is_guarded = (1..=MOST as u64).contains(&fingerprint);
                assert!(verdict == Verdict::Pass || is_guarded);
            }
        }
        assert!(storms.known.len() <= MOST);
        storms.judge(1 << 40, 1, WINDOW);
        assert_eq!(storms.known.len(), 1);
    }
}
