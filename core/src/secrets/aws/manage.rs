//! What the command line does to secrets: list, create, put, rotate.
//!
//! Writes go to the first region only and carry a token, so that a repeated one is no second
//! version. The invariants: nothing here reads a value, and a failure never quotes the one that was
//! to be written, whatever the service's message says.

use std::time::SystemTime;

use aws_sdk_secretsmanager::primitives::{Blob, DateTime};
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Aws;
use super::attempt::Call;
use super::classify::{Action, Refused, plain};
use crate::secrets::failure::{Failure, FailureKind};
use crate::secrets::request::CURRENT;

pub(super) const LIST: Action = Action::reads("ListSecrets");
pub(super) const DESCRIBE: Action = Action::reads("DescribeSecret");
const CREATE: Action = Action::writes("CreateSecret");
const PUT: Action = Action::writes("PutSecretValue");
const MOVE: Action = Action::writes("UpdateSecretVersionStage");
const ROTATE: Action = Action::writes("RotateSecret");

/// The stage of a version that is prepared and not yet in use.
pub(crate) const PENDING: &str = "AWSPENDING";
/// Largest value in bytes, by AWS.
const MOST_BYTES: usize = 65_536;
/// Secrets on one page, by AWS.
const PAGE: i32 = 100;
/// What stands for the secret where none is meant.
const NO_NAME: &str = "*";

/// Which secrets to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    All,
    /// Those whose names start so.
    Prefix(String),
    /// These, as far as they exist.
    Names(Vec<String>),
}

/// What is known of a secret without its value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) name: String,
    pub(crate) arn: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) created_at: Option<SystemTime>,
    pub(crate) changed_at: Option<SystemTime>,
    pub(crate) rotated_at: Option<SystemTime>,
    pub(crate) next_rotation_at: Option<SystemTime>,
    /// When it was marked for deletion.
    pub(crate) deleted_at: Option<SystemTime>,
    /// Whether AWS rotates it by a schedule.
    pub(crate) rotates: bool,
    pub(crate) rotation_function: Option<String>,
    /// The service that manages it, such as `rds`.
    pub(crate) owner: Option<String>,
    /// The KMS key of the caller's own.
    pub(crate) kms_key: Option<String>,
    /// Of a replica: where it is copied from.
    pub(crate) primary_region: Option<String>,
    pub(crate) versions: Vec<Version>,
}

/// A version of a secret and the stages attached to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) id: String,
    pub(crate) stages: Vec<String>,
}

impl Listed {
    /// The version that has `stage`.
    pub(crate) fn version_with(&self, stage: &str) -> Option<&str> {
        self.versions
            .iter()
            .find(|version| version.stages.iter().any(|known| known == stage))
            .map(|version| version.id.as_str())
    }
}

/// A value on its way to AWS.
#[derive(Clone, Copy)]
pub(crate) struct NewValue<'a> {
    pub(crate) bytes: &'a [u8],
    /// Whether to store it as binary; text has to be UTF-8.
    pub(crate) is_binary: bool,
    /// Becomes the version's id; the same token with the same value writes nothing again.
    pub(crate) token: &'a str,
}

/// A secret to create.
#[derive(Clone, Copy)]
pub(crate) struct NewSecret<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: NewValue<'a>,
    pub(crate) description: Option<&'a str>,
    /// Instead of the account's own key for Secrets Manager.
    pub(crate) kms_key: Option<&'a str>,
}

/// What a write made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) arn: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) region: String,
}

/// A token of its own for one write: a random UUID.
pub(crate) fn new_token() -> String {
    let random = fastrand::u128(..);
    // Version 4, variant 1 (RFC 9562).
    let bits = (random & !(0xf << 76) | 4 << 76) & !(0b11 << 62) | 0b10 << 62;
    let hex = format!("{bits:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-")
}

impl Aws {
    /// What exists of the wanted secrets, those marked for deletion included, ordered by name.
    pub(crate) async fn list(
        &self,
        wanted: &Wanted,
        until: Instant,
    ) -> Result<Vec<Listed>, Failure> {
        let mut listed = match wanted {
            Wanted::All => self.list_pages(None, until).await?,
            Wanted::Prefix(prefix) => {
                let mut listed = self.list_pages(Some(prefix), until).await?;
                // AWS's own filter also matches later words of a name, and ignores case.
                listed.retain(|secret| secret.name.starts_with(prefix.as_str()));
                listed
            }
            Wanted::Names(names) => self.describe_each(names, until).await?,
        };
        listed.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(listed)
    }

