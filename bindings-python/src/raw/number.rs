//! How a Python object becomes the number to record.
//!
//! What is no number is a counted drop, never an exception, with one exception: an interrupt
//! (`KeyboardInterrupt`, `SystemExit`) that hits while a value's own `__float__` runs belongs to
//! the user and passes on.

use std::ffi::c_int;

use pyo3::ffi::{self, PyObject};

use super::calls;

/// What an argument turned out to be.
pub(super) enum Given {
    /// A number, which may still be one that the core drops.
    Number(f64),
    /// Something else: a drop to count.
    NotANumber,
    /// An interrupt is set and must reach the caller.
    Interrupted,
}

/// Reads an argument of a bare function.
///
/// # Safety
///
/// `value` is a live object and the interpreter is attached.
#[inline(always)]
pub(super) unsafe fn read(value: *mut PyObject) -> Given {
    // SAFETY: the caller vouches for the object. -1.0 is a value as well as the mark of an error.
    unsafe {
        let number = calls::PyFloat_AsDouble(value);
        if number == -1.0 && !ffi::PyErr_Occurred().is_null() {
            return odd(value);
        }
        Given::Number(number)
    }
}

/// Settles what could not be read: no exception stays set, unless it is an interrupt.
///
/// # Safety
///
/// As for [`read`], with an exception set.
#[cold]
unsafe fn odd(value: *mut PyObject) -> Given {
    // SAFETY: the caller vouches for the object and the exception; the exception types are
    // statics of the interpreter.
    unsafe {
        if ffi::PyErr_ExceptionMatches(ffi::PyExc_Exception) == 0 {
            return Given::Interrupted;
        }
        let huge = ffi::PyErr_ExceptionMatches(ffi::PyExc_OverflowError) != 0;
        ffi::PyErr_Clear();
        if huge && ffi::PyLong_Check(value) != 0 {
            // An int past every float: the core counts it as the infinity it is on this scale.
            let mut sign: c_int = 0;
            if ffi::PyLong_AsLongLongAndOverflow(value, &raw mut sign) == -1 {
                ffi::PyErr_Clear();
            }
            return Given::Number(f64::INFINITY.copysign(sign.into()));
        }
    }
    Given::NotANumber
}
