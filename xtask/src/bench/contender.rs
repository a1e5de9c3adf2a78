//! Who is compared: an SDK in a language, how a program of it is started, and a row of what was measured.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::paths;
use crate::process::Step;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Rust,
    Node,
    Python,
}

/// An SDK, by what its language's programs call it and by what a reader does.
pub(super) struct Contender {
    pub(super) language: Language,
    pub(super) who: &'static str,
    pub(super) name: &'static str,
    pub(super) peer: bool,
}

/// Somebody else's.
pub(super) const fn peer(language: Language, who: &'static str, name: &'static str) -> Contender {
    Contender {
        language,
        who,
        name,
        peer: true,
    }
}

/// Tallylight itself.
pub(super) const fn ours(language: Language) -> Contender {
    Contender {
        language,
        who: "tallylight",
        name: "Tallylight",
        peer: false,
    }
}

impl Language {
    pub(super) const ALL: [Self; 3] = [Self::Rust, Self::Node, Self::Python];

    /// As `--only` has it.
    pub(super) fn part(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Node => "node",
            Self::Python => "python",
        }
    }

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::Node => "Node",
            Self::Python => "Python",
        }
    }

    /// A task of a subject (`secrets`, `errors`): the program, what stands before its arguments, and where it runs.
    pub(super) fn program(self, subject: &str, task: &str) -> (PathBuf, Vec<String>, PathBuf) {
        let inside = folder(&format!("{subject}-{}", self.part()));
        match self {
            Self::Rust => (
                paths::target().join(format!("bench/release/tallylight-bench-{subject}")),
                vec![task.to_owned()],
                inside,
            ),
            Self::Node => (
                "node".into(),
                vec!["--expose-gc".to_owned(), format!("{task}.mjs")],
                inside,
            ),
            Self::Python => (
                inside.join(".venv/bin/python"),
                vec![format!("{task}.py")],
                inside,
            ),
        }
    }

    pub(super) fn step(self, subject: &str, task: &str, arguments: &[&str]) -> Step {
        let (program, first, inside) = self.program(subject, task);
        Step::new(&format!("bench-{subject}-{}-{task}", self.part()), program)
            .args(first)
            .args(arguments)
            .dir(&inside)
    }
}

/// Where a folder of the benchmark is.
fn folder(name: &str) -> PathBuf {
    paths::at("bench").join(name)
}

/// A row of one or more measurements of the same thing.
pub(super) fn row(
    group: &str,
    contender: &Contender,
    unit: &str,
    mut values: Vec<f64>,
    goal: Value,
    note: Option<String>,
) -> Value {
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied();
    json!({
        "group": group, "name": contender.name, "peer": contender.peer, "threads": 1, "unit": unit,
        "value": at(values.len() / 2), "min": at(0), "max": at(values.len().saturating_sub(1)),
        "goal": goal, "note": note,
    })
}
