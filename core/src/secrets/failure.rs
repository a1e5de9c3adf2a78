//! Why a source did not answer, in the terms that decide what is served instead.
//!
//! An *outage* (the source is out of order) leaves a known value in use; a *revocation* (the source
//! is well and says no) ends it.

use crate::error::{Error, ErrorKind};
use crate::scrub::scrub;

/// What went wrong, by what it means for the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum FailureKind {
    /// Outage: refused, reset, no such host, no TLS, an answer that is none.
    Unreachable,
    /// Outage: no answer in time.
    TimedOut,
    /// Outage: the service says that it failed (5xx).
    ServerFault,
    /// Outage: too many requests.
    Throttled,
    /// Outage: the caller's own credentials are missing, expired or wrongly signed, or its clock is
    /// off. They are renewed from outside, and the secret is not known to be revoked.
    Credentials,
    /// Revocation: there is none, or it is marked for deletion.
    NotFound,
    /// Revocation: the caller may not read it, or not decrypt it.
    Denied,
    /// The request itself is of no use: a bad name, a file that cannot be a secret.
    Invalid,
}

impl FailureKind {
    /// Every kind, in the order of the status document.
    pub(crate) const ALL: [Self; 8] = [
        Self::Unreachable,
        Self::TimedOut,
        Self::ServerFault,
        Self::Throttled,
        Self::Credentials,
        Self::NotFound,
        Self::Denied,
        Self::Invalid,
    ];

    /// The stable name, in metrics and the status document.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::ServerFault => "server_fault",
            Self::Throttled => "throttled",
            Self::Credentials => "credentials",
            Self::NotFound => "not_found",
            Self::Denied => "denied",
            Self::Invalid => "invalid",
        }
    }

    pub(crate) const fn is_outage(self) -> bool {
        matches!(
            self,
            Self::Unreachable
                | Self::TimedOut
                | Self::ServerFault
                | Self::Throttled
                | Self::Credentials
        )
    }

    pub(crate) const fn is_revocation(self) -> bool {
        matches!(self, Self::NotFound | Self::Denied)
    }

    const fn error_kind(self) -> ErrorKind {
        match self {
            Self::Unreachable | Self::ServerFault | Self::Throttled | Self::Credentials => {
                ErrorKind::Unavailable
            }
            Self::TimedOut => ErrorKind::Timeout,
            Self::NotFound => ErrorKind::NotFound,
            Self::Denied => ErrorKind::Denied,
            Self::Invalid => ErrorKind::InvalidValue,
        }
    }
}

/// A failed reading.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    /// The secret that was asked for.
    pub(crate) name: String,
    pub(crate) region: Option<String>,
    pub(crate) request_id: Option<String>,
    /// The service's own name of the error.
    pub(crate) aws_code: Option<String>,
    /// `variable` or `path`, where a file or variable is at fault.
    pub(crate) place: Option<(&'static str, String)>,
    /// What happened; scrubbed when it becomes an error.
    pub(crate) text: String,
    /// What to do about it; empty when the text says so.
    pub(crate) hint: String,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, name: &str, text: impl Into<String>) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            region: None,
            request_id: None,
            aws_code: None,
            place: None,
            text: text.into(),
            hint: String::new(),
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The failure as a caller sees it: kind, name, region and request id, never a value.
    pub(crate) fn to_error(&self) -> Error {
        let mut message = format!("secret {}", self.name);
        if let Some(region) = &self.region {
            message.push_str(&format!(" in {region}"));
        }
        message.push_str(&format!(": {}", self.text));
        if let Some(code) = &self.aws_code
            && !self.text.contains(code.as_str())
        {
            message.push_str(&format!(" ({code})"));
        }
        if let Some(id) = &self.request_id {
            message.push_str(&format!(" (request {id})"));
        }
        if !self.hint.is_empty() {
            message.push_str(&format!("; {}", self.hint));
        }
        let mut error = Error::new(self.kind.error_kind(), scrub(&message).into_owned())
            .with_detail("name", &self.name);
        for (key, value) in [
            ("region", &self.region),
            ("request_id", &self.request_id),
            ("aws_code", &self.aws_code),
        ] {
            if let Some(value) = value {
                error = error.with_detail(key, scrub(value).into_owned());
            }
        }
        match &self.place {
            Some((key, value)) => error.with_detail(key, scrub(value).into_owned()),
            None => error,
        }
    }
}
