//! Many secrets in few calls: BatchGetSecretValue, twenty at a time.
//!
//! Whatever a batch does not answer well is read on its own, so that the outcome for each secret is
//! that of [`Aws::read`]: the batch's partial errors say neither request nor reason in full. Where
//! the batch itself is not permitted (it needs a permission of its own) or unknown, that is
//! remembered, and the secrets are read one by one. An outage is the outcome for all, not a reason
//! for twenty more calls.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_secretsmanager::types::SecretValueEntry;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Aws;
use super::attempt::{Call, Place, id_in, region_of};
use super::classify::{Action, Refused};
use super::read::value_of;
use crate::secrets::failure::{Failure, FailureKind};
use crate::secrets::fetched::Fetched;
use crate::secrets::request::{CURRENT, Which};
use crate::secrets::value::Source;

const BATCH: Action = Action::reads("BatchGetSecretValue");
/// Secrets in one call, by AWS.
const TOGETHER: usize = 20;
/// How long a refusal of the call is remembered; a policy that changes is noticed after this.
const REFUSAL_REMEMBERED: Duration = Duration::from_secs(15 * 60);

type Outcome = (String, Result<Fetched, Failure>);

/// A value of a batch, and what it may have been asked for by.
struct Entry {
    name: Option<String>,
    fetched: Fetched,
}

impl Aws {
    /// Reads the current versions of many secrets. Each distinct id has one outcome, in the order
    /// of `ids`.
    pub(crate) async fn read_batch(&self, ids: &[String], until: Instant) -> Vec<Outcome> {
        let mut groups: Vec<(Option<&str>, Vec<String>)> = Vec::new();
        let mut distinct: Vec<&String> = Vec::new();
        for id in ids {
            if distinct.contains(&id) {
                continue;
            }
            distinct.push(id);
            let region = region_of(id);
            match groups
                .iter_mut()
                .find(|(known, group)| *known == region && group.len() < TOGETHER)
            {
                Some((_, group)) => group.push(id.clone()),
                None => groups.push((region, vec![id.clone()])),
            }
        }
        let mut tasks = JoinSet::new();
        for (_, group) in groups {
            let aws = self.clone();
            tasks.spawn(async move { aws.read_group(group, until).await });
        }
        let mut outcomes: HashMap<String, Result<Fetched, Failure>> = HashMap::new();
        while let Some(done) = tasks.join_next().await {
            outcomes.extend(done.into_iter().flatten());
        }
        distinct
            .into_iter()
            .map(|id| {
                let outcome = outcomes.remove(id).unwrap_or_else(|| Err(broken(id)));
                (id.clone(), outcome)
            })
            .collect()
    }

    /// At most twenty secrets of one region.
    async fn read_group(self, ids: Vec<String>, until: Instant) -> Vec<Outcome> {
        if ids.len() == 1 || self.is_batch_refused() {
            return self.read_each(ids, until).await;
        }
        let failure = match self.read_together(&ids, until).await {
            Ok((mut outcomes, left)) => {
                outcomes.extend(self.read_each(left, until).await);
                return outcomes;
            }
            Err(failure) => failure,
        };
        if failure.kind.is_outage() {
            return ids
                .into_iter()
                .map(|id| {
                    let mut failure = failure.clone();
                    failure.name.clone_from(&id);
                    (id, Err(failure))
                })
                .collect();
        }
        let is_unknown = failure.aws_code.as_deref() == Some("UnknownOperationException");
        if is_unknown || failure.kind == FailureKind::Denied {
            *self.inner.no_batch_until.lock() = Some(Instant::now() + REFUSAL_REMEMBERED);
        }
        self.read_each(ids, until).await
    }

    fn is_batch_refused(&self) -> bool {
        let until = *self.inner.no_batch_until.lock();
        until.is_some_and(|until| Instant::now() < until)
    }

