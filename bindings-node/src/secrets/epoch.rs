//! Lending the epoch to an isolate, which then knows without a call whether a value it keeps on its
//! own side still stands.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::ArrayBuffer;
use napi_derive::napi;
use tallylight::{Error, ErrorKind};

use crate::boundary::{Result, contained};

/// The epoch now, for a runtime that refuses memory that is not its own.
#[napi]
pub fn secrets_epoch() -> Result<u32> {
    contained(|| Ok(tallylight::global()?.secrets().epoch().get()))
}

/// The four bytes that hold the epoch, to read only; null where the runtime refuses memory that is
/// not its own.
#[napi]
pub fn secrets_epoch_cell(env: &Env) -> Result<Option<ArrayBuffer<'_>>> {
    contained(|| {
        let epoch = Arc::clone(tallylight::global()?.secrets().epoch());
        let start = epoch.as_ptr().cast::<u8>().cast_mut();
        // SAFETY: the epoch is four bytes at an address of its own that stays as long as `epoch`
        // lives, which the buffer's finalizer drops. Rust accesses it as an atomic only, and
        // JavaScript reads it.
        let lent = unsafe {
            ArrayBuffer::from_external(env, start, size_of::<u32>(), epoch, |_, epoch| {
                // A panic must not cross into the garbage collector, which called us.
                drop(catch_unwind(AssertUnwindSafe(move || drop(epoch))));
            })
        };
        let buffer = lent.map_err(|error| {
            Error::new(
                ErrorKind::Unsupported,
                format!("the runtime took no memory of ours: {}", error.reason),
            )
        })?;
        // Where external buffers are forbidden (Electron), napi answers a copy, which never moves.
        Ok(std::ptr::eq(buffer.as_ptr(), start).then_some(buffer))
    })
}
