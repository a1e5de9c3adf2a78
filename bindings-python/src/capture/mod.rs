//! Errors and traces as Python sees them: what the functions of `tallylight/_capture*.py` end in.
//!
//! Map: [`json`] how any object becomes JSON text, [`settings`] what `init(errors={...})` takes,
//! [`calls`] the functions, [`around`] what follows functions of other modules. Events are built in Python, where exceptions, frames and scopes live; here
//! they are written once and handed to the core.

mod around;
mod calls;
mod json;
mod settings;

use pyo3::prelude::*;

pub(crate) use settings::{apply as apply_settings, described};

/// Puts the functions of this folder into the module. Without `add`, which would list them in
/// `__all__`: only the package's own modules call these.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.setattr("_Around", module.py().get_type::<around::Around>())?;
    module.setattr("_capture", wrap_pyfunction!(calls::_capture, module)?)?;
    module.setattr("_discard", wrap_pyfunction!(calls::_discard, module)?)?;
    module.setattr("_delivery", wrap_pyfunction!(calls::_delivery, module)?)?;
    module.setattr("_flush", wrap_pyfunction!(calls::_flush, module)?)?;
    module.setattr("_plain", wrap_pyfunction!(calls::_plain, module)?)?;
    module.setattr("_local", wrap_pyfunction!(calls::_local, module)?)?;
    module.setattr("_json", wrap_pyfunction!(calls::_json, module)?)?;
    module.setattr("_set_facts", wrap_pyfunction!(calls::_set_facts, module)?)?;
    module.setattr(
        "_errors_settings",
        wrap_pyfunction!(calls::_errors_settings, module)?,
    )?;
    Ok(())
}
