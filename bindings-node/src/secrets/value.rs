//! A secret on its way to JavaScript: what is known of it, and a handle. The value itself crosses
//! only when it is revealed.

use std::time::UNIX_EPOCH;

use napi::bindgen_prelude::{External, Uint8Array};
use napi_derive::napi;
use tallylight::Secret;

use crate::boundary::{Result, contained};

/// A secret without its value.
#[napi(object, object_from_js = false)]
pub struct SecretValue {
    /// What reveals it; the value is overwritten when the last handle of it is collected.
    #[napi(ts_type = "unknown")]
    pub handle: External<Secret>,
    /// The name it was asked for by.
    pub name: String,
    /// Which source answered.
    pub source: String,
    /// The version's id.
    pub version: Option<String>,
    /// The stages of that version.
    pub stages: Vec<String>,
    /// The ARN.
    pub arn: Option<String>,
    /// The region that answered.
    pub region: Option<String>,
    /// When the source answered, in milliseconds since 1970.
    pub fetched_at: f64,
    /// Whether it is no text.
    pub is_binary: bool,
    /// How many bytes the value has.
    pub length: f64,
}

impl From<Secret> for SecretValue {
    fn from(secret: Secret) -> Self {
        let since = secret.fetched_at().duration_since(UNIX_EPOCH);
        Self {
            name: secret.name().to_owned(),
            source: secret.source().as_str().to_owned(),
            version: secret.version().map(str::to_owned),
            stages: secret.stages().to_vec(),
            arn: secret.arn().map(str::to_owned),
            region: secret.region().map(str::to_owned),
            fetched_at: since.unwrap_or_default().as_millis() as f64,
            is_binary: secret.is_binary(),
            length: secret.len() as f64,
            handle: External::new(secret),
        }
    }
}

/// The value as text.
#[napi]
pub fn reveal_secret(#[napi(ts_arg_type = "unknown")] handle: &External<Secret>) -> Result<String> {
    contained(|| handle.reveal().map(str::to_owned))
}

/// A copy of the value as bytes.
#[napi]
pub fn reveal_secret_bytes(
    #[napi(ts_arg_type = "unknown")] handle: &External<Secret>,
) -> Result<Uint8Array> {
    contained(|| Ok(Uint8Array::new(handle.reveal_bytes().to_vec())))
}

/// One key of a JSON secret.
#[napi]
pub fn secret_json_key(
    #[napi(ts_arg_type = "unknown")] handle: &External<Secret>,
    key: String,
) -> Result<SecretValue> {
    contained(|| handle.json_key(&key).map(SecretValue::from))
}
