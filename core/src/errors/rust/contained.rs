//! Panics of ours: contained where they happen, and never reported as the application's.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use crate::fork;

thread_local! {
    /// How deep this thread is in code whose panics are contained.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

struct Contained;

impl Contained {
    fn enter() -> Self {
        DEPTH.set(DEPTH.get() + 1);
        Self
    }
}

impl Drop for Contained {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
    }
}

/// What `body` answers; `None` when it panicked.
pub(super) fn contained<T>(body: impl FnOnce() -> T) -> Option<T> {
    let _contained = Contained::enter();
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(answer) => Some(answer),
        Err(payload) => {
            // A payload may panic again in its own Drop.
            std::mem::forget(payload);
            None
        }
    }
}

/// Whether a panic of this thread, now, is one of ours. Code that holds a lock of ours is ours, and
/// so are our threads.
pub(super) fn is_ours() -> bool {
    DEPTH.get() > 0 || fork::is_inside() || is_our_thread()
}

/// Whether this is the ticker, the I/O thread or one of its helpers.
pub(super) fn is_our_thread() -> bool {
    thread::current()
        .name()
        .is_some_and(|name| name == "tallylight" || name.starts_with("tallylight-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_ours_within_and_not_after() {
        assert!(!is_ours());
        assert_eq!(contained(is_ours), Some(true));
        assert_eq!(contained(|| -> bool { panic!("on purpose") }), None);
        assert!(!is_ours());
        let inside = fork::enter();
        assert!(is_ours());
        drop(inside);
        assert!(!is_ours());
    }
}
