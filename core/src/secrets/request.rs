//! What a caller asks for.

use std::time::Duration;

use crate::error::{Error, ErrorKind};

/// The stage that is meant when none is named.
pub(crate) const CURRENT: &str = "AWSCURRENT";
/// How long a call may wait.
const SHORTEST_DEADLINE: Duration = Duration::from_millis(1);
pub(super) const LONGEST_DEADLINE: Duration = Duration::from_secs(600);
/// The stage of the version before the current one.
pub(crate) const PREVIOUS: &str = "AWSPREVIOUS";

/// A secret, and what is asked of it.
///
/// ```
/// use std::time::Duration;
/// use tallylight::secrets::Request;
///
/// let request = Request::new("cineview-supabase-service-role")
///     .key("password")
///     .deadline(Duration::from_secs(1));
/// assert_eq!(request.stage, None); // AWSCURRENT
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// Its name or ARN.
    pub name: &'a str,
    /// One key of a JSON secret.
    pub key: Option<&'a str>,
    /// The version with this stage, `AWSCURRENT` when neither stage nor version is given.
    pub stage: Option<&'a str>,
    /// The version with this id.
    pub version: Option<&'a str>,
    /// How old the value may be; an older one is refreshed first, and an error if it cannot be.
    pub max_age: Option<Duration>,
    /// How long to wait at most, instead of the configured deadline.
    pub deadline: Option<Duration>,
}

impl<'a> Request<'a> {
    /// The current version of `name`.
    #[must_use]
    pub const fn new(name: &'a str) -> Self {
        Self {
            name,
            key: None,
            stage: None,
            version: None,
            max_age: None,
            deadline: None,
        }
    }

    /// One key of a JSON secret; see [`super::Secret::json_key`].
    #[must_use]
    pub const fn key(mut self, key: &'a str) -> Self {
        self.key = Some(key);
        self
    }

    /// The version with this stage.
    #[must_use]
    pub const fn stage(mut self, stage: &'a str) -> Self {
        self.stage = Some(stage);
        self
    }

    /// The version with this id.
    #[must_use]
    pub const fn version(mut self, version: &'a str) -> Self {
        self.version = Some(version);
        self
    }

    /// How old the value may be.
    #[must_use]
    pub const fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// How long to wait at most.
    #[must_use]
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Whether it can be asked at all. Every call that can fail asks so by itself; [`super::Secrets::peek`]
    /// has no way to say it.
    ///
    /// # Errors
    /// `invalid_value` for a key, stage or version that is empty, and for a deadline that is not from
    /// 1 ms to 10 minutes, as the setting is.
    pub fn check(&self) -> Result<(), Error> {
        for (option, given, otherwise) in [
            ("key", self.key, "the whole secret"),
            ("stage", self.stage, CURRENT),
            ("version", self.version, "the version that is in use"),
        ] {
            if given == Some("") {
                return Err(
                    self.impossible(format!("{option} is empty; leave it out for {otherwise}"))
                );
            }
        }
        match self.deadline {
            Some(limit) if !(SHORTEST_DEADLINE..=LONGEST_DEADLINE).contains(&limit) => Err(self
                .impossible(format!(
                    "deadline is not from {} to {} ms; peek waits for nothing",
                    SHORTEST_DEADLINE.as_millis(),
                    LONGEST_DEADLINE.as_millis()
                ))),
            _ => Ok(()),
        }
    }

    fn impossible(&self, what: String) -> Error {
        Error::new(
            ErrorKind::InvalidValue,
            format!(
                "what is asked of secret {} is not possible: {what}",
                self.name
            ),
        )
        .with_detail("name", self.name)
    }

    /// The stage or version as the cache tells values apart.
    pub(super) fn which(&self) -> WhichRef<'a> {
        match self.version {
            Some(version) => WhichRef::Version(version),
            None => match self.stage {
                None | Some(CURRENT) => WhichRef::Current,
                Some(stage) => WhichRef::Stage(stage),
            },
        }
    }
}

/// A stage or a version's id, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhichRef<'a> {
    /// The version with the stage `AWSCURRENT`, which nearly everybody asks for.
    Current,
    /// The version with this other stage.
    Stage(&'a str),
    /// This version.
    Version(&'a str),
}

/// A stage or a version's id.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Which {
    /// The version with this stage.
    Stage(String),
    /// This version.
    Version(String),
}

impl Which {
    pub(super) fn is_current(&self) -> bool {
        matches!(self, Self::Stage(stage) if stage == CURRENT)
    }
}

impl From<WhichRef<'_>> for Which {
    fn from(which: WhichRef<'_>) -> Self {
        match which {
            WhichRef::Current => Self::Stage(CURRENT.to_owned()),
            WhichRef::Stage(stage) => Self::Stage(stage.to_owned()),
            WhichRef::Version(version) => Self::Version(version.to_owned()),
        }
    }
}
