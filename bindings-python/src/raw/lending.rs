//! How an operation's timer is reused without an allocation, and never by two at once.

use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;

use super::{raising, receiver};
use crate::instruments::Operation;
use crate::timer::Timer;

/// The timer that an operation keeps: the one it lent last.
///
/// While nobody else holds it, it is lent again; a timer still in use is left to its user and the
/// next one is kept in its place, so that one that is held for long costs a single allocation.
#[derive(Default)]
pub(crate) struct KeptTimer {
    /// A reference of our own to a [`Timer`], or null. The interpreter's lock orders its users.
    timer: AtomicPtr<PyObject>,
}

impl Drop for KeptTimer {
    fn drop(&mut self) {
        let kept = *self.timer.get_mut();
        Python::attach(|py| {
            // SAFETY: null, or the reference that this field owned.
            drop(unsafe { Bound::from_owned_ptr_or_opt(py, kept) });
        });
    }
}

/// A timer of the operation as a new reference, or null with an error set.
///
/// # Safety
///
/// `slf` is a live Operation and the interpreter is attached.
#[inline(always)]
pub(super) unsafe fn lend_timer(slf: *mut PyObject) -> *mut PyObject {
    // SAFETY: the caller vouches for the instance, which holds the timer while it lives.
    unsafe {
        let operation: &Operation = receiver(slf);
        let kept = operation.timer.timer.load(Relaxed);
        // Held by the operation alone, so no block, task or thread is using it; and since the
        // interpreter's lock is ours until we return, none can begin to meanwhile.
        if !kept.is_null() && ffi::Py_REFCNT(kept) == 1 {
            receiver::<Timer>(kept).reset();
            ffi::Py_INCREF(kept);
            return kept;
        }
        new_timer(operation)
    }
}

#[cold]
fn new_timer(operation: &Operation) -> *mut PyObject {
    raising(|py| {
        let timer = Bound::new(py, Timer::new(operation.core.clone()))?.into_any();
        let before = operation
            .timer
            .timer
            .swap(timer.clone().into_ptr(), Relaxed);
        // SAFETY: null, or the reference that the field owned until now.
        drop(unsafe { Bound::from_owned_ptr_or_opt(py, before) });
        Ok(timer)
    })
}
