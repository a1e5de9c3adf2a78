//! What there is, without its values: ListSecrets and DescribeSecret.

use std::collections::HashMap;
use std::time::SystemTime;

use aws_sdk_secretsmanager::primitives::DateTime;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, SecretListEntry};
use tokio::time::Instant;

use super::Aws;
use super::attempt::{Call, Place};
use super::classify::{Action, Refused};
use crate::secrets::failure::Failure;

pub(super) const LIST: Action = Action::reads("ListSecrets");
const DESCRIBE: Action = Action::reads("DescribeSecret");
/// Secrets on one page, by AWS.
const PAGE: i32 = 100;
/// What stands for the secret where none is meant.
pub(super) const NO_NAME: &str = "*";

/// Which secrets to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    All,
    /// Those whose names start so.
    Prefix(String),
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

impl Aws {
    /// The wanted secrets, those marked for deletion included, ordered by name.
    pub(crate) async fn list(
        &self,
        wanted: &Wanted,
        until: Instant,
    ) -> Result<Vec<Listed>, Failure> {
        let mut listed = match wanted {
            Wanted::All => self.list_pages(None, until).await?,
            Wanted::Prefix(prefix) => {
                let mut listed = self.list_pages(Some(prefix), until).await?;
                // What stands in for AWS may match more loosely.
                listed.retain(|secret| secret.name.starts_with(prefix.as_str()));
                listed
            }
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
            place: Place::First,
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

    /// One secret without its value. It needs no permission to list, and sees what was written a
    /// moment ago.
    pub(crate) async fn describe(&self, name: &str, until: Instant) -> Result<Listed, Failure> {
        let call = Call {
            action: DESCRIBE,
            id: name,
            name,
            place: Place::First,
            until,
        };
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
}

fn from_entry(entry: SecretListEntry) -> Listed {
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

fn versions(known: Option<HashMap<String, Vec<String>>>) -> Vec<Version> {
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
