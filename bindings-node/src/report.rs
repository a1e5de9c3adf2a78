//! What is read, as JSON text: one parse in JavaScript is cheaper than building objects from here.

use napi_derive::napi;
use tallylight::{Error, ErrorKind};

use crate::boundary::{Result, contained};

/// Every series, as JSON.
#[napi]
pub fn snapshot() -> Result<String> {
    contained(|| Ok(tallylight::global()?.snapshot().to_json()))
}

/// The status document, as JSON.
#[napi]
pub fn status() -> Result<String> {
    contained(|| Ok(tallylight::global()?.status().to_json()))
}

/// What was not recorded, as JSON.
#[napi]
pub fn drops() -> Result<String> {
    contained(|| {
        serde_json::to_string(&tallylight::global()?.drops()).map_err(|error| {
            Error::new(ErrorKind::Internal, "the drops could not be written").with_source(error)
        })
    })
}
