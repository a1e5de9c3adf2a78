//! An event in one line: what it is, how bad, and where it came from.

use serde_json::Value;

use super::args::Kind;
use crate::cli::format;
use crate::cli::output::Level;
use crate::cli::text;
use crate::scrub::scrub;

/// A title is no longer than this; `show` has all of it.
const TITLE: usize = 200;
const PLACE: usize = 120;

/// What a line of a list says of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    /// `fatal`, `error`, `warning`, `info`, `debug`; a word of its own for what is no error.
    pub(super) level: String,
    pub(super) title: String,
    /// The innermost frame of the application's own code, or the transaction.
    pub(super) place: String,
}

impl Summary {
    pub(super) fn of(kind: Kind, event: &Value) -> Self {
        match kind {
            Kind::Error | Kind::Attachment => Self {
                level: word(&event["level"], "error"),
                title: title(event),
                place: culprit(event),
            },
            Kind::Transaction | Kind::Profile => Self {
                level: word(&event["contexts"]["trace"]["status"], "ok"),
                title: line(event["transaction"].as_str().unwrap_or("(unnamed)"), TITLE),
                place: duration(event),
            },
            Kind::CheckIn => Self {
                level: word(&event["status"], "-"),
                title: line(event["monitor_slug"].as_str().unwrap_or("-"), TITLE),
                place: String::new(),
            },
            Kind::Session => Self {
                level: word(&event["status"], "-"),
                title: line(event["attrs"]["release"].as_str().unwrap_or("-"), TITLE),
                place: String::new(),
            },
        }
    }

    /// How much the level stands out; the word says it too.
    pub(super) fn emphasis(&self) -> Level {
        emphasis(&self.level)
    }
}

pub(super) fn emphasis(level: &str) -> Level {
    match level {
        "fatal" | "error" | "internal_error" | "crashed" | "abnormal" | "missed" => Level::Critical,
        "warning" | "timeout" => Level::Warning,
        "ok" | "exited" => Level::Good,
        _ => Level::Plain,
    }
}

/// A text of an event in one line, scrubbed before it is cut.
pub(super) fn line(text: &str, most: usize) -> String {
    // A long text is cut first to a multiple of what is shown: a megabyte need not be searched. What
    // the cut leaves of a secret is beyond what is shown.
    let enough = text
        .char_indices()
        .nth(most.saturating_mul(8))
        .map_or(text.len(), |(at, _)| at);
    let start = text.get(..enough).unwrap_or(text);
    let one: String = scrub(start)
        .chars()
        .map(|c| {
            if matches!(c, '\n' | '\r' | '\t') {
                ' '
            } else {
                c
            }
        })
        .collect();
    text::clean(one.trim(), most)
}

fn word(value: &Value, otherwise: &str) -> String {
    line(value.as_str().unwrap_or(otherwise), 20)
}

/// The outermost exception, or the message.
fn title(event: &Value) -> String {
    match exceptions(event).last() {
        Some(outermost) => exception_title(outermost, TITLE),
        None => line(message(event).unwrap_or("(no message)"), TITLE),
    }
}

/// `Type: value` of an exception.
pub(super) fn exception_title(exception: &Value, most: usize) -> String {
    let kind = exception["type"].as_str().unwrap_or("Error");
    match exception["value"]
        .as_str()
        .filter(|value| !value.is_empty())
    {
        Some(value) => line(&format!("{kind}: {value}"), most),
        None => line(kind, most),
    }
}

/// The exceptions, the innermost cause first, whichever of the two forms the event has.
pub(super) fn exceptions(event: &Value) -> &[Value] {
    event["exception"]["values"]
        .as_array()
        .or_else(|| event["exception"].as_array())
        .map_or(&[], Vec::as_slice)
}

pub(super) fn message(event: &Value) -> Option<&str> {
    let logged = &event["logentry"];
    logged["formatted"]
        .as_str()
        .or_else(|| logged["message"].as_str())
        .or_else(|| event["message"].as_str())
        .or_else(|| event["message"]["formatted"].as_str())
}

/// Where in the application's own code.
fn culprit(event: &Value) -> String {
    let frames = exceptions(event)
        .last()
        .and_then(|outermost| outermost["stacktrace"]["frames"].as_array());
    // A native frame has no name before it is delivered or shown: then nothing is a better answer.
    let is_named = |frame: &&Value| frame["function"].is_string() || frame["lineno"].is_u64();
    let frame = frames.and_then(|frames| {
        let mut latest = frames.iter().rev().filter(is_named);
        let own = latest.clone().find(|frame| frame["in_app"] == true);
        own.or_else(|| latest.next())
    });
    match frame {
        Some(frame) => place(frame),
        None => line(event["transaction"].as_str().unwrap_or_default(), PLACE),
    }
}

