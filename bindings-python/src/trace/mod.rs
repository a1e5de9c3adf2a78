//! Traces as Python sees them: what the functions of `tallylight/_traces.py`, `_spans.py` and their
//! neighbours end in. Spans themselves are Python objects.
//!
//! Map: [`traces`] how a trace comes in and goes on, and what a transaction leaves behind, [`signals`]
//! calls of models, check-ins, sessions and authentication failures.

mod signals;
mod traces;

use pyo3::prelude::*;

/// Puts the functions of this folder into the module. Without `add`, which would list them in
/// `__all__`: only the package's own modules call these.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.setattr(
        "_trace_incoming",
        wrap_pyfunction!(traces::_trace_incoming, module)?,
    )?;
    module.setattr(
        "_trace_start",
        wrap_pyfunction!(traces::_trace_start, module)?,
    )?;
    module.setattr(
        "_trace_headers",
        wrap_pyfunction!(traces::_trace_headers, module)?,
    )?;
    module.setattr("_measure", wrap_pyfunction!(traces::_measure, module)?)?;
    module.setattr("_exemplify", wrap_pyfunction!(traces::_exemplify, module)?)?;
    module.setattr(
        "_error_type",
        wrap_pyfunction!(traces::_error_type, module)?,
    )?;
    module.setattr(
        "_is_failure",
        wrap_pyfunction!(traces::_is_failure, module)?,
    )?;
    module.setattr(
        "_record_model_call",
        wrap_pyfunction!(signals::_record_model_call, module)?,
    )?;
    module.setattr(
        "_gen_ai_names",
        wrap_pyfunction!(signals::_gen_ai_names, module)?,
    )?;
    module.setattr("_check_in", wrap_pyfunction!(signals::_check_in, module)?)?;
    module.setattr(
        "_start_session",
        wrap_pyfunction!(signals::_start_session, module)?,
    )?;
    module.setattr(
        "_end_session",
        wrap_pyfunction!(signals::_end_session, module)?,
    )?;
    module.setattr(
        "_session_errored",
        wrap_pyfunction!(signals::_session_errored, module)?,
    )?;
    module.setattr(
        "_authentication_failed",
        wrap_pyfunction!(signals::_authentication_failed, module)?,
    )?;
    Ok(())
}
