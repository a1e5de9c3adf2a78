//! Something that another thread announces, and whoever waits for it: a thread, or a loop of asyncio.
//!
//! The announcing side, the core's I/O thread, takes a lock for a few instructions and never the
//! interpreter's.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use super::mailbox::Post;

/// How long the main thread sleeps before it looks after signals: a Ctrl-C waits as long at most.
const SLICE: Duration = Duration::from_millis(50);

/// Counts announcements; it can be a task's waker too.
#[derive(Default)]
pub(super) struct Signal {
    state: Mutex<State>,
    rung: Condvar,
}

#[derive(Default)]
struct State {
    count: u64,
    posts: Vec<(Arc<Post>, u64)>,
}

impl Signal {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Announces.
    pub(super) fn ring(&self) {
        let posts = {
            let mut state = self.state();
            state.count += 1;
            std::mem::take(&mut state.posts)
        };
        self.rung.notify_all();
        for (post, ticket) in posts {
            post.deliver(ticket);
        }
    }

    /// How often it was announced so far; to be read before looking at what is announced.
    pub(super) fn count(&self) -> u64 {
        self.state().count
    }

    /// Has `post` deliver `ticket` at the first announcement after `seen`.
    pub(super) fn post(&self, seen: u64, post: Arc<Post>, ticket: u64) {
        {
            let mut state = self.state();
            if state.count == seen {
                state.posts.push((post, ticket));
                return;
            }
        }
        post.deliver(ticket);
    }

    /// Waits, without the interpreter's lock, for the first announcement after `seen`; false when
    /// `until` came first. On the main thread it ends with whatever a signal's handler raises.
    pub(super) fn wait(&self, py: Python<'_>, seen: u64, until: Option<Instant>) -> PyResult<bool> {
        // Signals are handled on the main thread alone; others sleep through.
        let slice = is_main_thread(py).then_some(SLICE);
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let nap = match (slice, left) {
                (Some(slice), Some(left)) => Some(slice.min(left)),
                (slice, left) => slice.or(left),
            };
            if py.detach(|| self.sleep(seen, nap)) {
                return Ok(true);
            }
            py.check_signals()?;
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(false);
            }
        }
    }

    fn sleep(&self, seen: u64, nap: Option<Duration>) -> bool {
        let state = self.state();
        let is_silent = |state: &mut State| state.count == seen;
        let state = match nap {
            None => self.rung.wait_while(state, is_silent),
            Some(nap) => match self.rung.wait_timeout_while(state, nap, is_silent) {
                Ok((state, _)) => Ok(state),
                Err(poisoned) => Ok(poisoned.into_inner().0),
            },
        };
        state.unwrap_or_else(PoisonError::into_inner).count != seen
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ring();
    }
}

/// The waker of a signal. Two of one signal wake alike, so that a queue keeps one of them.
pub(super) fn waker(signal: &Arc<Signal>) -> Waker {
    Waker::from(Arc::clone(signal))
}

fn is_main_thread(py: Python<'_>) -> bool {
    let asked = || -> PyResult<bool> {
        let threading = py.import("threading")?;
        let main = threading.call_method0("main_thread")?.getattr("ident")?;
        main.eq(threading.call_method0("get_ident")?)
    };
    // Looking after signals on another thread costs a little and does nothing.
    asked().unwrap_or(true)
}
