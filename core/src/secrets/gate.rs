//! The fork gate for the language bindings, whose own locks a forked child must not find shut either.

use std::fmt;

use crate::error::Error;
use crate::fork;

/// Keeps forks waiting until it is dropped. Held for a few instructions and never while waiting for
/// anybody, or a fork gives up after a second and its child is of no use.
#[doc(hidden)]
pub struct ForkGate {
    _inside: fork::Inside,
}

impl ForkGate {
    /// Enters, once more if this thread is inside already.
    ///
    /// # Errors
    /// `unsupported` in a child that may have inherited shut locks.
    pub fn enter() -> Result<Self, Error> {
        match fork::enter() {
            Some(inside) => Ok(Self { _inside: inside }),
            None => Err(fork::unfit()),
        }
    }
}

impl fmt::Debug for ForkGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ForkGate")
    }
}
