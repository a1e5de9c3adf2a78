//! The ticker: one background thread that takes what is new into the windows.
//!
//! It does no I/O and holds no instance alive. Started by `init`, never by import; ended by
//! `shutdown` or with its instance. A tick that panics is contained and counted. In a forked child
//! the thread does not exist until `init` or `after_fork_in_child` starts one of its own.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::fork;
use parking_lot::Mutex;

struct Running {
    fork: u32,
    /// Dropping it ends the thread.
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

/// The background thread of one instance.
#[derive(Default)]
pub(crate) struct Ticker {
    running: Mutex<Option<Running>>,
    ticks: AtomicU64,
    panics: AtomicU64,
}

impl Ticker {
    /// Starts the thread unless it runs. `tick` answers false when its instance is gone. Without a
    /// thread (the system has none left) the windows are taken in by every snapshot instead.
    pub(crate) fn start(&self, every: Duration, tick: impl Fn() -> bool + Send + 'static) -> bool {
        let Some(_inside) = fork::enter() else {
            return false;
        };
        let mut running = self.running.lock();
        if let Some(known) = running.take() {
            if known.fork == fork::generation() {
                *running = Some(known);
                return true;
            }
            // The parent's: its channel may be in any state, so it is left alone.
            std::mem::forget(known);
        }
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("tallylight".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                    if !tick() {
                        return;
                    }
                }
            });
        match thread {
            Ok(thread) => {
                *running = Some(Running {
                    fork: fork::generation(),
                    stop,
                    thread,
                });
                true
            }
            Err(_) => false,
        }
    }

    /// Ends the thread and waits for its last tick.
    pub(crate) fn stop(&self) {
        // The last tick waits for nobody who waits for it: only the taking is inside.
        let taken = {
            let Some(_inside) = fork::enter() else {
                return;
            };
            self.running.lock().take()
        };
        let Some(running) = taken else {
            return;
        };
        if running.fork != fork::generation() {
            std::mem::forget(running);
            return;
        }
        drop(running.stop);
        // The last owner of an instance may be the tick itself.
        if running.thread.thread().id() != thread::current().id() {
            // A tick contains its panics, so there is nothing to learn from the result.
            let _ = running.thread.join();
        }
    }

    /// Whether a thread of this process runs.
    pub(crate) fn is_running(&self) -> bool {
        let is_ours =
            |known: &Running| known.fork == fork::generation() && !known.thread.is_finished();
        fork::enter().is_some_and(|_inside| self.running.lock().as_ref().is_some_and(is_ours))
    }

    /// Whether it was running before the fork that made this process.
    pub(crate) fn was_running(&self) -> bool {
        fork::enter().is_some_and(|_inside| self.running.lock().is_some())
    }

    pub(crate) fn count_tick(&self) {
        self.ticks.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }

    pub(crate) fn count_panic(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }
}
