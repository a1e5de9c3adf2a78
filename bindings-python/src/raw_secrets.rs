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
//!    contained, and the rest runs in [`raw::raising`].

#![allow(
    unsafe_code,
    reason = "the hot calls talk to the interpreter directly; see the rules above"
)]

use std::ffi::CStr;
use std::mem::transmute;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi::{self, Py_ssize_t, PyMethodDefPointer, PyObject};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;
use pyo3::{Borrowed, PyTypeInfo};

use crate::client::Tallylight;
use crate::raw::{self, Method, contain, none, raising, receiver};
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
    let methods = METHODS.map(|(name, doc, function)| Method {
        name,
        doc,
        flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
        function: in_c(function),
    });
    ATTACHED
        .get_or_try_init(py, || raw::attach(&Tallylight::type_object(py), &methods))
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
    if count == 1 {
        // SAFETY: rules 1 and 2 of the module.
        let held = unsafe { held(slf, arguments, names) };
        if !held.is_null() {
            return held;
        }
    }
    none()
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
        let Some(known) = receiver::<Tallylight>(slf).held.known() else {
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
        contain(|| known.hits.increment());
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
    // SAFETY: the caller vouches for the interpreter and the instance.
    let client: &Tallylight = unsafe { receiver(slf) };
    let positional = count.unsigned_abs();
    raising(|py| {
        // SAFETY: null, or a tuple that lives as long as the call.
        let names = unsafe { Borrowed::from_ptr_or_opt(py, names) };
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
    })
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
