//! The lines around each frame's own.

use std::sync::Arc;
use std::time::SystemTime;

use serde_json::Value;

use super::files::{self, Source};
use super::frames::{self, Frame};

/// Lines shown before and after a frame's own, as Sentry's interface shows them.
const AROUND: usize = 5;
/// Characters of a line; a longer one is shown around the frame's column.
const MAX_LINE: usize = 256;
/// Characters shown before the column of a long line.
const BEFORE: usize = 100;
/// What stands where a long line goes on; as Sentry's SDKs write it.
const SNIP: &str = "{snip}";
/// Frames of a stack that are shown with their source: the last ones, where it failed.
const MOST: usize = 100;

/// Adds the source to the frames of a stack that are the application's own, or to all of them
/// where none is known to be.
pub(super) fn add(stack: &mut [Value], at: SystemTime) {
    let is_own = |frame: &Value| frame.get("in_app").and_then(Value::as_bool) == Some(true);
    let is_any_own = stack.iter().any(is_own);
    let first = stack.len().saturating_sub(MOST);
    for frame in &mut stack[first..] {
        if is_own(frame) != is_any_own {
            continue;
        }
        if let Value::Object(frame) = frame
            && !frame.contains_key("context_line")
        {
            from_file(frame, at);
        }
    }
}

fn from_file(frame: &mut Frame, at: SystemTime) -> Option<()> {
    let path = files::absolute(frames::place(frame)?)?;
    let line = frames::number(frame, "lineno")?;
    let source = files::source(&path, at)?;
    show(frame, &source, line);
    Some(())
}

/// Adds the lines of a source around one of them.
pub(super) fn show(frame: &mut Frame, source: &Arc<Source>, line: usize) {
    let Some(own) = source.line(line) else {
        return;
    };
    let column = frames::number(frame, "colno").unwrap_or(0);
    let lines = |from: usize, to: usize| -> Value {
        (from..to)
            .map_while(|number| source.line(number))
            .map(|text| shortened(text, 0))
            .collect()
    };
    let before = lines(line.saturating_sub(AROUND).max(1), line);
    let after = lines(line + 1, line + 1 + AROUND);
    frame.insert("pre_context".to_owned(), before);
    frame.insert("context_line".to_owned(), shortened(own, column).into());
    frame.insert("post_context".to_owned(), after);
}

/// A line, or as much of it as is shown, around a column (from 1; 0 where none is known).
fn shortened(line: &str, column: usize) -> String {
    // No character has more than four bytes.
    if line.len() <= MAX_LINE || line.chars().take(MAX_LINE + 1).count() <= MAX_LINE {
        return line.to_owned();
    }
    let from = column.saturating_sub(BEFORE);
    let mut rest = line.chars().skip(from);
    let mut shown: String = rest.by_ref().take(MAX_LINE).collect();
    if from > 0 {
        shown = format!("{SNIP} {shown}");
    }
    if rest.next().is_some() {
        shown.push(' ');
        shown.push_str(SNIP);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_shown_around_its_column() {
        assert_eq!(shortened("short", 3), "short");
        let line = format!("{}X{}", "a".repeat(5_000), "é".repeat(5_000));
        let shown = shortened(&line, 5_001);
        assert!(
            shown.starts_with("{snip} aaa") && shown.ends_with("éé {snip}"),
            "{shown}"
        );
        assert!(shown.contains("aXé"));
        assert!(shortened(&line, 0).starts_with("aaa"));
        assert_eq!(shortened(&line, 100_000), "{snip} ");
    }
}
