//! The settings of the secret cache.

mod place;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::declared::{Declarations, parse_aliases, parse_declared};
use super::sealed::SealKey;
use super::value::Source;
use crate::error::{Error, ErrorKind};

/// The settings of the secret cache; part of [`crate::Config`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretsConfig {
    /// Which sources may answer. Their order is fixed: override, file, AWS, environment; the last
    /// answers in development only.
    pub sources: Sources,
    /// How long a value is fresh, spread by a tenth either way so that a fleet does not ask at once.
    pub ttl: Duration,
    /// How old a value may be that is served while its source is out of order.
    pub max_stale: Duration,
    /// How long a call waits at most.
    pub deadline: Duration,
    /// How long one attempt at AWS may take.
    pub attempt_timeout: Duration,
    /// Calls to AWS at one time.
    pub concurrency: usize,
    /// Secrets kept; past it the least recently used go.
    pub max_entries: usize,
    /// Bytes of values kept; past it the least recently used go.
    pub max_bytes: usize,
    /// How long the value before a rotation stays readable by `both` where the source keeps none.
    pub previous_grace: Duration,
    /// The region; `None` as the AWS SDK finds it (`AWS_REGION`, the profile, the instance).
    pub region: Option<String>,
    /// A region with a replica, asked when the first fails with a 5xx, a time-out or no connection.
    pub second_region: Option<String>,
    /// What stands in for AWS's own endpoints, such as a private endpoint; `None` as the AWS SDK
    /// finds it (`AWS_ENDPOINT_URL`).
    pub endpoint: Option<String>,
    /// A role to assume, for secrets of another account.
    pub role_arn: Option<String>,
    /// The external id that the role asks for.
    pub external_id: Option<String>,
    /// Further names under which a secret is found in the environment and as `_FILE`.
    pub aliases: BTreeMap<String, Vec<String>>,
    /// Secrets of this service beside the built-in ones, for `prefetch` and the command line.
    pub declared: Vec<String>,
    /// The sealed cache that lets a restart during an outage start; none by default.
    pub cache_file: Option<PathBuf>,
    /// What the sealed cache is sealed with.
    pub cache_key: Option<SealKey>,
}

impl Default for SecretsConfig {
    fn default() -> Self {
        Self {
            sources: Sources::default(),
            ttl: Duration::from_secs(3_600),
            max_stale: Duration::from_secs(24 * 3_600),
            deadline: Duration::from_secs(5),
            attempt_timeout: Duration::from_secs(2),
            concurrency: 8,
            max_entries: 1_000,
            max_bytes: 16 << 20,
            previous_grace: Duration::from_secs(600),
            region: None,
            second_region: None,
            endpoint: None,
            role_arn: None,
            external_id: None,
            aliases: BTreeMap::new(),
            declared: Vec::new(),
            cache_file: None,
            cache_key: None,
        }
    }
}

/// Which sources may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sources {
    /// What the process set itself.
    pub override_: bool,
    /// `NAME_FILE`.
    pub file: bool,
    /// AWS Secrets Manager.
    pub aws: bool,
    /// The environment variable `NAME`, in development only.
    pub environment: bool,
}

impl Default for Sources {
    fn default() -> Self {
        Self {
            override_: true,
            file: true,
            aws: true,
            environment: true,
        }
    }
}

impl Sources {
    /// The sources of a list such as `override,file,aws`.
    ///
    /// # Errors
    /// `invalid_config` for an unknown name or an empty list.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut sources = Self {
            override_: false,
            file: false,
            aws: false,
            environment: false,
        };
        for name in text
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            match name {
                "override" => sources.override_ = true,
                "file" => sources.file = true,
                "aws" => sources.aws = true,
                "environment" | "env" => sources.environment = true,
                _ => {
                    return Err(invalid(format!(
                        "there is no source {name:?} of secrets; give some of override, file, aws, environment"
                    )));
                }
            }
        }
        if sources.list().is_empty() {
            return Err(invalid(
                "no source of secrets is on; give some of override, file, aws, environment"
                    .to_owned(),
            ));
        }
        Ok(sources)
    }

    /// Those that are on, in their order.
    #[must_use]
    pub fn list(self) -> Vec<Source> {
        [
            (self.override_, Source::Override),
            (self.file, Source::File),
            (self.aws, Source::Aws),
            (self.environment, Source::Environment),
        ]
        .into_iter()
        .filter_map(|(on, source)| on.then_some(source))
        .collect()
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidConfig, message)
}

