//! What the commands on secrets print.
//!
//! The invariant: everything but a value that was asked for with `--reveal` leaves through here, and
//! so through the scrubber. Every value that a command reads, asks for or makes is registered there
//! before anything is printed.

use serde_json::{Value, json};

use crate::cli::output::{End, Failure as Told, Output};
use crate::cli::text;
use crate::error::Error;
use crate::secrets::failure::Failure;

pub(super) use crate::cli::say::{
    ago, clean, data, document, facts, message, object, stamp, table,
};

/// What went wrong with one secret, fit to print.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Trouble {
    /// The stable code, as in every language.
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) hint: Option<String>,
    details: Vec<(&'static str, String)>,
}

impl Trouble {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: clean(&message.into()),
            hint: None,
            details: Vec::new(),
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(clean(&hint.into()));
        self
    }

    pub(super) fn json(&self) -> Value {
        let mut document = json!({ "code": self.code, "message": self.message });
        if let Some(hint) = &self.hint {
            document["hint"] = json!(hint);
        }
        for (key, value) in &self.details {
            let key = match *key {
                "request_id" => "requestId",
                "aws_code" => "awsCode",
                key => key,
            };
            document[key] = json!(value);
        }
        document
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::from(&failure)
    }
}

impl From<&Failure> for Trouble {
    fn from(failure: &Failure) -> Self {
        let without_hint = Failure {
            hint: String::new(),
            ..failure.clone()
        };
        let error = without_hint.to_error();
        let text = error.to_string();
        // `*` stands for no secret in particular.
        let text = text
            .strip_prefix("secret *: ")
            .or_else(|| text.strip_prefix("secret * in "))
            .unwrap_or(&text);
        Self {
            message: clean(text),
            hint: Some(clean(&failure.hint)).filter(|hint| !hint.is_empty()),
            ..Self::from(error)
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        let (message, hint) = split_hint(&text);
        Self {
            code: error.kind().code(),
            message: clean(message),
            hint: hint.map(clean),
            details: error
                .details()
                .iter()
                .map(|(key, value)| (*key, clean(value)))
                .collect(),
        }
    }
}

/// The core's errors end with what to do, behind a semicolon; here that is a line of its own.
pub(super) fn split_hint(text: &str) -> (&str, Option<&str>) {
    let from = text.find(" (request ").unwrap_or(0);
    let at = text
        .get(from..)
        .and_then(|rest| rest.find("; "))
        .map(|at| from + at);
    match at.and_then(|at| Some((text.get(..at)?, text.get(at + 2..)?))) {
        Some((message, hint)) => (message, Some(hint)),
        None => (text, None),
    }
}

impl From<Trouble> for Told {
    fn from(trouble: Trouble) -> Self {
        let told = Self::new(trouble.message);
        match trouble.hint {
            Some(hint) => told.hint(hint),
            None => {
                told.hint("`tallylight secrets doctor` tests the way to the secrets, step by step")
            }
        }
    }
}

impl From<Trouble> for End {
    fn from(trouble: Trouble) -> Self {
        Self::Failed(trouble.into())
    }
}

/// A warning to stderr.
pub(super) fn warning(output: &Output, text: &str) {
    output.message(&format!("warning: {}\n", clean(text)));
}

/// A failure and its hint to stderr, while the command goes on.
pub(super) fn trouble(output: &Output, trouble: &Trouble) {
    output.failure(&trouble.clone().into());
}

/// A version's id, short enough for a table.
pub(super) fn short(version: &str) -> String {
    text::cut(&clean(version), 9)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn an_error_is_told_with_its_hint_apart() {
        let error = Error::new(
            ErrorKind::NotFound,
            "secret a in r: x; y (request 7); do this; or that",
        );
        let trouble = Trouble::from(error.with_detail("request_id", "7"));
        assert_eq!(trouble.message, "secret a in r: x; y (request 7)");
        assert_eq!(trouble.hint.as_deref(), Some("do this; or that"));
        assert_eq!(trouble.json()["requestId"], "7");
        assert_eq!(split_hint("no hint"), ("no hint", None));
    }
}
