//! The hot calls, and all of this crate's unsafe code.
//!
//! PyO3 reaches a method through a trampoline that costs more than recording does. The hot
//! methods are therefore bare C functions, attached to PyO3's classes when the module is made
//! ([`methods`]); they read numbers ([`number`]) and lend timers ([`lending`]). A timed function is an object of a class with bare slots ([`timed`]). Three rules
//! hold throughout, and the SAFETY comments lean on them:
//!
//! 1. The interpreter calls a method descriptor only with an instance of its type, and a slot only
//!    with an instance of its; it holds its lock and keeps the arguments alive for the call.
//! 2. Our classes are frozen and `Sync`, so a shared borrow of an instance is always allowed.
//! 3. No panic leaves a bare function: whatever might panic runs in [`contain`] or [`raising`].
//!    What else unwinds is the interpreter's end of a daemon thread; see [`calls`].

#![allow(
    unsafe_code,
    reason = "the hot calls talk to the interpreter directly; see the rules above"
)]

mod calls;
mod lending;
mod methods;
mod number;
mod timed;

use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::exceptions::PyImportError;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::{Borrowed, PyClass, pyclass::boolean_struct::True};

use crate::errors;

pub(crate) use lending::KeptTimer;
pub(crate) use methods::{Method, attach, attach_bare_methods};
pub(crate) use timed::timed_function_type;

/// Raises `ImportError` outside the main interpreter: our type objects live in statics, which
/// interpreters would share.
pub(crate) fn refuse_sub_interpreter(_attached: Python<'_>) -> PyResult<()> {
    // SAFETY: an interpreter is attached (the token), so there is a current one; both calls only
    // read. The main interpreter's number is 0.
    let interpreter = unsafe { ffi::PyInterpreterState_GetID(ffi::PyInterpreterState_Get()) };
    if interpreter == 0 {
        return Ok(());
    }
    Err(PyImportError::new_err(
        "tallylight works in the main interpreter only and this is a sub-interpreter; \
         import it in the main interpreter and record from its threads",
    ))
}

/// The Rust value of an instance that the interpreter handed to a bare function.
///
/// # Safety
///
/// `slf` is a live instance of `T` or of a subclass, the interpreter is attached, and the result
/// is not used after `slf` is let go of.
#[inline(always)]
pub(crate) unsafe fn receiver<'a, T>(slf: *mut PyObject) -> &'a T
where
    T: PyClass<Frozen = True> + Sync,
{
    // SAFETY: the caller vouches for the instance, its class and the attached interpreter.
    unsafe {
        let py = Python::assume_attached();
        Borrowed::from_ptr(py, slf).cast_unchecked::<T>().get()
    }
}

/// A new reference to `None`.
#[inline(always)]
pub(crate) fn none() -> *mut PyObject {
    // SAFETY: `None` lives as long as the interpreter, which is calling us.
    unsafe {
        let none = ffi::Py_None();
        ffi::Py_INCREF(none);
        none
    }
}

/// Runs what records; a panic inside ends here, since recording never raises.
#[inline(always)]
pub(crate) fn contain(record: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(record)) {
        // A payload may panic again in its own Drop; a leak of a few bytes may not.
        std::mem::forget(payload);
    }
}

/// Runs what returns an object; an error, or a panic as `InternalError`, is left set.
#[cold]
pub(crate) fn raising(
    body: impl for<'py> FnOnce(Python<'py>) -> PyResult<Bound<'py, PyAny>>,
) -> *mut PyObject {
    // SAFETY: rule 1 of the module. `Python::attach` would panic while the interpreter ends, when
    // finalizers still call us.
    let py = unsafe { Python::assume_attached() };
    match errors::guard(py, || body(py)) {
        Ok(object) => object.into_ptr(),
        Err(error) => {
            error.restore(py);
            std::ptr::null_mut()
        }
    }
}
