//! What the keeper knows of one secret beside what readers see.

use std::sync::Arc;
use std::time::Duration;

use super::chain::Surroundings;
use super::entry::{Decision, Entry, NEVER, Refusal, Value};
use super::failure::Failure;
use super::file::FileStamp;
use super::index::Id;
use super::reply::Reply;
use super::request::{PREVIOUS, Which};
use super::value::{Secret, Source};
use crate::coarse;

/// The first pause after a failed reading; doubled at each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How often a secret's file is looked at.
const FILE_PERIOD: Duration = Duration::from_secs(1);
/// From this part of its time to live on, a value in use is refreshed.
const AHEAD: f64 = 0.9;

/// One secret: its ids, its state, and the reading under way.
pub(super) struct Slot {
    /// Every id it is known by; the first is the one it was first asked for by.
    pub(super) ids: Vec<Id>,
    pub(super) entry: Arc<Entry>,
    /// When the keeper last saw that it was used.
    pub(super) last_use: u64,
    /// Used since the value was read.
    in_use: bool,
    /// What the last caller found around it; `None` where a forked child has only inherited it.
    pub(super) surroundings: Option<Surroundings>,
    pub(super) flight: Option<Flight>,
    /// The value before the last change, and until when it is kept.
    pub(super) previous: Option<(Secret, u64)>,
    pub(super) file: Option<FileStamp>,
    /// When the file is looked at next.
    pub(super) file_due: u64,
    /// A use after [`Value::ahead`] or the end of freshness has been announced already.
    pub(super) announced: u64,
    /// A refused credential that was still the newest: when it may be asked for again.
    pub(super) refused_until: u64,
    pub(super) refused_streak: u32,
}

/// A reading under way, and who waits for it.
#[derive(Default)]
pub(super) struct Flight {
    pub(super) waiters: Vec<Waiter>,
    /// They ask for a reading that starts after they asked: they take off with the next one.
    pub(super) next: Vec<Waiter>,
    /// Somebody waits whose credential was refused.
    pub(super) after_refusal: bool,
}

pub(super) struct Waiter {
    pub(super) ticket: u64,
    pub(super) reply: Reply,
    /// Takes a value that the source could not confirm: a reader without a limit of age.
    pub(super) takes_stale: bool,
}

impl Slot {
    pub(super) fn new(
        id: Id,
        entry: Arc<Entry>,
        surroundings: Option<Surroundings>,
        now: u64,
    ) -> Self {
        Self {
            ids: vec![id],
            entry,
            last_use: now,
            in_use: false,
            surroundings,
            flight: None,
            previous: None,
            file: None,
            file_due: NEVER,
            announced: 0,
            refused_until: 0,
            refused_streak: 0,
        }
    }

    pub(super) fn name(&self) -> &str {
        self.ids.first().map_or("", |id| &id.name)
    }

    pub(super) fn which(&self) -> Option<&Which> {
        self.ids.first().map(|id| &id.which)
    }

    /// Whether it is the version before the current one.
    pub(super) fn is_previous(&self) -> bool {
        matches!(self.which(), Some(Which::Stage(stage)) if stage == PREVIOUS)
    }

    pub(super) fn secret(&self) -> Option<&Secret> {
        self.entry.value.as_ref().map(|value| &value.secret)
    }

    /// Whether somebody used the value since it was read, as seen at `now`.
    pub(super) fn is_in_use(&mut self, now: u64) -> bool {
        if self.entry.take_use() {
            self.last_use = now;
            self.in_use = true;
        }
        self.in_use
    }

    /// Another state from now on.
    pub(super) fn enter(&mut self, value: Option<Value>, refusal: Option<Refusal>, now: u64) {
        let is_in_use = self.is_in_use(now);
        let is_new = value.as_ref().map(|value| value.fetched)
            != self.entry.value.as_ref().map(|value| value.fetched);
        self.in_use = is_in_use && !is_new;
        self.entry = Arc::new(Entry::new(value, refusal, now));
    }

