//! `tallylight secrets doctor`: what works of the way to AWS, and what is missing.
//!
//! Every call that reads is made once; calls that write are never made for a test, and the report
//! says so. The values that are read on the way are dropped unseen.

use std::time::SystemTime;

use serde_json::Value;
use tokio::time::Instant;

use super::attempt::{Call, Place, id_in, region_of};
use super::classify::{Action, Refused};
use super::client::Session;
use super::credentials::Identity;
use super::list::{LIST, NO_NAME};
use super::{Aws, policy};
use crate::secrets::failure::{Failure, FailureKind};
use crate::secrets::request::{CURRENT, Which};

const WHO: Action = Action::reads("GetCallerIdentity");
const BATCH: Action = Action::reads("BatchGetSecretValue");
const IN_SECOND: &str = "GetSecretValue in the second region";
/// Never made for a test.
const WRITES: [&str; 3] = ["CreateSecret", "PutSecretValue", "UpdateSecretVersionStage"];

/// What was found.
#[derive(Debug, Clone)]
pub(crate) struct DoctorReport {
    pub(crate) region: Option<String>,
    /// What named it, such as `AWS_REGION`.
    pub(crate) region_from: Option<&'static str>,
    /// What stands in for AWS's own endpoint.
    pub(crate) endpoint: Option<String>,
    /// Where the credentials come from, or why there are none.
    pub(crate) identity: Result<Identity, Failure>,
    /// Whom AWS takes us for.
    pub(crate) caller: Option<Result<Caller, Failure>>,
    /// Seconds that AWS's clock is ahead of this machine's; AWS refuses more than 300 either way.
    pub(crate) clock_skew_seconds: Option<i64>,
    pub(crate) calls: Vec<CallCheck>,
    /// The IAM statements that are missing, as far as was tested.
    pub(crate) missing: Vec<Value>,
}

/// Whom AWS takes the caller for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) arn: String,
    pub(crate) account: String,
}

/// One call that was tested, or was not.
#[derive(Debug, Clone)]
pub(crate) struct CallCheck {
    /// Its API name, such as `GetSecretValue`.
    pub(crate) call: &'static str,
    /// The secret it was made for.
    pub(crate) name: Option<String>,
    pub(crate) verdict: Verdict,
}

/// What is known of a permission.
#[derive(Debug, Clone)]
pub(crate) enum Verdict {
    Allowed,
    /// Allowed, and there is no such secret.
    Missing(Failure),
    Denied(Failure),
    /// The call failed for another reason.
    Unknown(Failure),
    /// Not made, and why.
    NotTested(&'static str),
}

impl Verdict {
    fn of<T>(result: Result<T, Failure>) -> Self {
        match result {
            Ok(_) => Self::Allowed,
            Err(failure) => match failure.kind {
                FailureKind::NotFound => Self::Missing(failure),
                FailureKind::Denied => Self::Denied(failure),
                _ => Self::Unknown(failure),
            },
        }
    }
}

impl Aws {
    /// Tests the way to these secrets.
    pub(crate) async fn doctor(&self, names: &[String], until: Instant) -> DoctorReport {
        let mut report = DoctorReport {
            region: self.region(),
            region_from: None,
            endpoint: None,
            identity: Err(Failure::new(FailureKind::Credentials, NO_NAME, "not tried")),
            caller: None,
            clock_skew_seconds: None,
            calls: Vec::new(),
            missing: Vec::new(),
        };
        let meant = names.iter().find_map(|name| region_of(name));
        let session = match self.inner.sessions.get(NO_NAME, meant, until).await {
            Ok(session) => session,
            Err(failure) => {
                report.identity = Err(failure);
                return report;
            }
        };
        report.region.clone_from(&session.region);
        report.region_from = Some(session.region_from);
        report.endpoint = session.endpoint();
        report.identity = Ok(session.identity.clone());
        if let Some(region) = session.region.as_deref().or(meant) {
            report.caller = Some(self.caller(&session, region, until).await);
        }
        for name in names {
            self.check_secret(name, &mut report, until).await;
        }
        if let Some(second) = &self.settings().second_region {
            for name in names {
                self.check_replica(name, second, &mut report, until).await;
            }
        }
        self.check_account_wide(names, &mut report, until).await;
        for call in WRITES {
            report.check(
                call,
                None,
                Verdict::NotTested("it would write; doctor never writes"),
            );
        }
        report.clock_skew_seconds = self.inner.sessions.skew();
        report
    }

    async fn caller(
        &self,
        session: &Session,
        region: &str,
        until: Instant,
    ) -> Result<Caller, Failure> {
        let sts = &session.sts(region);
        let call = Call {
            action: WHO,
            id: NO_NAME,
            name: NO_NAME,
            place: Place::First,
            until,
        };
        let answer = self
            .call(call, |_, _| async move {
                let output = sts.get_caller_identity().send().await;
                output.map_err(|error| Refused::new(&error))
            })
            .await?;
        Ok(Caller {
            arn: answer.value.arn.unwrap_or_default(),
            account: answer.value.account.unwrap_or_default(),
        })
    }

