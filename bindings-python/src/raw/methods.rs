//! The bare methods and how they reach their classes.

use std::ffi::{CStr, c_int};
use std::mem::transmute;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi::{self, Py_ssize_t, PyMethodDef, PyMethodDefPointer, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use pyo3::{Borrowed, PyTypeInfo};
use tallylight::DropReason;

use super::calls;
use super::lending::lend_timer;
use super::number::{Given, read};
use super::{contain, none, raising, receiver};
use crate::convert;
use crate::instruments::{Counter, Gauge, Histogram, Operation};
use crate::timer::Timer;

/// A method in C's terms, with its signature in its doc as the interpreter reads it.
pub(crate) struct Method {
    pub(crate) name: &'static CStr,
    pub(crate) doc: &'static CStr,
    pub(crate) flags: c_int,
    pub(crate) function: PyMethodDefPointer,
}

/// A function of METH_O and METH_NOARGS: the instance and the argument, if any.
type OfOne = unsafe extern "C-unwind" fn(*mut PyObject, *mut PyObject) -> *mut PyObject;
/// A function of METH_FASTCALL: the instance and an array of arguments.
type OfSeveral =
    unsafe extern "C-unwind" fn(*mut PyObject, *const *mut PyObject, Py_ssize_t) -> *mut PyObject;

impl Method {
    const fn of_one(name: &'static CStr, doc: &'static CStr, function: OfOne) -> Self {
        Self {
            name,
            doc,
            flags: ffi::METH_O,
            function: in_c(function),
        }
    }

    const fn of_none(name: &'static CStr, doc: &'static CStr, function: OfOne) -> Self {
        Self {
            name,
            doc,
            flags: ffi::METH_NOARGS,
            function: in_c(function),
        }
    }

    const fn of_several(name: &'static CStr, doc: &'static CStr, function: OfSeveral) -> Self {
        // SAFETY: as in `in_c`; a slice of arguments that C calls mutable is only read.
        let function = unsafe { transmute::<OfSeveral, ffi::PyCFunctionFast>(function) };
        Self {
            name,
            doc,
            flags: ffi::METH_FASTCALL,
            function: PyMethodDefPointer {
                PyCFunctionFast: function,
            },
        }
    }
}

const fn in_c(function: OfOne) -> PyMethodDefPointer {
    PyMethodDefPointer {
        // SAFETY: the two differ in what Rust's callers must expect of unwinding; the caller here
        // is C, which knows no difference.
        PyCFunction: unsafe { transmute::<OfOne, ffi::PyCFunction>(function) },
    }
}

/// Puts the bare methods on their classes; called once, when the module is made.
pub(crate) fn attach_bare_methods(py: Python<'_>) -> PyResult<()> {
    static ATTACHED: PyOnceLock<()> = PyOnceLock::new();
    ATTACHED
        .get_or_try_init(py, || {
            attach(&Operation::type_object(py), &OPERATION)?;
            attach(&Timer::type_object(py), &TIMER)?;
            attach(&Counter::type_object(py), &COUNTER)?;
            attach(&Gauge::type_object(py), &GAUGE)?;
            attach(&Histogram::type_object(py), &HISTOGRAM)
        })
        .copied()
}

pub(crate) fn attach(class: &Bound<'_, PyType>, methods: &[Method]) -> PyResult<()> {
    let py = class.py();
    for method in methods {
        // The descriptor points at the definition for good.
        let definition = Box::leak(Box::new(PyMethodDef {
            ml_name: method.name.as_ptr(),
            ml_meth: method.function,
            ml_flags: method.flags,
            ml_doc: method.doc.as_ptr(),
        }));
        // SAFETY: the class is a live type, the definition is never freed and its flags match the
        // function's type (`Method`'s constructors); the result is a new reference or an error.
        let descriptor = unsafe {
            let descriptor = ffi::PyDescr_NewMethod(class.as_type_ptr(), definition);
            Bound::from_owned_ptr_or_err(py, descriptor)?
        };
        class.setattr(method.name, descriptor)?;
    }
    Ok(())
}

const OPERATION: [Method; 4] = [
    Method::of_one(
        c"record",
        c"record($self, ms, /)\n--\n\nRecords a success that took `ms` milliseconds. It never raises, allocates or blocks.",
        operation_record,
    ),
    Method::of_several(
        c"record_error",
        c"record_error($self, ms, error_type, /)\n--\n\nRecords a failure that took `ms` milliseconds; `error_type` is its name, the exception or its\nclass. It never raises.",
        operation_record_error,
    ),
    Method::of_several(
        c"time",
        c"time($self, function=<omitted>, /)\n--\n\nA timer for `with op.time():`. With a function, calls it, times it and returns its result;\na coroutine that it returns is timed until it ends.",
        operation_time,
    ),
    Method::of_none(
        c"start",
        c"start($self, /)\n--\n\nStarts a timer to `end()` or `fail(error)`.",
        operation_start,
    ),
];

const TIMER: [Method; 3] = [
    Method::of_none(
        c"__enter__",
        c"__enter__($self, /)\n--\n\nStarts measuring.",
        timer_enter,
    ),
    Method::of_several(
        c"__exit__",
        c"__exit__($self, type, value, traceback, /)\n--\n\nRecords the block's duration and outcome; an exception passes on.",
        timer_exit,
    ),
    Method::of_none(
        c"end",
        c"end($self, /)\n--\n\nRecords a success and returns how many milliseconds it took; a timer that does not run records\nnothing and returns what it measured last.",
        timer_end,
    ),
];

const COUNTER: [Method; 2] = [
    Method::of_several(
        c"add",
        c"add($self, amount=1, /)\n--\n\nAdds `amount`, 1 unless told. It never raises, allocates or blocks.",
        counter_add,
    ),
    Method::of_none(
        c"increment",
        c"increment($self, /)\n--\n\nAdds 1.",
        counter_increment,
    ),
];

const GAUGE: [Method; 2] = [
    Method::of_one(
        c"set",
        c"set($self, value, /)\n--\n\nSets the value. It never raises.",
        gauge_set,
    ),
    Method::of_one(
        c"add",
        c"add($self, delta, /)\n--\n\nAdds `delta`, which may be negative. It never raises.",
        gauge_add,
    ),
];

const HISTOGRAM: [Method; 1] = [Method::of_one(
    c"record",
    c"record($self, value, /)\n--\n\nRecords `value`. It never raises, allocates or blocks.",
    histogram_record,
)];

/// A bare METH_O function that hands its number to one call of the core.
macro_rules! bare_number {
    ($function:ident, $class:ty, $call:ident) => {
        unsafe extern "C-unwind" fn $function(
            slf: *mut PyObject,
            value: *mut PyObject,
        ) -> *mut PyObject {
            // SAFETY: rule 1 of the module for the instance and the argument.
            unsafe {
                let instrument: &$class = receiver(slf);
                match read(value) {
                    Given::Number(number) => contain(|| instrument.core.$call(number)),
                    Given::NotANumber => {
                        contain(|| instrument.core.drop_one(DropReason::NotANumber));
                    }
                    Given::Interrupted => return std::ptr::null_mut(),
                }
            }
            none()
        }
    };
}

bare_number!(operation_record, Operation, record_ms);
bare_number!(counter_add_number, Counter, add);
bare_number!(gauge_set, Gauge, set);
bare_number!(gauge_add, Gauge, add);
bare_number!(histogram_record, Histogram, record);

unsafe extern "C-unwind" fn counter_add(
    slf: *mut PyObject,
    arguments: *const *mut PyObject,
    count: Py_ssize_t,
) -> *mut PyObject {
    // SAFETY: rule 1 of the module, for the instance and the one argument.
    unsafe {
        match count {
            1 => counter_add_number(slf, *arguments),
            0 => counter_increment(slf, std::ptr::null_mut()),
            _ => wrong_count("Counter.add() takes at most 1 argument", count),
        }
    }
}

unsafe extern "C-unwind" fn counter_increment(
    slf: *mut PyObject,
    _: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: rule 1 of the module.
    let counter: &Counter = unsafe { receiver(slf) };
    contain(|| counter.core.increment());
    none()
}

unsafe extern "C-unwind" fn operation_time(
    slf: *mut PyObject,
    arguments: *const *mut PyObject,
    count: Py_ssize_t,
) -> *mut PyObject {
    if count == 0 {
        // SAFETY: rule 1 of the module.
        return unsafe { lend_timer(slf) };
    }
    if count != 1 {
        return wrong_count("Operation.time() takes at most 1 argument", count);
    }
    let call = raising(|py| py.import("tallylight._timed")?.getattr("call"));
    if call.is_null() {
        return call;
    }
    // SAFETY: rule 1 of the module, for the instance and the one argument; `call` and the tuple
    // are ours until they are let go of.
    unsafe {
        let pair = ffi::PyTuple_Pack(2, slf, *arguments);
        let result = match pair.is_null() {
            true => std::ptr::null_mut(),
            false => calls::PyObject_Call(call, pair, std::ptr::null_mut()),
        };
        ffi::Py_XDECREF(pair);
        ffi::Py_DECREF(call);
        result
    }
}

#[cold]
fn wrong_count(expected: &str, count: Py_ssize_t) -> *mut PyObject {
    raising(|_| {
        let message = format!("{expected} ({count} given)");
        Err(PyTypeError::new_err(message))
    })
}

unsafe extern "C-unwind" fn operation_record_error(
    slf: *mut PyObject,
    arguments: *const *mut PyObject,
    count: Py_ssize_t,
) -> *mut PyObject {
    if count != 2 {
        return wrong_count("Operation.record_error() takes exactly 2 arguments", count);
    }
    // SAFETY: rule 1 of the module, for the instance and the two arguments.
    unsafe {
        let operation: &Operation = receiver(slf);
        match read(*arguments) {
            Given::Number(ms) => contain(|| {
                let error_type = error_type(*arguments.add(1));
                operation.core.record_error_ms(ms, &error_type);
            }),
            Given::NotANumber => contain(|| operation.core.drop_one(DropReason::NotANumber)),
            Given::Interrupted => return std::ptr::null_mut(),
        }
    }
    none()
}

/// The name that counts as an error's type.
///
/// # Safety
///
/// `error` is a live object and the interpreter is attached.
pub(super) unsafe fn error_type(error: *mut PyObject) -> String {
    // SAFETY: the caller vouches for both.
    unsafe { convert::error_type(&Borrowed::from_ptr(Python::assume_attached(), error)) }
}

/// Whether an exception is a failure of what it ended; see [`convert::is_failure`].
///
/// # Safety
///
/// `class` is a live object, `value` is one or null, and the interpreter is attached.
pub(super) unsafe fn is_failure(class: *mut PyObject, value: *mut PyObject) -> bool {
    // SAFETY: the caller vouches for all three.
    unsafe {
        let py = Python::assume_attached();
        let value = Borrowed::from_ptr_or_opt(py, value);
        convert::is_failure(&Borrowed::from_ptr(py, class), value.as_deref())
    }
}

unsafe extern "C-unwind" fn operation_start(slf: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: rule 1 of the module; the timer lent is an instance of Timer, and ours.
    unsafe {
        let timer = lend_timer(slf);
        if !timer.is_null() {
            let timer: &Timer = receiver(timer);
            contain(|| timer.begin());
        }
        timer
    }
}

unsafe extern "C-unwind" fn timer_enter(slf: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: rule 1 of the module; a new reference to the instance is what we return.
    unsafe {
        let timer: &Timer = receiver(slf);
        ffi::Py_INCREF(slf);
        contain(|| timer.begin());
        slf
    }
}

unsafe extern "C-unwind" fn timer_end(slf: *mut PyObject, _: *mut PyObject) -> *mut PyObject {
    // SAFETY: rule 1 of the module.
    let timer: &Timer = unsafe { receiver(slf) };
    contain(|| timer.end());
    // SAFETY: the interpreter is attached; null with an error set when it has no memory.
    unsafe { ffi::PyFloat_FromDouble(timer.last_ms()) }
}

unsafe extern "C-unwind" fn timer_exit(
    slf: *mut PyObject,
    arguments: *const *mut PyObject,
    count: Py_ssize_t,
) -> *mut PyObject {
    // SAFETY: rule 1 of the module; the first argument is read only where there is one.
    unsafe {
        let timer: &Timer = receiver(slf);
        let raised = match count {
            0 => ffi::Py_None(),
            _ => *arguments,
        };
        if raised == ffi::Py_None() {
            contain(|| timer.end());
        } else {
            let value = match count {
                1 => std::ptr::null_mut(),
                _ => *arguments.add(1),
            };
            contain(|| match is_failure(raised, value) {
                true => timer.end_with(|| error_type(raised)),
                false => timer.end(),
            });
        }
    }
    none()
}
