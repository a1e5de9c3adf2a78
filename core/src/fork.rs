//! What neither a fork nor a signal handler may find half done: code that holds our locks.
//!
//! Every path that takes a lock of the core is *inside*, marked by [`enter`]. A fork waits until
//! all threads are outside, so that a child never inherits a lock that nobody will open; then it
//! counts itself, so that the child notices and starts its counts at zero in an arena of its own.
//! It waits a second at most. A child of a fork that went on without is *unfit*: it may have
//! inherited a lock that is never opened, so [`enter`] refuses there, whatever needs a lock answers
//! [`unfit`] or nothing, and recordings are counted drops. It never hangs.
//! A signal handler that interrupts code that is inside does not enter (see
//! [`crate::metrics::local`]). Covers `fork` from Rust, C and Python's `os.fork` and
//! `multiprocessing`. The recording path is never inside. It needs a Unix; so does the whole crate.

use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use crate::error::{Error, ErrorKind};

/// Held for reading by threads that are inside, for writing by one that forks. The standard
/// library's lock, since a child uses it as the fork left it: parking_lot's keeps its queue of
/// waiting threads in memory, and may hand the lock to one that the child does not have. All other
/// locks are open at a fork.
static GATE: RwLock<()> = RwLock::new(());
static FORKS: AtomicU32 = AtomicU32::new(0);
/// Threads that wait to fork; others then wait to enter, or a fork might never find all outside.
static FORKING: AtomicU32 = AtomicU32::new(0);
/// Set for good in a child that was forked while somebody was inside, and in its children.
static UNFIT: AtomicBool = AtomicBool::new(false);
/// How long either waits for the other before it goes on without.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a child does first.
static IN_CHILD: OnceLock<fn()> = OnceLock::new();

thread_local! {
    /// How deep this thread is inside.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// Whether this thread holds the gate for longer, see [`hold`].
    static HOLDS: Cell<bool> = const { Cell::new(false) };
}

/// How many forks lie between this process and the one that started the program.
pub(crate) fn generation() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// Whether locks that this process inherited may never be opened.
pub(crate) fn is_unfit() -> bool {
    UNFIT.load(Ordering::Relaxed)
}

/// What an unfit child answers to whoever can be told.
pub(crate) fn unfit() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "this process was forked while another thread was at work in Tallylight for over a second, so what it inherited cannot be used; fork again from the parent, or start the process afresh (spawn, exec)",
    )
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

/// Enters, once more if this thread is inside already. `None` in a child that is [`unfit`], and no
/// lock of ours may then be taken.
pub(crate) fn enter() -> Option<Inside> {
    if is_unfit() {
        return None;
    }
    install();
    let depth = DEPTH.get();
    DEPTH.set(depth + 1);
    if depth > 0 || HOLDS.get() {
        return Some(Inside { _gate: None });
    }
    if FORKING.load(Ordering::Relaxed) > 0 {
        wait_until(|| (FORKING.load(Ordering::Relaxed) == 0).then_some(()));
    }
    Some(Inside {
        _gate: Some(GATE.read().unwrap_or_else(PoisonError::into_inner)),
    })
}

/// Keeps a fork waiting until it is dropped, as [`Inside`] does, for a thread that is at work for a
/// while in code that is not ours. It is not inside: what is ours there is entered as anywhere.
#[cfg(any(feature = "secrets-aws", feature = "sentry"))]
pub(crate) struct Hold {
    _gate: RwLockReadGuard<'static, ()>,
}

/// Holds the gate for this thread, which must not hold it yet. `None` in a child that is [`unfit`].
#[cfg(any(feature = "secrets-aws", feature = "sentry"))]
pub(crate) fn hold() -> Option<Hold> {
    let _inside = enter()?;
    let gate = GATE.read().unwrap_or_else(PoisonError::into_inner);
    HOLDS.set(true);
    Some(Hold { _gate: gate })
}

