//! `cargo xtask bench`: ours beside the peers, in one run, from a command that anyone can repeat.
//!
//! Each part of `bench/` prints one JSON document of rows; here they become tables with ratios, and the goals are judged.
//! The peers live in `bench/` with lock files of their own, so no ordinary build compiles or installs them.

use std::ffi::OsStr;
use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::failure::{Failure, Result};
use crate::process::Step;
use crate::requirements::{self, Requirements};
use crate::{markers, paths, report, setup};

mod child;
mod contender;
mod document;
mod errors;
mod secrets;
mod tables;

use contender::Language;
use document::{Document, Judged};

/// Measure ours beside the peers.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask bench metrics            # all of it, about a quarter of an hour; writes docs/benchmarks.md
  cargo xtask bench secrets            # the secret cache, about five minutes; writes docs/benchmarks.md
  cargo xtask bench errors             # errors and their delivery, about six minutes; writes docs/benchmarks.md
  cargo xtask bench metrics --quick    # whether it all works; its numbers mean nothing and are not written
  cargo xtask bench --only rust        # one part: rust, node, python or startup; not written

Close what else the machine does: a busy core shows in the spread beside each number.")]
pub(crate) struct Options {
    /// What to measure
    #[arg(default_value = "metrics", value_parser = ["metrics", "secrets", "errors"])]
    subject: String,
    /// A short run that only shows that everything works
    #[arg(long)]
    quick: bool,
    /// Only these parts
    #[arg(long, value_name = "PART", value_delimiter = ',', value_parser = ["rust", "node", "python", "startup"])]
    only: Vec<String>,
}

/// A benchmark may take its time.
const LIMIT: Duration = Duration::from_secs(45 * 60);

pub(crate) fn run(options: &Options) -> Result<()> {
    match options.subject.as_str() {
        "secrets" => return secrets::run(options),
        "errors" => return errors::run(options),
        _ => {}
    }
    let requirements = Requirements::look_or_install(true)?;
    requirements.complete()?;
    let python = requirements
        .python
        .as_ref()
        .map_err(|missing| missing.failure())?;
    let wanted =
        |part: &str| options.only.is_empty() || options.only.iter().any(|name| name == part);
    report::heading("bench: setting up");
    setup::everything(&requirements)?;
    if options.only.iter().any(|part| part != "rust") || options.only.is_empty() {
        Step::new("bench-prepare", paths::at("bench/prepare"))
            .env("PYTHON", &python.program)
            .limit(LIMIT)
            .run()?;
    }
    if wanted("rust") && requirements::output("valgrind", &["--version"]).is_none() {
        report::warn(
            "without valgrind the instruction counts are left out (Debian: `apt-get install valgrind`)",
        );
    }
    report::heading("bench: measuring, one part after the other");
    let mut documents = Vec::new();
    for (part, step) in [
        ("rust", rust()),
        ("node", node()),
        (
            "python",
            script("bench-python", "bench/python/.venv/bin/python"),
        ),
        ("startup", script("bench-startup", &python.program)),
    ] {
        if !wanted(part) {
            continue;
        }
        let mut step = step.captured().limit(LIMIT);
        if options.quick {
            step = step.arg("--quick");
        }
        documents.push(Document::parse(&step.run()?.stdout)?);
    }
    Outcome {
        subject: "metrics",
        heading: "",
        documents,
        judged: Vec::new(),
        terminal: String::new(),
        markdown: String::new(),
    }
    .publish(options)
}

impl Options {
    /// The languages that are asked for, of a subject whose only parts they are.
    fn languages(&self) -> Result<Vec<Language>> {
        if self.only.iter().any(|part| part == "startup") {
            return Err(Failure::new(
                "a start is measured with its language here; give rust, node or python",
            ));
        }
        let is_wanted = |language: &Language| {
            self.only.is_empty() || self.only.iter().any(|part| part == language.part())
        };
        Ok(Language::ALL.into_iter().filter(is_wanted).collect())
    }
}

/// Builds and installs a subject's peers, and a release build of ours.
fn prepare(subject: &str, languages: &[Language], python: &OsStr) -> Result<()> {
    if languages.iter().any(|language| *language != Language::Rust) {
        Step::new("bench-prepare", paths::at("bench/prepare"))
            .arg(format!("--{subject}"))
            .env("PYTHON", python)
            .limit(LIMIT)
            .run()?;
    }
    if languages.contains(&Language::Rust) {
        Step::cargo(&format!("bench-{subject}-build"), ["build", "--release"])
            .arg("--manifest-path")
            .arg(paths::at(&format!("bench/{subject}-rust/Cargo.toml")))
            .arg("--target-dir")
            .arg(paths::target().join("bench"))
            .limit(LIMIT)
            .run()?;
    }
    Ok(())
}

