//! Many secrets asked for at once: those that only AWS can answer share its calls.

use std::collections::HashMap;
use std::rc::Rc;

use tokio::time::Instant;

use super::flight::Landing;
use super::{Ask, Keeper};
use crate::secrets::chain::{self, Read, Surroundings};
use crate::secrets::entry::Decision;
use crate::secrets::failure::{Failure, FailureKind};
use crate::secrets::shared::Shared;
use crate::secrets::slot::{Flight, Waiter};

impl Keeper {
    /// Reads many at once: those that only AWS can answer in batches of its own.
    pub(in crate::secrets) fn prefetch(self: &Rc<Self>, shared: &Shared, asks: Vec<Ask>) {
        let now = shared.now();
        let settings = shared.settings.load_full();
        let mut together = Vec::new();
        let mut longest = settings.config.deadline;
        for ask in asks {
            let known = self.ids.borrow().get(&ask.id).copied();
            let needs_reading = known
                .and_then(|number| {
                    let slots = self.slots.borrow();
                    let slot = slots.get(&number)?;
                    let asks = slot.entry.decide(now, None) == Decision::Ask;
                    Some(asks && slot.flight.is_none())
                })
                .unwrap_or(true);
            let only_aws = chain::asks_aws_first(&ask.surroundings, &settings);
            if !needs_reading || !only_aws || !ask.id.which.is_current() {
                self.ask(shared, ask);
                continue;
            }
            longest = longest.max(ask.deadline);
            let deadline = ask.deadline;
            let number = self.slot_of(&ask.id, ask.surroundings, now);
            self.rescue_later(&settings.config, number, deadline);
            if let Some(slot) = self.slots.borrow_mut().get_mut(&number) {
                let flight = slot.flight.get_or_insert_with(Flight::default);
                if let Some(reply) = ask.reply {
                    let ticket = self.number();
                    flight.waiters.push(Waiter {
                        ticket,
                        reply,
                        takes_stale: true,
                    });
                    self.watch_deadline(number, ticket, ask.deadline);
                }
            }
            together.push((ask.id, Landing::new(self, number)));
        }
        if together.is_empty() {
            return;
        }
        if let Some(telemetry) = shared.telemetry() {
            telemetry.calls.increment();
        }
        let aws = self.aws(shared);
        let until = Instant::now() + longest;
        let keeper = Rc::downgrade(self);
        tokio::task::spawn_local(async move {
            let names: Vec<String> = together.iter().map(|(id, _)| id.name.to_string()).collect();
            let mut answers: HashMap<String, Result<_, Failure>> =
                aws.read_batch(&names, until).await.into_iter().collect();
            for (id, mut landing) in together {
                let result = match answers.remove(&*id.name) {
                    Some(Ok(fetched)) => Ok(Read::plain(fetched)),
                    Some(Err(failure)) => {
                        let surroundings = keeper
                            .upgrade()
                            .and_then(|keeper| keeper.surroundings_of(landing.number))
                            .unwrap_or_default();
                        chain::after_aws(failure, &surroundings)
                    }
                    None => Err(Failure::new(
                        FailureKind::Unreachable,
                        &id.name,
                        "the batch left it out",
                    )),
                };
                landing.land(result).await;
            }
        });
    }

    fn surroundings_of(&self, number: u64) -> Option<Surroundings> {
        let slots = self.slots.borrow();
        slots
            .get(&number)
            .and_then(|slot| slot.surroundings.clone())
    }
}