#[cfg(any(feature = "secrets-aws", feature = "sentry"))]
impl Drop for Hold {
    fn drop(&mut self) {
        HOLDS.set(false);
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

fn install() {
    /// No once-lock: a child could inherit one that is being filled.
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    if !INSTALLED.swap(true, Ordering::Relaxed) {
        // SAFETY: the handlers are plain functions that never unwind, in a library that is never
        // unloaded once a recording thread's destructor is registered.
        unsafe {
            libc::pthread_atfork(
                Some(handlers::before),
                Some(handlers::after_in_parent),
                Some(handlers::after_in_child),
            );
        }
    }
}

/// What `fork` itself calls, in the thread that forks.
mod handlers {
    use std::cell::Cell;
    use std::sync::RwLockWriteGuard;
    use std::sync::atomic::Ordering;

    use super::{DEPTH, FORKING, FORKS, GATE, HOLDS, IN_CHILD, UNFIT, is_unfit, wait_until};

    thread_local! {
        static HELD: Cell<Option<RwLockWriteGuard<'static, ()>>> = const { Cell::new(None) };
    }

    pub(super) extern "C" fn before() {
        // A thread that has the gate itself would wait for itself.
        let is_outside = DEPTH.get() == 0 && !HOLDS.get();
        DEPTH.set(DEPTH.get() + 1);
        // In an unfit child the gate may stay shut for good, and its own children are unfit anyway.
        if is_outside && !is_unfit() {
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
        let held = HELD.take();
        if held.is_none() {
            UNFIT.store(true, Ordering::Relaxed);
        }
        HELD.set(held);
        if let Some(hook) = IN_CHILD.get() {
            hook();
        }
        after_in_parent();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::{Config, Kind, Labels, Tallylight};

    /// Runs `child` in a forked process, which an alarm ends if it hangs; its answer is the exit code.
    fn forked(child: impl FnOnce() -> i32) -> i32 {
        // SAFETY: the child runs `child` and leaves by _exit.
        match unsafe { libc::fork() } {
            -1 => panic!("fork failed"),
            0 => {
                // SAFETY: always allowed.
                unsafe { libc::alarm(30) };
                let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child));
                // SAFETY: always allowed.
                unsafe { libc::_exit(caught.unwrap_or(99)) }
            }
            pid => {
                let mut status = 0;
                // SAFETY: pid is the child just made, status a local.
                unsafe { libc::waitpid(pid, &raw mut status, 0) };
                if libc::WIFEXITED(status) {
                    libc::WEXITSTATUS(status)
                } else {
                    200 + libc::WTERMSIG(status)
                }
            }
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has no fork")]
    fn a_child_of_a_fork_that_lost_patience_never_hangs_and_is_told() {
        let tally = Tallylight::new(Config::default()).unwrap();
        let none = Labels::new();
        let operation = tally.operation("op", &none, Kind::Server).unwrap();
        let recorder = operation.recorder();
        operation.record_ns(5);
        operation.record_ms(f64::NAN);
        let registry = operation.registry_for_test();
        let (is_held, held) = mpsc::channel();
        let (let_go, may_go) = mpsc::channel::<()>();
        // Holds the locks that a child must not wait for.
        let holder = thread::spawn(move || {
            let _inside = enter().unwrap();
            registry.while_locked(|| {
                is_held.send(()).unwrap();
                may_go.recv().unwrap();
            });
        });
        held.recv().unwrap();

        let code = forked(|| {
            let refused = tally.operation("other", &Labels::new(), Kind::Job);
            operation.record_ns(1);
            recorder.record_ns(1);
            operation.record_error_ms(1.0, "E");
            drop(recorder);
            let told = refused.is_err_and(|error| error.kind() == ErrorKind::Unsupported);
            let is_empty = tally.snapshot().series.is_empty()
                && tally.status().operations.is_empty()
                && tally.isolate().is_none();
            tally.start_ticker();
            tally.shutdown();
            let drops = tally.drops();
            let counted = drops.closed == 3 && drops.nan == 0;
            // Its own children wait for nobody either.
            let grandchild = forked(|| i32::from(enter().is_some()));
            i32::from(!told) + 2 * i32::from(!is_empty) + 4 * i32::from(!counted) + 8 * grandchild
        });
        assert_eq!(code, 0, "200 and more is the signal that ended it");

        let_go.send(()).unwrap();
        holder.join().unwrap();
        // The parent lost nothing, and its next child is as good as any.
        operation.record_ns(5);
        assert_eq!(tally.snapshot().series[0].count(), 2);
        let code = forked(|| {
            operation.record_ns(5);
            i32::from(tally.snapshot().series[0].count() != 1)
        });
        assert_eq!(code, 0);
    }

    #[test]
    #[cfg(any(feature = "secrets-aws", feature = "sentry"))]
    #[cfg_attr(miri, ignore = "Miri has no fork")]
    fn a_fork_waits_for_a_thread_that_holds_the_gate_and_goes_in_and_out_meanwhile() {
        let tally = Tallylight::new(Config::default()).unwrap();
        let operation = tally
            .operation("held", &Labels::new(), Kind::Internal)
            .unwrap();
        let is_done = std::sync::Arc::new(AtomicBool::new(false));
        let (is_held, held) = mpsc::channel();
        let done = std::sync::Arc::clone(&is_done);
        let recording = operation.clone();
        let holder = thread::spawn(move || {
            let hold = hold().unwrap();
            is_held.send(()).unwrap();
            // Bounded, so that a fork that does not wait fails the test instead of hanging it.
            wait_until(|| (FORKING.load(Ordering::Relaxed) > 0).then_some(()));
            // Neither waits for the fork that waits for this thread.
            drop(enter().unwrap());
            recording.record_ns(5);
            done.store(true, Ordering::Relaxed);
            drop(hold);
        });
        held.recv().unwrap();
        let code = forked(|| {
            let is_fit = enter().is_some();
            i32::from(!is_fit) + 2 * i32::from(!is_done.load(Ordering::Relaxed))
        });
        holder.join().unwrap();
        assert_eq!(code, 0, "1: the fork lost patience; 2: it did not wait");
        assert_eq!(tally.snapshot().series[0].count(), 1);
        assert_eq!(tally.drops().reentrant, 0);
    }

    #[test]
    #[cfg(any(feature = "secrets-aws", feature = "sentry"))]
    #[cfg_attr(miri, ignore = "Miri has no fork")]
    fn a_thread_that_holds_the_gate_forks_an_unfit_child() {
        thread::spawn(|| {
            let _hold = hold().unwrap();
            assert_eq!(forked(|| i32::from(enter().is_some())), 0);
        })
        .join()
        .unwrap();
        assert!(enter().is_some());
    }
}
