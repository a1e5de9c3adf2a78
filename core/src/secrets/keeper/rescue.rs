//! The sealed cache's part while a source takes all the time there is.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::Keeper;
use crate::secrets::config::SecretsConfig;
use crate::secrets::shared::Shared;
use crate::secrets::slot::{self, Waiter};

impl Keeper {
    /// Has the sealed cache answer in time where the source takes all the time there is: half of the
    /// deadline is the source's own.
    pub(super) fn rescue_later(
        self: &Rc<Self>,
        config: &SecretsConfig,
        number: u64,
        deadline: Duration,
    ) {
        if config.cache_file.is_none() || !self.is_without_value(number) {
            return;
        }
        let wait = match deadline {
            Duration::ZERO => config.deadline,
            deadline => deadline,
        } / 2;
        let keeper = Rc::downgrade(self);
        tokio::task::spawn_local(async move {
            tokio::time::sleep(wait).await;
            if let Some(keeper) = keeper.upgrade()
                && let Some(shared) = keeper.shared.upgrade()
                && keeper.is_without_value(number)
            {
                keeper.disk.load(&shared).await;
                keeper.rescue(&shared, number);
            }
        });
    }

    /// Serves what the sealed cache has while the reading goes on.
    fn rescue(&self, shared: &Arc<Shared>, number: u64) {
        let now = shared.now();
        let settings = shared.settings.load();
        let mut slots = self.slots.borrow_mut();
        let Some(slot) = slots.get_mut(&number) else {
            return;
        };
        if slot.secret().is_some() || slot.flight.is_none() {
            return;
        }
        let (ttl, max_stale) = (settings.config.ttl, settings.config.max_stale);
        let Some(value) = self
            .disk
            .take(shared, &slot.ids)
            .map(|secret| slot::value(secret, now, ttl, max_stale))
            .filter(|value| now < value.stale_until)
        else {
            return;
        };
        let secret = value.secret.clone();
        slot.enter(Some(value), slot.entry.refusal.clone(), now);
        let (ids, entry) = (slot.ids.clone(), Arc::clone(&slot.entry));
        let served: Vec<Waiter> = match &mut slot.flight {
            Some(flight) => flight
                .waiters
                .extract_if(.., |waiter| waiter.takes_stale)
                .collect(),
            None => Vec::new(),
        };
        drop(slots);
        self.publish(shared, &ids, &entry);
        for waiter in served {
            let answer = Ok(secret.clone());
            let _ = catch_unwind(AssertUnwindSafe(|| waiter.reply.send(answer)));
        }
    }

    pub(super) fn is_without_value(&self, number: u64) -> bool {
        let slots = self.slots.borrow();
        slots
            .get(&number)
            .is_some_and(|slot| slot.secret().is_none())
    }
}
