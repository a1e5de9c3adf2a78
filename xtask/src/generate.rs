//! `cargo xtask gen`: the files that a program writes and the repository keeps.
//!
//! `--check` makes them and compares: a generated file that drifted from its source is a failure with the first lines
//! that differ.

use std::fs;
use std::path::{Path, PathBuf};

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

/// Files that one generator makes.
pub(crate) struct Generator {
    pub(crate) what: &'static str,
    /// Where the made files are kept.
    folder: &'static str,
    /// Makes them in a scratch folder.
    make: fn(&Path) -> Result<()>,
}

/// Every generator but the one of the Node binding's declarations, whose own scripts make and compare them.
pub(crate) const GENERATORS: &[Generator] = &[
    Generator {
        what: "docs/reference/environment.md",
        folder: "docs/reference",
        make: environment,
    },
    Generator {
        what: "tests/vectors/*.json",
        folder: "tests/vectors",
        make: vectors,
    },
];

/// The settings and their environment variables, from the table that the core reads.
fn environment(scratch: &Path) -> Result<()> {
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
    let path = scratch.join("environment.md");
    fs::write(&path, made.stdout).doing(|| format!("cannot write {}", paths::shown(&path)))
}

/// The shared vectors. Their generator writes beside itself, so a copy of it runs in the scratch folder.
fn vectors(scratch: &Path) -> Result<()> {
    let requirements = Requirements::look();
    let python = requirements
        .python
        .as_ref()
        .map_err(|missing| missing.failure())?;
    let copy = scratch.join("generate.py");
    fs::copy(paths::at("tests/vectors/generate.py"), &copy)
        .doing(|| "cannot copy tests/vectors/generate.py".into())?;
    Step::new("gen-vectors", &python.program).arg(&copy).run()?;
    fs::remove_file(&copy).doing(|| format!("cannot remove {}", paths::shown(&copy)))
}

impl Generator {
    /// The kept path and the made text of each file.
    fn made(&self) -> Result<Vec<(PathBuf, String)>> {
        let scratch = paths::target().join("generated").join(self.folder);
        let _ = fs::remove_dir_all(&scratch);
        fs::create_dir_all(&scratch).doing(|| format!("cannot make {}", paths::shown(&scratch)))?;
        (self.make)(&scratch)?;
        let mut made = Vec::new();
        let entries =
            fs::read_dir(&scratch).doing(|| format!("cannot read {}", paths::shown(&scratch)))?;
        for entry in entries.flatten() {
            let text = fs::read_to_string(entry.path())
                .doing(|| format!("cannot read {}", paths::shown(&entry.path())))?;
            made.push((paths::at(self.folder).join(entry.file_name()), text));
        }
        made.sort();
        if made.is_empty() {
            return Err(Failure::new(format!(
                "the generator of {} made nothing",
                self.what
            )));
        }
        Ok(made)
    }

    pub(crate) fn check(&self) -> Result<()> {
        for (path, made) in self.made()? {
            let kept = fs::read_to_string(&path).unwrap_or_default();
            if let Some(difference) = first_difference(&kept, &made) {
                return Err(Failure::new(format!(
                    "{} is not what its generator makes: {difference}",
                    paths::shown(&path)
                ))
                .hint("run `cargo xtask gen` and commit what it changes"));
            }
        }
        Ok(())
    }

    /// Writes what changed; answers whether anything did.
    fn write(&self) -> Result<bool> {
        let mut changed = false;
        for (path, made) in self.made()? {
            if fs::read_to_string(&path).is_ok_and(|kept| kept == made) {
                continue;
            }
            fs::write(&path, made).doing(|| format!("cannot write {}", paths::shown(&path)))?;
            changed = true;
        }
        Ok(changed)
    }
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let requirements = Requirements::look();
    requirements
        .for_node()
        .map_err(|missing| missing.failure())?;
    let mut wrong = Vec::new();
    for generator in GENERATORS {
        if options.check {
            match generator.check() {
                Ok(()) => report::data(&format!("{}: up to date", generator.what)),
                Err(failure) if failure.is_interrupt() => return Err(failure),
                Err(failure) => {
                    report::data(&format!("{}: DIFFERS", generator.what));
                    wrong.push(failure.message);
                }
            }
        } else {
            let state = if generator.write()? {
                "written"
            } else {
                "unchanged"
            };
            report::data(&format!("{}: {state}", generator.what));
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
