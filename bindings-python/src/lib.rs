//! The PyO3 face of Tallylight: it converts and delegates, and decides nothing.
//!
//! Map: [`client`] the functions of the module, [`instruments`] the handles, [`timer`] and
//! [`timed`] what measures a duration, [`errors`] how a failure becomes an exception, [`convert`]
//! and [`document`] what comes in and goes out, [`secrets`] the secrets, [`capture`] errors and traces, [`fork`] and [`cli`] the process, [`raw`] and
//! [`raw_secrets`] the hot calls and all of this crate's unsafe code. The typed face that users read is
//! `python/tallylight`.

#![deny(unsafe_code)]

mod capture;
mod cli;
mod client;
mod convert;
mod document;
mod errors;
mod fork;
mod instruments;
mod raw;
mod raw_secrets;
mod secrets;
mod timed;
mod timer;
mod trace;

use pyo3::prelude::*;

/// The native half of the `tallylight` package; import `tallylight` instead.
// A build for free-threaded Python could not be tested here, so the module asks for the GIL.
#[pymodule(gil_used = true)]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    // First of all, before a type object of this interpreter reaches a static.
    raw::refuse_sub_interpreter(py)?;
    tallylight::config::set_runtime("python");
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<client::Tallylight>()?;
    module.add_class::<instruments::Operation>()?;
    module.add_class::<instruments::Counter>()?;
    module.add_class::<instruments::Gauge>()?;
    module.add_class::<instruments::Histogram>()?;
    module.add_class::<timer::Timer>()?;
    raw::attach_bare_methods(py)?;
    raw_secrets::attach(py)?;
    trace::add_to(module)?;
    secrets::add_to(module)?;
    capture::add_to(module)?;
    module.add("TimedFunction", raw::timed_function_type(py)?)?;
    module.add("default", client::default(py)?)?;
    module.add_function(wrap_pyfunction!(client::init, module)?)?;
    module.add_function(wrap_pyfunction!(cli::run_cli, module)?)?;
    #[cfg(debug_assertions)]
    module.setattr("_panic", wrap_pyfunction!(errors::_panic, module)?)?;
    Ok(())
}
