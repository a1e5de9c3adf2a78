//! One secret as readers see it, and what a reader does with it.
//!
//! An entry is immutable but for what readers note in it; the keeper publishes a new one for every
//! change of state. Times are coarse milliseconds of the instance's clock.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use super::failure::Failure;
use super::value::Secret;
use crate::coarse;

/// Never: later than any clock.
pub(super) const NEVER: u64 = u64::MAX;
/// How much later a use must be than the last to be noted: a shared cell is not written at each hit.
const USE_STEP_MILLIS: u64 = 1_000;

/// A secret's state since the last change.
#[derive(Debug)]
pub(super) struct Entry {
    /// The value, unless there is none (yet, or any more).
    pub(super) value: Option<Value>,
    /// Why the last reading failed, if it did.
    pub(super) refusal: Option<Refusal>,
    /// When it was last asked for.
    used: AtomicU64,
    /// The fork generation, plus one, in which a reader has asked for a refresh.
    asked: AtomicU32,
}

/// A value and how long it is good for.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) secret: Secret,
    pub(super) fetched: u64,
    /// From here a use has it refreshed behind.
    pub(super) ahead: u64,
    /// From here it is stale.
    pub(super) fresh_until: u64,
    /// From here it is served no more.
    pub(super) stale_until: u64,
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
    pub(super) fn new(value: Option<Value>, refusal: Option<Refusal>, used: u64) -> Self {
        Self {
            value,
            refusal,
            used: AtomicU64::new(used),
            asked: AtomicU32::new(0),
        }
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
        if max_age.is_some_and(|limit| now.saturating_sub(value.fetched) > coarse::whole(limit)) {
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
    pub(super) fn note_use(&self, now: u64) {
        if now.saturating_sub(self.used.load(Relaxed)) >= USE_STEP_MILLIS {
            self.used.store(now, Relaxed);
        }
    }

    pub(super) fn used(&self) -> u64 {
        self.used.load(Relaxed)
    }

    /// Whether this reader is the one that asks for the refresh of this entry in this process.
    pub(super) fn is_first_to_ask(&self, generation: u32) -> bool {
        let mark = generation.wrapping_add(1);
        self.asked.load(Relaxed) != mark && self.asked.swap(mark, Relaxed) != mark
    }
}
