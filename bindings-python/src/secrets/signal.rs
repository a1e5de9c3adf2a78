//! Something that another thread announces, and whoever waits for it: a thread, or a loop of asyncio.
//!
//! The announcing side, the core's I/O thread, takes a lock for a few instructions and never the
//! interpreter's; and no forked child finds that lock shut ([`Gated`]).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use tallylight::Error;

use super::gated::Gated;
use super::mailbox::Post;
use crate::errors::exception;

/// How long the main thread sleeps before it looks after signals: a Ctrl-C waits as long at most.
const SLICE: Duration = Duration::from_millis(50);

/// Counts announcements; it can be a task's waker too.
#[derive(Default)]
pub(super) struct Signal {
    /// Moves before whoever waits is looked up, and is compared under the lock by whoever begins to.
    count: AtomicU64,
    waiting: Gated<Waiting>,
}

/// Who waits. No condition variable: a thread that it wakes takes the lock outside of the gate.
#[derive(Default)]
struct Waiting {
    posts: Vec<(Arc<Post>, u64)>,
    threads: Vec<Thread>,
}

impl Signal {
    /// Announces.
    pub(super) fn ring(&self) {
        self.count.fetch_add(1, Ordering::AcqRel);
        // In a child where the lock is shut for good, nobody waits.
        let Waiting { posts, threads } = self.waiting.with(std::mem::take).unwrap_or_default();
        threads.iter().for_each(Thread::unpark);
        for (post, ticket) in posts {
            post.deliver(ticket);
        }
    }

    /// How often it was announced so far; to be read before looking at what is announced.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    /// Has `post` deliver `ticket` at the first announcement after `seen`.
    pub(super) fn post(&self, seen: u64, post: Arc<Post>, ticket: u64) {
        let waits = self.waiting.with(|waiting| {
            let waits = self.count() == seen;
            if waits {
                waiting.posts.push((Arc::clone(&post), ticket));
            }
            waits
        });
        // Whoever cannot wait for it looks at once.
        if !waits.unwrap_or(false) {
            post.deliver(ticket);
        }
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
            let rang = py
                .detach(|| self.sleep(seen, nap))
                .map_err(|error| exception(py, &error))?;
            if rang {
                return Ok(true);
            }
            py.check_signals()?;
            if left.is_some_and(|left| left.is_zero()) {
                return Ok(false);
            }
        }
    }

    fn sleep(&self, seen: u64, nap: Option<Duration>) -> Result<bool, Error> {
        let own = thread::current();
        let waits = self.waiting.with(|waiting| {
            let waits = self.count() == seen;
            if waits {
                waiting.threads.push(own.clone());
            }
            waits
        })?;
        if !waits {
            return Ok(true);
        }
        let until = nap.and_then(|nap| Instant::now().checked_add(nap));
        while self.count() == seen {
            match until.map(|until| until.saturating_duration_since(Instant::now())) {
                None => thread::park(),
                Some(left) if !left.is_zero() => thread::park_timeout(left),
                Some(_) => break,
            }
        }
        self.waiting.with(|waiting| {
            let at = waiting
                .threads
                .iter()
                .position(|known| known.id() == own.id());
            if let Some(at) = at {
                waiting.threads.swap_remove(at);
            }
        })?;
        Ok(self.count() != seen)
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
