//! The settings of errors and traces.

use std::path::PathBuf;
use std::time::Duration;

use super::dsn::Dsn;
use crate::error::{Error, ErrorKind};

/// The settings of errors and traces; part of [`crate::Config`].
#[derive(Debug, Clone, PartialEq)]
pub struct ErrorsConfig {
    /// Where events go; `None` keeps the last ones in a local store instead.
    pub dsn: Option<Dsn>,
    /// The folder of the spool and the local store; `None` is found as `TALLYLIGHT_SPOOL_DIR` documents.
    pub spool_dir: Option<PathBuf>,
    /// Whether events are kept on disk until they are delivered.
    pub spool: bool,
    /// Bytes of events kept on disk by all processes of this spool; past it new ones are dropped.
    pub max_spool_bytes: u64,
    /// How old an event may be that is still delivered.
    pub max_spool_age: Duration,
    /// Bytes of events kept in memory where the disk takes none.
    pub max_queue_bytes: usize,
    /// Events that the local store keeps where there is no DSN.
    pub local_events: usize,
    /// Identical events a minute that are delivered one by one; further ones become a count.
    pub storm_limit: u32,
    /// How long one request to the server may take.
    pub request_timeout: Duration,
    /// How long `shutdown` waits for events to be delivered; what is left stays in the spool.
    pub shutdown_timeout: Duration,
    /// Share of errors that are captured, 0 to 1.
    pub sample_rate: f64,
    /// Share of transactions that are captured, 0 to 1.
    pub traces_sample_rate: f64,
    /// Share of the captured transactions that are profiled, 0 to 1.
    pub profiles_sample_rate: f64,
    /// Breadcrumbs that a scope keeps.
    pub max_breadcrumbs: usize,
    /// Whether users' addresses, cookies and request bodies may be captured.
    pub send_default_pii: bool,
    /// Whether the local variables of frames are captured (Python).
    pub include_local_variables: bool,
    /// Whether the prompts and answers of model calls are captured.
    pub capture_prompts: bool,
    /// Further keys whose values are redacted.
    pub scrub_keys: Vec<String>,
    /// What `server_name` says; `None` is the host's name.
    pub server_name: Option<String>,
}

impl Default for ErrorsConfig {
    fn default() -> Self {
        Self {
            dsn: None,
            spool_dir: None,
            spool: true,
            max_spool_bytes: 64 << 20,
            max_spool_age: Duration::from_secs(7 * 24 * 3_600),
            max_queue_bytes: 16 << 20,
            local_events: 100,
            storm_limit: 100,
            request_timeout: Duration::from_secs(10),
            shutdown_timeout: Duration::from_secs(2),
            sample_rate: 1.0,
            traces_sample_rate: 0.1,
            profiles_sample_rate: 0.05,
            max_breadcrumbs: 100,
            send_default_pii: false,
            include_local_variables: false,
            capture_prompts: false,
            scrub_keys: Vec::new(),
            server_name: None,
        }
    }
}

