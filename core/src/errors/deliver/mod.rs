//! Delivery: what the I/O thread does with the spool.
//!
//! One loop, the *pump*, decides under the lock what starts now and when to look again
//! (`plan.rs`); each request is a task of its own (`send.rs`), and so is work on the disk
//! (`disk.rs`). Whatever becomes of a task, also when the I/O thread is stopped in the midst of it,
//! its record is delivered, dropped with a reason, or waits again.

mod disk;
mod plan;
mod send;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use tokio::sync::Notify;
use tokio::task::spawn_local;

use super::settings::Settings;
use super::shared::Shared;
use super::transport::Transport;
use plan::Plan;

/// How others wake the pump.
#[derive(Default)]
pub(super) struct Pump {
    notify: Notify,
    /// Whether a new event is worth a wake: nothing else will look at it soon.
    is_asleep: AtomicBool,
}

impl Pump {
    pub(super) fn wake(&self) {
        self.notify.notify_one();
    }

    /// Without a system call while the pump is at work.
    pub(super) fn wake_if_asleep(&self) {
        if self.is_asleep.load(Ordering::Relaxed) && self.is_asleep.swap(false, Ordering::AcqRel) {
            self.notify.notify_one();
        }
    }

    pub(super) fn running(pump: &Arc<Self>, shared: &Arc<Shared>) -> Running {
        Running {
            pump: Arc::clone(pump),
            shared: Arc::clone(shared),
        }
    }
}

/// A pump that was started. When it goes, whoever waits is answered, and the next event starts
/// another.
pub(super) struct Running {
    pump: Arc<Pump>,
    shared: Arc<Shared>,
}

impl Running {
    /// On the I/O thread.
    pub(super) fn start(self) {
        spawn_local(async move {
            let worker = Rc::new(Worker {
                shared: Arc::clone(&self.shared),
                pump: Arc::clone(&self.pump),
                transport: RefCell::new(None),
                slow_files_until: Cell::new(None),
            });
            worker.run().await;
            drop(self);
        });
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let left = self.shared.with(|state| {
            let is_current = state
                .pump
                .as_ref()
                .is_some_and(|current| Arc::ptr_eq(current, &self.pump));
            if !is_current {
                return Vec::new();
            }
            state.pump = None;
            // What it had asked of the disk nobody will hear of.
            state.is_looking = false;
            state.is_moving = false;
            state.deleting = 0;
            state.room.forget_order();
            std::mem::take(&mut state.waiters)
        });
        for waiter in left.into_iter().flatten() {
            waiter.tell(self.shared.delivery());
        }
    }
}

/// What the tasks of one pump share.
struct Worker {
    shared: Arc<Shared>,
    pump: Arc<Pump>,
    /// The way to the server, and the settings it was made by.
    transport: RefCell<Option<(Arc<Settings>, Rc<Transport>)>>,
    /// Files did not answer: until then events go without what files tell.
    slow_files_until: Cell<Option<Instant>>,
}

impl Worker {
    async fn run(self: &Rc<Self>) {
        loop {
            // Before looking: what comes later wakes it.
            self.pump.is_asleep.store(true, Ordering::Release);
            let settings = self.shared.settings();
            let Some(plan) = self.plan(&settings) else {
                return;
            };
            let Plan {
                jobs,
                report,
                order,
                looks,
                moves,
                answered,
                retired,
                next,
                has_room,
                is_over,
            } = plan;
            if answered.is_empty() {
                self.delete(retired);
            } else {
                // Who waits may end the process at once.
                retired.iter().for_each(|segment| segment.delete());
            }
            if let Some(order) = order {
                self.make_spare(order);
            }
            if looks {
                self.look(&settings);
            }
            if moves {
                self.move_to_disk(&settings);
            }
            for job in jobs {
                self.send(job, &settings);
            }
            if let Some(report) = report {
                self.send_report(report, &settings);
            }
            for waiter in answered {
                waiter.tell(self.shared.delivery());
            }
            if is_over {
                return;
            }
            if !has_room {
                self.pump.is_asleep.store(false, Ordering::Release);
            }
            let until = tokio::time::Instant::from_std(next);
            // Either is a reason to look.
            let _ = tokio::time::timeout_at(until, self.pump.notify.notified()).await;
        }
    }
}
