//! Every setting and its environment variable, declared once.
//!
//! [`SETTINGS`] is what the reference page is generated from (`config/table.rs`). The core reads the environment only
//! when it is asked to: by [`Config::from_env`] and, for the name of the environment, when an
//! instance is made without one.

mod table;

use std::sync::OnceLock;
use std::time::Duration;

use crate::error::{Error, ErrorKind};
#[cfg(feature = "sentry")]
use crate::errors::ErrorsConfig;
#[cfg(feature = "secrets-aws")]
use crate::secrets::SecretsConfig;

pub use table::{SETTINGS, Setting};

/// Longest environment, service or release in bytes.
#[cfg(feature = "metrics")]
const MAX_TEXT_BYTES: usize = 200;

/// The language that embeds the core; see [`set_runtime`].
static RUNTIME: OnceLock<&'static str> = OnceLock::new();

/// Tells, once and before anything else, which language embeds the core: what a status document
/// names as `process.runtime`. Without it that is `rust`.
pub fn set_runtime(name: &'static str) {
    RUNTIME.get_or_init(|| name);
}

/// The settings of an instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The environment's name; `None` is found as `TALLYLIGHT_ENVIRONMENT` documents.
    pub environment: Option<String>,
    /// The service's name.
    pub service: Option<String>,
    /// The version that runs.
    pub release: Option<String>,
    /// Series kept apart.
    pub max_series: usize,
    /// Cap on the memory that holds the counts.
    pub max_memory_bytes: usize,
    /// Cap on the memory of the rolling windows.
    pub max_window_bytes: usize,
    /// How often the windows take in what is new.
    pub tick: Duration,
    /// Errors and traces.
    #[cfg(feature = "sentry")]
    pub errors: ErrorsConfig,
    /// The secret cache.
    #[cfg(feature = "secrets-aws")]
    pub secrets: SecretsConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            environment: None,
            service: None,
            release: None,
            max_series: 2_000,
            max_memory_bytes: 64 << 20,
            max_window_bytes: 32 << 20,
            tick: Duration::from_secs(1),
            #[cfg(feature = "sentry")]
            errors: ErrorsConfig::default(),
            #[cfg(feature = "secrets-aws")]
            secrets: SecretsConfig::default(),
        }
    }
}

/// The language that embeds the core.
#[cfg(feature = "metrics")]
pub(crate) fn runtime() -> &'static str {
    RUNTIME.get().copied().unwrap_or("rust")
}

impl Config {
    /// The settings that the process's environment gives, the defaults otherwise.
    ///
    /// # Errors
    /// `invalid_config` when a variable cannot be used, naming it.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// As [`Self::from_env`], reading variables through `get`. An empty variable counts as unset.
    ///
    /// # Errors
    /// `invalid_config` when a variable cannot be used, naming it.
    pub fn from_variables(get: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let get = |name: &str| get(name).filter(|value| !value.trim().is_empty());
        let number = |name: &str, default: u64| match get(name) {
            None => Ok(default),
            Some(text) => text.trim().parse().map_err(|_| {
                Error::new(
                    ErrorKind::InvalidConfig,
                    format!("{name} is {text:?}; give a whole number, or unset it for {default}"),
                )
            }),
        };
        let size = |name: &str, default: usize| {
            number(name, default as u64).map(|n| usize::try_from(n).unwrap_or(usize::MAX))
        };
        let default = Self::default();
        let config = Self {
            environment: get("TALLYLIGHT_ENVIRONMENT"),
            service: get("TALLYLIGHT_SERVICE"),
            release: get("TALLYLIGHT_RELEASE").or_else(|| get("SENTRY_RELEASE")),
            max_series: size("TALLYLIGHT_MAX_SERIES", default.max_series)?,
            max_memory_bytes: size("TALLYLIGHT_MAX_MEMORY_BYTES", default.max_memory_bytes)?,
            max_window_bytes: size("TALLYLIGHT_MAX_WINDOW_BYTES", default.max_window_bytes)?,
            tick: Duration::from_millis(number(
                "TALLYLIGHT_TICK_MS",
                default.tick.as_millis() as u64,
            )?),
            #[cfg(feature = "sentry")]
            errors: ErrorsConfig::from_variables(&get)?,
            #[cfg(feature = "secrets-aws")]
            secrets: SecretsConfig::from_variables(&get)?,
        };
        config.check()?;
        Ok(config)
    }

    /// The same settings as an instance keeps them: a blank text is none, as an empty variable is,
    /// and a long one is cut.
    #[cfg(feature = "metrics")]
    pub(crate) fn normalised(mut self) -> Self {
        for text in [&mut self.environment, &mut self.service, &mut self.release] {
            *text = text.take().filter(|text| !text.trim().is_empty());
            if let Some(text) = text {
                text.truncate(text.floor_char_boundary(MAX_TEXT_BYTES));
            }
        }
        self
    }

