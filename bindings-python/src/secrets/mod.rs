//! Secrets as Python sees them: the value's type, and what the calls of `tallylight/secrets.py` end in.
//!
//! Map: [`secret`] the redacting type, [`arguments`] and [`settings`] what comes in, [`reply`] an
//! answer that is waited for, by a thread or a loop of asyncio ([`signal`], [`mailbox`]),
//! [`change`] the stream of new versions, [`held`] the values that the hot call answers from
//! ([`crate::raw_secrets`]), [`calls`] the functions. The invariant: the I/O thread of the core never
//! needs the interpreter, so neither a busy nor an ending one holds it up.

mod arguments;
mod calls;
mod change;
mod gated;
mod held;
mod mailbox;
mod reply;
mod secret;
mod settings;
mod signal;

use pyo3::prelude::*;

pub(crate) use arguments::{Asked, NAMES, Wanted, milliseconds, names};
pub(crate) use calls::{get, get_sync, peek, set_override};
pub(crate) use held::Held;
pub(crate) use reply::Pending;
pub(crate) use secret::Secret;
pub(crate) use settings::apply as apply_settings;

/// Puts the classes and functions of this folder into the module.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Secret>()?;
    module.add_class::<change::SecretChange>()?;
    // Without `add`, which would list them in `__all__`: only `tallylight/secrets.py` calls these.
    let py = module.py();
    module.setattr("_Changes", py.get_type::<change::Changes>())?;
    module.setattr("_Mailbox", py.get_type::<mailbox::Mailbox>())?;
    module.setattr("_Pending", py.get_type::<Pending>())?;
    module.setattr("_get", wrap_pyfunction!(calls::_get, module)?)?;
    module.setattr("_refresh", wrap_pyfunction!(calls::_refresh, module)?)?;
    module.setattr("_refused", wrap_pyfunction!(calls::_refused, module)?)?;
    module.setattr("_both", wrap_pyfunction!(calls::_both, module)?)?;
    module.setattr("_prefetch", wrap_pyfunction!(calls::_prefetch, module)?)?;
    module.setattr("_report", wrap_pyfunction!(calls::_report, module)?)?;
    Ok(())
}
