//! Where a secret would come from here, without reading it.
//!
//! The order is that of `crate::secrets::chain`, which decides for a service.

use crate::config::AWS_VARIABLES;
use crate::secrets::declared::Declarations;
use crate::secrets::file::{self, Located};
use crate::secrets::name::SecretName;
use crate::secrets::{Source, environment};

use super::session::Session;

/// The sources that are set up for one secret.
pub(super) struct Origin {
    /// Decides alone, if there is one.
    pub(super) file: Option<Located>,
    /// Whether AWS is asked, unless there is a file.
    pub(super) aws: bool,
    /// The variable that answers after AWS, in development.
    pub(super) variable: Option<String>,
}

impl Origin {
    pub(super) fn of(name: &SecretName, session: &Session<'_>) -> Self {
        let sources = session.config.secrets.sources;
        let aliases = session.declarations.aliases(name);
        let get = |variable: &str| std::env::var_os(variable);
        Self {
            file: sources
                .file
                .then(|| file::locate(name, aliases, get))
                .flatten(),
            aws: sources.aws && (has_aws(session) || !session.is_development()),
            variable: sources
                .environment
                .then(|| environment::read(name, aliases, session.is_development(), get))
                .flatten()
                .map(|found| found.variable),
        }
    }

    /// Which source answers, if AWS has the secret or not; none when none does.
    pub(super) fn answers(&self, is_in_aws: bool) -> Option<Source> {
        match self {
            Self { file: Some(_), .. } => Some(Source::File),
            Self { aws: true, .. } if is_in_aws => Some(Source::Aws),
            Self {
                variable: Some(_), ..
            } => Some(Source::Environment),
            _ => None,
        }
    }

    /// The file or variable by its name, where one answers.
    pub(super) fn place(&self, source: Option<Source>) -> Option<String> {
        match source {
            Some(Source::File) => self.file.as_ref().map(|located| located.variable.clone()),
            Some(Source::Environment) => self.variable.clone(),
            _ => None,
        }
    }
}

/// Whether anything says how to reach AWS.
pub(super) fn has_aws(session: &Session<'_>) -> bool {
    let secrets = &session.config.secrets;
    secrets.region.is_some()
        || secrets.endpoint.is_some()
        || AWS_VARIABLES
            .iter()
            .any(|variable| std::env::var_os(variable).is_some_and(|value| !value.is_empty()))
}

/// The variables that hold a secret: its own, then its aliases.
pub(super) fn variables(name: &SecretName, declarations: &Declarations) -> Vec<String> {
    let mut variables = vec![name.variable()];
    variables.extend_from_slice(declarations.aliases(name));
    variables
}
