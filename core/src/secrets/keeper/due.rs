//! What becomes due by itself: a refresh ahead, the end of a value, a file to look at.
//!
//! The invariant: the watch goes on whatever happens, since nobody else marks what becomes due.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak as RcWeak};
use std::sync::Arc;
use std::time::Duration;

use super::Keeper;
use crate::clock::Clock;
use crate::secrets::entry::NEVER;
use crate::secrets::shared::Shared;
use crate::secrets::slot::Flight;
use crate::secrets::value::Source;

/// How often a manual clock is looked at: it moves without telling.
const MANUAL_PERIOD: Duration = Duration::from_millis(20);
/// The pause after a fault of ours in the watch.
const AFTER_PANIC_MILLIS: u64 = 1_000;

/// Tends what is due, for as long as there is a keeper.
pub(super) async fn watch(keeper: RcWeak<Keeper>) {
    loop {
        let (wait, sooner) = {
            let Some(keeper) = keeper.upgrade() else {
                return;
            };
            let Some(shared) = keeper.shared.upgrade() else {
                return;
            };
            // Nobody else marks what becomes due, so this goes on whatever happens.
            let due = catch_unwind(AssertUnwindSafe(|| keeper.tick(&shared)))
                .unwrap_or_else(|_| shared.now().saturating_add(AFTER_PANIC_MILLIS));
            let wait = match &shared.clock {
                Clock::Manual(_) => MANUAL_PERIOD,
                Clock::System { .. } => {
                    Duration::from_millis(due.saturating_sub(shared.now()).clamp(1, 3_600_000))
                }
            };
            (wait, keeper)
        };
        // Either is fine: the tick finds out what is due.
        let _ = tokio::time::timeout(wait, sooner.sooner.notified()).await;
    }
}

impl Keeper {
    /// What has become due, and when something is due next.
    fn tick(self: &Rc<Self>, shared: &Shared) -> u64 {
        let now = shared.now();
        let numbers: Vec<u64> = self.slots.borrow().keys().copied().collect();
        for number in numbers {
            self.tend(shared, number, now);
        }
        let slots = self.slots.borrow();
        slots
            .values()
            .map(|slot| slot.due(now))
            .min()
            .unwrap_or(NEVER)
    }

    fn tend(self: &Rc<Self>, shared: &Shared, number: u64, now: u64) {
        let mut slots = self.slots.borrow_mut();
        let Some(slot) = slots.get_mut(&number) else {
            return;
        };
        if slot
            .previous
            .as_ref()
            .is_some_and(|(_, until)| now >= *until)
        {
            slot.previous = None;
        }
        // What may not be served any more is not, whatever is under way.
        if let Some(value) = slot.entry.value.as_ref() {
            if now >= value.stale_until {
                slot.enter(None, slot.entry.refusal.clone(), now);
                let (ids, entry) = (slot.ids.clone(), Arc::clone(&slot.entry));
                drop(slots);
                self.publish(shared, &ids, &entry);
                if let Some(telemetry) = shared.telemetry() {
                    telemetry.evictions.increment();
                }
                return;
            }
            if now >= value.ahead {
                slot.entry.set_due();
            }
        }
        if slot.flight.is_some() {
            return;
        }
        if now >= slot.file_due {
            slot.file_due = NEVER;
            drop(slots);
            self.look_at_file(number);
            return;
        }
        let Some(value) = slot.entry.value.as_ref() else {
            return;
        };
        let (ahead, fresh_until) = (value.ahead, value.fresh_until);
        // A variable is read on the thread of whoever asks; here nobody does.
        let can_refresh =
            value.secret.source() != Source::Environment && slot.surroundings.is_some();
        if now < ahead {
            return;
        }
        let refusal = slot.entry.refusal.as_ref();
        let refuses = refusal.is_some_and(|refusal| now < refusal.until);
        if slot.is_in_use(now) && can_refresh && !refuses {
            slot.flight = Some(Flight::default());
            drop(slots);
            self.take_off(shared, number, Duration::ZERO);
            return;
        }
        let passed = if now >= fresh_until {
            fresh_until
        } else {
            ahead
        };
        if passed > slot.announced {
            // Whoever holds the value on its own side asks again, and is counted as a use.
            slot.announced = passed;
            drop(slots);
            shared.epoch.advance();
        }
    }

    /// Reads a file again when it is another one than was read.
    fn look_at_file(self: &Rc<Self>, number: u64) {
        let found = {
            let slots = self.slots.borrow();
            slots
                .get(&number)
                .and_then(|slot| Some((slot.file?, slot.surroundings.as_ref()?.file.clone()?)))
        };
        let Some((stamp, located)) = found else {
            return;
        };
        let keeper = Rc::downgrade(self);
        let threads = Rc::clone(&self.threads);
        tokio::task::spawn_local(async move {
            let path = located.path.clone();
            let same = threads
                .run(&path, move || stamp.unchanged(&located.path))
                .await;
            let Some((keeper, shared)) = keeper
                .upgrade()
                .and_then(|keeper| keeper.shared.upgrade().map(|shared| (keeper, shared)))
            else {
                return;
            };
            let takes_off = {
                let mut slots = keeper.slots.borrow_mut();
                match slots.get_mut(&number) {
                    Some(slot) if !matches!(same, Ok(true)) && slot.flight.is_none() => {
                        slot.flight = Some(Flight::default());
                        true
                    }
                    Some(slot) => {
                        slot.look_at_file_later(shared.now());
                        false
                    }
                    None => false,
                }
            };
            if takes_off {
                keeper.take_off(&shared, number, Duration::ZERO);
            }
            keeper.sooner.notify_one();
        });
    }
}
