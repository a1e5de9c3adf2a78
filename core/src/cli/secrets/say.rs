//! What the commands on secrets print.
//!
//! The invariant: everything but a value that was asked for with `--reveal` leaves through here, and
//! so through the scrubber. Every value that a command reads, asks for or makes is registered there
//! before anything is printed.

use std::time::SystemTime;

use serde_json::{Map, Value, json};

use crate::cli::format::{MISSING, span};
use crate::cli::output::{End, Failure as Told, Level, Output, paint};
use crate::cli::table::{Cell, Table};
use crate::cli::text;
use crate::clock::rfc3339;
use crate::error::Error;
use crate::scrub::{scrub, scrub_json};
use crate::secrets::failure::Failure;

/// Where there is no terminal, nothing is cut: a script may read it.
const PAPER: usize = 1_000;

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
fn split_hint(text: &str) -> (&str, Option<&str>) {
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

/// A text from outside without control over the terminal and without secrets.
pub(super) fn clean(text: &str) -> String {
    // Scrubbed first: of a value that is cut the rest would not be known.
    text::clean_lines(&scrub(text))
}

/// Data of several lines, painted already.
pub(super) fn data(output: &Output, text: &str) -> Result<(), End> {
    output.data(&scrub(text))
}

/// A document.
pub(super) fn document(output: &Output, mut document: Value) -> Result<(), End> {
    scrub_json(&mut document);
    output.data(&format!("{document:#}\n"))
}

/// A line to stderr.
pub(super) fn message(output: &Output, text: &str) {
    output.message(&format!("{}\n", clean(text)));
}

/// A warning to stderr.
pub(super) fn warning(output: &Output, text: &str) {
    output.message(&format!("warning: {}\n", clean(text)));
}

/// A failure and its hint to stderr, while the command goes on.
pub(super) fn trouble(output: &Output, trouble: &Trouble) {
    output.failure(&trouble.clone().into());
}

/// A table of at most the terminal's columns.
pub(super) fn table(table: &Table, colour: bool) -> String {
    let laid = table.lay(columns(), false);
    let mut out = String::new();
    for line in std::iter::once(&laid.header).chain(&laid.rows) {
        let cells: Vec<String> = line
            .iter()
            .map(|cell| paint(&cell.text, cell.level, colour))
            .collect();
        out.push_str(cells.join("  ").trim_end());
        out.push('\n');
    }
    out
}

/// Names and what they are, one to a line.
pub(super) fn facts(facts: &[(&str, Cell)], colour: bool) -> String {
    let wide = facts
        .iter()
        .map(|(name, _)| text::width(name))
        .max()
        .unwrap_or(0);
    facts
        .iter()
        .map(|(name, fact)| {
            let name = paint(&text::fit(name, wide, false), Level::Faint, colour);
            format!("{name}  {}\n", paint(&fact.text, fact.level, colour))
        })
        .collect()
}

fn columns() -> usize {
    use std::io::IsTerminal;
    if !std::io::stdout().is_terminal() {
        return PAPER;
    }
    ratatui::crossterm::terminal::size().map_or(PAPER, |(columns, _)| usize::from(columns).max(40))
}

/// A moment as people read it: how long ago, or in how long.
pub(super) fn ago(moment: Option<SystemTime>) -> String {
    let Some(moment) = moment else {
        return MISSING.to_owned();
    };
    match (moment.elapsed(), moment.duration_since(SystemTime::now())) {
        (Ok(age), _) => format!("{} ago", span(age.as_secs_f64())),
        (_, Ok(left)) => format!("in {}", span(left.as_secs_f64())),
        _ => "now".to_owned(),
    }
}

/// A moment as programs read it.
pub(super) fn stamp(moment: Option<SystemTime>) -> Value {
    moment
        .and_then(|moment| moment.duration_since(SystemTime::UNIX_EPOCH).ok())
        .map_or(Value::Null, |since| json!(rfc3339(since)))
}

/// A version's id, short enough for a table.
pub(super) fn short(version: &str) -> String {
    text::cut(&clean(version), 9)
}

/// An object of what is known; what is not is left out.
pub(super) fn object(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let known = fields.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(
        known
            .map(|(key, value)| (key.to_owned(), value))
            .collect::<Map<_, _>>(),
    )
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