    /// Whether an instance can be made of these settings.
    ///
    /// # Errors
    /// `invalid_config`, naming the setting and its range.
    pub fn check(&self) -> Result<(), Error> {
        let within = |name: &str, value: u128, low: u128, high: u128| {
            if (low..=high).contains(&value) {
                return Ok(());
            }
            Err(Error::new(
                ErrorKind::InvalidConfig,
                format!("{name} is {value}; give a number from {low} to {high}"),
            ))
        };
        within("max_series", self.max_series as u128, 1, 1_000_000)?;
        within(
            "max_memory_bytes",
            self.max_memory_bytes as u128,
            1 << 20,
            1 << 37,
        )?;
        within(
            "max_window_bytes",
            self.max_window_bytes as u128,
            1 << 16,
            1 << 37,
        )?;
        within("tick (milliseconds)", self.tick.as_millis(), 100, 60_000)?;
        #[cfg(feature = "sentry")]
        self.errors.check()?;
        #[cfg(feature = "secrets-aws")]
        self.secrets.check()?;
        Ok(())
    }
}

/// The name of the environment, and why it is that one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// `production`, `development`, or any other name.
    pub name: String,
    /// One line that says where the name comes from.
    pub reason: String,
}

/// What tells an environment's name, first found first.
const ENVIRONMENT_VARIABLES: [&str; 4] = [
    "TALLYLIGHT_ENVIRONMENT",
    "SENTRY_ENVIRONMENT",
    "NEXT_PUBLIC_SENTRY_ENVIRONMENT",
    "NODE_ENV",
];

/// AWS configuration: whoever has it is taken for production, so that a forgotten variable never
/// makes a production service fall back to development's ways.
pub(crate) const AWS_VARIABLES: [&str; 10] = [
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
];

impl Environment {
    /// The environment of these settings in this process.
    #[must_use]
    pub fn detect(config: &Config) -> Self {
        Self::from_variables(config, |name| std::env::var(name).ok())
    }

    /// As [`Self::detect`], reading variables through `get`.
    #[must_use]
    pub fn from_variables(config: &Config, get: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &&str| get(name).is_some_and(|value| !value.trim().is_empty());
        let of = |name: &str, reason: String| Self {
            name: name.to_owned(),
            reason,
        };
        if let Some(name) = &config.environment {
            return of(
                name,
                "given to init or by TALLYLIGHT_ENVIRONMENT".to_owned(),
            );
        }
        if let Some(variable) = ENVIRONMENT_VARIABLES.iter().find(|name| set(name)) {
            let name = get(variable).unwrap_or_default();
            return of(name.trim(), format!("{variable} is set"));
        }
        match AWS_VARIABLES.iter().find(|name| set(name)) {
            Some(variable) => of(
                "production",
                format!("no environment is named, and {variable} is set"),
            ),
            None => of(
                "development",
                "no environment is named, and no AWS configuration is found".to_owned(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(pairs: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        let pairs: Vec<(String, String)> = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        move |name| {
            pairs
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.clone())
        }
    }

    #[test]
    fn every_variable_is_read_into_its_field() {
        let config = Config::from_variables(from(&[
            ("TALLYLIGHT_ENVIRONMENT", "staging"),
            ("TALLYLIGHT_SERVICE", "ai"),
            ("TALLYLIGHT_RELEASE", "1.2"),
            ("TALLYLIGHT_MAX_SERIES", "7"),
            ("TALLYLIGHT_MAX_MEMORY_BYTES", "2000000"),
            ("TALLYLIGHT_MAX_WINDOW_BYTES", "100000"),
            ("TALLYLIGHT_TICK_MS", "250"),
        ]))
        .unwrap();
        assert_eq!(config.environment.as_deref(), Some("staging"));
        assert_eq!(config.service.as_deref(), Some("ai"));
        assert_eq!(config.release.as_deref(), Some("1.2"));
        assert_eq!((config.max_series, config.max_memory_bytes), (7, 2_000_000));
        assert_eq!(config.max_window_bytes, 100_000);
        assert_eq!(config.tick, Duration::from_millis(250));
    }

    #[test]
    fn a_bad_variable_is_named() {
        for (name, value) in [
            ("TALLYLIGHT_MAX_SERIES", "many"),
            ("TALLYLIGHT_MAX_SERIES", "0"),
            ("TALLYLIGHT_TICK_MS", "-5"),
            ("TALLYLIGHT_MAX_MEMORY_BYTES", "10"),
        ] {
            let error = Config::from_variables(from(&[(name, value)])).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{name}={value}");
        }
        assert_eq!(
            Config::from_variables(from(&[("TALLYLIGHT_MAX_SERIES", " ")])).unwrap(),
            Config::default()
        );
    }

    #[test]
    fn the_environment_is_found_in_its_order() {
        let detect = |pairs: &[(&str, &str)]| {
            Environment::from_variables(&Config::default(), from(pairs)).name
        };
        assert_eq!(detect(&[]), "development");
        assert_eq!(detect(&[("AWS_REGION", "eu-west-1")]), "production");
        let all = [
            ("NODE_ENV", "d"),
            ("NEXT_PUBLIC_SENTRY_ENVIRONMENT", "c"),
            ("SENTRY_ENVIRONMENT", "b"),
            ("TALLYLIGHT_ENVIRONMENT", "a"),
        ];
        for count in 1..=all.len() {
            assert_eq!(detect(&all[..count]), all[count - 1].1);
        }
        assert_eq!(
            detect(&[("SENTRY_ENVIRONMENT", ""), ("NODE_ENV", "test")]),
            "test"
        );
    }
}
