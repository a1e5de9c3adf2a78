//! Where everything is that was captured, and how long somebody waits for it to be delivered.

use std::time::Duration;

use napi::Env;
use napi::bindgen_prelude::{Either, Object};
use napi_derive::napi;
use tallylight::errors::Delivery;
use tallylight::{Error, ErrorKind};

use crate::boundary::{Result, contained};
use crate::promise::now_or_later;

/// The longest wait that means anything here, in milliseconds.
const LONGEST_MS: f64 = 1e9;

/// The account of what was captured, as JSON.
#[napi]
pub fn delivery() -> Result<String> {
    contained(|| to_json(&tallylight::global()?.errors().delivery()))
}

/// Tries to deliver all that waits for at most so many milliseconds; the account as JSON.
#[napi(ts_return_type = "string | Promise<string>")]
pub fn flush_items(env: &Env, limit: f64) -> Result<Either<String, Object<'_>>> {
    contained(|| {
        let tally = tallylight::global()?;
        now_or_later(env, written, |done| {
            tally
                .errors()
                .flush_then(millis(limit), move |delivery| done(Ok(delivery)));
        })
    })
}

/// As `flushItems`, and takes nothing more until the next `init`.
#[napi(ts_return_type = "string | Promise<string>")]
pub fn close_items(env: &Env, limit: f64) -> Result<Either<String, Object<'_>>> {
    contained(|| {
        let tally = tallylight::global()?;
        now_or_later(env, written, |done| {
            tally
                .errors()
                .close_then(millis(limit), move |delivery| done(Ok(delivery)));
        })
    })
}

/// As `flushItems`, on the calling thread: for a process that ends.
#[napi]
pub fn flush_items_blocking(limit: f64) -> Result<String> {
    contained(|| {
        let tally = tallylight::global()?;
        to_json(&tally.errors().flush_blocking(millis(limit)))
    })
}

fn millis(limit: f64) -> Duration {
    // Not a number is no wait.
    Duration::from_millis(limit.clamp(0.0, LONGEST_MS) as u64)
}

fn to_json(delivery: &Delivery) -> Result<String, Error> {
    serde_json::to_string(delivery).map_err(|error| {
        Error::new(ErrorKind::Internal, "the account could not be written").with_source(error)
    })
}

/// For a promise, which has no way to fail any more.
fn written(delivery: Delivery) -> String {
    to_json(&delivery).unwrap_or_else(|_| "{}".to_owned())
}