    async fn list_pages(
        &self,
        prefix: Option<&str>,
        until: Instant,
    ) -> Result<Vec<Listed>, Failure> {
        let call = Call {
            action: LIST,
            id: NO_NAME,
            name: prefix.unwrap_or(NO_NAME),
            until,
        };
        let filter = prefix.map(|prefix| {
            Filter::builder()
                .key(FilterNameStringType::Name)
                .values(prefix)
                .build()
        });
        let mut listed = Vec::new();
        let mut token = None;
        loop {
            let (filter, from) = (&filter, &token);
            let page = self
                .call(call, |client, _| async move {
                    client
                        .list_secrets()
                        .max_results(PAGE)
                        .include_planned_deletion(true)
                        .set_filters(filter.clone().map(|filter| vec![filter]))
                        .set_next_token(from.clone())
                        .send()
                        .await
                        .map_err(|error| Refused::new(&error))
                })
                .await?
                .value;
            listed.extend(
                page.secret_list
                    .unwrap_or_default()
                    .into_iter()
                    .map(from_entry),
            );
            // A token that repeats would go round for ever.
            if page.next_token.is_none() || page.next_token == token {
                return Ok(listed);
            }
            token = page.next_token;
        }
    }

    /// Needs no permission to list, and sees what was written a moment ago.
    async fn describe_each(
        &self,
        names: &[String],
        until: Instant,
    ) -> Result<Vec<Listed>, Failure> {
        let mut tasks = JoinSet::new();
        for name in names {
            let (aws, name) = (self.clone(), name.clone());
            tasks.spawn(async move { aws.describe(&name, until).await });
        }
        let mut listed = Vec::with_capacity(names.len());
        while let Some(done) = tasks.join_next().await {
            match done {
                Ok(Ok(secret)) => listed.push(secret),
                Ok(Err(failure)) if failure.kind == FailureKind::NotFound => {}
                Ok(Err(failure)) => return Err(failure),
                Err(_) => return Err(broken(NO_NAME)),
            }
        }
        listed.dedup_by(|a, b| a.arn.is_some() && a.arn == b.arn);
        Ok(listed)
    }

    /// One secret without its value.
    pub(crate) async fn describe(&self, name: &str, until: Instant) -> Result<Listed, Failure> {
        let call = call(DESCRIBE, name, until);
        let answer = self
            .call(call, |client, id| async move {
                let output = client.describe_secret().secret_id(id).send().await;
                output.map_err(|error| Refused::new(&error))
            })
            .await?;
        let output = answer.value;
        Ok(Listed {
            name: output.name.unwrap_or_else(|| name.to_owned()),
            arn: output.arn,
            description: output.description.filter(|text| !text.is_empty()),
            created_at: time(output.created_date),
            changed_at: time(output.last_changed_date),
            rotated_at: time(output.last_rotated_date),
            next_rotation_at: time(output.next_rotation_date),
            deleted_at: time(output.deleted_date),
            rotates: output.rotation_enabled.unwrap_or_default(),
            rotation_function: output.rotation_lambda_arn.filter(|arn| !arn.is_empty()),
            owner: output.owning_service,
            kms_key: output.kms_key_id,
            primary_region: output.primary_region,
            versions: versions(output.version_ids_to_stages),
        })
    }

    /// Creates a secret with its first version.
    pub(crate) async fn create(
        &self,
        new: &NewSecret<'_>,
        until: Instant,
    ) -> Result<Written, Failure> {
        let (text, binary) = &payload(new.name, new.value)?;
        let answer = self
            .call(call(CREATE, new.name, until), |client, id| async move {
                client
                    .create_secret()
                    .name(id)
                    .client_request_token(new.value.token)
                    .set_description(new.description.map(str::to_owned))
                    .set_kms_key_id(new.kms_key.map(str::to_owned))
                    .set_secret_string(text.clone())
                    .set_secret_binary(binary.clone())
                    .send()
                    .await
                    .map_err(|error| Refused::new(&error))
            })
            .await
            .map_err(|failure| without(failure, new.value.bytes))?;
        Ok(Written {
            arn: answer.value.arn,
            version: answer.value.version_id,
            region: answer.region,
        })
    }

