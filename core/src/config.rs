//! Every setting and its environment variable, declared once.
//!
//! [`SETTINGS`] is what the reference page is generated from. The core reads the environment only
//! when it is asked to: by [`Config::from_env`] and, for the name of the environment, when an
//! instance is made without one.

use std::sync::OnceLock;
use std::time::Duration;

use crate::error::{Error, ErrorKind};
#[cfg(feature = "sentry")]
use crate::errors::ErrorsConfig;
#[cfg(feature = "secrets-aws")]
use crate::secrets::SecretsConfig;

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

/// A setting as the reference shows it.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The field of [`Config`], or the argument of the command line.
    pub name: &'static str,
    /// The environment variable.
    pub variable: &'static str,
    /// What a value looks like.
    pub value: &'static str,
    /// What holds without it.
    pub default: &'static str,
    /// What it does.
    pub help: &'static str,
}

/// Every setting, in the order of the reference page.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "environment",
        variable: "TALLYLIGHT_ENVIRONMENT",
        value: "text",
        default: "SENTRY_ENVIRONMENT, NEXT_PUBLIC_SENTRY_ENVIRONMENT, NODE_ENV; else production where any AWS configuration is found, else development",
        help: "The environment's name, shown in the status document.",
    },
    Setting {
        name: "service",
        variable: "TALLYLIGHT_SERVICE",
        value: "text",
        default: "none",
        help: "The service's name, shown in the status document.",
    },
    Setting {
        name: "release",
        variable: "TALLYLIGHT_RELEASE",
        value: "text",
        default: "SENTRY_RELEASE, else none",
        help: "The version that runs, shown in the status document.",
    },
    Setting {
        name: "max_series",
        variable: "TALLYLIGHT_MAX_SERIES",
        value: "1 to 1000000",
        default: "2000",
        help: "Series kept apart; further ones record into `otel.metric.overflow`.",
    },
    Setting {
        name: "max_memory_bytes",
        variable: "TALLYLIGHT_MAX_MEMORY_BYTES",
        value: "bytes, at least 1048576",
        default: "67108864 (64 MiB)",
        help: "Cap on the memory that holds the counts; past it, recordings that need more are counted drops.",
    },
    Setting {
        name: "max_window_bytes",
        variable: "TALLYLIGHT_MAX_WINDOW_BYTES",
        value: "bytes, at least 65536",
        default: "33554432 (32 MiB)",
        help: "Cap on the memory of the rolling windows; past it they become coarser, then shorter.",
    },
    Setting {
        name: "tick",
        variable: "TALLYLIGHT_TICK_MS",
        value: "milliseconds, 100 to 60000",
        default: "1000",
        help: "How often the windows take in what is new.",
    },
    Setting {
        name: "errors.dsn",
        variable: "TALLYLIGHT_DSN",
        value: "a Sentry DSN",
        default: "SENTRY_DSN, else none: the last events stay in a local store",
        help: "Where errors, traces and check-ins go.",
    },
    Setting {
        name: "errors.spool_dir",
        variable: "TALLYLIGHT_SPOOL_DIR",
        value: "a path",
        default: "$XDG_STATE_HOME/tallylight, else ~/.local/state/tallylight, else a folder of the user's in the folder for temporary files",
        help: "Where events wait on disk until they are delivered, and where the local store is.",
    },
    Setting {
        name: "errors.spool",
        variable: "TALLYLIGHT_SPOOL",
        value: "true or false",
        default: "true",
        help: "Whether events wait on disk; in memory otherwise, and lost with the process.",
    },
    Setting {
        name: "errors.max_spool_bytes",
        variable: "TALLYLIGHT_MAX_SPOOL_BYTES",
        value: "bytes, at least 1048576",
        default: "67108864 (64 MiB)",
        help: "Bytes that all processes of this spool keep on disk; past it new events are counted drops.",
    },
    Setting {
        name: "errors.max_spool_age",
        variable: "TALLYLIGHT_MAX_SPOOL_AGE_MS",
        value: "milliseconds, 1000 to 2592000000",
        default: "604800000 (7 days)",
        help: "How old an event may be that is still delivered.",
    },
    Setting {
        name: "errors.max_queue_bytes",
        variable: "TALLYLIGHT_MAX_QUEUE_BYTES",
        value: "bytes, at least 1048576",
        default: "16777216 (16 MiB)",
        help: "Bytes of events kept in memory where the disk takes none.",
    },
    Setting {
        name: "errors.local_events",
        variable: "TALLYLIGHT_LOCAL_EVENTS",
        value: "1 to 100000",
        default: "100",
        help: "Events that the local store keeps where there is no DSN.",
    },
    Setting {
        name: "errors.storm_limit",
        variable: "TALLYLIGHT_STORM_LIMIT",
        value: "a number from 1",
        default: "100",
        help: "Identical events a minute that are delivered one by one; further ones become a count on one that stands for them.",
    },
    Setting {
        name: "errors.request_timeout",
        variable: "TALLYLIGHT_REQUEST_TIMEOUT_MS",
        value: "milliseconds, 1 to 600000",
        default: "10000",
        help: "How long one request to the server of events may take.",
    },
    Setting {
        name: "errors.shutdown_timeout",
        variable: "TALLYLIGHT_SHUTDOWN_TIMEOUT_MS",
        value: "milliseconds, 0 to 600000",
        default: "2000",
        help: "How long `shutdown` waits for events to be delivered; what is left stays in the spool.",
    },
    Setting {
        name: "errors.sample_rate",
        variable: "TALLYLIGHT_SAMPLE_RATE",
        value: "0 to 1",
        default: "SENTRY_SAMPLE_RATE, else 1",
        help: "Share of errors that are captured.",
    },
    Setting {
        name: "errors.traces_sample_rate",
        variable: "TALLYLIGHT_TRACES_SAMPLE_RATE",
        value: "0 to 1",
        default: "SENTRY_TRACES_SAMPLE_RATE, NEXT_PUBLIC_SENTRY_TRACE_SAMPLE_RATE, else 0.1",
        help: "Share of transactions that are captured.",
    },
    Setting {
        name: "errors.profiles_sample_rate",
        variable: "TALLYLIGHT_PROFILES_SAMPLE_RATE",
        value: "0 to 1",
        default: "SENTRY_PROFILES_SAMPLE_RATE, NEXT_PUBLIC_SENTRY_PROFILES_SAMPLE_RATE, else 0.05",
        help: "Share of the captured transactions that are profiled.",
    },
    Setting {
        name: "errors.max_breadcrumbs",
        variable: "TALLYLIGHT_MAX_BREADCRUMBS",
        value: "0 to 1000",
        default: "100",
        help: "Breadcrumbs that a scope keeps.",
    },
    Setting {
        name: "errors.send_default_pii",
        variable: "TALLYLIGHT_SEND_DEFAULT_PII",
        value: "true or false",
        default: "false",
        help: "Whether users' addresses, cookies and request bodies may be captured.",
    },
    Setting {
        name: "errors.include_local_variables",
        variable: "TALLYLIGHT_INCLUDE_LOCAL_VARIABLES",
        value: "true or false",
        default: "false",
        help: "Whether the local variables of frames are captured, cut to size and scrubbed (Python).",
    },
    Setting {
        name: "errors.capture_prompts",
        variable: "TALLYLIGHT_CAPTURE_PROMPTS",
        value: "true or false",
        default: "false",
        help: "Whether the prompts and answers of model calls are captured.",
    },
    Setting {
        name: "errors.scrub_keys",
        variable: "TALLYLIGHT_SCRUB_KEYS",
        value: "names, separated by commas",
        default: "none beside the built-in ones (password, token, authorization, cookie ...)",
        help: "Further keys whose values are redacted in whatever is captured.",
    },
    Setting {
        name: "errors.server_name",
        variable: "TALLYLIGHT_SERVER_NAME",
        value: "text",
        default: "SENTRY_SERVER_NAME, else the host's name",
        help: "The server's name on events.",
    },
    Setting {
        name: "secrets.sources",
        variable: "TALLYLIGHT_SECRETS_SOURCES",
        value: "some of override,file,aws,environment",
        default: "all",
        help: "Which sources of secrets may answer, always in this order; the environment answers in development only.",
    },
    Setting {
        name: "secrets.ttl",
        variable: "TALLYLIGHT_SECRETS_TTL_MS",
        value: "milliseconds, at least 100",
        default: "3600000 (1 h)",
        help: "How long a secret is fresh, spread by a tenth either way; one in use is refreshed a little earlier.",
    },
    Setting {
        name: "secrets.max_stale",
        variable: "TALLYLIGHT_SECRETS_MAX_STALE_MS",
        value: "milliseconds, at least the time to live",
        default: "86400000 (24 h)",
        help: "How old a secret may be that is served while its source is out of order.",
    },
    Setting {
        name: "secrets.deadline",
        variable: "TALLYLIGHT_SECRETS_DEADLINE_MS",
        value: "milliseconds, 1 to 600000",
        default: "5000",
        help: "How long a call for a secret waits at most.",
    },
    Setting {
        name: "secrets.attempt_timeout",
        variable: "TALLYLIGHT_SECRETS_ATTEMPT_TIMEOUT_MS",
        value: "milliseconds, 1 to 600000",
        default: "2000",
        help: "How long one attempt at AWS may take before the next.",
    },
    Setting {
        name: "secrets.concurrency",
        variable: "TALLYLIGHT_SECRETS_CONCURRENCY",
        value: "1 to 1000",
        default: "8",
        help: "Calls to AWS at one time; fewer while AWS throttles.",
    },
    Setting {
        name: "secrets.max_entries",
        variable: "TALLYLIGHT_SECRETS_MAX_ENTRIES",
        value: "1 to 100000",
        default: "1000",
        help: "Secrets kept; past it the least recently used go.",
    },
    Setting {
        name: "secrets.max_bytes",
        variable: "TALLYLIGHT_SECRETS_MAX_BYTES",
        value: "bytes, at least 65536",
        default: "16777216 (16 MiB)",
        help: "Bytes of values kept; past it the least recently used go.",
    },
    Setting {
        name: "secrets.previous_grace",
        variable: "TALLYLIGHT_SECRETS_PREVIOUS_GRACE_MS",
        value: "milliseconds",
        default: "600000 (10 min)",
        help: "How long the value before a rotation stays readable by `both` where its source keeps none.",
    },
    Setting {
        name: "secrets.region",
        variable: "TALLYLIGHT_SECRETS_REGION",
        value: "a region",
        default: "as the AWS SDK finds it: AWS_REGION, the profile, the instance",
        help: "The region of AWS Secrets Manager.",
    },
    Setting {
        name: "secrets.second_region",
        variable: "TALLYLIGHT_SECRETS_SECOND_REGION",
        value: "a region",
        default: "none",
        help: "A region with replicas, asked when the first fails with a 5xx, a time-out or no connection.",
    },
    Setting {
        name: "secrets.endpoint",
        variable: "TALLYLIGHT_SECRETS_ENDPOINT",
        value: "a URL",
        default: "as the AWS SDK finds it: AWS_ENDPOINT_URL_SECRETS_MANAGER, AWS_ENDPOINT_URL, else AWS's own",
        help: "What stands in for AWS's own endpoints, such as a private one.",
    },
    Setting {
        name: "secrets.role_arn",
        variable: "TALLYLIGHT_SECRETS_ROLE_ARN",
        value: "an ARN",
        default: "none",
        help: "A role to assume for secrets of another account.",
    },
    Setting {
        name: "secrets.external_id",
        variable: "TALLYLIGHT_SECRETS_EXTERNAL_ID",
        value: "text",
        default: "none",
        help: "The external id that this role asks for.",
    },
    Setting {
        name: "secrets.aliases",
        variable: "TALLYLIGHT_SECRETS_ALIASES",
        value: "NAME=VARIABLE, separated by commas",
        default: "those of the built-in secrets, such as cineview-gemini-api=GEMINI_API_KEY",
        help: "Further variables (and with _FILE, files) in which a secret is found.",
    },
    Setting {
        name: "secrets.declared",
        variable: "TALLYLIGHT_SECRETS_DECLARED",
        value: "names, separated by commas",
        default: "cineview-supabase-service-role, cineview-ai-engine-api, cineview-gemini-api",
        help: "Further secrets of this service, for prefetch and `tallylight secrets`.",
    },
    Setting {
        name: "secrets.cache_file",
        variable: "TALLYLIGHT_SECRETS_CACHE_FILE",
        value: "a path",
        default: "none: nothing is written",
        help: "A sealed copy of the cache, so that a restart during an outage of AWS starts all the same.",
    },
    Setting {
        name: "secrets.cache_key",
        variable: "TALLYLIGHT_SECRETS_CACHE_KEY",
        value: "32 bytes in base64 or hex",
        default: "none",
        help: "What the sealed copy is sealed with; make one with `openssl rand -base64 32`.",
    },
    Setting {
        name: "secrets.cache_key, in a file",
        variable: "TALLYLIGHT_SECRETS_CACHE_KEY_FILE",
        value: "a path",
        default: "none",
        help: "A file that holds that key.",
    },
    Setting {
        name: "URL of `tallylight status`",
        variable: "TALLYLIGHT_STATUS_URL",
        value: "a URL, or host:port",
        default: "http://127.0.0.1:3000/api/monitoring/status",
        help: "Where the command line asks when it is given no URL.",
    },
];

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
