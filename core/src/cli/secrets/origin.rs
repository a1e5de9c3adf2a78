//! Where a secret would come from here, without reading it.
//!
//! [`Surroundings`], which decides for a service, decides here too.

use crate::secrets::Source;
use crate::secrets::chain::{self, Surroundings};
use crate::secrets::declared::Declarations;
use crate::secrets::file::Located;
use crate::secrets::name::SecretName;

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
        let config = &session.config.secrets;
        let is_development = session.is_development();
        let found = Surroundings::of(
            name,
            config,
            &session.declarations,
            is_development,
            |variable| std::env::var_os(variable),
        );
        Self {
            aws: found.asks_aws(config, is_development),
            file: found.file,
            variable: found.variable.map(|found| found.variable.clone()),
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
    chain::has_aws(&session.config.secrets, |variable| {
        std::env::var_os(variable)
    })
}

/// The variables that hold a secret: its own, then its aliases.
pub(super) fn variables(name: &SecretName, declarations: &Declarations) -> Vec<String> {
    let mut variables = vec![name.variable()];
    variables.extend_from_slice(declarations.aliases(name));
    variables
}
