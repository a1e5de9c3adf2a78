//! One secret as readers see it, and what a reader does with it.
//!
//! An entry is immutable but for two marks: a reader notes that it used the value, and the keeper that
//! something is due, so that a usual hit reads no clock. For every change of state the keeper
//! publishes a new one. Times are coarse milliseconds of the instance's clock.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use super::failure::Failure;
use super::value::{Secret, Source};
use crate::coarse;

/// Never: later than any clock.
pub(super) const NEVER: u64 = u64::MAX;
/// A secret's state since the last change.
#[derive(Debug)]
pub(super) struct Entry {
    /// The value, unless there is none (yet, or any more).
    pub(super) value: Option<Value>,
    /// Why the last reading failed, if it did.
    pub(super) refusal: Option<Refusal>,
    /// Somebody took the value since the keeper looked.
    used: AtomicBool,
    /// A reader has more to do than to take the value: it decides by the clock.
    due: AtomicBool,
    /// The fork generation, plus one, in which a reader has asked for a refresh.
    asked: AtomicU32,
}

/// A value and how long it is good for.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) secret: Secret,
    /// When it was read; before the clock's beginning for one that an earlier boot read.
    pub(super) fetched: i64,
    /// From here a use has it refreshed behind.
    pub(super) ahead: u64,
    /// From here it is stale.
    pub(super) fresh_until: u64,
    /// From here it is served no more.
    pub(super) stale_until: u64,
}

impl Value {
    /// Milliseconds since it was read.
    pub(super) fn age(&self, now: u64) -> u64 {
        now.cast_signed()
            .saturating_sub(self.fetched)
            .max(0)
            .cast_unsigned()
    }
}

/// A failure that stands for a while, so that nobody asks in vain meanwhile.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) failure: Failure,
    pub(super) until: u64,
    /// Failures in a row.
    pub(super) streak: u32,
}

/// What a reader does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// Take the value.
    Serve,
    /// Take the value, and have it refreshed behind.
    ServeAndRefresh,
    /// Wait for the source.
    Ask,
    /// Fail as the last reading did.
    Refuse,
}

impl Entry {
    /// The state at `now`.
    pub(super) fn new(value: Option<Value>, refusal: Option<Refusal>, now: u64) -> Self {
        Self {
            due: AtomicBool::new(value.as_ref().is_none_or(|value| now >= value.ahead)),
            value,
            refusal,
            used: AtomicBool::new(false),
            asked: AtomicU32::new(0),
        }
    }

    /// The value, if there is nothing to do but to take it. Holds as long as a keeper of this
    /// process watches what becomes due.
    #[inline]
    pub(super) fn settled(&self) -> Option<&Secret> {
        if self.due.load(Relaxed) {
            return None;
        }
        self.value.as_ref().map(|value| &value.secret)
    }

    /// Has readers decide by the clock from now on.
    pub(super) fn set_due(&self) {
        self.due.store(true, Relaxed);
    }

    /// What a reader does at `now` who takes a value of at most `max_age`.
    #[inline]
    pub(super) fn decide(&self, now: u64, max_age: Option<Duration>) -> Decision {
        let refuses = self
            .refusal
            .as_ref()
            .is_some_and(|refusal| now < refusal.until);
        let Some(value) = &self.value else {
            return if refuses {
                Decision::Refuse
            } else {
                Decision::Ask
            };
        };
        if now >= value.stale_until {
            return if refuses {
                Decision::Refuse
            } else {
                Decision::Ask
            };
        }
        // An override has no source that could confirm it.
        let may_be_too_old = value.secret.source() != Source::Override;
        if max_age.is_some_and(|limit| may_be_too_old && value.age(now) > coarse::whole(limit)) {
            return if refuses {
                Decision::Refuse
            } else {
                Decision::Ask
            };
        }
        if now < value.ahead || refuses {
            Decision::Serve
        } else {
            Decision::ServeAndRefresh
        }
    }

