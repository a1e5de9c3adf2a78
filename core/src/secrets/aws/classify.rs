//! What an error of the SDK means, as a [`Failure`].
//!
//! The service's own code decides; only an answer without one is judged by its HTTP status, and
//! then never as a revocation: a captive portal's 403 must not end a secret that works. The
//! invariant: no failure's text holds a value. Only the service's message, the system's and words
//! of ours enter it, never an SDK type's debug format.

use std::error::Error as StdError;

use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::resource::{is_account_wide, resource};
use crate::secrets::failure::{Failure, FailureKind};

/// Longest message of others that is passed on, in characters.
const LONGEST_TEXT: usize = 400;
/// Past this a signature is refused for the clock's sake; AWS allows five minutes.
const SKEW_THAT_MATTERS: u64 = 240;

/// More calls at one time would only be throttled more.
pub(super) const WHEN_THROTTLED: &str = "it is tried again by itself; many processes that start at once do this; if it stays, \
     lower TALLYLIGHT_SECRETS_CONCURRENCY, raise TALLYLIGHT_SECRETS_TTL_MS, or prefetch, 20 secrets a call";

/// A call to AWS, by its API name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Action {
    pub(super) api: &'static str,
    pub(super) writes: bool,
}

impl Action {
    pub(super) const fn reads(api: &'static str) -> Self {
        Self { api, writes: false }
    }

    #[cfg(any(feature = "cli", test))]
    pub(super) const fn writes(api: &'static str) -> Self {
        Self { api, writes: true }
    }

    /// The permission it needs, as IAM spells it.
    fn permission(self) -> String {
        let service = match self.is_of_sts() {
            true => "sts",
            false => "secretsmanager",
        };
        format!("{service}:{}", self.api)
    }

    pub(super) fn is_of_sts(self) -> bool {
        matches!(self.api, "AssumeRole" | "GetCallerIdentity")
    }
}

/// What is known of a call that is judged.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) action: Action,
    /// The secret, or the role.
    pub(super) name: &'a str,
    pub(super) region: &'a str,
    /// Seconds that the service's clock is ahead of ours, if it has answered.
    pub(super) skew: Option<i64>,
    /// What named the endpoint that was asked, or would name one.
    pub(super) endpoint: &'static str,
}

/// What an error of the SDK says, whatever the operation.
#[derive(Debug)]
pub(super) struct Refused {
    trouble: Trouble,
    code: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
    status: Option<u16>,
}

#[derive(Debug)]
enum Trouble {
    /// The service answered.
    Service,
    TimedOut,
    NoAnswer(String),
    /// Half an answer.
    BrokenOff(String),
    /// An answer that cannot be read.
    Garbage,
    /// The request could not be made.
    Unsendable(String),
}

