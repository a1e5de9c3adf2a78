//! One reading of a secret, from its start until all who waited are answered.
//!
//! The invariant: whoever waits is answered, also when the reading panics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::{Rc, Weak as RcWeak};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Keeper;
use crate::secrets::chain::{self, Read};
use crate::secrets::failure::{Failure, FailureKind};
use crate::secrets::shared::Shared;
use crate::secrets::slot::Flight;

impl Keeper {
    /// Starts the reading of a slot that has a flight waiting to begin.
    pub(super) fn take_off(self: &Rc<Self>, shared: &Shared, number: u64, deadline: Duration) {
        // First of all: whatever goes wrong from here, those who wait are answered.
        let mut landing = Landing::new(self, number);
        let slots = self.slots.borrow();
        let Some((id, surroundings)) = slots.get(&number).and_then(|slot| {
            let id = slot.ids.first()?.clone();
            Some((id, slot.surroundings.clone().unwrap_or_default()))
        }) else {
            return;
        };
        drop(slots);
        if let Some(telemetry) = shared.telemetry() {
            telemetry.calls.increment();
        }
        let settings = shared.settings.load_full();
        let aws = self.aws(shared);
        let threads = Rc::clone(&self.threads);
        let until = Instant::now() + settings.config.deadline.max(deadline);
        self.rescue_later(&settings.config, number, deadline);
        tokio::task::spawn_local(async move {
            let result = chain::read(&id, &surroundings, &settings, &aws, &threads, until).await;
            landing.land(result).await;
        });
    }

    /// What a reading brought decides what is served.
    fn land(self: &Rc<Self>, shared: &Arc<Shared>, number: u64, result: Result<Read, Failure>) {
        let flight = {
            let mut slots = self.slots.borrow_mut();
            slots.get_mut(&number).and_then(|slot| slot.flight.take())
        };
        let Some(Flight {
            waiters,
            next,
            after_refusal,
        }) = flight
        else {
            return;
        };
        let answer = match result {
            Ok(read) => Ok(self.accept(shared, number, read, after_refusal)),
            Err(failure) => Err(self.refuse(shared, number, failure)),
        };
        for waiter in waiters {
            let answer = match &answer {
                Ok(secret) => Ok(secret.clone()),
                Err((_, Some(stale))) if waiter.takes_stale => Ok(stale.clone()),
                Err((failure, _)) => Err(failure.to_error()),
            };
            // What one caller does with its answer is nothing to the others.
            let _ = catch_unwind(AssertUnwindSafe(|| waiter.reply.send(answer)));
        }
        if !next.is_empty() {
            if let Some(slot) = self.slots.borrow_mut().get_mut(&number) {
                slot.flight = Some(Flight {
                    waiters: next,
                    ..Flight::default()
                });
            }
            self.take_off(shared, number, Duration::ZERO);
        }
        self.make_room(shared);
        self.sooner.notify_one();
    }
}

/// Takes the result of one reading to the slot; if the reading panics, the panic.
pub(super) struct Landing {
    keeper: RcWeak<Keeper>,
    pub(super) number: u64,
    landed: bool,
}

impl Landing {
    pub(super) fn new(keeper: &Rc<Keeper>, number: u64) -> Self {
        Self {
            keeper: Rc::downgrade(keeper),
            number,
            landed: false,
        }
    }

    pub(super) async fn land(&mut self, result: Result<Read, Failure>) {
        if result
            .as_ref()
            .is_err_and(|failure| failure.kind.is_outage())
            && let Some((keeper, shared)) = self.ground()
            && keeper.is_without_value(self.number)
        {
            keeper.disk.load(&shared).await;
        }
        self.touch_down(result);
    }

    fn touch_down(&mut self, result: Result<Read, Failure>) {
        self.landed = true;
        if let Some((keeper, shared)) = self.ground() {
            keeper.land(&shared, self.number, result);
        }
    }

    fn ground(&self) -> Option<(Rc<Keeper>, Arc<Shared>)> {
        let keeper = self.keeper.upgrade()?;
        let shared = keeper.shared.upgrade()?;
        Some((keeper, shared))
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        if !self.landed && std::thread::panicking() {
            let failure = Failure::new(
                FailureKind::Unreachable,
                "",
                "the reading failed inside Tallylight; please report it",
            );
            self.touch_down(Err(failure));
        }
    }
}
