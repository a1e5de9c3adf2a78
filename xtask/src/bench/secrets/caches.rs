//! Which caches are compared, and how a process of each is started.

use std::path::PathBuf;

use super::folder;
use crate::paths;
use crate::process::Step;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Rust,
    Node,
    Python,
}

/// A cache, by what its language's programs call it and by what a reader does.
pub(super) struct Cache {
    pub(super) language: Language,
    pub(super) who: &'static str,
    pub(super) name: &'static str,
    pub(super) peer: bool,
}

pub(super) const CACHES: [Cache; 7] = [
    peer(Language::Rust, "caching", "aws_secretsmanager_caching"),
    ours(Language::Rust),
    peer(Language::Node, "powertools", "Powertools"),
    ours(Language::Node),
    peer(Language::Python, "caching", "aws-secretsmanager-caching"),
    peer(Language::Python, "powertools", "Powertools"),
    ours(Language::Python),
];

const fn peer(language: Language, who: &'static str, name: &'static str) -> Cache {
    Cache {
        language,
        who,
        name,
        peer: true,
    }
}

const fn ours(language: Language) -> Cache {
    Cache {
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

    /// The program, what stands before its arguments, and where it runs.
    pub(super) fn program(self, task: &str) -> (PathBuf, Vec<String>, PathBuf) {
        match self {
            Self::Rust => (
                paths::target().join("bench/release/tallylight-bench-secrets"),
                vec![task.to_owned()],
                folder("secrets-rust"),
            ),
            Self::Node => (
                "node".into(),
                vec!["--expose-gc".to_owned(), format!("{task}.mjs")],
                folder("secrets-node"),
            ),
            Self::Python => {
                let inside = folder("secrets-python");
                let python = inside.join(".venv/bin/python");
                (python, vec![format!("{task}.py")], inside)
            }
        }
    }

    pub(super) fn step(self, task: &str, arguments: &[&str]) -> Step {
        let (program, first, inside) = self.program(task);
        Step::new(&format!("bench-secrets-{}-{task}", self.part()), program)
            .args(first)
            .args(arguments)
            .dir(&inside)
    }
}
