//! The settings of errors that `init` was given, and what holds in the end.

use std::path::PathBuf;
use std::time::Duration;

use napi_derive::napi;
use tallylight::errors::{Dsn, ErrorsConfig};
use tallylight::{Error, ErrorKind};

use crate::boundary::{Result, contained};

/// Settings of errors and traces; what is missing comes from the environment variables.
#[napi(object)]
pub struct ErrorsSettings {
    /// Where events go; an empty text is nowhere, and they stay in the local store.
    pub dsn: Option<String>,
    /// The folder of the spool and the local store.
    pub spool_dir: Option<String>,
    /// Whether events are kept on disk until they are delivered.
    pub spool: Option<bool>,
    /// Bytes of events kept on disk.
    pub max_spool_bytes: Option<f64>,
    /// How old an event may be that is still delivered, in milliseconds.
    pub max_spool_age: Option<f64>,
    /// Bytes of events kept in memory where the disk takes none.
    pub max_queue_bytes: Option<f64>,
    /// Events that the local store keeps.
    pub local_events: Option<f64>,
    /// Identical events a minute that are delivered one by one.
    pub storm_limit: Option<f64>,
    /// How long one request may take, in milliseconds.
    pub request_timeout: Option<f64>,
    /// How long the end of the process waits for events to be delivered, in milliseconds.
    pub shutdown_timeout: Option<f64>,
    /// Share of errors that are captured.
    pub sample_rate: Option<f64>,
    /// Share of transactions that are captured.
    pub traces_sample_rate: Option<f64>,
    /// Share of the captured transactions that are profiled.
    pub profiles_sample_rate: Option<f64>,
    /// Breadcrumbs that a scope keeps.
    pub max_breadcrumbs: Option<f64>,
    /// Whether users' addresses, cookies and request bodies may be captured.
    pub send_default_pii: Option<bool>,
    /// Whether the local variables of frames are captured, where the language tells of them.
    pub include_local_variables: Option<bool>,
    /// Whether the prompts and answers of model calls are captured.
    pub capture_prompts: Option<bool>,
    /// Further keys whose values are redacted.
    pub scrub_keys: Option<Vec<String>>,
    /// What `server_name` says.
    pub server_name: Option<String>,
}

impl ErrorsSettings {
    /// These settings, and for what is missing the `found` ones.
    pub(crate) fn over(self, found: ErrorsConfig) -> Result<ErrorsConfig, Error> {
        // The face lets whole numbers from 0 through only, and the core checks their ranges.
        let millis = |given: Option<f64>, found: Duration| {
            given.map_or(found, |ms| Duration::from_millis(ms as u64))
        };
        let size = |given: Option<f64>, found: usize| given.map_or(found, |given| given as usize);
        Ok(ErrorsConfig {
            dsn: match self.dsn {
                Some(text) if text.trim().is_empty() => None,
                // A DSN holds a key: the error names the setting, never the text.
                Some(text) => Some(Dsn::parse(&text).map_err(|error| {
                    Error::new(ErrorKind::InvalidConfig, format!("errors.dsn: {error}"))
                })?),
                None => found.dsn,
            },
            spool_dir: self.spool_dir.map(PathBuf::from).or(found.spool_dir),
            spool: self.spool.unwrap_or(found.spool),
            max_spool_bytes: self
                .max_spool_bytes
                .map_or(found.max_spool_bytes, |given| given as u64),
            max_spool_age: millis(self.max_spool_age, found.max_spool_age),
            max_queue_bytes: size(self.max_queue_bytes, found.max_queue_bytes),
            local_events: size(self.local_events, found.local_events),
            storm_limit: self
                .storm_limit
                .map_or(found.storm_limit, |given| given as u32),
            request_timeout: millis(self.request_timeout, found.request_timeout),
            shutdown_timeout: millis(self.shutdown_timeout, found.shutdown_timeout),
            sample_rate: self.sample_rate.unwrap_or(found.sample_rate),
            traces_sample_rate: self.traces_sample_rate.unwrap_or(found.traces_sample_rate),
            profiles_sample_rate: self
                .profiles_sample_rate
                .unwrap_or(found.profiles_sample_rate),
            max_breadcrumbs: size(self.max_breadcrumbs, found.max_breadcrumbs),
            send_default_pii: self.send_default_pii.unwrap_or(found.send_default_pii),
            include_local_variables: self
                .include_local_variables
                .unwrap_or(found.include_local_variables),
            capture_prompts: self.capture_prompts.unwrap_or(found.capture_prompts),
            scrub_keys: self.scrub_keys.unwrap_or(found.scrub_keys),
            server_name: self.server_name.or(found.server_name),
        })
    }
}

/// What the TypeScript goes by, once `init` and the environment's variables are put together.
#[napi(object, object_from_js = false)]
pub struct EffectiveErrors {
    /// Whether events go to a server.
    pub enabled: bool,
    /// Share of errors that are captured.
    pub sample_rate: f64,
    /// Share of transactions that are captured.
    pub traces_sample_rate: f64,
    /// Share of the captured transactions that are profiled.
    pub profiles_sample_rate: f64,
    /// Breadcrumbs that a scope keeps.
    pub max_breadcrumbs: u32,
    /// Whether users' addresses, cookies and request bodies may be captured.
    pub send_default_pii: bool,
    /// Whether the prompts and answers of model calls are captured.
    pub capture_prompts: bool,
    /// How long the end of the process waits for events to be delivered, in milliseconds.
    pub shutdown_timeout: f64,
}

impl From<&ErrorsConfig> for EffectiveErrors {
    fn from(config: &ErrorsConfig) -> Self {
        Self {
            enabled: config.dsn.is_some(),
            sample_rate: config.sample_rate,
            traces_sample_rate: config.traces_sample_rate,
            profiles_sample_rate: config.profiles_sample_rate,
            max_breadcrumbs: u32::try_from(config.max_breadcrumbs).unwrap_or(u32::MAX),
            send_default_pii: config.send_default_pii,
            capture_prompts: config.capture_prompts,
            shutdown_timeout: config.shutdown_timeout.as_millis() as f64,
        }
    }
}

/// The settings of errors that hold now.
#[napi]
pub fn effective_errors() -> Result<EffectiveErrors> {
    contained(|| Ok((&tallylight::global()?.errors().config()).into()))
}

/// Facts of this process for all its events, a JSON object such as `{"contexts":{"runtime":{}}}`.
#[napi]
pub fn set_event_facts(facts: String) -> Result<()> {
    contained(|| tallylight::global()?.errors().set_facts(&facts))
}
