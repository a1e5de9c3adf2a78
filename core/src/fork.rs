//! What neither a fork nor a signal handler may find half done: code that holds our locks.
//!
//! Every path that takes a lock of the core is *inside*, marked by [`enter`]. A fork waits until
//! all threads are outside, so that a child never inherits a lock that nobody will open; then it
//! counts itself, so that the child notices and starts its counts at zero in an arena of its own.
//! A signal handler that interrupts code that is inside does not enter (see
//! [`crate::metrics::local`]). Covers `fork` from Rust, C and Python's `os.fork` and
//! `multiprocessing`. The recording path is never inside.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

/// Held for reading by threads that are inside, for writing by one that forks. The standard
/// library's lock, since a child uses it as the fork left it: parking_lot's keeps its queue of
/// waiting threads in memory, and may hand the lock to one that the child does not have. All other
/// locks are open at a fork.
static GATE: RwLock<()> = RwLock::new(());
static FORKS: AtomicU32 = AtomicU32::new(0);
/// Threads that wait to fork; others then wait to enter, or a fork might never find all outside.
static FORKING: AtomicU32 = AtomicU32::new(0);
/// How long either waits for the other before it goes on without.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a child does first.
static IN_CHILD: OnceLock<fn()> = OnceLock::new();

thread_local! {
    /// How deep this thread is inside.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// How many forks lie between this process and the one that started the program.
pub(crate) fn generation() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// Has every forked child call `hook` before anything else of ours. There is one hook.
pub(crate) fn in_child(hook: fn()) {
    IN_CHILD.get_or_init(|| hook);
}

/// Marks this thread as inside the core until it is dropped.
pub(crate) struct Inside {
    /// Of the outermost only: reading twice could wait for a fork that waits for this thread.
    _gate: Option<RwLockReadGuard<'static, ()>>,
}

/// Enters, once more if this thread is inside already.
pub(crate) fn enter() -> Inside {
    install();
    let depth = DEPTH.get();
    DEPTH.set(depth + 1);
    if depth > 0 {
        return Inside { _gate: None };
    }
    if FORKING.load(Ordering::Relaxed) > 0 {
        wait_until(|| (FORKING.load(Ordering::Relaxed) == 0).then_some(()));
    }
    Inside {
        _gate: Some(GATE.read().unwrap_or_else(PoisonError::into_inner)),
    }
}

/// Asks until there is an answer, or patience ends.
fn wait_until<T>(ask: impl Fn() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    let mut pause = Duration::from_micros(10);
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if started.elapsed() > PATIENCE {
            return None;
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(1));
    }
}

/// Whether this thread is inside: a caller that did not enter itself is then a signal handler.
pub(crate) fn is_inside() -> bool {
    DEPTH.get() > 0
}

impl Drop for Inside {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

#[cfg(not(unix))]
fn install() {}

#[cfg(unix)]
fn install() {
    /// No once-lock: a child could inherit one that is being filled.
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    if !INSTALLED.swap(true, Ordering::Relaxed) {
        // SAFETY: the handlers are plain functions that never unwind, in a library that is never
        // unloaded once a recording thread's destructor is registered.
        unsafe {
            libc::pthread_atfork(
                Some(unix::before),
                Some(unix::after_in_parent),
                Some(unix::after_in_child),
            );
        }
    }
}

#[cfg(unix)]
mod unix {
    use std::cell::Cell;
    use std::sync::RwLockWriteGuard;
    use std::sync::atomic::Ordering;

    use super::{DEPTH, FORKING, FORKS, GATE, IN_CHILD, wait_until};

    thread_local! {
        static HELD: Cell<Option<RwLockWriteGuard<'static, ()>>> = const { Cell::new(None) };
    }

    pub(super) extern "C" fn before() {
        let is_outside = DEPTH.get() == 0;
        DEPTH.set(DEPTH.get() + 1);
        if is_outside {
            FORKING.fetch_add(1, Ordering::Relaxed);
            HELD.set(wait_until(|| GATE.try_write().ok()));
            FORKING.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(super) extern "C" fn after_in_parent() {
        drop(HELD.take());
        DEPTH.set(DEPTH.get() - 1);
    }

    pub(super) extern "C" fn after_in_child() {
        FORKS.fetch_add(1, Ordering::Relaxed);
        // Others that waited to fork are not in this process.
        FORKING.store(0, Ordering::Relaxed);
        if let Some(hook) = IN_CHILD.get() {
            hook();
        }
        after_in_parent();
    }
}
