//! The one error type of the core, shared by every binding.
//!
//! A binding turns each [`ErrorKind`] into a class of its own under one base class and keeps
//! [`ErrorKind::code`], so that a program can match on the same string in every language.
//! Recording never returns an error: a bad value on a hot path is a counted drop
//! (see [`crate::metrics::DropReason`]).

use std::error::Error as StdError;
use std::fmt;

/// What went wrong, in a form that programs match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A metric name is empty, too long or holds a control character.
    /// Node: `InvalidNameError`; Python: `InvalidNameError`.
    InvalidName,
    /// A label key is empty or too long, or there are too many labels.
    /// Node and Python: `InvalidLabelError`.
    InvalidLabel,
    /// An argument outside its range, such as an unknown kind. Node and Python: `InvalidValueError`.
    InvalidValue,
    /// A setting that cannot be used. Node and Python: `InvalidConfigError`.
    InvalidConfig,
    /// The same name was asked for as something else. Node and Python: `ConflictError`.
    Conflict,
    /// The instance was shut down. Node and Python: `ClosedError`.
    Closed,
    /// This platform or build cannot do it. Node and Python: `UnsupportedError`.
    Unsupported,
    /// The operating system refused. Node: `IoError`; Python: `TallylightIOError`.
    Io,
    /// A document or log could not be read. Node and Python: `ParseError`.
    Parse,
    /// There is no such secret: it never was, or it was deleted. Node and Python: `NotFoundError`.
    NotFound,
    /// The caller may not read or write it. Node and Python: `DeniedError`.
    Denied,
    /// What answers is out of order: refused, reset, failing, throttling, or the caller's own
    /// credentials are of no use. Node and Python: `UnavailableError`.
    Unavailable,
    /// A deadline passed. Node: `TimeoutError`; Python: `TallylightTimeoutError`, which is also a
    /// `TimeoutError`.
    Timeout,
    /// There is no value at hand, and the call may not wait for one. Node and Python:
    /// `NotReadyError`.
    NotReady,
    /// A fault of ours, such as a contained panic. Node and Python: `InternalError`.
    Internal,
}

impl ErrorKind {
    /// Every kind, for bindings that make one class of each.
    pub const ALL: [Self; 15] = [
        Self::InvalidName,
        Self::InvalidLabel,
        Self::InvalidValue,
        Self::InvalidConfig,
        Self::Conflict,
        Self::Closed,
        Self::Unsupported,
        Self::Io,
        Self::Parse,
        Self::NotFound,
        Self::Denied,
        Self::Unavailable,
        Self::Timeout,
        Self::NotReady,
        Self::Internal,
    ];

    /// The stable string of this kind; it never changes within a major version.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidName => "invalid_name",
            Self::InvalidLabel => "invalid_label",
            Self::InvalidValue => "invalid_value",
            Self::InvalidConfig => "invalid_config",
            Self::Conflict => "conflict",
            Self::Closed => "closed",
            Self::Unsupported => "unsupported",
            Self::Io => "io",
            Self::Parse => "parse",
            Self::NotFound => "not_found",
            Self::Denied => "denied",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::NotReady => "not_ready",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An error with its kind, a message that names the fix, and its cause.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    details: Vec<(&'static str, String)>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind`; `message` says what was wrong and what to do about it.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            details: Vec::new(),
            source: None,
        }
    }

    /// The same error with the one that caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The same error with one more fact that programs can read without parsing the message, such
    /// as `("region", "eu-west-1")`. Keys are snake_case.
    #[must_use]
    pub fn with_detail(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.details.push((key, value.into()));
        self
    }

    /// The facts beside the message: `name`, `region`, `request_id`, `aws_code`, `variable`, `path`
    /// where they are known. Never a secret's value.
    #[must_use]
    pub fn details(&self) -> &[(&'static str, String)] {
        &self.details
    }

    /// What went wrong, to match on.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Turns what a contained panic carried into an error of kind `internal`.
    #[must_use]
    pub fn from_panic(payload: &(dyn std::any::Any + Send)) -> Self {
        let text = payload
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no message");
        #[cfg(feature = "metrics")]
        let text = crate::scrub::scrub(text);
        Self::new(
            ErrorKind::Internal,
            format!("a fault inside Tallylight was contained: {text}; please report it"),
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct() {
        let mut codes: Vec<_> = ErrorKind::ALL.iter().map(|kind| kind.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ErrorKind::ALL.len());
    }

    #[test]
    fn the_cause_is_kept() {
        let cause = std::io::Error::other("disk on fire");
        let error = Error::new(ErrorKind::Io, "could not write").with_source(cause);
        assert_eq!(error.source().unwrap().to_string(), "disk on fire");
    }
}