    /// Adds a version with these stages; with [`CURRENT`] it is in use at once, and AWS makes the
    /// former one the previous.
    pub(crate) async fn put(
        &self,
        name: &str,
        value: NewValue<'_>,
        stages: &[&str],
        until: Instant,
    ) -> Result<Written, Failure> {
        let (text, binary) = &payload(name, value)?;
        let answer = self
            .call(call(PUT, name, until), |client, id| async move {
                client
                    .put_secret_value()
                    .secret_id(id)
                    .client_request_token(value.token)
                    .set_version_stages(Some(stages.iter().map(|s| (*s).to_owned()).collect()))
                    .set_secret_string(text.clone())
                    .set_secret_binary(binary.clone())
                    .send()
                    .await
                    .map_err(|error| Refused::new(&error))
            })
            .await
            .map_err(|failure| without(failure, value.bytes))?;
        Ok(Written {
            arn: answer.value.arn,
            version: answer.value.version_id,
            region: answer.region,
        })
    }

    /// Moves a stage from one version to another; with `to` none it is only taken off.
    pub(crate) async fn move_stage(
        &self,
        name: &str,
        stage: &str,
        from: Option<&str>,
        to: Option<&str>,
        until: Instant,
    ) -> Result<(), Failure> {
        let moved = self
            .call(call(MOVE, name, until), |client, id| async move {
                client
                    .update_secret_version_stage()
                    .secret_id(id)
                    .version_stage(stage)
                    .set_remove_from_version_id(from.map(str::to_owned))
                    .set_move_to_version_id(to.map(str::to_owned))
                    .send()
                    .await
                    .map_err(|error| Refused::new(&error))
            })
            .await;
        let failure = match moved {
            Ok(_) => return Ok(()),
            Err(failure) => failure,
        };
        // An attempt whose answer was lost has moved it, and the next was told that it is not there.
        if failure.kind == FailureKind::Invalid
            && let Ok(now) = self.describe(name, until).await
            && now.version_with(stage) == to
        {
            return Ok(());
        }
        Err(failure)
    }

    /// Puts a pending version in use; AWS makes the current one the previous. Answers the version
    /// that was current.
    pub(crate) async fn promote(
        &self,
        name: &str,
        version: &str,
        until: Instant,
    ) -> Result<Option<String>, Failure> {
        let known = self.describe(name, until).await?;
        let current = known.version_with(CURRENT).map(str::to_owned);
        if current.as_deref() != Some(version) {
            self.move_stage(name, CURRENT, current.as_deref(), Some(version), until)
                .await?;
        }
        // Left where it is not the current one, it would read as a rotation that goes on.
        if known.version_with(PENDING) == Some(version) {
            self.move_stage(name, PENDING, Some(version), None, until)
                .await?;
        }
        Ok(current)
    }

    /// Takes the pending stage off, if a version has it; answers that version.
    pub(crate) async fn cancel_pending(
        &self,
        name: &str,
        until: Instant,
    ) -> Result<Option<String>, Failure> {
        let known = self.describe(name, until).await?;
        let Some(pending) = known.version_with(PENDING).map(str::to_owned) else {
            return Ok(None);
        };
        self.move_stage(name, PENDING, Some(&pending), None, until)
            .await?;
        Ok(Some(pending))
    }

    /// Has the secret's rotation function rotate it now. AWS answers as soon as it has started.
    pub(crate) async fn rotate_with_function(
        &self,
        name: &str,
        token: &str,
        until: Instant,
    ) -> Result<Written, Failure> {
        let known = self.describe(name, until).await?;
        if known.rotation_function.is_none() && known.owner.is_none() && !known.rotates {
            let text = "it has no rotation function";
            return Err(Failure::new(FailureKind::Invalid, name, text)
                .hint("rotate it with a new value, or set a function up in AWS"));
        }
        let answer = self
            .call(call(ROTATE, name, until), |client, id| async move {
                client
                    .rotate_secret()
                    .secret_id(id)
                    .client_request_token(token)
                    .send()
                    .await
                    .map_err(|error| Refused::new(&error))
            })
            .await?;
        Ok(Written {
            arn: answer.value.arn,
            version: answer.value.version_id,
            region: answer.region,
        })
    }
}

fn call(action: Action, name: &str, until: Instant) -> Call<'_> {
    Call {
        action,
        id: name,
        name,
        until,
    }
}

