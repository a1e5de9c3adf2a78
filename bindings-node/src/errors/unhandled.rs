//! Which threads reported the error that ends them.
//!
//! A worker's uncaught error comes up twice: in the worker, if it captures errors, and in the thread
//! that started it. The worker reports it better (it has the scope), so it leaves a note here, and
//! the other thread takes that as its sign to stay silent.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use napi_derive::napi;

use crate::boundary::{Result, contained};

/// A thread whose starter never looks leaves its note for good, so there is an end to them.
const MOST: usize = 10_000;

static REPORTED: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn reported() -> MutexGuard<'static, BTreeSet<u32>> {
    REPORTED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes that a thread reported its uncaught error.
#[napi]
pub fn note_unhandled(thread: u32) -> Result<()> {
    contained(|| {
        let mut reported = reported();
        if reported.len() >= MOST {
            reported.pop_first();
        }
        reported.insert(thread);
        Ok(())
    })
}

/// Whether a thread reported its uncaught error; asked once.
#[napi]
pub fn take_unhandled(thread: u32) -> Result<bool> {
    contained(|| Ok(reported().remove(&thread)))
}
