//! The sources of a secret in their order: its file, AWS, and in development its variable.
//!
//! (What the process set itself is in the index and never comes here.) The first source that is set
//! up for a secret decides: a file that cannot be read is an error, not a reason to ask elsewhere.
//! Only a development environment goes from a failing AWS on to a variable.

use std::ffi::OsString;
use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::Instant;

use super::aws::{Aws, AwsSettings};
use super::config::SecretsConfig;
use super::declared::Declarations;
use super::environment::{self, FromVariable};
use super::failure::{Failure, FailureKind};
use super::fetched::Fetched;
use super::file::{self, FileStamp, Located};
use super::file_threads::FileThreads;
use super::index::Id;
use super::name::SecretName;
use super::shared::Settings;
use crate::config::AWS_VARIABLES;

/// What a caller's own surroundings hold of a secret. Read on the caller's thread: the environment
/// is the host's, and another thread may not read it while the host changes it.
#[derive(Clone, Default)]
pub(crate) struct Surroundings {
    /// The file that `NAME_FILE` names.
    pub(crate) file: Option<Located>,
    /// The variable, in development.
    pub(crate) variable: Option<Arc<FromVariable>>,
    /// Whether anything says how to reach AWS.
    has_aws: bool,
}

impl Surroundings {
    pub(crate) fn of(
        name: &SecretName,
        config: &SecretsConfig,
        declarations: &Declarations,
        is_development: bool,
        get: impl Fn(&str) -> Option<OsString>,
    ) -> Self {
        let sources = config.sources;
        let aliases = declarations.aliases(name);
        Self {
            file: sources
                .file
                .then(|| file::locate(name, aliases, &get))
                .flatten(),
            variable: sources
                .environment
                .then(|| environment::read(name, aliases, is_development, &get))
                .flatten()
                .map(Arc::new),
            has_aws: name.region().is_some() || has_aws(config, &get),
        }
    }

    /// Whether AWS is asked where no file answers. In development without any AWS configuration it
    /// is not: finding out that there are no credentials takes seconds.
    pub(crate) fn asks_aws(&self, config: &SecretsConfig, is_development: bool) -> bool {
        config.sources.aws && (self.has_aws || !is_development)
    }
}

/// Whether anything but a secret's own ARN says how to reach AWS.
pub(crate) fn has_aws(config: &SecretsConfig, get: impl Fn(&str) -> Option<OsString>) -> bool {
    config.region.is_some()
        || config.endpoint.is_some()
        || AWS_VARIABLES
            .iter()
            .any(|variable| get(variable).is_some_and(|value| !value.is_empty()))
}

/// A value as the chain answers it.
pub(super) struct Read {
    pub(super) fetched: Fetched,
    /// When the source answered, if not just now.
    pub(super) fetched_at: Option<SystemTime>,
    /// Of the file it came from.
    pub(super) stamp: Option<FileStamp>,
}

impl Read {
    pub(super) fn plain(fetched: Fetched) -> Self {
        Self {
            fetched,
            fetched_at: None,
            stamp: None,
        }
    }
}

/// Asks the sources for one secret.
pub(super) async fn read(
    id: &Id,
    surroundings: &Surroundings,
    settings: &Settings,
    aws: &Aws,
    threads: &FileThreads,
    until: Instant,
) -> Result<Read, Failure> {
    if let Some(located) = &surroundings.file {
        if !id.which.is_current() {
            return Err(no_versions(id, "a file"));
        }
        return read_file(&id.name, located.clone(), threads, until).await;
    }
    if surroundings.asks_aws(&settings.config, settings.is_development) {
        return match aws.read(&id.name, &id.which, until).await {
            Ok(fetched) => Ok(Read::plain(fetched)),
            Err(failure) if id.which.is_current() => after_aws(failure, surroundings),
            Err(failure) => Err(failure),
        };
    }
    match &surroundings.variable {
        Some(_) if !id.which.is_current() => Err(no_versions(id, "a variable")),
        Some(found) => from_variable(found),
        None => Err(nowhere(&id.name, settings)),
    }
}

