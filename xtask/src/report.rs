//! What the tasks say: data on stdout, messages on stderr, colour only as an addition to words.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The steps that run now, for the live line on a terminal.
static RUNNING: Mutex<BTreeMap<String, Instant>> = Mutex::new(BTreeMap::new());
/// Held while lines are written, so that two steps never mix theirs.
static LINES: Mutex<LiveLine> = Mutex::new(LiveLine {
    shown: String::new(),
});

/// What the live line shows now; empty when there is none.
struct LiveLine {
    shown: String,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn colours() -> bool {
    static COLOURS: OnceLock<bool> = OnceLock::new();
    *COLOURS.get_or_init(|| {
        env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && io::stderr().is_terminal()
    })
}

pub(crate) fn live() -> bool {
    static LIVE: OnceLock<bool> = OnceLock::new();
    *LIVE.get_or_init(|| {
        io::stderr().is_terminal() && env::var_os("TERM").is_some_and(|term| term != "dumb")
    })
}

fn painted(code: &str, text: &str) -> String {
    if colours() {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_string()
    }
}

/// How a step ended; the word carries it, the colour only helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Ok,
    Failed,
    Skipped,
}

impl Verdict {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "FAILED",
            Self::Skipped => "skipped",
        }
    }

    fn painted(self) -> String {
        let code = match self {
            Self::Ok => "32",
            Self::Failed => "1;31",
            Self::Skipped => "33",
        };
        painted(code, self.word())
    }
}

/// A line of data, on stdout. A reader that went away is no reason to fail.
pub(crate) fn data(text: &str) {
    let mut line = lock(&LINES);
    clear(&mut line);
    let _ = writeln!(io::stdout().lock(), "{text}");
    let _ = io::stdout().flush();
}

/// A line for people, on stderr.
pub(crate) fn say(text: &str) {
    let mut line = lock(&LINES);
    clear(&mut line);
    let _ = writeln!(io::stderr().lock(), "{text}");
}

pub(crate) fn heading(text: &str) {
    say(&painted("1", text));
}

pub(crate) fn failed(text: &str) {
    say(&format!("{} {text}", painted("1;31", "error:")));
}

pub(crate) fn warn(text: &str) {
    say(&format!("{} {text}", painted("33", "note:")));
}

/// A step begins: on a terminal it joins the live line, elsewhere it gets a line of its own.
pub(crate) fn started(step: &str, command: &str) {
    lock(&RUNNING).insert(step.to_string(), Instant::now());
    if live() {
        tick();
    } else {
        say(&format!("  {step}: {command}"));
    }
}

/// A step has ended.
pub(crate) fn ended(step: &str, verdict: Verdict, elapsed: Duration) {
    lock(&RUNNING).remove(step);
    say(&format!(
        "  {step}: {} ({})",
        verdict.painted(),
        seconds(elapsed)
    ));
}

/// Redraws the live line; called by every wait loop, and does nothing without a terminal.
pub(crate) fn tick() {
    if !live() {
        return;
    }
    let running: Vec<String> = lock(&RUNNING)
        .iter()
        .map(|(step, since)| format!("{step} {}s", since.elapsed().as_secs()))
        .collect();
    let text: String = format!("  … {}", running.join(" · "))
        .chars()
        .take(78)
        .collect();
    let mut line = lock(&LINES);
    if running.is_empty() {
        clear(&mut line);
    } else if line.shown != text {
        // Drawn only when it changes: a line redrawn all the time flickers.
        clear(&mut line);
        let _ = write!(io::stderr().lock(), "{text}");
        let _ = io::stderr().flush();
        line.shown = text;
    }
}

fn clear(line: &mut LiveLine) {
    if !line.shown.is_empty() {
        let _ = write!(io::stderr().lock(), "\r\x1b[2K");
        line.shown.clear();
    }
}

pub(crate) fn seconds(elapsed: Duration) -> String {
    format!("{:.1} s", elapsed.as_secs_f64())
}

/// Lays rows out in columns: the first row is the heading, a column of numbers is set to the right.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |row: &[String], column: usize| row.get(column).cloned().unwrap_or_default();
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .map(|row| cell(row, column).chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let numeric: Vec<bool> = (0..columns)
        .map(|column| {
            rows.iter().skip(1).all(|row| {
                let text = cell(row, column);
                text.is_empty() || text.starts_with(|c: char| c.is_ascii_digit() || c == '-')
            })
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, width) in widths.iter().enumerate() {
            let value = cell(row, column);
            let padding = " ".repeat(width.saturating_sub(value.chars().count()));
            if column > 0 {
                line.push_str("  ");
            }
            if numeric.get(column).copied().unwrap_or(false) {
                line.push_str(&padding);
                line.push_str(&value);
            } else {
                line.push_str(&value);
                line.push_str(&padding);
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_sets_numbers_to_the_right_and_words_to_the_left() {
        let rows = [
            vec!["suite".to_string(), "passed".to_string()],
            vec!["fmt".to_string(), "1".to_string()],
            vec!["rust tests".to_string(), "212".to_string()],
        ];
        assert_eq!(
            table(&rows),
            "suite       passed\nfmt              1\nrust tests     212\n"
        );
    }
}
