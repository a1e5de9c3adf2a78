//! Who hears of a new version.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use super::value::Source;
use crate::block_on::block_on;
use crate::fork;

/// Changes that wait for a subscriber; past it the oldest goes, counted in [`Changes::missed`].
const WAITING: usize = 256;

/// Wakers kept before those that nobody waits with any more are thrown out.
const WAITERS: usize = 64;

/// A value that is another one now, or none any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The name it was first asked for by.
    pub name: String,
    /// What happened.
    pub kind: ChangeKind,
    /// The version now, where the source has versions.
    pub version: Option<String>,
    /// The version before.
    pub previous_version: Option<String>,
    /// Which source answered.
    pub source: Source,
    /// When the change was seen.
    pub at: SystemTime,
}

/// What happened to a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChangeKind {
    /// There is a new version or value.
    Rotated,
    /// It was deleted, or may not be read any more.
    Evicted,
}

impl ChangeKind {
    /// The stable name: `rotated` or `evicted`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rotated => "rotated",
            Self::Evicted => "evicted",
        }
    }
}

/// Changes as they come: a [`futures_core::Stream`], or [`Changes::next`], or on this thread
/// [`Changes::next_blocking`]. Ends when the instance shuts down or [`Changes::close`] is called.
/// Clones read from one queue.
#[derive(Clone)]
pub struct Changes {
    queue: Arc<Mutex<Queue>>,
}

struct Queue {
    /// Of these only, else of every secret.
    name: Option<Box<str>>,
    waiting: VecDeque<Change>,
    wakers: Vec<Waker>,
    missed: u64,
    closed: bool,
}

impl Changes {
    /// The next change; `None` when there will be none.
    pub async fn next(&mut self) -> Option<Change> {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    /// As [`Self::next`], waiting on this thread; `None` also when `limit` passed.
    #[must_use]
    pub fn next_blocking(&mut self, limit: Option<Duration>) -> Option<Change> {
        block_on(self.next(), limit).flatten()
    }

    /// Ends it: whoever waits is answered with the end.
    pub fn close(&self) {
        let wakers = {
            let Some(_inside) = fork::enter() else {
                return;
            };
            let mut queue = self.queue.lock();
            queue.closed = true;
            std::mem::take(&mut queue.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether it has ended; changes that wait can still be taken.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        fork::enter().is_none_or(|_inside| self.queue.lock().closed)
    }

    /// Changes that were lost because nobody took them in time.
    #[must_use]
    pub fn missed(&self) -> u64 {
        fork::enter().map_or(0, |_inside| self.queue.lock().missed)
    }

    fn poll(&self, context: &Context<'_>) -> Poll<Option<Change>> {
        let mut gone = Vec::new();
        let answer = self.poll_locked(context, &mut gone);
        // Outside of the lock: a waker may run what takes it.
        gone.into_iter().for_each(Waker::wake);
        answer
    }

    fn poll_locked(&self, context: &Context<'_>, gone: &mut Vec<Waker>) -> Poll<Option<Change>> {
        let Some(_inside) = fork::enter() else {
            return Poll::Ready(None);
        };
        let mut queue = self.queue.lock();
        if let Some(change) = queue.waiting.pop_front() {
            return Poll::Ready(Some(change));
        }
        if queue.closed {
            return Poll::Ready(None);
        }
        let waker = context.waker();
        if queue.wakers.len() >= WAITERS {
            // Whoever is still there polls again; wakers of callers that gave up go.
            gone.append(&mut queue.wakers);
        }
        if !queue.wakers.iter().any(|known| known.will_wake(waker)) {
            queue.wakers.push(waker.clone());
        }
        Poll::Pending
    }
}

impl futures_core::Stream for Changes {
    type Item = Change;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Change>> {
        self.poll(context)
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").finish_non_exhaustive()
    }
}

/// Everybody who subscribed and is still there.
#[derive(Default)]
pub(super) struct Subscribers {
    queues: Mutex<Vec<Weak<Mutex<Queue>>>>,
}

impl Subscribers {
    pub(super) fn subscribe(&self, name: Option<&str>) -> Changes {
        let queue = Arc::new(Mutex::new(Queue {
            name: name.map(Into::into),
            waiting: VecDeque::new(),
            wakers: Vec::new(),
            missed: 0,
            closed: false,
        }));
        if let Some(_inside) = fork::enter() {
            let mut queues = self.queues.lock();
            queues.retain(|known| known.strong_count() > 0);
            queues.push(Arc::downgrade(&queue));
        }
        Changes { queue }
    }

    /// Tells everybody who wants to know of a secret with one of these names.
    pub(super) fn tell(&self, names: &[&str], change: &Change) {
        let mut wakers = Vec::new();
        {
            let Some(_inside) = fork::enter() else {
                return;
            };
            for queue in self.queues.lock().iter().filter_map(Weak::upgrade) {
                let mut queue = queue.lock();
                let wanted = queue
                    .name
                    .as_ref()
                    .is_none_or(|wanted| names.contains(&&**wanted));
                if !wanted || queue.closed {
                    continue;
                }
                if queue.waiting.len() == WAITING {
                    queue.waiting.pop_front();
                    queue.missed += 1;
                }
                let mut change = change.clone();
                if let Some(wanted) = &queue.name {
                    change.name = wanted.to_string();
                }
                queue.waiting.push_back(change);
                wakers.append(&mut queue.wakers);
            }
        }
        // Outside of every lock: a waker may run what takes one.
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(super) fn close(&self) {
        let queues = {
            let Some(_inside) = fork::enter() else {
                return;
            };
            std::mem::take(&mut *self.queues.lock())
        };
        for queue in queues.iter().filter_map(Weak::upgrade) {
            Changes { queue }.close();
        }
    }
}