/// The value as the SDK takes it. These copies are the SDK's; they are freed, not overwritten.
fn payload(name: &str, value: NewValue<'_>) -> Result<(Option<String>, Option<Blob>), Failure> {
    let invalid = |text: String| Err(Failure::new(FailureKind::Invalid, name, text));
    match value.bytes.len() {
        0 => return invalid("its new value is empty; give one".to_owned()),
        bytes if bytes > MOST_BYTES => {
            return invalid(format!(
                "its new value has {bytes} bytes; AWS takes at most {MOST_BYTES}"
            ));
        }
        _ => {}
    }
    if value.is_binary {
        return Ok((None, Some(Blob::new(value.bytes))));
    }
    match std::str::from_utf8(value.bytes) {
        Ok(text) => Ok((Some(text.to_owned()), None)),
        Err(_) => invalid("its new value is no UTF-8 text; store it as binary".to_owned()),
    }
}

/// A failure of a write without the value, which the service may quote.
fn without(mut failure: Failure, value: &[u8]) -> Failure {
    let value = String::from_utf8_lossy(value);
    let (whole, line) = (value.trim(), plain(&value));
    let quoted = [whole, line.as_str()];
    if !quoted.iter().any(|value| failure.text.contains(value)) {
        return failure;
    }
    failure.text = match whole.len() {
        // Cutting a short one out would leave a riddle, and its place would tell it.
        0..8 => "AWS refused the value".to_owned(),
        _ => quoted.iter().fold(failure.text, |text, value| {
            text.replace(value, "[redacted]")
        }),
    };
    failure
}

fn broken(name: &str) -> Failure {
    Failure::new(
        FailureKind::Unreachable,
        name,
        "describing it failed inside Tallylight; please report it",
    )
}

fn from_entry(entry: aws_sdk_secretsmanager::types::SecretListEntry) -> Listed {
    Listed {
        name: entry.name.unwrap_or_default(),
        arn: entry.arn,
        description: entry.description.filter(|text| !text.is_empty()),
        created_at: time(entry.created_date),
        changed_at: time(entry.last_changed_date),
        rotated_at: time(entry.last_rotated_date),
        next_rotation_at: time(entry.next_rotation_date),
        deleted_at: time(entry.deleted_date),
        rotates: entry.rotation_enabled.unwrap_or_default(),
        rotation_function: entry.rotation_lambda_arn.filter(|arn| !arn.is_empty()),
        owner: entry.owning_service,
        kms_key: entry.kms_key_id,
        primary_region: entry.primary_region,
        versions: versions(entry.secret_versions_to_stages),
    }
}

fn versions(known: Option<std::collections::HashMap<String, Vec<String>>>) -> Vec<Version> {
    let mut versions: Vec<Version> = known
        .unwrap_or_default()
        .into_iter()
        .map(|(id, mut stages)| {
            stages.sort();
            Version { id, stages }
        })
        .collect();
    versions.sort_by(|a, b| (&a.stages, &a.id).cmp(&(&b.stages, &b.id)));
    versions
}

fn time(time: Option<DateTime>) -> Option<SystemTime> {
    SystemTime::try_from(time?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_uuid_of_its_own() {
        let (one, two) = (new_token(), new_token());
        assert_ne!(one, two);
        for token in [one, two] {
            assert_eq!(token.len(), 36);
            assert_eq!(token.as_bytes()[14], b'4', "{token}");
            assert!(
                matches!(token.as_bytes()[19], b'8' | b'9' | b'a' | b'b'),
                "{token}"
            );
        }
    }

    #[test]
    fn a_value_that_the_service_quotes_is_cut_out() {
        let refused = |text: &str| Failure::new(FailureKind::Invalid, "a", text);
        let failure = without(
            refused("Value 'canary value' at 'secretString' failed"),
            b"canary value",
        );
        assert_eq!(failure.text, "Value '[redacted]' at 'secretString' failed");
        let failure = without(refused("Value 'two lines' failed"), b"two\n lines\n");
        assert_eq!(failure.text, "Value '[redacted]' failed");
        assert_eq!(
            without(refused("Value 'abc' failed"), b"abc").text,
            "AWS refused the value"
        );
        assert_eq!(without(refused("too long"), b"canary").text, "too long");
    }

    #[test]
    fn a_value_that_aws_would_not_take_is_refused_here() {
        let value = |bytes| NewValue {
            bytes,
            is_binary: false,
            token: "t",
        };
        for bytes in [&b""[..], &[0xff, 0xfe], &vec![b'a'; MOST_BYTES + 1]] {
            let failure = payload("a", value(bytes)).unwrap_err();
            assert_eq!(failure.kind, FailureKind::Invalid);
        }
        assert!(payload("a", value(&vec![b'a'; MOST_BYTES])).is_ok());
    }
}
