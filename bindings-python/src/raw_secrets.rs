//! The hot calls of secrets: `get_secret`, `peek` and `get_secret_sync`, as bare C functions.
//!
//! A value that stands is one lookup in a dict and one comparison ([`crate::secrets::Held`]); all
//! else goes on to [`crate::secrets`]. Three rules hold, and the SAFETY comments lean on them:
//!
//! 1. The interpreter calls a method descriptor only with an instance of its class, holds its lock
//!    and keeps the arguments alive for the call; of the array of arguments the first `count` are
//!    positional, and as many more as `names` has belong to the names.
//! 2. [`Tallylight`] is frozen and `Sync`, so a shared borrow of an instance is always allowed.
//! 3. No panic leaves a bare function: the hit cannot panic but for the recording, which is
//!    contained, and the rest runs in [`errors::guard`].

#![allow(
    unsafe_code,
    reason = "the hot calls talk to the interpreter directly; see the rules above"
)]

use std::ffi::CStr;
use std::mem::transmute;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::exceptions::PyTypeError;
use pyo3::ffi::{self, Py_ssize_t, PyMethodDef, PyMethodDefPointer, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;
use pyo3::{Borrowed, PyTypeInfo};

use crate::client::Tallylight;
use crate::errors;
use crate::secrets::{self, Asked, NAMES, Wanted};

/// A function of METH_FASTCALL and METH_KEYWORDS.
type Named = unsafe extern "C-unwind" fn(
    *mut PyObject,
    *const *mut PyObject,
    Py_ssize_t,
    *mut PyObject,
) -> *mut PyObject;

/// What a call does without a held value.
type Otherwise =
    for<'py> fn(Python<'py>, &Tallylight, Asked<'_, 'py>) -> PyResult<Bound<'py, PyAny>>;

const METHODS: [(&CStr, &CStr, Named); 4] = [
    (
        c"get_secret",
        c"get_secret($self, name, *, key=None, stage=None, version=None, max_age=None, deadline=None)\n--\n\nThe value of a secret: from the cache, else from its source, waited for at most `deadline`\nmilliseconds with the interpreter's lock released. `key` is one key of a JSON secret, `max_age` how\nmany milliseconds old the value may be.",
        get_secret,
    ),
    (
        c"peek",
        c"peek($self, name, *, key=None, stage=None, version=None, max_age=None, deadline=None)\n--\n\nThe value of a secret if it is at hand, else None. It never waits.",
        peek,
    ),
    (
        c"get_secret_sync",
        c"get_secret_sync($self, name, *, key=None, stage=None, version=None, max_age=None, deadline=None)\n--\n\nThe value of a secret if it is at hand; `NotReadyError` when it was not read yet, and what the\nreading said when it failed. It never waits.",
        get_secret_sync,
    ),
    (
        c"_held",
        c"_held($self, name, /)\n--\n\nThe value as the hot call would answer it at once, else None, which counts as no miss.",
        held_or_none,
    ),
];

/// Puts the bare methods on the class; called once, when the module is made.
pub(crate) fn attach(py: Python<'_>) -> PyResult<()> {
    static ATTACHED: PyOnceLock<()> = PyOnceLock::new();
    ATTACHED
        .get_or_try_init(py, || {
            let class = Tallylight::type_object(py);
            for (name, doc, function) in METHODS {
                // The descriptor points at the definition for good.
                let definition = Box::leak(Box::new(PyMethodDef {
                    ml_name: name.as_ptr(),
                    ml_meth: in_c(function),
                    ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
                    ml_doc: doc.as_ptr(),
                }));
                // SAFETY: the class is a live type, the definition is never freed and its flags
                // are those of `Named`; the result is a new reference or an error.
                let descriptor = unsafe {
                    let descriptor = ffi::PyDescr_NewMethod(class.as_type_ptr(), definition);
                    Bound::from_owned_ptr_or_err(py, descriptor)?
                };
                class.setattr(name, descriptor)?;
            }
            PyResult::Ok(())
        })
        .copied()
}

const fn in_c(function: Named) -> PyMethodDefPointer {
    PyMethodDefPointer {
        // SAFETY: the two differ in what Rust's callers must expect of unwinding; the caller here
        // is C, which knows no difference.
        PyCFunctionFastWithKeywords: unsafe {
            transmute::<Named, ffi::PyCFunctionFastWithKeywords>(function)
        },
    }
}

macro_rules! bare {
    ($function:ident, $otherwise:path) => {
        unsafe extern "C-unwind" fn $function(
            slf: *mut PyObject,
            arguments: *const *mut PyObject,
            count: Py_ssize_t,
            names: *mut PyObject,
        ) -> *mut PyObject {
            // SAFETY: rules 1 and 2 of the module.
            unsafe {
                if count == 1 {
                    let held = held(slf, arguments, names);
                    if !held.is_null() {
                        return held;
                    }
                }
                ask(
                    slf,
                    (arguments, count, names),
                    stringify!($function),
                    $otherwise,
                )
            }
        }
    };
}

bare!(get_secret, secrets::get);
bare!(peek, secrets::peek);
bare!(get_secret_sync, secrets::get_sync);

unsafe extern "C-unwind" fn held_or_none(
    slf: *mut PyObject,
    arguments: *const *mut PyObject,
    count: Py_ssize_t,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: rules 1 and 2 of the module; None lives as long as the interpreter.
    unsafe {
        if count == 1 {
            let held = held(slf, arguments, names);
            if !held.is_null() {
                return held;
            }
        }
        let none = ffi::Py_None();
        ffi::Py_INCREF(none);
        none
    }
}

