//! Texts, numbers and words: scrubbed, in the form that a server takes, and cut to size.

use std::borrow::Cow;

use super::super::form;
use super::super::literal::{self, Literal, Stop};
use super::super::notes::{LIMIT, Remark};
use super::super::place::{Form, Rule};
use super::super::text::{self, FILTERED, Hints, Kind};
use super::{Room, Walk};

/// The rule for what stands under a name that says it is secret.
const SECRET: &str = "@password:filter";
/// What stands behind a text that was cut.
const CUT: &str = "...";
/// Digits from which a number may be a card's.
const MIN_CARD: usize = 13;

impl Walk<'_> {
    /// Writes a list or an object as one text, where only a text may be.
    pub(super) fn as_text(&mut self, rule: Rule) -> Result<(), Stop> {
        let start = self.at;
        self.at = literal::pass_over(self.text, start)?;
        let raw = &self.text[start..self.at];
        self.mark(rule.mark, raw);
        let clean = text::scrub_hinted(raw, Hints::of(raw), rule.kind, self.keys);
        let (short, _) = match &clean {
            None => cut(raw, &[], rule.max, usize::MAX),
            Some(clean) => cut(&clean.text, &clean.remarks, rule.max, usize::MAX),
        };
        self.edits.replace(start..self.at, quote(&short));
        Ok(())
    }

    pub(super) fn word(&mut self, word: &str) -> Result<(), Stop> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(Stop::Invalid);
        }
        self.at += word.len();
        Ok(())
    }

    pub(super) fn number(&mut self, rule: Rule) -> Result<(), Stop> {
        let start = self.at;
        self.at = literal::number(self.bytes, start)?;
        let raw = &self.text[start..self.at];
        self.mark(rule.mark, raw);
        if rule.form == Form::Unsigned && raw.starts_with('-') {
            self.edits.replace(start..self.at, "null");
        } else if raw.len() >= MIN_CARD || raw.contains(['e', 'E']) {
            // A number that no float holds is an error to whoever reads it.
            if raw.parse::<f64>().is_ok_and(f64::is_infinite) {
                let (short, _) = cut(raw, &[], 64, usize::MAX);
                self.edits.replace(start..self.at, quote(&short));
            } else if rule.kind != Kind::Plain
                && matches!(text::scrub(raw, rule.kind, self.keys), Cow::Owned(_))
            {
                self.filter(start);
            }
        }
        Ok(())
    }

    pub(super) fn string(&mut self, rule: Rule, room: Room) -> Result<(), Stop> {
        let start = self.at;
        let (literal, end) = literal::string(self.text, start)?;
        self.at = end;
        self.mark(rule.mark, literal.raw);
        let max = rule.max.min(self.limits.text);
        let left = room.until.saturating_sub(self.written() - (end - start));
        let is_short = literal.raw.len() <= max && literal.raw.len() <= left;
        let is_formed = form::accepts(rule.form, &literal);
        if is_short && is_formed && !literal.hints.concern(rule.kind) {
            return Ok(());
        }
        self.rewrite(start, &literal, rule, max, left)
    }

    /// Writes a text scrubbed, in its form and cut to size; nothing, if it is so already.
    pub(super) fn rewrite(
        &mut self,
        start: usize,
        literal: &Literal<'_>,
        rule: Rule,
        max: usize,
        left: usize,
    ) -> Result<(), Stop> {
        let text = literal.decode()?;
        let clean = text::scrub_hinted(&text, literal.hints, rule.kind, self.keys);
        let (clean, mut remarks) = match &clean {
            None => (&*text, Vec::new()),
            Some(clean) => (&*clean.text, clean.remarks.clone()),
        };
        let Some(formed) = form::make(rule.form, clean) else {
            self.edits.replace(start..self.at, "null");
            return Ok(());
        };
        let (short, kept) = cut(&formed, &remarks, max, left);
        if let Some(kept) = kept {
            remarks.retain(|it| it.is_before(kept));
            remarks.push(Remark::within(LIMIT, kept, kept + CUT.len()));
        }
        if *short == *text {
            return Ok(());
        }
        self.edits.replace(start..self.at, quote(&short));
        if !remarks.is_empty() {
            self.note(remarks, Some(text.chars().count()));
        }
        Ok(())
    }

    /// Puts `[Filtered]` in the place of the value that ends here.
    pub(super) fn filter(&mut self, start: usize) {
        self.edits.replace(start..self.at, quote(FILTERED));
        self.note(vec![Remark::replaced(SECRET)], None);
    }

    /// Takes away what stands under a name that says it is secret.
    pub(super) fn secret(&mut self) -> Result<(), Stop> {
        let start = self.at;
        self.at = literal::pass_over(self.text, start)?;
        match &self.text[start..self.at] {
            "" => Err(Stop::Invalid),
            "null" | "true" | "false" | "\"\"" | "\"[Filtered]\"" | "\"[redacted]\"" => Ok(()),
            _ => {
                self.filter(start);
                Ok(())
            }
        }
    }
}

/// A text cut to that many characters and bytes, and how much of it was kept if it was cut.
fn cut<'t>(
    text: &'t str,
    remarks: &[Remark],
    max: usize,
    left: usize,
) -> (Cow<'t, str>, Option<usize>) {
    let fits = text.len() <= left && (text.len() <= max || text.chars().count() <= max);
    if fits {
        return (text.into(), None);
    }
    let chars = max.saturating_sub(CUT.len());
    let mut end = text
        .char_indices()
        .nth(chars)
        .map_or(text.len(), |(at, _)| at)
        .min(left.saturating_sub(CUT.len()));
    // Half of what stands for a secret would say nothing of it.
    if let Some(start) = remarks.iter().find_map(|it| it.split_by(end)) {
        end = start;
    }
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    (format!("{}{CUT}", &text[..end]).into(), Some(end))
}

/// A text as a JSON string.
pub(super) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