impl Refused {
    pub(super) fn new<E>(error: &SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + StdError + 'static,
    {
        let trouble = match error {
            SdkError::TimeoutError(_) => Trouble::TimedOut,
            SdkError::DispatchFailure(failure) if failure.is_timeout() => Trouble::TimedOut,
            SdkError::DispatchFailure(failure) if failure.is_user() => {
                Trouble::Unsendable(innermost(error))
            }
            SdkError::DispatchFailure(_) => Trouble::NoAnswer(no_answer(error)),
            SdkError::ResponseError(_) => match chain(error).as_slice() {
                [.., reading, why] if reading.contains("reading a body") => {
                    Trouble::BrokenOff(why.clone())
                }
                _ => Trouble::Garbage,
            },
            // A success that cannot be read.
            SdkError::ServiceError(error) if error.raw().status().is_success() => Trouble::Garbage,
            SdkError::ServiceError(_) => Trouble::Service,
            _ => Trouble::Unsendable(innermost(error)),
        };
        Self {
            trouble,
            code: error.code().map(str::to_owned),
            message: error.message().map(str::to_owned),
            request_id: error.request_id().map(str::to_owned),
            status: error.raw_response().map(|raw| raw.status().as_u16()),
        }
    }

    /// An answer that says nothing of what was asked.
    pub(super) fn garbage(request_id: Option<&str>) -> Self {
        Self {
            trouble: Trouble::Garbage,
            code: None,
            message: None,
            request_id: request_id.map(str::to_owned),
            status: None,
        }
    }

    /// The failure that this is.
    pub(super) fn judge(&self, subject: Subject<'_>) -> Failure {
        let mut failure = match &self.trouble {
            Trouble::Service => self.judge_answer(subject),
            Trouble::TimedOut => timed_out(subject),
            Trouble::NoAnswer(why) => unreachable(subject, why),
            Trouble::BrokenOff(why) => Failure::new(
                FailureKind::Unreachable,
                subject.name,
                format!("the connection to AWS broke off: {}", plain(why)),
            )
            .hint(format!(
                "it is tried again by itself; check the network and {}",
                subject.endpoint
            )),
            Trouble::Garbage => Failure::new(
                FailureKind::Unreachable,
                subject.name,
                "what answered is not AWS: its answer cannot be read",
            )
            .hint(format!(
                "check {}, and whether a proxy stands between",
                subject.endpoint
            )),
            Trouble::Unsendable(why) => Failure::new(
                FailureKind::Invalid,
                subject.name,
                format!("no request could be made of it: {}", plain(why)),
            )
            .hint(format!("check the region and {}", subject.endpoint)),
        };
        failure.region = Some(subject.region.to_owned());
        failure.request_id = self.request_id.as_deref().map(plain);
        failure.aws_code = self.code.as_deref().map(plain);
        failure
    }

    fn judge_answer(&self, subject: Subject<'_>) -> Failure {
        let Some(code) = &self.code else {
            return self.judge_status(subject);
        };
        let message = self.message.as_deref().unwrap_or_default();
        let (kind, hint) = self.judge_code(code, message, subject);
        let text = match plain(message.trim_end_matches('.')) {
            text if text.is_empty() => format!("AWS answered {}", plain(code)),
            text => text,
        };
        let text = match subject.skew {
            Some(skew) if kind == FailureKind::Credentials && is_skewed(skew) => {
                format!(
                    "{text} (this machine's clock is {} s {})",
                    skew.unsigned_abs(),
                    direction(skew)
                )
            }
            _ => text,
        };
        Failure::new(kind, subject.name, text).hint(hint)
    }

    /// An answer without a code of the service.
    fn judge_status(&self, subject: Subject<'_>) -> Failure {
        let status = self.status.unwrap_or_default();
        let kind = match status {
            429 => FailureKind::Throttled,
            // Asked again it answers the same.
            501 => FailureKind::Unreachable,
            500.. => FailureKind::ServerFault,
            _ => FailureKind::Unreachable,
        };
        let hint = match kind {
            FailureKind::Unreachable => format!(
                "what answered is not AWS; check {}, and whether a proxy stands between",
                subject.endpoint
            ),
            FailureKind::Throttled => WHEN_THROTTLED.to_owned(),
            _ => "it is tried again by itself".to_owned(),
        };
        Failure::new(kind, subject.name, format!("AWS answered HTTP {status}")).hint(hint)
    }

    fn judge_code(&self, code: &str, message: &str, subject: Subject<'_>) -> (FailureKind, String) {
        let name = subject.name;
        if is_clock(code, subject.skew) {
            return (
                FailureKind::Credentials,
                "set this machine's clock, and keep it set (NTP): AWS refuses signatures more than 5 minutes off"
                    .to_owned(),
            );
        }
        match code {
            "ResourceNotFoundException" if message.contains("staging label") || message.contains("VersionId") => (
                FailureKind::NotFound,
                format!("{name} exists and has no such version; `tallylight secrets list` shows its versions"),
            ),
            "ResourceNotFoundException" => (
                FailureKind::NotFound,
                format!(
                    "create it with `tallylight secrets setup`, or check its name and the region {}",
                    subject.region
                ),
            ),
            "InvalidRequestException"
                if message.contains("marked for deletion")
                    || message.contains("marked deleted")
                    || message.contains("scheduled for deletion") =>
            (
                FailureKind::NotFound,
                format!("it was deleted; `aws secretsmanager restore-secret --secret-id {name}` brings it back"),
            ),
            "AccessDeniedException" | "AccessDenied" | "UnauthorizedOperation" => {
                (FailureKind::Denied, self.denied_hint(message, subject))
            }
            "DecryptionFailure" | "DecryptionFailureException" | "EncryptionFailure" | "KMSAccessDeniedException" => {
                (FailureKind::Denied, kms_hint(subject))
            }
            "ExpiredTokenException" | "ExpiredToken" => (
                FailureKind::Credentials,
                "the session has ended: sign in again or set new AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and \
                 AWS_SESSION_TOKEN, or use a role, which renews itself"
                    .to_owned(),
            ),
            "UnrecognizedClientException" | "InvalidClientTokenId" | "InvalidAccessKeyId" | "InvalidToken"
            | "AuthFailure" | "OptInRequired" => (
                FailureKind::Credentials,
                "AWS does not know this access key; check AWS_ACCESS_KEY_ID, AWS_SESSION_TOKEN and AWS_PROFILE"
                    .to_owned(),
            ),
            "InvalidSignatureException" | "SignatureDoesNotMatch" | "IncompleteSignature"
            | "IncompleteSignatureException" => (
                FailureKind::Credentials,
                "AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID, or something between changes requests"
                    .to_owned(),
            ),
            "MissingAuthenticationToken" | "MissingAuthenticationTokenException" => (
                FailureKind::Credentials,
                format!(
                    "the request arrived unsigned; check {}, and whether a proxy stands between",
                    subject.endpoint
                ),
            ),
            "LimitExceededException" | "LimitExceeded" if subject.action.writes => (
                FailureKind::Invalid,
                "a quota of Secrets Manager is used up; remove what is no longer needed, or ask AWS for more"
                    .to_owned(),
            ),
            _ if is_throttle(code) || self.status == Some(429) => (
                FailureKind::Throttled,
                WHEN_THROTTLED.to_owned(),
            ),
            "InternalServiceError" | "InternalServiceErrorException" | "InternalFailure" | "InternalServerError"
            | "ServiceUnavailable" | "ServiceUnavailableException" | "ServiceFailure" => {
                (FailureKind::ServerFault, "it is tried again by itself".to_owned())
            }
            _ if self.status.is_some_and(|status| status >= 500) => {
                (FailureKind::ServerFault, "it is tried again by itself".to_owned())
            }
            "UnknownOperationException" => (
                FailureKind::Invalid,
                format!("what answers is not AWS Secrets Manager; check {}", subject.endpoint),
            ),
            "ResourceExistsException" => (
                FailureKind::Invalid,
                format!("{name} is there already; put a new version instead"),
            ),
            _ => (FailureKind::Invalid, String::new()),
        }
    }

    fn denied_hint(&self, message: &str, subject: Subject<'_>) -> String {
        if message.contains("KMS") || message.contains("kms:") {
            return kms_hint(subject);
        }
        if message.contains("explicit deny") {
            return format!(
                "a policy denies {} explicitly (an organisation's, a permission boundary, the secret's own or the \
                 endpoint's); an allow does not outweigh it",
                subject.action.permission()
            );
        }
        let resource = match subject.action.api {
            "AssumeRole" => subject.name.to_owned(),
            api if is_account_wide(api) => "*".to_owned(),
            _ => resource(subject.name, subject.region, account_in(message)),
        };
        match subject.action.api {
            "AssumeRole" => format!(
                "allow sts:AssumeRole on {resource} to the caller, and the caller in the role's trust policy"
            ),
            _ => format!(
                "allow {} on {resource} in the caller's IAM policy",
                subject.action.permission()
            ),
        }
    }
}

/// A call that nobody answered in time.
pub(super) fn timed_out(subject: Subject<'_>) -> Failure {
    let mut failure = Failure::new(
        FailureKind::TimedOut,
        subject.name,
        format!("AWS did not answer {} in time", subject.action.api),
    )
    .hint("check the network between; a private subnet needs a VPC endpoint or a NAT gateway");
    failure.region = Some(subject.region.to_owned());
    failure
}

fn unreachable(subject: Subject<'_>, why: &str) -> Failure {
    let hint = if why.contains("not valid for name") {
        format!(
            "check {}, and whether a proxy stands between: what answers has another name",
            subject.endpoint
        )
    } else if why.contains("certificate") {
        "install the system's root certificates (ca-certificates), or name a file with them in SSL_CERT_FILE".to_owned()
    } else if why.contains("lookup") || why.contains("dns") {
        format!(
            "check that {} is a region, {}, and the name servers",
            subject.region, subject.endpoint
        )
    } else {
        format!("check the network and {}", subject.endpoint)
    };
    Failure::new(
        FailureKind::Unreachable,
        subject.name,
        format!("AWS could not be reached: {}", plain(why)),
    )
    .hint(hint)
}

fn kms_hint(subject: Subject<'_>) -> String {
    let permission = if subject.action.writes {
        "kms:GenerateDataKey and kms:Decrypt"
    } else {
        "kms:Decrypt"
    };
    format!(
        "allow {permission} on the secret's KMS key to the caller, in its IAM policy and the key's own; \
         and check that the key is enabled"
    )
}

/// Whether the clock is why a request was refused: codes that say so, and those that a wrong clock
/// causes when it is known to be wrong.
fn is_clock(code: &str, skew: Option<i64>) -> bool {
    match code {
        "RequestTimeTooSkewed" | "RequestExpired" => true,
        _ => is_doubtful(code) && skew.is_some_and(is_skewed),
    }
}

/// Codes behind which a wrong clock may stand. AWS denies some signatures that it finds expired.
fn is_doubtful(code: &str) -> bool {
    matches!(
        code,
        "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "AuthFailure"
            | "AccessDeniedException"
    )
}

/// Whether the SDK, which has learnt our skew from this very answer, will sign the next request so
/// that it is accepted.
pub(super) fn next_is_signed_better(failure: &Failure, skew: Option<i64>) -> bool {
    failure.kind == FailureKind::Credentials
        && skew.is_some_and(is_skewed)
        && failure
            .aws_code
            .as_deref()
            .is_some_and(|code| is_clock(code, skew))
}

fn is_skewed(skew: i64) -> bool {
    skew.unsigned_abs() > SKEW_THAT_MATTERS
}

/// Of a clock that the service's is `skew` seconds ahead of.
fn direction(skew: i64) -> &'static str {
    if skew > 0 { "slow" } else { "fast" }
}