    /// What a caller gets whose value was refused by whoever it is a credential for.
    pub(super) fn decide_after_refusal(&self, refused: &Secret, now: u64) -> Decision {
        let pauses = self
            .entry
            .refusal
            .as_ref()
            .is_some_and(|refusal| now < refusal.until);
        let value = self.entry.value.as_ref();
        match value.filter(|value| now < value.stale_until) {
            Some(value) if !value.secret.same_value(refused) => Decision::Serve,
            Some(_) if now < self.refused_until || pauses => Decision::Serve,
            None if pauses => Decision::Refuse,
            _ => Decision::Ask,
        }
    }

    /// When this slot needs the keeper next.
    pub(super) fn due(&self, now: u64) -> u64 {
        let mut due = NEVER;
        let mut at = |moment: u64| {
            if moment > now {
                due = due.min(moment);
            }
        };
        if let Some(value) = &self.entry.value {
            at(value.ahead);
            at(value.fresh_until);
            at(value.stale_until);
        }
        if let Some(refusal) = &self.entry.refusal {
            at(refusal.until);
        }
        if let Some((_, until)) = &self.previous {
            at(*until);
        }
        if self.flight.is_none() {
            at(self.file_due);
        }
        due
    }

    pub(super) fn look_at_file_later(&mut self, now: u64) {
        self.file_due = now.saturating_add(coarse::whole(FILE_PERIOD));
    }
}

/// A value just read, and how long it is good for.
pub(super) fn value(secret: Secret, now: u64, ttl: Duration, max_stale: Duration) -> Value {
    // Read long ago by another process, perhaps before this machine's clock began, where it comes
    // from the disk.
    let age = match secret.source() {
        Source::Disk => coarse::whole(secret.age()),
        _ => 0,
    };
    let spread = ttl.mul_f64(0.9 + 0.2 * fastrand::f64());
    let after = |span: Duration| now.saturating_add(coarse::whole(span).saturating_sub(age));
    Value {
        secret,
        fetched: now.cast_signed().saturating_sub_unsigned(age),
        ahead: after(spread.mul_f64(AHEAD)),
        fresh_until: after(spread),
        stale_until: after(max_stale.max(spread)),
    }
}

/// The failure as it stands for its pause: between half and all of a pause that doubles.
pub(super) fn refusal(failure: Failure, before: Option<&Refusal>, now: u64) -> Refusal {
    let streak = before.map_or(0, |known| known.streak.saturating_add(1));
    Refusal {
        until: now.saturating_add(coarse::whole(pause(streak))),
        failure,
        streak,
    }
}

/// The pause after `streak` failures before this one.
pub(super) fn pause(streak: u32) -> Duration {
    FIRST_PAUSE
        .saturating_mul(1 << streak.min(16))
        .min(LONGEST_PAUSE)
        .mul_f64(0.5 + 0.5 * fastrand::f64())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use zeroize::Zeroizing;

    use super::*;
    use crate::secrets::fetched::Fetched;

    #[test]
    fn a_sealed_value_is_as_old_as_it_is_after_a_reboot() {
        const HOUR: u64 = 3_600_000;
        let fetched = Fetched::plain(Zeroizing::new(b"v".to_vec()), Source::Disk);
        let read = SystemTime::now() - Duration::from_millis(23 * HOUR);
        // The machine has been up for a minute.
        let now = 60_000;
        let secret = Secret::new("name", fetched, read);
        let value = value(
            secret,
            now,
            Duration::from_millis(HOUR),
            Duration::from_millis(24 * HOUR),
        );
        let left = value.stale_until - now;
        assert!(left <= HOUR && left > HOUR - 60_000, "{left}");
        assert!(value.age(now) >= 23 * HOUR);
        assert!(value.ahead <= now && value.fresh_until <= now);
    }
}