impl ErrorsConfig {
    /// The settings that the variables give, the defaults otherwise.
    pub(crate) fn from_variables(get: &impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let first = |names: &[&'static str]| {
            names
                .iter()
                .find_map(|name| get(name).map(|value| (*name, value.trim().to_owned())))
        };
        let invalid = |name: &str, text: &str, wanted: &str| {
            Error::new(
                ErrorKind::InvalidConfig,
                format!("{name} is {text:?}; give {wanted}"),
            )
        };
        let number = |name: &'static str, default: u64| match first(&[name]) {
            None => Ok(default),
            Some((name, text)) => text
                .parse::<u64>()
                .map_err(|_| invalid(name, &text, "a whole number")),
        };
        let share = |names: &[&'static str], default: f64| match first(names) {
            None => Ok(default),
            Some((name, text)) => text
                .parse::<f64>()
                .ok()
                .filter(|rate| (0.0..=1.0).contains(rate))
                .ok_or_else(|| invalid(name, &text, "a number from 0 to 1")),
        };
        let switch = |name: &'static str, default: bool| match first(&[name]) {
            None => Ok(default),
            Some((name, text)) => match text.to_ascii_lowercase().as_str() {
                "1" | "true" | "yes" | "on" => Ok(true),
                "0" | "false" | "no" | "off" => Ok(false),
                _ => Err(invalid(name, &text, "true or false")),
            },
        };
        let default = Self::default();
        let millis = |name: &'static str, default: Duration| {
            number(name, default.as_millis() as u64).map(Duration::from_millis)
        };
        let size = |name: &'static str, default: usize| {
            number(name, default as u64).map(|n| usize::try_from(n).unwrap_or(usize::MAX))
        };
        let config = Self {
            dsn: match first(&["TALLYLIGHT_DSN", "SENTRY_DSN"]) {
                None => None,
                // A DSN holds a key: the error names the variable, never the text.
                Some((name, text)) => Some(Dsn::parse(&text).map_err(|error| {
                    Error::new(ErrorKind::InvalidConfig, format!("{name}: {error}"))
                })?),
            },
            spool_dir: first(&["TALLYLIGHT_SPOOL_DIR"]).map(|(_, text)| PathBuf::from(text)),
            spool: switch("TALLYLIGHT_SPOOL", default.spool)?,
            max_spool_bytes: number("TALLYLIGHT_MAX_SPOOL_BYTES", default.max_spool_bytes)?,
            max_spool_age: millis("TALLYLIGHT_MAX_SPOOL_AGE_MS", default.max_spool_age)?,
            max_queue_bytes: size("TALLYLIGHT_MAX_QUEUE_BYTES", default.max_queue_bytes)?,
            local_events: size("TALLYLIGHT_LOCAL_EVENTS", default.local_events)?,
            storm_limit: u32::try_from(number(
                "TALLYLIGHT_STORM_LIMIT",
                u64::from(default.storm_limit),
            )?)
            .unwrap_or(u32::MAX),
            request_timeout: millis("TALLYLIGHT_REQUEST_TIMEOUT_MS", default.request_timeout)?,
            shutdown_timeout: millis("TALLYLIGHT_SHUTDOWN_TIMEOUT_MS", default.shutdown_timeout)?,
            sample_rate: share(
                &["TALLYLIGHT_SAMPLE_RATE", "SENTRY_SAMPLE_RATE"],
                default.sample_rate,
            )?,
            traces_sample_rate: share(
                &[
                    "TALLYLIGHT_TRACES_SAMPLE_RATE",
                    "SENTRY_TRACES_SAMPLE_RATE",
                    "NEXT_PUBLIC_SENTRY_TRACE_SAMPLE_RATE",
                ],
                default.traces_sample_rate,
            )?,
            profiles_sample_rate: share(
                &[
                    "TALLYLIGHT_PROFILES_SAMPLE_RATE",
                    "SENTRY_PROFILES_SAMPLE_RATE",
                    "NEXT_PUBLIC_SENTRY_PROFILES_SAMPLE_RATE",
                ],
                default.profiles_sample_rate,
            )?,
            max_breadcrumbs: size("TALLYLIGHT_MAX_BREADCRUMBS", default.max_breadcrumbs)?,
            send_default_pii: switch("TALLYLIGHT_SEND_DEFAULT_PII", default.send_default_pii)?,
            include_local_variables: switch(
                "TALLYLIGHT_INCLUDE_LOCAL_VARIABLES",
                default.include_local_variables,
            )?,
            capture_prompts: switch("TALLYLIGHT_CAPTURE_PROMPTS", default.capture_prompts)?,
            scrub_keys: first(&["TALLYLIGHT_SCRUB_KEYS"])
                .map(|(_, text)| {
                    text.split(',')
                        .map(|key| key.trim().to_owned())
                        .filter(|key| !key.is_empty())
                        .collect()
                })
                .unwrap_or_default(),
            server_name: first(&["TALLYLIGHT_SERVER_NAME", "SENTRY_SERVER_NAME"])
                .map(|(_, text)| text),
        };
        config.check()?;
        Ok(config)
    }

    /// Whether a pipeline can be made of these settings.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let invalid = |name: &str, value: String, wanted: &str| {
            Err(Error::new(
                ErrorKind::InvalidConfig,
                format!("errors.{name} is {value}; give {wanted}"),
            ))
        };
        for (name, rate) in [
            ("sample_rate", self.sample_rate),
            ("traces_sample_rate", self.traces_sample_rate),
            ("profiles_sample_rate", self.profiles_sample_rate),
        ] {
            if !(0.0..=1.0).contains(&rate) {
                return invalid(name, rate.to_string(), "a number from 0 to 1");
            }
        }
        for (name, value, low, high) in [
            ("max_spool_bytes", self.max_spool_bytes, 1 << 20, 1 << 40),
            (
                "max_queue_bytes",
                self.max_queue_bytes as u64,
                1 << 20,
                1 << 37,
            ),
            ("local_events", self.local_events as u64, 1, 100_000),
            (
                "storm_limit",
                u64::from(self.storm_limit),
                1,
                u64::from(u32::MAX),
            ),
            ("max_breadcrumbs", self.max_breadcrumbs as u64, 0, 1_000),
            (
                "max_spool_age (milliseconds)",
                self.max_spool_age.as_millis() as u64,
                1_000,
                30 * 24 * 3_600_000,
            ),
            (
                "request_timeout (milliseconds)",
                self.request_timeout.as_millis() as u64,
                1,
                600_000,
            ),
            (
                "shutdown_timeout (milliseconds)",
                self.shutdown_timeout.as_millis() as u64,
                0,
                600_000,
            ),
        ] {
            if !(low..=high).contains(&value) {
                return invalid(
                    name,
                    value.to_string(),
                    &format!("a number from {low} to {high}"),
                );
            }
        }
        Ok(())
    }
}
