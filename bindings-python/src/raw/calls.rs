//! Calls into the interpreter that may run the user's Python code.
//!
//! Before Python 3.14 the interpreter ends a daemon thread that wants its lock back after the
//! program's end by `pthread_exit`, which unwinds every frame of that thread, ours among them. PyO3
//! declares these calls as ones that never unwind, and the process would abort; declared here as
//! they are, they let the thread go. Whoever makes one is an `extern "C-unwind"` function and holds
//! nothing that needs dropping meanwhile.
//!
//! The `\u{1}` is LLVM's mark for a name to take as it stands. It keeps these declarations apart
//! from PyO3's of the same functions, which would otherwise be merged with them into one that never
//! unwinds; the symbol that is linked is the same (on Apple's systems symbols begin with `_`).

use pyo3::ffi::PyObject;

unsafe extern "C-unwind" {
    /// Calls with a tuple and, or null, a dict; a new reference, or null with an error set.
    #[cfg_attr(target_vendor = "apple", link_name = "\u{1}_PyObject_Call")]
    #[cfg_attr(not(target_vendor = "apple"), link_name = "\u{1}PyObject_Call")]
    pub(super) fn PyObject_Call(
        callable: *mut PyObject,
        arguments: *mut PyObject,
        keywords: *mut PyObject,
    ) -> *mut PyObject;

    /// The number of an object; -1.0 may have an error set.
    #[cfg_attr(target_vendor = "apple", link_name = "\u{1}_PyFloat_AsDouble")]
    #[cfg_attr(not(target_vendor = "apple"), link_name = "\u{1}PyFloat_AsDouble")]
    pub(super) fn PyFloat_AsDouble(object: *mut PyObject) -> f64;
}
