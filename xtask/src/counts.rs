//! Reads the counts out of what the test runners print.
//!
//! Each parser takes the whole output of one run, colours and all, and answers `None` when the runner's closing line
//! is not there: the run then died before it could count, which the caller reports as a failure.

use std::ops::AddAssign;

/// How many tests or checks passed, failed and were skipped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Counts {
    pub(crate) fn total(self) -> u64 {
        self.passed + self.failed + self.skipped
    }

    /// The closing line, in the form that stands alone on its line.
    pub(crate) fn closing_line(self) -> String {
        format!(
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// A reader of one runner's output.
pub(crate) type Parser = fn(&str) -> Option<Counts>;

/// `cargo nextest run`, or `cargo test` (also `--doc`): whichever of the two printed its summary.
pub(crate) fn rust(output: &str) -> Option<Counts> {
    nextest(output).or_else(|| cargo_test(output))
}

/// `cargo test`: one `test result:` line for each test program, added up.
pub(crate) fn cargo_test(output: &str) -> Option<Counts> {
    let mut counts = None;
    for line in plain(output).lines() {
        let Some(rest) = line.trim_start().strip_prefix("test result:") else {
            continue;
        };
        let sum: &mut Counts = counts.get_or_insert_default();
        for (number, word) in numbered_words(rest) {
            match word {
                "passed" => sum.passed += number,
                "failed" => sum.failed += number,
                "ignored" => sum.skipped += number,
                _ => {}
            }
        }
    }
    counts
}

/// `cargo nextest run`: its `Summary` line.
pub(crate) fn nextest(output: &str) -> Option<Counts> {
    let text = plain(output);
    let line = text
        .lines()
        .rfind(|line| line.trim_start().starts_with("Summary ["))?;
    let (_, results) = line.split_once(" run:")?;
    let mut counts = Counts::default();
    let mut depth = 0;
    // What stands in parentheses only says how: "45 passed (2 slow, 1 flaky)".
    let outside: String = results
        .chars()
        .filter(|character| {
            match character {
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => return depth == 0,
            }
            false
        })
        .collect();
    for part in outside.split(',') {
        let mut words = part.split_whitespace();
        let Some(number) = words.next().and_then(|word| word.parse::<u64>().ok()) else {
            continue;
        };
        match words.next() {
            Some("passed") => counts.passed += number,
            Some("skipped") => counts.skipped += number,
            // "failed", "exec failed", "timed out"
            Some(_) => counts.failed += number,
            None => {}
        }
    }
    Some(counts)
}

/// Node's own test runner: its `pass`, `fail`, `cancelled`, `skipped` and `todo` lines, in the spec or the TAP form.
/// Several runs in one output are added up.
pub(crate) fn node(output: &str) -> Option<Counts> {
    let mut counts = None;
    for line in plain(output).lines() {
        let mut words = line.split_whitespace();
        if !matches!(words.next(), Some("#" | "ℹ")) {
            continue;
        }
        let (Some(word), Some(number), None) = (words.next(), words.next(), words.next()) else {
            continue;
        };
        let Ok(number) = number.parse::<u64>() else {
            continue;
        };
        let sum: &mut Counts = match word {
            "pass" => counts.get_or_insert_default(),
            _ => match counts.as_mut() {
                Some(sum) => sum,
                None => continue,
            },
        };
        match word {
            "pass" => sum.passed += number,
            "fail" | "cancelled" => sum.failed += number,
            "skipped" | "todo" => sum.skipped += number,
            _ => {}
        }
    }
    counts
}

/// pytest's last line: `1 failed, 45 passed, 2 skipped in 3.21s`.
pub(crate) fn pytest(output: &str) -> Option<Counts> {
    let text = plain(output);
    text.lines().rev().find_map(|line| {
        let line = line.trim_matches(|c: char| c == '=' || c.is_whitespace());
        let (results, duration) = line.rsplit_once(" in ")?;
        if !duration.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        if results == "no tests ran" {
            return Some(Counts::default());
        }
        let mut counts = Counts::default();
        for part in results.split(", ") {
            let (number, word) = part.split_once(' ')?;
            let number: u64 = number.parse().ok()?;
            match word {
                "passed" | "xpassed" => counts.passed += number,
                "failed" | "error" | "errors" => counts.failed += number,
                "skipped" | "xfailed" | "deselected" => counts.skipped += number,
                "warning" | "warnings" | "rerun" => {}
                _ => return None,
            }
        }
        Some(counts)
    })
}

/// `12 passed; 0 failed; …` as pairs.
fn numbered_words(text: &str) -> impl Iterator<Item = (u64, &str)> {
    text.split([';', '.']).filter_map(|part| {
        let (number, word) = part.trim().split_once(' ')?;
        Some((number.parse().ok()?, word))
    })
}

/// The text without terminal colours.
pub(crate) fn plain(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\x1b' {
            result.push(character);
            continue;
        }
        if characters.next() == Some('[') {
            for code in characters.by_ref() {
                if code.is_ascii_alphabetic() {
                    break;
                }
            }
        }
    }
    result
}

#[cfg(test)]
mod tests;