impl SecretsConfig {
    /// The settings that variables give, the defaults otherwise.
    pub(crate) fn from_variables(get: &dyn Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let default = Self::default();
        let number = |name: &str, default: u64| match get(name) {
            None => Ok(default),
            Some(text) => text.trim().parse().map_err(|_| {
                invalid(format!(
                    "{name} is {text:?}; give a whole number, or unset it for {default}"
                ))
            }),
        };
        let millis = |name: &str, default: Duration| {
            number(name, default.as_millis() as u64).map(Duration::from_millis)
        };
        let size = |name: &str, default: usize| {
            number(name, default as u64).map(|n| usize::try_from(n).unwrap_or(usize::MAX))
        };
        let text = |name: &str| get(name).map(|text| text.trim().to_owned());
        let cache_key = match (
            text("TALLYLIGHT_SECRETS_CACHE_KEY"),
            text("TALLYLIGHT_SECRETS_CACHE_KEY_FILE"),
        ) {
            (Some(key), _) => Some(SealKey::parse(&key)?),
            (None, Some(path)) => Some(SealKey::read_file(path.as_ref())?),
            (None, None) => None,
        };
        Ok(Self {
            sources: match get("TALLYLIGHT_SECRETS_SOURCES") {
                Some(list) => Sources::parse(&list)?,
                None => default.sources,
            },
            ttl: millis("TALLYLIGHT_SECRETS_TTL_MS", default.ttl)?,
            max_stale: millis("TALLYLIGHT_SECRETS_MAX_STALE_MS", default.max_stale)?,
            deadline: millis("TALLYLIGHT_SECRETS_DEADLINE_MS", default.deadline)?,
            attempt_timeout: millis(
                "TALLYLIGHT_SECRETS_ATTEMPT_TIMEOUT_MS",
                default.attempt_timeout,
            )?,
            concurrency: size("TALLYLIGHT_SECRETS_CONCURRENCY", default.concurrency)?,
            max_entries: size("TALLYLIGHT_SECRETS_MAX_ENTRIES", default.max_entries)?,
            max_bytes: size("TALLYLIGHT_SECRETS_MAX_BYTES", default.max_bytes)?,
            previous_grace: millis(
                "TALLYLIGHT_SECRETS_PREVIOUS_GRACE_MS",
                default.previous_grace,
            )?,
            region: text("TALLYLIGHT_SECRETS_REGION"),
            second_region: text("TALLYLIGHT_SECRETS_SECOND_REGION"),
            endpoint: text("TALLYLIGHT_SECRETS_ENDPOINT"),
            role_arn: text("TALLYLIGHT_SECRETS_ROLE_ARN"),
            external_id: text("TALLYLIGHT_SECRETS_EXTERNAL_ID"),
            aliases: match get("TALLYLIGHT_SECRETS_ALIASES") {
                Some(list) => parse_aliases(&list)?,
                None => default.aliases,
            },
            declared: match get("TALLYLIGHT_SECRETS_DECLARED") {
                Some(list) => parse_declared(&list)?,
                None => default.declared,
            },
            cache_file: text("TALLYLIGHT_SECRETS_CACHE_FILE").map(PathBuf::from),
            cache_key,
        })
    }

    /// Whether a cache can be made of these settings.
    pub(crate) fn check(&self) -> Result<(), Error> {
        const DAY: u128 = 86_400_000;
        let within = |name: &str, value: u128, low: u128, high: u128| {
            if (low..=high).contains(&value) {
                return Ok(());
            }
            Err(invalid(format!(
                "secrets.{name} is {value}; give a number from {low} to {high}"
            )))
        };
        let millis = |name: &str, value: Duration, low: u128, high: u128| {
            within(
                &format!("{name} (milliseconds)"),
                value.as_millis(),
                low,
                high,
            )
        };
        millis("ttl", self.ttl, 100, 365 * DAY)?;
        millis("max_stale", self.max_stale, 100, 365 * DAY)?;
        millis("deadline", self.deadline, 1, 600_000)?;
        millis("attempt_timeout", self.attempt_timeout, 1, 600_000)?;
        millis("previous_grace", self.previous_grace, 0, 30 * DAY)?;
        within("concurrency", self.concurrency as u128, 1, 1_000)?;
        within("max_entries", self.max_entries as u128, 1, 100_000)?;
        within("max_bytes", self.max_bytes as u128, 65_536, 1 << 32)?;
        if self.max_stale < self.ttl {
            return Err(invalid(
                "secrets.max_stale is shorter than secrets.ttl; a value would be refused while it is fresh"
                    .to_owned(),
            ));
        }
        if self.cache_file.is_some() && self.cache_key.is_none() {
            return Err(invalid(
                "secrets.cache_file is set without secrets.cache_key; it is never written in plain: \
                 make a key with `openssl rand -base64 32` and set TALLYLIGHT_SECRETS_CACHE_KEY or _KEY_FILE"
                    .to_owned(),
            ));
        }
        Declarations::new(&self.declared, &self.aliases)?;
        place::check(self)
    }
}
