//! Setting the process-wide instance up, and shutting it down.

use std::time::Duration;

use napi_derive::napi;
use tallylight::{Config, Error};

use crate::boundary::{Result, contained};
use crate::errors::settings::ErrorsSettings;
use crate::secrets::settings::SecretsSettings;

/// The settings that `init` was given; what is missing comes from the environment variables.
#[napi(object)]
pub struct Settings {
    /// The environment's name.
    pub environment: Option<String>,
    /// The service's name.
    pub service: Option<String>,
    /// The version that runs.
    pub release: Option<String>,
    /// Series kept apart.
    pub max_series: Option<f64>,
    /// Cap on the memory that holds the counts.
    pub max_memory_bytes: Option<f64>,
    /// Cap on the memory of the rolling windows.
    pub max_window_bytes: Option<f64>,
    /// How often the windows take in what is new, in milliseconds.
    pub tick_ms: Option<f64>,
    /// Errors and traces.
    pub errors: Option<ErrorsSettings>,
    /// The secret cache.
    pub secrets: Option<SecretsSettings>,
}

impl Settings {
    fn into_config(self) -> Result<Config, Error> {
        let found = Config::from_env()?;
        // The face lets whole numbers from 0 through only, and the core checks their ranges.
        let size = |given: Option<f64>, found: usize| given.map_or(found, |given| given as usize);
        Ok(Config {
            environment: self.environment.or(found.environment),
            service: self.service.or(found.service),
            release: self.release.or(found.release),
            max_series: size(self.max_series, found.max_series),
            max_memory_bytes: size(self.max_memory_bytes, found.max_memory_bytes),
            max_window_bytes: size(self.max_window_bytes, found.max_window_bytes),
            tick: self
                .tick_ms
                .map_or(found.tick, |ms| Duration::from_millis(ms as u64)),
            errors: match self.errors {
                Some(given) => given.over(found.errors)?,
                None => found.errors,
            },
            secrets: match self.secrets {
                Some(given) => given.over(found.secrets)?,
                None => found.secrets,
            },
        })
    }
}

/// Sets the process-wide instance up and starts its thread.
#[napi]
pub fn init(settings: Settings) -> Result<()> {
    contained(|| tallylight::init(settings.into_config()?).map(drop))
}

/// Closes recording in the whole process and stops the thread.
#[napi]
pub fn shutdown() -> Result<()> {
    contained(|| {
        tallylight::global()?.shutdown();
        Ok(())
    })
}

/// The version of the core.
#[napi]
pub fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}
