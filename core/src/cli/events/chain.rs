//! The exceptions of an event as people read them: the outermost first, each with what caused it
//! below, and the frames from the most recent call down.

use serde_json::Value;

use super::summary::{exception_title, exceptions, line, place};
use crate::cli::output::{Level, paint};

/// Exceptions and frames that are shown; `--json` has all of them.
const EXCEPTIONS: usize = 20;
const FRAMES: usize = 40;
/// The source of so many of the application's frames is shown.
const SOURCES: usize = 3;
const TITLE: usize = 1_000;
const CODE: usize = 200;

pub(super) fn page(event: &Value, colour: bool) -> String {
    let all = exceptions(event);
    let mut out = String::new();
    for (at, exception) in all.iter().rev().enumerate().take(EXCEPTIONS) {
        if at > 0 {
            out.push_str(&paint(&relation(exception), Level::Faint, colour));
        }
        out.push_str(&paint(
            &exception_title(exception, TITLE),
            Level::Critical,
            colour,
        ));
        out.push_str(&mechanism(exception, at == 0, colour));
        out.push('\n');
        frames(&mut out, exception, colour);
    }
    if all.len() > EXCEPTIONS {
        out.push_str(&format!(
            "{} more exceptions with --json\n",
            all.len() - EXCEPTIONS
        ));
    }
    out
}

/// How an exception belongs to the one above it.
fn relation(exception: &Value) -> String {
    let mechanism = &exception["mechanism"];
    match mechanism["source"].as_str() {
        // `errors[2]`, `exceptions[0]`: one of several.
        Some(source) if source.contains('[') => format!("in {}: ", line(source, 60)),
        Some("__context__") => "while handling: ".to_owned(),
        _ => "caused by: ".to_owned(),
    }
}

fn mechanism(exception: &Value, is_outermost: bool, colour: bool) -> String {
    let mechanism = &exception["mechanism"];
    let mut words = Vec::new();
    if is_outermost && mechanism["handled"] == false {
        words.push("not handled".to_owned());
    }
    if let Some(kind) = mechanism["type"].as_str()
        && is_outermost
    {
        words.push(line(kind, 40));
    }
    if words.is_empty() {
        return String::new();
    }
    paint(&format!("  ({})", words.join(", ")), Level::Faint, colour)
}

fn frames(out: &mut String, exception: &Value, colour: bool) {
    let Some(frames) = exception["stacktrace"]["frames"].as_array() else {
        return;
    };
    let mut sources = 0;
    for frame in frames.iter().rev().take(FRAMES) {
        let is_in_app = frame["in_app"] == true;
        let (mark, level) = if is_in_app {
            ("*", Level::Plain)
        } else {
            (" ", Level::Faint)
        };
        out.push_str(&paint(
            &format!("  {mark} at {}", place(frame)),
            level,
            colour,
        ));
        out.push('\n');
        if is_in_app && sources < SOURCES && source(out, frame, colour) {
            sources += 1;
        }
    }
    if frames.len() > FRAMES {
        out.push_str(&format!(
            "    {} more frames with --json\n",
            frames.len() - FRAMES
        ));
    }
}

/// The lines around a frame; whether there are any.
fn source(out: &mut String, frame: &Value, colour: bool) -> bool {
    let Some(own) = frame["context_line"].as_str() else {
        return false;
    };
    let around = |field: &str| {
        let lines = frame[field].as_array();
        lines
            .into_iter()
            .flatten()
            .map(|line| line.as_str().unwrap_or_default())
            .collect::<Vec<_>>()
    };
    let (before, after) = (around("pre_context"), around("post_context"));
    let before = &before[before.len().saturating_sub(2)..];
    let row = frame["lineno"].as_u64().unwrap_or(0);
    let first = row.saturating_sub(before.len() as u64);
    let rows = before.iter().chain([&own]).chain(after.iter().take(2));
    for (number, code) in (first..).zip(rows) {
        let (mark, level) = if number == row {
            (">", Level::Strong)
        } else {
            (" ", Level::Faint)
        };
        // A line keeps its indentation, which `line` would cut off.
        let indent = code.len() - code.trim_start().len();
        let text = format!(
            "      {mark} {number:>5} | {}{}",
            " ".repeat(indent.min(40)),
            line(code, CODE)
        );
        out.push_str(&paint(text.trim_end(), level, colour));
        out.push('\n');
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn causes_follow_the_outermost_and_frames_the_most_recent_call() {
        let event = json!({"exception": {"values": [
            {"type": "ECONN", "value": "refused", "mechanism": {"source": "cause", "exception_id": 2, "parent_id": 0}},
            {"type": "A", "value": "one", "mechanism": {"source": "errors[0]", "exception_id": 1, "parent_id": 0}},
            {"type": "Error", "value": "all", "mechanism": {"type": "onunhandledrejection", "handled": false},
             "stacktrace": {"frames": [
                {"function": "main", "filename": "a.js", "lineno": 1, "in_app": false},
                {"function": "load", "filename": "b.js", "lineno": 7, "colno": 3, "in_app": true,
                 "pre_context": ["x", "  if (a) {"], "context_line": "    throw e;", "post_context": ["  }", "", "y"]}]}}]}});
        assert_eq!(
            page(&event, false),
            "Error: all  (not handled, onunhandledrejection)
  * at load (b.js:7:3)
            5 | x
            6 |   if (a) {
      >     7 |     throw e;
            8 |   }
            9 |
    at main (a.js:1)
in errors[0]: A: one
caused by: ECONN: refused
"
        );
    }

    #[test]
    fn a_long_chain_and_a_deep_stack_are_cut_with_their_number() {
        let frames: Vec<Value> = (0..300)
            .map(|n| json!({"function": format!("f{n}")}))
            .collect();
        let mut values: Vec<Value> = (0..49).map(|n| json!({"type": format!("E{n}")})).collect();
        values.push(json!({"type": "Outer", "stacktrace": {"frames": frames}}));
        let text = page(&json!({"exception": {"values": values}}), false);
        assert!(text.starts_with("Outer\n    at f299\n"), "{text}");
        assert!(text.contains("260 more frames with --json"), "{text}");
        assert!(text.ends_with("30 more exceptions with --json\n"), "{text}");
    }
}
