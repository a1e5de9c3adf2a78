//! A caller's question: answered at once, or by the reading that it starts or joins.

use std::rc::Rc;
use std::time::Duration;

use super::{Ask, Keeper, Wish, refused};
use crate::secrets::entry::Decision;
use crate::secrets::failure::{Failure, FailureKind};
use crate::secrets::shared::Shared;
use crate::secrets::slot::{Flight, Waiter};

impl Keeper {
    /// Answers, now or when the reading that this starts or joins has landed.
    pub(in crate::secrets) fn ask(self: &Rc<Self>, shared: &Shared, ask: Ask) {
        let now = shared.now();
        let number = self.slot_of(&ask.id, ask.surroundings, now);
        let mut slots = self.slots.borrow_mut();
        let Some(slot) = slots.get_mut(&number) else {
            return;
        };
        let decision = match &ask.wish {
            Wish::Value(max_age) => slot.entry.decide(now, *max_age),
            Wish::Newest => Decision::Ask,
            Wish::OtherThan(refused) => slot.decide_after_refusal(refused, now),
        };
        slot.entry.note_use();
        let mut reply = ask.reply;
        match (
            decision,
            slot.entry.value.as_ref(),
            slot.entry.refusal.as_ref(),
        ) {
            (Decision::Serve | Decision::ServeAndRefresh, Some(value), _) => {
                let secret = value.secret.clone();
                if let Some(reply) = reply.take() {
                    reply.send(Ok(secret));
                }
                if decision == Decision::Serve {
                    return;
                }
            }
            (Decision::Refuse, _, Some(refusal)) => {
                let error = refused(refusal, now);
                if let Some(reply) = reply.take() {
                    reply.send(Err(error));
                }
                return;
            }
            _ => {}
        }
        let wants_next = matches!(ask.wish, Wish::Newest);
        let takes_stale = matches!(ask.wish, Wish::Value(None));
        let takes_off = slot.flight.is_none();
        let flight = slot.flight.get_or_insert_with(Flight::default);
        flight.after_refusal |= matches!(ask.wish, Wish::OtherThan(_));
        if let Some(reply) = reply {
            let ticket = self.number();
            let waiter = Waiter {
                ticket,
                reply,
                takes_stale,
            };
            if wants_next && !takes_off {
                flight.next.push(waiter);
            } else {
                flight.waiters.push(waiter);
            }
            self.watch_deadline(number, ticket, ask.deadline);
        }
        drop(slots);
        if takes_off {
            self.take_off(shared, number, ask.deadline);
        }
    }

    /// Fails a waiter whose time is over; the reading goes on for the others and for the cache.
    pub(super) fn watch_deadline(self: &Rc<Self>, number: u64, ticket: u64, deadline: Duration) {
        let keeper = Rc::downgrade(self);
        tokio::task::spawn_local(async move {
            tokio::time::sleep(deadline).await;
            let Some(keeper) = keeper.upgrade() else {
                return;
            };
            let found = {
                let mut slots = keeper.slots.borrow_mut();
                slots.get_mut(&number).and_then(|slot| {
                    let name = slot.name().to_owned();
                    let flight = slot.flight.as_mut()?;
                    take(&mut flight.waiters, ticket)
                        .or_else(|| take(&mut flight.next, ticket))
                        .map(|waiter| (name, waiter))
                })
            };
            if let Some((name, waiter)) = found {
                let failure = Failure::new(
                    FailureKind::TimedOut,
                    &name,
                    format!(
                        "no answer within the deadline of {} ms",
                        deadline.as_millis()
                    ),
                )
                .hint("is its source reachable from here? `tallylight secrets doctor` tells");
                let failure = Failure {
                    region: keeper.aws.borrow().as_ref().and_then(|aws| aws.region()),
                    ..failure
                };
                waiter.reply.send(Err(failure.to_error()));
            }
        });
    }
}

fn take(waiters: &mut Vec<Waiter>, ticket: u64) -> Option<Waiter> {
    let at = waiters.iter().position(|waiter| waiter.ticket == ticket)?;
    Some(waiters.swap_remove(at))
}