    /// One call: what it answered, and the ids that it did not answer.
    async fn read_together(
        &self,
        ids: &[String],
        until: Instant,
    ) -> Result<(Vec<Outcome>, Vec<String>), Failure> {
        let call = Call {
            action: BATCH,
            id: ids.first().map_or("", String::as_str),
            name: ids.first().map_or("", String::as_str),
            place: Place::Either,
            until,
        };
        let answer = self
            .call(call, |client, first| async move {
                // A whole group is moved to the second region as its first id is.
                let there = ids.iter().map(|id| match region_of(&first) {
                    Some(region) => id_in(id, region),
                    None => id.clone(),
                });
                let output = client
                    .batch_get_secret_value()
                    .set_secret_id_list(Some(there.collect()))
                    .send()
                    .await
                    .map_err(|error| Refused::new(&error))?;
                Ok(entries(output.secret_values.unwrap_or_default()))
            })
            .await?;
        let mut entries = answer.value;
        let mut outcomes = Vec::with_capacity(ids.len());
        let mut left = Vec::new();
        for id in ids {
            let there = id_in(id, &answer.region);
            match entries.iter().position(|entry| is_for(entry, &there)) {
                Some(at) => {
                    let mut fetched = entries.swap_remove(at).fetched;
                    fetched.region = Some(answer.region.clone());
                    outcomes.push((id.clone(), Ok(fetched)));
                }
                None => left.push(id.clone()),
            }
        }
        Ok((outcomes, left))
    }

    async fn read_each(&self, ids: Vec<String>, until: Instant) -> Vec<Outcome> {
        let mut tasks = JoinSet::new();
        for id in &ids {
            let (aws, id) = (self.clone(), id.clone());
            tasks.spawn(async move {
                let current = Which::Stage(CURRENT.to_owned());
                let outcome = aws.read(&id, &current, until).await;
                (id, outcome)
            });
        }
        let mut outcomes = Vec::with_capacity(ids.len());
        while let Some(done) = tasks.join_next().await {
            outcomes.extend(done);
        }
        outcomes
    }
}

/// The values that are current; one that is not is read on its own.
fn entries(values: Vec<SecretValueEntry>) -> Vec<Entry> {
    values
        .into_iter()
        .filter_map(|mut value| {
            let (bytes, binary) = value_of(value.secret_string.take(), value.secret_binary.take())?;
            let stages = value.version_stages.take().unwrap_or_default();
            stages.iter().any(|stage| stage == CURRENT).then(|| Entry {
                name: value.name.take(),
                fetched: Fetched {
                    bytes,
                    binary,
                    source: Source::Aws,
                    arn: value.arn.take(),
                    version: value.version_id.take(),
                    stages,
                    region: None,
                },
            })
        })
        .collect()
}

/// Whether `id` is the entry's name, its ARN, or its ARN without the suffix.
fn is_for(entry: &Entry, id: &str) -> bool {
    if entry.name.as_deref() == Some(id) {
        return true;
    }
    let arn = entry.fetched.arn.as_deref().unwrap_or_default();
    arn == id
        || arn.strip_prefix(id).is_some_and(|suffix| {
            id.starts_with("arn:") && suffix.len() == 7 && suffix.starts_with('-')
        })
}

fn broken(id: &str) -> Failure {
    Failure::new(
        FailureKind::Unreachable,
        id,
        "reading it failed inside Tallylight; please report it",
    )
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn an_entry_answers_its_name_its_arn_and_its_arn_without_the_suffix() {
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:api-AbCdEf";
        let mut fetched = Fetched::plain(Zeroizing::default(), Source::Aws);
        fetched.arn = Some(arn.to_owned());
        let entry = Entry {
            name: Some("api".to_owned()),
            fetched,
        };
        for id in ["api", arn, &arn[..arn.len() - 7]] {
            assert!(is_for(&entry, id), "{id}");
        }
        for id in [
            "",
            "ap",
            "api-AbCdEf",
            &arn[..arn.len() - 6],
            &arn[..arn.len() - 8],
        ] {
            assert!(!is_for(&entry, id), "{id}");
        }
    }
}