/// `function (file:line)` of a frame.
pub(super) fn place(frame: &Value) -> String {
    let function = frame["function"].as_str().unwrap_or("(anonymous)");
    let file = ["filename", "abs_path", "module", "package"]
        .iter()
        .find_map(|field| frame[field].as_str());
    let Some(file) = file else {
        return line(
            &match frame["instruction_addr"].as_str() {
                Some(address) => format!("{function} ({address})"),
                None => function.to_owned(),
            },
            PLACE,
        );
    };
    let at = match (frame["lineno"].as_u64(), frame["colno"].as_u64()) {
        (Some(row), Some(column)) => format!("{function} ({file}:{row}:{column})"),
        (Some(row), None) => format!("{function} ({file}:{row})"),
        (None, _) => format!("{function} ({file})"),
    };
    line(&at, PLACE * 2)
}

/// How long a transaction took.
fn duration(event: &Value) -> String {
    let seconds = |field: &str| {
        event[field].as_f64().or_else(|| {
            let text = event[field].as_str()?;
            Some(crate::cli::time::Moment::parse(text)?.0 as f64 / 1_000.0)
        })
    };
    let taken = seconds("timestamp").zip(seconds("start_timestamp"));
    format::duration(taken.map(|(end, start)| (end - start) * 1_000.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(kind: Kind, event: Value) -> (String, String, String) {
        let summary = Summary::of(kind, &event);
        (summary.level, summary.title, summary.place)
    }

    fn three(level: &str, title: &str, place: &str) -> (String, String, String) {
        (level.into(), title.into(), place.into())
    }

    #[test]
    fn an_error_is_named_by_its_outermost_exception_and_the_applications_frame() {
        let event = json!({"exception": {"values": [
            {"type": "Cause", "value": "inner"},
            {"type": "TypeError", "value": "boom\nsecond line", "stacktrace": {"frames": [
                {"function": "main", "filename": "app.js", "lineno": 3, "in_app": true},
                {"function": "next", "filename": "express.js", "lineno": 9, "in_app": false}]}}]}});
        assert_eq!(
            of(Kind::Error, event),
            three("error", "TypeError: boom second line", "main (app.js:3)")
        );
    }

    #[test]
    fn a_message_stands_for_itself_in_each_of_its_forms() {
        for event in [
            json!({"level": "warning", "message": "slow"}),
            json!({"level": "warning", "message": {"formatted": "slow"}}),
            json!({"level": "warning", "logentry": {"message": "slow"}}),
            json!({"level": "warning", "logentry": {"message": "%s", "formatted": "slow"}}),
        ] {
            assert_eq!(of(Kind::Error, event), three("warning", "slow", ""));
        }
        assert_eq!(
            of(Kind::Error, json!({})),
            three("error", "(no message)", "")
        );
    }

    #[test]
    fn a_transaction_shows_how_long_it_took() {
        let event = json!({"transaction": "GET /", "contexts": {"trace": {"status": "ok"}},
            "start_timestamp": 10.0, "timestamp": 10.25});
        assert_eq!(of(Kind::Transaction, event), three("ok", "GET /", "250 ms"));
        let event = json!({"transaction": "GET /", "start_timestamp": "2026-01-01T00:00:00Z",
            "timestamp": "2026-01-01T00:00:02.5Z"});
        assert_eq!(of(Kind::Transaction, event), three("ok", "GET /", "2.50 s"));
    }

    #[test]
    fn hostile_text_moves_no_cursor_and_stays_one_line() {
        let event =
            json!({"exception": {"values": [{"type": "\u{1b}[2J", "value": "a\u{202e}b\r\nc"}]}});
        let (_, title, _) = of(Kind::Error, event);
        assert_eq!(title, "␛[2J: ab  c");
        let long = json!({"message": "x".repeat(1 << 20)});
        let (_, title, _) = of(Kind::Error, long);
        assert_eq!(title.chars().count(), TITLE + 1);
    }

    #[test]
    fn what_has_an_odd_shape_is_no_error_of_ours() {
        for event in [
            json!(null),
            json!([]),
            json!({"exception": 3, "message": [], "level": {}}),
            json!({"exception": {"values": [null, {"stacktrace": {"frames": [7]}}]}}),
        ] {
            for kind in [Kind::Error, Kind::Transaction, Kind::CheckIn, Kind::Session] {
                let _ = Summary::of(kind, &event);
            }
        }
    }
}
