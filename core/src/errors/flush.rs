//! Waiting until what was captured is delivered: `flush`, `close` and `shutdown`.
//!
//! A caller leaves a waiter and is answered by the I/O thread, at its limit at the latest; a
//! blocking caller watches the limit itself too, whatever the I/O thread does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Delivery;
use super::shared::Shared;
use super::state::State;
use crate::block_on::block_on;

/// Longer limits than this are this.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

/// What is done with the answer.
pub(super) type Done = Box<dyn FnOnce(Delivery) + Send>;

/// Somebody who waits.
pub(super) struct Waiter {
    pub(super) until: Instant,
    pub(super) is_close: bool,
    pub(super) done: Done,
}

impl Waiter {
    /// Tells whoever waits. A fault of theirs is none of the pipeline's.
    pub(super) fn tell(self, delivery: Delivery) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| (self.done)(delivery))) {
            // A payload may panic again in its own Drop.
            std::mem::forget(payload);
        }
    }
}

impl State {
    /// Whether a waiter has nothing more to wait for.
    fn is_answered(&self, waiter: &Waiter, now: Instant) -> bool {
        if now >= waiter.until {
            return true;
        }
        if self.under_way > 0 {
            return false;
        }
        let is_reported = !waiter.is_close || self.unreported().is_empty();
        let has_looked = self.has_looked || !self.is_looking;
        let is_idle = !self.has_sendable(now) && is_reported && has_looked && self.deleting == 0;
        // For what others left, or for a report, nobody waits on a server that is out of order.
        is_idle || (self.link.is_failing() && self.own_pending() == 0)
    }

    /// Those who have nothing more to wait for.
    pub(super) fn answered(&mut self, now: Instant) -> Vec<Waiter> {
        let (answered, waiting) = std::mem::take(&mut self.waiters)
            .into_iter()
            .partition(|waiter| self.is_answered(waiter, now));
        self.waiters = waiting;
        answered
    }
}

impl Shared {
    pub(super) fn wait_then(self: &Arc<Self>, limit: Duration, is_close: bool, done: Done) {
        let now = Instant::now();
        let waiter = Waiter {
            until: now + limit.min(LONGEST),
            is_close,
            done,
        };
        let monotonic = self.clock.now();
        let left = self.with(|state| {
            if is_close {
                state.is_open = false;
            }
            state.release(monotonic, true);
            state.link.hurry();
            let has_work = state.pending() > 0
                || state.under_way > 0
                || state.deleting > 0
                || (is_close && !state.unreported().is_empty())
                || (state.pump.is_some() && !state.has_looked);
            if has_work && !self.settings().is_local() {
                state.waiters.push(waiter);
                return None;
            }
            if is_close {
                state.close();
            }
            Some(waiter)
        });
        match left {
            Some(None) => {
                self.start_pump();
                self.wake();
            }
            Some(Some(waiter)) => {
                self.delete_retired();
                waiter.tell(self.delivery());
                if is_close {
                    self.wake();
                }
            }
            // In a child that is unfit there is nothing to wait for: the waiter went with `with`.
            None => {}
        }
    }

    pub(super) fn wait(self: &Arc<Self>, limit: Duration, is_close: bool) -> Delivery {
        // The I/O thread cannot wait for itself.
        if crate::fork::is_unfit() || self.io.is_this_thread() {
            if is_close {
                self.with(|state| state.is_open = false);
            }
            return self.delivery();
        }
        let (send, answer) = tokio::sync::oneshot::channel();
        let done = Box::new(move |delivery| {
            // Who has stopped waiting needs no answer.
            let _ = send.send(delivery);
        });
        self.wait_then(limit, is_close, done);
        match block_on(answer, Some(limit.min(LONGEST))) {
            Some(Ok(delivery)) => delivery,
            _ => self.delivery(),
        }
    }
}