    /// Whether the value is past its time to live at `now`.
    pub(super) fn is_stale(&self, now: u64) -> bool {
        self.value
            .as_ref()
            .is_some_and(|value| now >= value.fresh_until)
    }

    /// Notes a use.
    #[inline]
    pub(super) fn note_use(&self) {
        // Read first: a shared cell is not written at each hit.
        if !self.used.load(Relaxed) {
            self.used.store(true, Relaxed);
        }
    }

    /// Whether it was used since this was asked last.
    pub(super) fn take_use(&self) -> bool {
        self.used.load(Relaxed) && self.used.swap(false, Relaxed)
    }

    /// Whether this reader is the one that asks for the refresh of this entry in this process.
    pub(super) fn is_first_to_ask(&self, generation: u32) -> bool {
        let mark = generation.wrapping_add(1);
        self.asked.load(Relaxed) != mark && self.asked.swap(mark, Relaxed) != mark
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::secrets::failure::FailureKind;
    use crate::secrets::fetched::Fetched;

    fn entry(times: Option<[u64; 4]>, refused_until: Option<u64>) -> Entry {
        let value = times.map(|[fetched, ahead, fresh_until, stale_until]| Value {
            secret: Secret::new(
                "name",
                Fetched::plain(zeroize::Zeroizing::new(b"value".to_vec()), Source::Aws),
                std::time::SystemTime::now(),
            ),
            fetched: fetched.cast_signed(),
            ahead,
            fresh_until,
            stale_until,
        });
        let refusal = refused_until.map(|until| Refusal {
            failure: Failure::new(FailureKind::Unreachable, "name", "down"),
            until,
            streak: 0,
        });
        Entry::new(value, refusal, 0)
    }

    proptest! {
        #[test]
        fn nobody_is_served_what_is_too_old_and_nobody_waits_for_what_is_fresh(
            spans in prop::array::uniform4(0u64..1_000),
            has_value: bool,
            refused_until in prop::option::of(0u64..5_000),
            max_age in prop::option::of(0u64..3_000),
            now in 0u64..5_000,
        ) {
            let [fetched, a, b, c] = spans;
            let times = [fetched, fetched + a, fetched + a + b, fetched + a + b + c];
            let entry = entry(has_value.then_some(times), refused_until);
            let decision = entry.decide(now, max_age.map(Duration::from_millis));
            let served = matches!(decision, Decision::Serve | Decision::ServeAndRefresh);
            let may_be_served = has_value
                && now < times[3]
                && max_age.is_none_or(|limit| now.saturating_sub(fetched) <= limit);
            prop_assert_eq!(served, may_be_served);
            let pauses = refused_until.is_some_and(|until| now < until);
            // While a failure stands nobody asks the source, not even behind.
            prop_assert_eq!(decision == Decision::Refuse, !served && pauses);
            prop_assert_eq!(decision == Decision::ServeAndRefresh, served && !pauses && now >= times[1]);
        }
    }

    #[test]
    fn what_is_due_is_decided_by_the_clock() {
        let settled = |now| {
            let value = entry(Some([0, 10, 20, 30]), None).value;
            Entry::new(value, None, now)
        };
        assert!(settled(9).settled().is_some());
        assert!(settled(10).settled().is_none());
        let entry = settled(0);
        entry.set_due();
        assert!(entry.settled().is_none());
        assert!(!entry.take_use());
        entry.note_use();
        assert!(entry.take_use() && !entry.take_use());
    }

    #[test]
    fn one_reader_asks_for_the_refresh_and_one_more_in_a_forked_child() {
        let entry = entry(Some([0, 1, 2, 3]), None);
        assert!(entry.is_first_to_ask(0));
        assert!(!entry.is_first_to_ask(0));
        assert!(entry.is_first_to_ask(1));
        assert!(!entry.is_first_to_ask(1));
    }
}