/// What stands after AWS failed: in development the variable, if there is one.
pub(super) fn after_aws(failure: Failure, surroundings: &Surroundings) -> Result<Read, Failure> {
    match &surroundings.variable {
        Some(found) => from_variable(found),
        None => Err(failure),
    }
}

/// Whether AWS is the first source to answer.
pub(super) fn asks_aws_first(surroundings: &Surroundings, settings: &Settings) -> bool {
    surroundings.file.is_none() && surroundings.asks_aws(&settings.config, settings.is_development)
}

async fn read_file(
    name: &str,
    located: Located,
    threads: &FileThreads,
    until: Instant,
) -> Result<Read, Failure> {
    let secret = SecretName::parse(name)
        .map_err(|error| Failure::new(FailureKind::Invalid, name, error.to_string()))?;
    // Without a look at the file: this thread must not hang with it.
    let place = match file::shown_unseen(&located.path) {
        Some(path) => ("path", path),
        None => ("variable", located.variable.clone()),
    };
    let path = located.path.clone();
    let reading = threads.run(&path, move || file::read(&secret, &located));
    let failed = |kind, text: &str| {
        let mut failure = Failure::new(kind, name, text);
        failure.place = Some(place.clone());
        failure
    };
    match tokio::time::timeout_at(until, reading).await {
        Ok(Ok(Ok(read))) => Ok(Read {
            fetched: read.fetched,
            fetched_at: None,
            stamp: Some(read.stamp),
        }),
        Ok(Ok(Err(failure))) => Err(failure),
        Ok(Err(_)) => Err(failed(
            FailureKind::Unreachable,
            "reading its file failed inside Tallylight; please report it",
        )),
        Err(_) => Err(failed(
            FailureKind::TimedOut,
            "reading its file took longer than the deadline; is the file system reachable?",
        )),
    }
}

fn from_variable(found: &FromVariable) -> Result<Read, Failure> {
    match &found.outcome {
        Ok(fetched) => Ok(Read::plain(Fetched::plain(
            fetched.bytes.clone(),
            fetched.source,
        ))),
        Err(failure) => Err(failure.clone()),
    }
}

fn no_versions(id: &Id, source: &str) -> Failure {
    Failure::new(
        FailureKind::NotFound,
        &id.name,
        format!("it comes from {source}, which has no stages or versions"),
    )
    .hint("ask for it without a stage and a version")
}

/// No source is set up for it.
fn nowhere(name: &str, settings: &Settings) -> Failure {
    let (file, variables) = match SecretName::parse(name) {
        Ok(name) => {
            let mut variables = vec![name.variable()];
            variables.extend_from_slice(settings.declarations.aliases(&name));
            (name.file_variable(), variables.join(" or "))
        }
        Err(_) => (String::new(), String::new()),
    };
    let sources: Vec<&str> = settings
        .config
        .sources
        .list()
        .iter()
        .map(|source| source.as_str())
        .collect();
    let hint = if settings.is_development {
        format!(
            "set {variables}, or {file} to a file's path, or AWS_REGION and credentials to ask AWS"
        )
    } else {
        format!(
            "set {file} to a file's path, or switch the source aws on; variables answer in \
             development only, and this is {}",
            settings.environment
        )
    };
    Failure::new(
        FailureKind::NotFound,
        name,
        format!("no source has it (asked: {})", sources.join(", ")),
    )
    .hint(hint)
}

/// The part of the settings that AWS needs.
pub(crate) fn aws_settings(config: &SecretsConfig) -> AwsSettings {
    AwsSettings {
        region: config.region.clone(),
        second_region: config.second_region.clone(),
        role_arn: config.role_arn.clone(),
        external_id: config.external_id.clone(),
        endpoint: config.endpoint.clone(),
        attempt_timeout: config.attempt_timeout,
        concurrency: config.concurrency,
    }
}