fn is_throttle(code: &str) -> bool {
    matches!(
        code,
        "ThrottlingException"
            | "Throttling"
            | "ThrottledException"
            | "RequestThrottledException"
            | "RequestThrottled"
            | "TooManyRequestsException"
            | "TooManyRequests"
            | "RequestLimitExceeded"
            | "LimitExceededException"
            | "LimitExceeded"
            | "SlowDown"
            | "PriorRequestNotComplete"
    )
}

/// The account in an ARN of a message, such as `arn:aws:iam::123456789012:user/ops`.
fn account_in(message: &str) -> Option<&str> {
    message
        .split(':')
        .find(|part| part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Why no answer came: what the system says, at the end of the chain.
fn no_answer(error: &(dyn StdError + 'static)) -> String {
    let chain = chain(error);
    // hyper-rustls nests its errors where `source` does not lead.
    match chain.iter().rev().find(|text| text.contains("certificate")) {
        Some(text) => text.clone(),
        None => chain.into_iter().next_back().unwrap_or_default(),
    }
}

fn innermost(error: &(dyn StdError + 'static)) -> String {
    chain(error).into_iter().next_back().unwrap_or_default()
}

/// The messages of an error and its causes, outermost first.
pub(super) fn chain(error: &(dyn StdError + 'static)) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(cause) = next {
        texts.push(cause.to_string());
        next = cause.source();
    }
    texts
}

/// Text of others, fit for one line: no control characters, and not long.
pub(super) fn plain(text: &str) -> String {
    let mut line: String = text
        .split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    if let Some((cut, _)) = line.char_indices().nth(LONGEST_TEXT) {
        line.truncate(cut);
        line.push('…');
    }
    line
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