/// What a subject's parts measured.
struct Outcome {
    subject: &'static str,
    /// What the section begins with.
    heading: &'static str,
    documents: Vec<Document>,
    /// Goals beside those of the documents.
    judged: Vec<Judged>,
    /// What stands beside the documents, for each of the two readers.
    terminal: String,
    markdown: String,
}

impl Outcome {
    /// Judges the goals, shows everything, and writes the document if the run was a whole one.
    fn publish(mut self, options: &Options) -> Result<()> {
        let mut judged: Vec<_> = self.documents.iter().flat_map(document::judge).collect();
        judged.append(&mut self.judged);
        report::data(&tables::terminal(&self.documents));
        report::data(&self.terminal);
        report::data(&tables::goals_terminal(&judged));
        let unmet = judged.iter().filter(|goal| !goal.met).count();
        report::data(&format!(
            "{} of {} goals met",
            judged.len() - unmet,
            judged.len()
        ));
        if options.quick || !options.only.is_empty() {
            report::say("bench: a partial or quick run is not written to docs/benchmarks.md");
            return Ok(());
        }
        let path = paths::at("docs/benchmarks.md");
        let section = format!(
            "{}{}\n{}\n{}",
            self.heading,
            introduction(self.subject),
            tables::markdown(&self.documents, &judged),
            self.markdown,
        );
        markers::write(&path, OPENING, &format!("bench:{}", self.subject), &section)?;
        report::say(&format!("bench: written to {}", paths::shown(&path)));
        Ok(())
    }
}

const OPENING: &str = "# Benchmarks

Every number here comes from the command above its table, peers and ours in one run on one machine. Read the ratios: the
nanoseconds are this machine's.
";

fn rust() -> Step {
    Step::cargo(
        "bench-rust",
        [
            "run",
            "--release",
            "--manifest-path",
            "bench/rust/Cargo.toml",
            "--target-dir",
        ],
    )
    .arg(paths::target().join("bench"))
    .arg("--")
}

fn node() -> Step {
    Step::new("bench-node", "node")
        .args(["--expose-gc", "main.mjs"])
        .dir(&paths::at("bench/node"))
}

/// A part written in Python, run from its own folder.
fn script(part: &str, python: impl AsRef<OsStr>) -> Step {
    let folder = paths::at("bench").join(part.trim_start_matches("bench-"));
    // An interpreter of ours is named from the root, any other as it is found on the PATH.
    let inside = paths::root().join(python.as_ref());
    let python = if inside.exists() {
        inside.into_os_string()
    } else {
        python.as_ref().into()
    };
    Step::new(part, python).arg("main.py").dir(&folder)
}

/// The command, the day and the machine.
fn introduction(subject: &str) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let version = |program: &str| {
        requirements::output(program, &["--version"])
            .unwrap_or_default()
            .trim()
            .to_string()
    };
    format!(
        "`cargo xtask bench {subject}`, {}, on {} ({cores} cores, {} {}); {}, Node {}, {}.\n",
        today(),
        processor().unwrap_or_else(|| "an unnamed processor".into()),
        std::env::consts::OS,
        std::env::consts::ARCH,
        version("rustc"),
        version("node"),
        requirements::output(paths::venv_python(), &["--version"])
            .unwrap_or_default()
            .trim(),
    )
}

fn processor() -> Option<String> {
    let known = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        text.lines()
            .find(|line| line.starts_with("model name"))
            .and_then(|line| line.split_once(':'))
            .map(|(_, name)| name.trim().to_string())
    });
    known.or_else(|| {
        requirements::output("sysctl", &["-n", "machdep.cpu.brand_string"])
            .map(|text| text.trim().to_string())
    })
}

fn today() -> String {
    let days = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() / 86_400);
    let (year, month, day) = civil(days);
    format!("{year}-{month:02}-{day:02}")
}

/// The date of a day since 1970-01-01, by Hinnant's algorithm.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(19_782), (2024, 2, 29));
        assert_eq!(civil(20_781), (2026, 11, 24));
    }
}
