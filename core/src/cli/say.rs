//! What commands print of what came from elsewhere: secrets' names, events, servers' answers.
//!
//! The invariant: everything leaves through the scrubber, and text from outside has no control over
//! the terminal.

use std::io::IsTerminal;
use std::time::SystemTime;

use serde_json::{Map, Value, json};

use super::format::{MISSING, span};
use super::output::{End, Level, Output, paint};
use super::table::{Cell, Table};
use super::text;
use crate::clock::rfc3339;
use crate::scrub::{scrub, scrub_json};

/// Where there is no terminal, nothing is cut: a script may read it.
const PAPER: usize = 1_000;

/// A text from outside without control over the terminal and without secrets.
pub(crate) fn clean(text: &str) -> String {
    // Scrubbed first: of a value that is cut the rest would not be known.
    text::clean_lines(&scrub(text))
}

/// Data of several lines, painted already.
pub(crate) fn data(output: &Output, text: &str) -> Result<(), End> {
    output.data(&scrub(text))
}

/// A document.
pub(crate) fn document(output: &Output, mut document: Value) -> Result<(), End> {
    scrub_json(&mut document);
    output.data(&format!("{document:#}\n"))
}

/// A line to stderr.
pub(crate) fn message(output: &Output, text: &str) {
    output.message(&format!("{}\n", clean(text)));
}

/// A table of at most the terminal's columns.
pub(crate) fn table(table: &Table, colour: bool) -> String {
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
pub(crate) fn facts(facts: &[(&str, Cell)], colour: bool) -> String {
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

/// How wide a line may be.
pub(crate) fn columns() -> usize {
    if !std::io::stdout().is_terminal() {
        return PAPER;
    }
    ratatui::crossterm::terminal::size().map_or(PAPER, |(columns, _)| usize::from(columns).max(40))
}

/// A moment as people read it: how long ago, or in how long.
pub(crate) fn ago(moment: Option<SystemTime>) -> String {
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
pub(crate) fn stamp(moment: Option<SystemTime>) -> Value {
    moment
        .and_then(|moment| moment.duration_since(SystemTime::UNIX_EPOCH).ok())
        .map_or(Value::Null, |since| json!(rfc3339(since)))
}

/// An object of what is known; what is not is left out.
pub(crate) fn object(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let known = fields.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(
        known
            .map(|(key, value)| (key.to_owned(), value))
            .collect::<Map<_, _>>(),
    )
}
