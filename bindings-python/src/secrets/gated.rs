//! A lock that no forked child finds shut.
//!
//! What waits for the core's I/O thread locks here. The invariant: a lock is held inside the core's
//! fork gate and for a few instructions only; nobody waits for anything meanwhile, the interpreter
//! included.

use std::sync::{Mutex, PoisonError, TryLockError};

use tallylight::Error;
use tallylight::secrets::ForkGate;

#[derive(Default)]
pub(super) struct Gated<T>(Mutex<T>);

impl<T> Gated<T> {
    pub(super) fn new(state: T) -> Self {
        Self(Mutex::new(state))
    }

    /// Does `work` alone with what is locked.
    ///
    /// # Errors
    /// `unsupported` in a child of a fork that did not wait for the gate, where the lock is shut.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> Result<R, Error> {
        match ForkGate::enter() {
            Ok(_gate) => {
                let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(work(&mut state))
            }
            // What this child made itself is open; what it inherited may be shut for good.
            Err(unfit) => match self.0.try_lock() {
                Ok(mut state) => Ok(work(&mut state)),
                Err(TryLockError::Poisoned(state)) => Ok(work(&mut state.into_inner())),
                Err(TryLockError::WouldBlock) => Err(unfit),
            },
        }
    }
}
