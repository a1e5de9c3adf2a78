//! What there is to do: which values were given for which secrets, and how they differ from AWS's.
//!
//! `setup` calls it. The invariant: an unchanged value is never written; values are compared in
//! memory and nothing of the comparison but its result leaves.

use crate::scrub;
use crate::secrets::aws::{Aws, NewSecret, NewValue, Written, new_token};
use crate::secrets::failure::{Failure, FailureKind};
use crate::secrets::name::SecretName;
use crate::secrets::request::{CURRENT, Which};
use tokio::time::Instant;

use super::values::{Entry, Given};

/// AWS's name for a secret that is there already.
const EXISTS: &str = "ResourceExistsException";

/// A secret that may be written.
pub(super) struct Target {
    pub(super) name: SecretName,
    /// Its variables, by which a document may name it too.
    pub(super) variables: Vec<String>,
    pub(super) description: String,
}

impl Target {
    fn is_called(&self, name: &str) -> bool {
        self.name.as_str() == name
            || self.name.short_name() == name
            || self.variables.iter().any(|variable| variable == name)
    }
}

/// A value and the target, by its number, that it is for.
pub(super) type Assigned = (usize, Given);

/// What a document gives for the targets.
pub(super) struct Assignment {
    pub(super) values: Vec<Assigned>,
    /// Where the entries stand that are for no target.
    pub(super) left_out: Vec<String>,
}

/// Finds the target of each entry.
pub(super) fn assign(entries: Vec<Entry>, targets: &[Target]) -> Result<Assignment, String> {
    let mut assignment = Assignment {
        values: Vec::new(),
        left_out: Vec::new(),
    };
    for entry in entries {
        let found = targets
            .iter()
            .position(|target| target.is_called(&entry.name));
        let Some(at) = found else {
            assignment.left_out.push(entry.place);
            continue;
        };
        let former = assignment.values.iter().find(|(known, _)| *known == at);
        match former {
            None => assignment.values.push((at, entry.value)),
            // As a file may have a variable and its alias.
            Some((_, same)) if *same.bytes == *entry.value.bytes => {}
            Some(_) => {
                return Err(format!(
                    "gives two different values for {}, the second in {}; leave one out",
                    targets
                        .get(at)
                        .map_or("a secret", |target| target.name.as_str()),
                    entry.place
                ));
            }
        }
    }
    Ok(assignment)
}

/// What is to be done for a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Create,
    Update,
    Unchanged,
}

impl Action {
    /// Before it is done.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Unchanged => "unchanged",
        }
    }

    /// After it was done.
    pub(super) const fn done(self) -> &'static str {
        match self {
            Self::Create => "created",
            Self::Update => "updated",
            Self::Unchanged => "unchanged",
        }
    }
}

/// What is to be done, and what is known besides.
#[derive(Clone, Debug)]
pub(super) struct Decided {
    pub(super) action: Action,
    /// The version that is current now.
    pub(super) version: Option<String>,
    /// What a reader should know about it.
    pub(super) note: Option<&'static str>,
}

/// Compares a value with the one that AWS has.
pub(super) async fn decide(
    aws: &Aws,
    name: &str,
    given: &Given,
    until: Instant,
) -> Result<Decided, Failure> {
    let decided = |action, version, note| Decided {
        action,
        version,
        note,
    };
    let failure = match aws
        .read(name, &Which::Stage(CURRENT.to_owned()), until)
        .await
    {
        Ok(stored) => {
            scrub::register(&stored.bytes);
            let action = match given.is_stored(&stored) {
                true => Action::Unchanged,
                false => Action::Update,
            };
            return Ok(decided(action, stored.version, None));
        }
        Err(failure) => failure,
    };
    if !failure.kind.is_revocation() {
        return Err(failure);
    }
    match aws.describe(name, until).await {
        Ok(known) if known.deleted_at.is_some() => Err(failure),
        Ok(known) if failure.kind == FailureKind::NotFound => {
            let version = known.version_with(CURRENT).map(str::to_owned);
            Ok(decided(
                Action::Update,
                version,
                Some("it exists without a value"),
            ))
        }
        Ok(known) => {
            let version = known.version_with(CURRENT).map(str::to_owned);
            let note = "its value may not be read with these credentials, so it is not compared";
            Ok(decided(Action::Update, version, Some(note)))
        }
        Err(other) if other.kind == FailureKind::NotFound => {
            Ok(decided(Action::Create, None, None))
        }
        // Who may read but not describe still learns that it is missing.
        Err(_) if failure.kind == FailureKind::NotFound => Ok(decided(Action::Create, None, None)),
        Err(_) => Err(failure),
    }
}

/// How secrets are created.
#[derive(Clone, Copy, Default)]
pub(super) struct Making<'a> {
    pub(super) description: Option<&'a str>,
    pub(super) kms_key: Option<&'a str>,
}

/// Does what was decided. The token is random, never made of the value: it becomes the version's id,
/// which more people may see than the value. A lost answer is told by comparing once more.
pub(super) async fn carry_out(
    aws: &Aws,
    name: &str,
    given: &Given,
    decided: &Decided,
    making: Making<'_>,
    until: Instant,
) -> Result<(Action, Written), Failure> {
    let token = new_token();
    let value = NewValue {
        bytes: &given.bytes,
        is_binary: given.is_binary,
        token: &token,
    };
    let put = async |action| {
        let written = aws.put(name, value, &[CURRENT], until).await?;
        Ok((action, written))
    };
    if decided.action != Action::Create {
        return put(Action::Update).await;
    }
    let new = NewSecret {
        name,
        value,
        description: making.description,
        kms_key: making.kms_key,
    };
    let failure = match aws.create(&new, until).await {
        Ok(written) => return Ok((Action::Create, written)),
        Err(failure) => failure,
    };
    if failure.aws_code.as_deref() != Some(EXISTS) {
        return Err(failure);
    }
    // Somebody else was faster, or our own first attempt whose answer was lost.
    let now = decide(aws, name, given, until).await?;
    match now.action {
        Action::Unchanged => {
            let written = Written {
                arn: None,
                version: now.version,
                region: failure.region.unwrap_or_default(),
            };
            Ok((Action::Create, written))
        }
        _ => put(Action::Update).await,
    }
}
