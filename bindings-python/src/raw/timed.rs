//! The class of a timed function: [`TimedBase`] with bare slots for the call and the binding.
//!
//! PyO3 allows neither a bare call slot nor the method-descriptor flag, by which `object.method()`
//! reaches the function without an intermediate bound method; a subclass made by the interpreter's
//! own call has both.

use std::ffi::{c_int, c_uint, c_void};
use std::ptr::null_mut;
use std::time::Duration;

use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use pyo3::{Borrowed, PyTypeInfo};
use tallylight::stopwatch;

use super::methods::{error_type, is_failure};
use super::{calls, contain, raising, receiver};
use crate::timed::TimedBase;

/// The type of bound methods; the limited API has no other way to make one.
static METHOD_TYPE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// A function of `tp_call` and `tp_descr_get`.
type OfThree =
    unsafe extern "C-unwind" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> *mut PyObject;

/// The class `TimedFunction`, made once, when the module is.
pub(crate) fn timed_function_type(py: Python<'_>) -> PyResult<Bound<'_, PyType>> {
    METHOD_TYPE.import(py, "types", "MethodType")?;
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let class = CLASS.get_or_try_init(py, || derive(py).map(Bound::unbind))?;
    Ok(class.bind(py).clone())
}

fn derive(py: Python<'_>) -> PyResult<Bound<'_, PyType>> {
    let slot = |number: c_int, function: *mut c_void| ffi::PyType_Slot {
        slot: number,
        pfunc: function,
    };
    let mut slots = [
        slot(
            ffi::Py_tp_doc,
            c"A function whose every call is timed.".as_ptr() as *mut c_void,
        ),
        slot(ffi::Py_tp_call, call as OfThree as *mut c_void),
        slot(ffi::Py_tp_descr_get, bind as OfThree as *mut c_void),
        slot(0, null_mut()),
    ];
    let mut spec = ffi::PyType_Spec {
        name: c"tallylight.TimedFunction".as_ptr(),
        // Its own size and layout are the base's.
        basicsize: 0,
        itemsize: 0,
        flags: (ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_METHOD_DESCRIPTOR) as c_uint,
        slots: slots.as_mut_ptr(),
    };
    let base = TimedBase::type_object(py);
    // SAFETY: the spec and its slots end in a zero slot and outlive the call, the name is a
    // static, the slots' functions have their slots' types, and the base is a live type that
    // allows subclasses; the result is a new reference to a type, or an error.
    unsafe {
        let class = ffi::PyType_FromSpecWithBases(&raw mut spec, base.as_ptr());
        Ok(Bound::from_owned_ptr_or_err(py, class)?.cast_into_unchecked::<PyType>())
    }
}

unsafe extern "C-unwind" fn call(
    slf: *mut PyObject,
    arguments: *mut PyObject,
    keywords: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: rule 1 of the module; TimedFunction is a subclass of TimedBase of the same layout,
    // and the interpreter holds `slf`, and so the function, for the call.
    unsafe {
        let timed: &TimedBase = receiver(slf);
        let started = stopwatch::now();
        let result = calls::PyObject_Call(timed.function.as_ptr(), arguments, keywords);
        let ns = stopwatch::nanos_since(started);
        if result.is_null() {
            failed(timed, ns);
        } else {
            contain(|| timed.operation.record_ns(ns));
        }
        result
    }
}

/// Records a call that raised; the exception set stays as it is.
///
/// # Safety
///
/// The interpreter is attached, with an exception set.
#[cold]
unsafe fn failed(timed: &TimedBase, ns: u64) {
    contain(|| {
        let (mut class, mut value, mut traceback) = (null_mut(), null_mut(), null_mut());
        // SAFETY: three places to write to. Taken out, the exception is out of the way of what
        // reading its name may raise.
        unsafe { ffi::PyErr_Fetch(&raw mut class, &raw mut value, &raw mut traceback) };
        let error_type = match class.is_null() {
            true => Some(String::new()),
            // SAFETY: live objects, and ours; the value may be null.
            false => unsafe { is_failure(class, value).then(|| error_type(class)) },
        };
        // SAFETY: gives back the three references just taken.
        unsafe { ffi::PyErr_Restore(class, value, traceback) };
        let duration = Duration::from_nanos(ns);
        match error_type {
            Some(error_type) => timed.operation.record_error(duration, &error_type),
            None => timed.operation.record(duration),
        }
    });
}

unsafe extern "C-unwind" fn bind(
    slf: *mut PyObject,
    instance: *mut PyObject,
    _owner: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: rule 1 of the module; a new reference to `slf` is what a class access returns.
    unsafe {
        if instance.is_null() || instance == ffi::Py_None() {
            ffi::Py_INCREF(slf);
            return slf;
        }
    }
    raising(|py| {
        let method = METHOD_TYPE.import(py, "types", "MethodType")?;
        // SAFETY: rule 1 of the module.
        let (function, instance) = unsafe {
            (
                Borrowed::from_ptr(py, slf),
                Borrowed::from_ptr(py, instance),
            )
        };
        method.call1((&*function, &*instance))
    })
}
