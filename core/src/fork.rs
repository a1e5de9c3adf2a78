//! What a fork must not break: locks held by threads that the child does not have.
//!
//! `pthread_atfork` handlers take every instance's locks before the fork and give them back on both
//! sides, so that a child never inherits a lock that nobody will open, and count forks, so that
//! the child notices. The child's counts start at zero in an arena of its own; it never touches
//! the parent's. Covers `fork` from Rust, C and Python's `os.fork` and `multiprocessing`.

use std::sync::atomic::{AtomicU32, Ordering};

static FORKS: AtomicU32 = AtomicU32::new(0);

/// How many forks lie between this process and the one that started the program.
pub(crate) fn generation() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

#[cfg(unix)]
pub(crate) use unix::watch;

#[cfg(not(unix))]
pub(crate) fn watch(_instance: &std::sync::Arc<crate::metrics::Registry>) {}

#[cfg(unix)]
mod unix {
    use std::cell::Cell;
    use std::sync::atomic::Ordering;
    use std::sync::{Arc, Once, Weak};
    use std::time::Duration;

    use parking_lot::Mutex;

    use crate::metrics::{Registry, local};

    static WATCHED: Mutex<Vec<Weak<Registry>>> = Mutex::new(Vec::new());
    /// Registries whose locks the prepare handler holds.
    static HELD: Mutex<Vec<Arc<Registry>>> = Mutex::new(Vec::new());
    thread_local! {
        /// Whether `before` locked the two lists on this thread, so that `release` may open them.
        static HOLDING: Cell<bool> = const { Cell::new(false) };
    }

    /// A lock that is not free by then is held by the forking thread itself, or by one that hangs;
    /// the fork goes on without it.
    const PATIENCE: Duration = Duration::from_secs(1);

    /// Has the fork handlers guard this registry's locks.
    pub(crate) fn watch(registry: &Arc<Registry>) {
        static INSTALL: Once = Once::new();
        INSTALL.call_once(|| {
            // SAFETY: the handlers are plain functions that never unwind; they live in this
            // library, which is never unloaded once a recording thread's destructor is registered.
            unsafe { libc::pthread_atfork(Some(before), Some(after_in_parent), Some(after_in_child)) };
        });
        let mut watched = WATCHED.lock();
        watched.retain(|registry| registry.strong_count() > 0);
        watched.push(Arc::downgrade(registry));
    }

    extern "C" fn before() {
        let (Some(watched), Some(mut held)) = (
            WATCHED.try_lock_for(PATIENCE),
            HELD.try_lock_for(PATIENCE),
        ) else {
            return;
        };
        held.extend(
            watched
                .iter()
                .filter_map(Weak::upgrade)
                .filter(|registry| registry.lock_for_fork(PATIENCE)),
        );
        // Kept locked over the fork, like the registries' own.
        std::mem::forget((watched, held));
        HOLDING.set(true);
    }

    fn release() {
        if !HOLDING.replace(false) {
            return;
        }
        // SAFETY: `before` locked both lists on this very thread and forgot the guards, so nobody
        // else can hold them; the same goes for each registry in the list.
        unsafe {
            for registry in (*HELD.data_ptr()).drain(..) {
                registry.unlock_after_fork();
            }
            HELD.force_unlock();
            WATCHED.force_unlock();
        }
    }

    extern "C" fn after_in_parent() {
        release();
    }

    extern "C" fn after_in_child() {
        super::FORKS.fetch_add(1, Ordering::Relaxed);
        release();
        local::stop_after_fork();
    }
}
