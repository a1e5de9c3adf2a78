//! The settings of the secret cache that `init` was given.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use napi_derive::napi;
use tallylight::Error;
use tallylight::secrets::{SealKey, SecretsConfig, Sources};

/// Settings of the secret cache; what is missing comes from the environment variables.
#[napi(object)]
pub struct SecretsSettings {
    /// The sources that may answer, separated by commas.
    pub sources: Option<String>,
    /// How long a value is fresh, in milliseconds.
    pub ttl: Option<f64>,
    /// How old a value may be while its source is out of order, in milliseconds.
    pub max_stale: Option<f64>,
    /// How long a call waits at most, in milliseconds.
    pub deadline: Option<f64>,
    /// How long one attempt may take, in milliseconds.
    pub attempt_timeout: Option<f64>,
    /// How long the value before a rotation is kept, in milliseconds.
    pub previous_grace: Option<f64>,
    /// Calls to AWS at one time.
    pub concurrency: Option<f64>,
    /// Secrets kept.
    pub max_entries: Option<f64>,
    /// Bytes of values kept.
    pub max_bytes: Option<f64>,
    /// The region.
    pub region: Option<String>,
    /// A region with replicas.
    pub second_region: Option<String>,
    /// Another address of AWS Secrets Manager.
    pub endpoint: Option<String>,
    /// A role to assume.
    pub role_arn: Option<String>,
    /// The external id of that role.
    pub external_id: Option<String>,
    /// Further variables, by name.
    pub aliases: Option<HashMap<String, Vec<String>>>,
    /// Further secrets of this service.
    pub declared: Option<Vec<String>>,
    /// The sealed cache on disk.
    pub cache_file: Option<String>,
    /// Its key, in base64 or hex.
    pub cache_key: Option<String>,
}

impl SecretsSettings {
    /// These settings, and for what is missing the `found` ones.
    pub(crate) fn over(self, found: SecretsConfig) -> Result<SecretsConfig, Error> {
        // The face lets whole numbers from 0 through only, and the core checks their ranges.
        let millis = |given: Option<f64>, found: Duration| {
            given.map_or(found, |ms| Duration::from_millis(ms as u64))
        };
        let size = |given: Option<f64>, found: usize| given.map_or(found, |given| given as usize);
        Ok(SecretsConfig {
            sources: match self.sources {
                Some(list) => Sources::parse(&list)?,
                None => found.sources,
            },
            ttl: millis(self.ttl, found.ttl),
            max_stale: millis(self.max_stale, found.max_stale),
            deadline: millis(self.deadline, found.deadline),
            attempt_timeout: millis(self.attempt_timeout, found.attempt_timeout),
            previous_grace: millis(self.previous_grace, found.previous_grace),
            concurrency: size(self.concurrency, found.concurrency),
            max_entries: size(self.max_entries, found.max_entries),
            max_bytes: size(self.max_bytes, found.max_bytes),
            region: self.region.or(found.region),
            second_region: self.second_region.or(found.second_region),
            endpoint: self.endpoint.or(found.endpoint),
            role_arn: self.role_arn.or(found.role_arn),
            external_id: self.external_id.or(found.external_id),
            aliases: self
                .aliases
                .map_or(found.aliases, |given| given.into_iter().collect()),
            declared: self.declared.unwrap_or(found.declared),
            cache_file: self.cache_file.map(PathBuf::from).or(found.cache_file),
            cache_key: match self.cache_key {
                Some(key) => Some(SealKey::parse(&key)?),
                None => found.cache_key,
            },
        })
    }
}
