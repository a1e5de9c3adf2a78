//! What `doctor` found, as people and programs read it.
//!
//! The invariant: whatever is not well ends with its fix, and colour is never the only sign.

use serde_json::{Value, json};

use super::say;
use crate::cli::output::{Level, paint};
use crate::cli::text;
use crate::secrets::failure::Failure;

/// A longer subject is cut.
const WIDEST: usize = 60;
/// So wide is the column of the verdicts at least.
const SHORTEST_WORD: usize = 4;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Good,
    /// Nobody looked, so it is neither.
    Untested,
    Warning,
    Bad,
}

impl Verdict {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Untested => "untested",
            Self::Warning => "warn",
            Self::Bad => "fail",
        }
    }

    const fn icon(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Untested => "?",
            Self::Warning => "!",
            Self::Bad => "✗",
        }
    }

    const fn level(self) -> Level {
        match self {
            Self::Good => Level::Good,
            Self::Untested => Level::Faint,
            Self::Warning => Level::Warning,
            Self::Bad => Level::Critical,
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    /// What was looked at.
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) fix: Option<String>,
}

impl Finding {
    pub(super) fn good(subject: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Good,
            subject: subject.into(),
            text: text.into(),
            fix: None,
        }
    }

    /// Something that was not looked at, and why.
    pub(super) fn untested(subject: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Untested,
            ..Self::good(subject, why)
        }
    }

    pub(super) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    pub(super) fn warning(
        subject: impl Into<String>,
        text: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Warning,
            fix: Some(fix.into()),
            ..Self::good(subject, text)
        }
    }

    pub(super) fn bad(
        subject: impl Into<String>,
        text: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self {
            verdict: Verdict::Bad,
            ..Self::warning(subject, text, fix)
        }
    }

    /// A failure of a call, as bad as `verdict`.
    pub(super) fn of(subject: impl Into<String>, verdict: Verdict, failure: &Failure) -> Self {
        let mut text = failure.text.clone();
        if let Some(code) = failure
            .aws_code
            .as_ref()
            .filter(|code| !text.contains(code.as_str()))
        {
            text.push_str(&format!(" ({code})"));
        }
        if let Some(id) = &failure.request_id {
            text.push_str(&format!(" (request {id})"));
        }
        let fix = match failure.hint.as_str() {
            "" => "try it again; if it stays, ask AWS with the request's id",
            hint => hint,
        };
        Self {
            verdict,
            ..Self::warning(subject, text, fix)
        }
    }
}

/// All that was found, by what it is about.
#[derive(Default)]
pub(super) struct Findings {
    areas: Vec<(&'static str, Vec<Finding>)>,
}

impl Findings {
    pub(super) fn add(&mut self, area: &'static str, finding: Finding) {
        match self.areas.iter_mut().find(|(known, _)| *known == area) {
            Some((_, findings)) => findings.push(finding),
            None => self.areas.push((area, vec![finding])),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Finding> {
        self.areas.iter().flat_map(|(_, findings)| findings)
    }

    /// The worst of what was tested.
    pub(super) fn verdict(&self) -> Verdict {
        self.all()
            .map(|finding| finding.verdict)
            .filter(|verdict| *verdict != Verdict::Untested)
            .max()
            .unwrap_or(Verdict::Untested)
    }

    /// How many findings are so.
    fn count(&self, verdict: Verdict) -> usize {
        self.all()
            .filter(|finding| finding.verdict == verdict)
            .count()
    }

    pub(super) fn text(&self, colour: bool) -> String {
        let mut out = String::new();
        for (area, findings) in &self.areas {
            out.push_str(&format!("{}\n", paint(area, Level::Strong, colour)));
            let widths = findings.iter().map(|finding| text::width(&finding.subject));
            let wide = widths.max().unwrap_or(0).min(WIDEST);
            let words = findings.iter().map(|finding| finding.verdict.word().len());
            let longest = words.max().unwrap_or(0).max(SHORTEST_WORD);
            for finding in findings {
                let verdict = finding.verdict;
                let word = format!("{} {:longest$}", verdict.icon(), verdict.word());
                let subject = text::fit(&say::clean(&finding.subject), wide, false);
                out.push_str(&format!(
                    "  {}  {subject}  {}\n",
                    paint(&word, verdict.level(), colour),
                    say::clean(&finding.text)
                ));
                if let Some(fix) = &finding.fix {
                    out.push_str(&format!(
                        "          {} {}\n",
                        paint("fix:", Level::Strong, colour),
                        say::clean(fix)
                    ));
                }
            }
        }
        let to_look_at = format!("{} to look at", self.count(Verdict::Warning));
        let mut summary = match self.verdict() {
            Verdict::Good => "a service here can read its secrets".to_owned(),
            Verdict::Untested => "nothing was tested".to_owned(),
            Verdict::Warning => format!("a service here can read its secrets; {to_look_at}"),
            Verdict::Bad => format!("{} to mend, {to_look_at}", self.count(Verdict::Bad)),
        };
        if let untested @ 1.. = self.count(Verdict::Untested) {
            let mark = match self.verdict() {
                Verdict::Good => ';',
                _ => ',',
            };
            summary.push_str(&format!("{mark} {untested} not tested"));
        }
        let verdict = self.verdict();
        let word = format!("{} {}", verdict.icon(), verdict.word());
        out.push_str(&format!(
            "{}: {summary}\n",
            paint(&word, verdict.level(), colour)
        ));
        out
    }

    pub(super) fn json(&self) -> Value {
        let checks: Vec<Value> = self
            .areas
            .iter()
            .flat_map(|(area, findings)| findings.iter().map(move |finding| (area, finding)))
            .map(|(area, finding)| {
                say::object([
                    ("area", json!(area)),
                    ("subject", json!(finding.subject)),
                    ("verdict", json!(finding.verdict.word())),
                    ("text", json!(finding.text)),
                    ("fix", json!(finding.fix)),
                ])
            })
            .collect();
        json!(checks)
    }
}