/// The client that a bare function was called on.
///
/// # Safety
///
/// `slf` is a live Tallylight, the interpreter is attached, and the result is not used after `slf`
/// is let go of.
#[inline(always)]
unsafe fn client<'a>(slf: *mut PyObject) -> &'a Tallylight {
    // SAFETY: the caller vouches for the instance and the attached interpreter.
    unsafe {
        let py = Python::assume_attached();
        Borrowed::from_ptr(py, slf)
            .cast_unchecked::<Tallylight>()
            .get()
    }
}

/// The held value for one positional argument, the name, and none or one by name, the key, as a new
/// reference; null without an error set.
///
/// # Safety
///
/// As rule 1 of the module says of the instance and the arguments, one of them positional.
#[inline(always)]
unsafe fn held(
    slf: *mut PyObject,
    arguments: *const *mut PyObject,
    names: *mut PyObject,
) -> *mut PyObject {
    // SAFETY: the caller vouches for the instance and the arguments. The dicts have only exact str
    // as keys and are asked for one, so a lookup runs no code of the user's and sets no error; what
    // it finds is borrowed from the dict, which nobody can change before it is counted.
    unsafe {
        let Some(known) = client(slf).held.known() else {
            return std::ptr::null_mut();
        };
        let mut dict = known.secrets.as_ptr();
        let mut name = *arguments;
        if !names.is_null() {
            // Names in a program are interned, and so is this one.
            let is_key = ffi::PyTuple_Size(names) == 1
                && ffi::PyTuple_GetItem(names, 0) == known.key.as_ptr();
            if !is_key || ffi::PyUnicode_CheckExact(name) == 0 {
                return std::ptr::null_mut();
            }
            dict = ffi::PyDict_GetItemWithError(known.keyed.as_ptr(), name);
            if dict.is_null() {
                return std::ptr::null_mut();
            }
            name = *arguments.add(1);
        }
        if ffi::PyUnicode_CheckExact(name) == 0 {
            return std::ptr::null_mut();
        }
        let found = ffi::PyDict_GetItemWithError(dict, name);
        if found.is_null() || !known.stands() {
            return std::ptr::null_mut();
        }
        ffi::Py_INCREF(found);
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| known.hits.increment())) {
            // A payload may panic again in its own Drop; a leak of a few bytes may not.
            std::mem::forget(payload);
        }
        found
    }
}

/// Reads the arguments and calls `otherwise`; a new reference, or null with an error set.
///
/// # Safety
///
/// As rule 1 of the module says of the instance and the arguments.
#[cold]
unsafe fn ask(
    slf: *mut PyObject,
    (arguments, count, names): (*const *mut PyObject, Py_ssize_t, *mut PyObject),
    function: &str,
    otherwise: Otherwise,
) -> *mut PyObject {
    // SAFETY: the caller vouches for the interpreter, the instance and the arguments.
    // `Python::attach` would panic while the interpreter ends, when finalizers still call us.
    let (py, client, positional, names) = unsafe {
        let py = Python::assume_attached();
        let names = Borrowed::from_ptr_or_opt(py, names);
        (py, client(slf), count.unsigned_abs(), names)
    };
    let asked = errors::guard(py, || {
        let names = names
            .map(|names| names.to_owned().cast_into::<PyTuple>())
            .transpose()?;
        let total = positional + names.as_ref().map_or(0, |names| names.len());
        let argument = |at: usize| {
            // SAFETY: `at` is below the number of arguments, each of them a live object.
            unsafe { Borrowed::from_ptr(py, *arguments.add(at)) }.to_owned()
        };
        let given: Vec<Bound<'_, PyAny>> = (0..total).map(argument).collect();
        let sorted = sort(function, &given, positional, names.as_ref())?;
        let [Some(name), key, stage, version, max_age, deadline] = sorted else {
            return Err(PyTypeError::new_err(format!(
                "{function}() missing 1 required positional argument: 'name'"
            )));
        };
        let wanted = Wanted::read(name, [key, stage, version, max_age, deadline])?;
        let asked = Asked {
            wanted: &wanted,
            name,
            key: key.filter(|key| !key.is_none()),
        };
        otherwise(py, client, asked)
    });
    match asked {
        Ok(object) => object.into_ptr(),
        Err(error) => {
            error.restore(py);
            std::ptr::null_mut()
        }
    }
}

/// The arguments in the order of [`NAMES`], with the interpreter's own words for wrong ones.
fn sort<'a, 'py>(
    function: &str,
    given: &'a [Bound<'py, PyAny>],
    positional: usize,
    names: Option<&Bound<'py, PyTuple>>,
) -> PyResult<[Option<&'a Bound<'py, PyAny>>; NAMES.len()]> {
    let mut sorted = [None; NAMES.len()];
    if positional > 1 {
        return Err(PyTypeError::new_err(format!(
            "{function}() takes 1 positional argument but {positional} were given"
        )));
    }
    if let (1, [name, ..]) = (positional, given) {
        sorted[0] = Some(name);
    }
    let names = names.map(|names| names.iter()).into_iter().flatten();
    for (name, value) in names.zip(given.iter().skip(positional)) {
        let name = name.str()?;
        let name = name.to_string_lossy();
        let Some(place) = NAMES.iter().position(|known| *known == name) else {
            return Err(PyTypeError::new_err(format!(
                "{function}() got an unexpected keyword argument '{name}'"
            )));
        };
        if sorted[place].replace(value).is_some() {
            return Err(PyTypeError::new_err(format!(
                "{function}() got multiple values for argument '{name}'"
            )));
        }
    }
    Ok(sorted)
}