    async fn check_secret(&self, name: &str, report: &mut DoctorReport, until: Instant) {
        let described = self.describe(name, until).await;
        let key = described
            .as_ref()
            .ok()
            .and_then(|secret| secret.kms_key.clone());
        report.check("DescribeSecret", Some(name), Verdict::of(described));
        let current = Which::Stage(CURRENT.to_owned());
        let read = Verdict::of(
            self.read_at(Place::First, name, &current, until)
                .await
                .map(drop),
        );
        let decrypts = match &read {
            Verdict::Allowed => Verdict::Allowed,
            Verdict::Denied(failure) if is_of_kms(failure) => Verdict::Denied(failure.clone()),
            _ => Verdict::NotTested("nothing was read that had to be decrypted"),
        };
        if let Verdict::Denied(_) = &decrypts {
            let statement = policy::kms_statement(
                key.as_deref(),
                report.region.as_deref().unwrap_or("*"),
                report.account(),
            );
            report.missing.push(statement);
        }
        report.check("GetSecretValue", Some(name), read);
        // Reading decrypts, so the one tells of the other.
        report.calls.push(CallCheck {
            call: "kms:Decrypt",
            name: Some(name.to_owned()),
            verdict: decrypts,
        });
    }

    /// Whether the second region would do.
    async fn check_replica(
        &self,
        name: &str,
        second: &str,
        report: &mut DoctorReport,
        until: Instant,
    ) {
        let current = Which::Stage(CURRENT.to_owned());
        let read = self.read_at(Place::Second, name, &current, until).await;
        let verdict = match Verdict::of(read.map(drop)) {
            Verdict::Missing(mut failure) => {
                failure.text = format!("there is no replica of it in {second}");
                failure.hint = format!(
                    "`aws secretsmanager replicate-secret-to-regions --secret-id {name} --add-replica-regions \
                     Region={second}` makes one; without it nothing answers in an outage"
                );
                Verdict::Unknown(failure)
            }
            verdict => verdict,
        };
        if let Verdict::Denied(failure) = &verdict
            && !is_of_kms(failure)
        {
            let name = id_in(name, second);
            let statement =
                policy::statement_for("GetSecretValue", Some(&name), second, report.account());
            report.missing.push(statement);
        }
        report.calls.push(CallCheck {
            call: IN_SECOND,
            name: Some(name.to_owned()),
            verdict,
        });
    }

    async fn check_account_wide(
        &self,
        names: &[String],
        report: &mut DoctorReport,
        until: Instant,
    ) {
        let call = |action| Call {
            action,
            id: NO_NAME,
            name: NO_NAME,
            place: Place::First,
            until,
        };
        let plain: Vec<String> = names
            .iter()
            .filter(|name| region_of(name).is_none())
            .take(20)
            .cloned()
            .collect();
        let batch = if plain.is_empty() {
            Verdict::NotTested("no names were given")
        } else {
            let names = &plain;
            let batch = self.call(call(BATCH), |client, _| async move {
                let output = client
                    .batch_get_secret_value()
                    .set_secret_id_list(Some(names.clone()))
                    .send()
                    .await;
                output.map(drop).map_err(|error| Refused::new(&error))
            });
            Verdict::of(batch.await)
        };
        report.check("BatchGetSecretValue", None, batch);
        let list = self.call(call(LIST), |client, _| async move {
            let output = client.list_secrets().max_results(1).send().await;
            output.map(drop).map_err(|error| Refused::new(&error))
        });
        report.check("ListSecrets", None, Verdict::of(list.await));
    }
}

impl DoctorReport {
    /// The account that the caller is in.
    pub(crate) fn account(&self) -> Option<&str> {
        match &self.caller {
            Some(Ok(caller)) => Some(caller.account.as_str()),
            _ => None,
        }
    }

    /// Seconds until the credentials expire; none if they name no expiry.
    pub(crate) fn seconds_left(&self, now: SystemTime) -> Option<u64> {
        let expiry = self.identity.as_ref().ok()?.expires_at?;
        Some(expiry.duration_since(now).unwrap_or_default().as_secs())
    }

    fn check(&mut self, call: &'static str, name: Option<&str>, verdict: Verdict) {
        if let Verdict::Denied(failure) = &verdict
            && !is_of_kms(failure)
        {
            let region = name.and_then(region_of).or(self.region.as_deref());
            let statement =
                policy::statement_for(call, name, region.unwrap_or("*"), self.account());
            self.missing.push(statement);
        }
        self.calls.push(CallCheck {
            call,
            name: name.map(str::to_owned),
            verdict,
        });
    }
}

/// Whether the secret may be read, but not decrypted.
fn is_of_kms(failure: &Failure) -> bool {
    failure.hint.contains("kms:")
}
