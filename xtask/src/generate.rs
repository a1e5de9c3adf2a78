//! `cargo xtask gen`: the files that a program writes and the repository keeps.
//!
//! `--check` makes them and compares: a generated file that drifted from its source is a failure with the first lines
//! that differ.

use std::fs;

use crate::failure::{Doing, Failure, Result};
use crate::process::Step;
use crate::requirements::Requirements;
use crate::{paths, report, setup, suites};

/// Regenerate the generated files.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask gen            # after changing a setting or the native interface
  cargo xtask gen --check    # fails when a file is not what its generator makes today")]
pub(crate) struct Options {
    /// Change nothing; fail on a difference
    #[arg(long)]
    check: bool,
}

/// One generated file.
pub(crate) struct File {
    pub(crate) path: &'static str,
    make: fn() -> Result<String>,
}

/// Every generated file but the Node binding's declarations, which its own scripts make and compare.
pub(crate) const FILES: &[File] = &[File {
    path: "docs/reference/environment.md",
    make: environment,
}];

fn environment() -> Result<String> {
    let made = Step::cargo(
        "gen-environment",
        [
            "run",
            "-q",
            "-p",
            "tallylight",
            "--example",
            "gen_reference",
        ],
    )
    .captured()
    .run()?;
    Ok(made.stdout)
}

impl File {
    pub(crate) fn check(&self) -> Result<()> {
        let kept = fs::read_to_string(paths::at(self.path)).unwrap_or_default();
        let made = (self.make)()?;
        match first_difference(&kept, &made) {
            None => Ok(()),
            Some(difference) => Err(Failure::new(format!(
                "{} is not what its generator makes: {difference}",
                self.path
            ))
            .hint("run `cargo xtask gen` and commit what it changes")),
        }
    }

    fn write(&self) -> Result<bool> {
        let path = paths::at(self.path);
        let made = (self.make)()?;
        if fs::read_to_string(&path).is_ok_and(|kept| kept == made) {
            return Ok(false);
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).doing(|| format!("cannot make {}", paths::shown(folder)))?;
        }
        fs::write(&path, made).doing(|| format!("cannot write {}", self.path))?;
        Ok(true)
    }
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let requirements = Requirements::look();
    requirements
        .for_node()
        .map_err(|missing| missing.failure())?;
    let mut wrong = Vec::new();
    for file in FILES {
        if options.check {
            match file.check() {
                Ok(()) => report::data(&format!("{}: up to date", file.path)),
                Err(failure) if failure.is_interrupt() => return Err(failure),
                Err(failure) => {
                    report::data(&format!("{}: DIFFERS", file.path));
                    wrong.push(failure.message);
                }
            }
        } else {
            let state = if file.write()? {
                "written"
            } else {
                "unchanged"
            };
            report::data(&format!("{}: {state}", file.path));
        }
    }
    setup::node()?;
    suites::node::build(false)?;
    let (script, done) = if options.check {
        ("check", "up to date")
    } else {
        ("types", "written")
    };
    match Step::npm(
        "gen-declarations",
        &paths::at("bindings-node"),
        ["run", script],
    )
    .run()
    {
        Ok(_) => report::data(&format!("the declarations of bindings-node: {done}")),
        Err(failure) if failure.is_interrupt() => return Err(failure),
        Err(failure) => wrong.push(failure.message),
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::new(wrong.join("\n")).hint("run `cargo xtask gen` and commit what it changes"))
}

fn first_difference(kept: &str, made: &str) -> Option<String> {
    if kept == made {
        return None;
    }
    let mut kept_lines = kept.lines();
    let mut made_lines = made.lines();
    let mut number = 0;
    loop {
        number += 1;
        match (kept_lines.next(), made_lines.next()) {
            (Some(one), Some(other)) if one == other => {}
            (None, None) => return Some("only the line ends differ".into()),
            (one, other) => {
                return Some(format!(
                    "line {number} is `{}`, made is `{}`",
                    one.unwrap_or("(nothing)"),
                    other.unwrap_or("(nothing)")
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_differing_line_is_named() {
        assert_eq!(first_difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(
            first_difference("a\nb\n", "a\nc\n").unwrap(),
            "line 2 is `b`, made is `c`"
        );
        assert!(
            first_difference("a\n", "a\nb\n")
                .unwrap()
                .contains("(nothing)")
        );
        assert!(first_difference("a\n", "a").unwrap().contains("line ends"));
    }
}
