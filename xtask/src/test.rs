//! `cargo xtask test`: every suite of every language, a table, and one closing line with the counts.
//!
//! Suites run in two lanes: the main lane shares cargo's target folder, the side lane has target folders of its own
//! and so never waits for the main lane's lock. Within a lane they run in the order of the list.

use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::counts::{Counts, Parser};
use crate::failure::{Failure, Result};
use crate::process::Step;
use crate::report::{self, Verdict};
use crate::requirements::{self, Requirements};
use crate::services::{self, Services, Variable};
use crate::{setup, suites};

/// Run every suite of every language.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask test                     # everything that is quick enough for every change
  cargo xtask test --full              # also the long runs: release packages, deeper models, more random cases
  cargo xtask test --only rust,doc     # some suites; `--list` names them
  cargo xtask test --only node --only node-types

The last line of stdout is `N passed, N failed, N skipped`. The exit code is 1 when anything failed.
A step's output is kept in target/xtask-logs/STEP.log and shown when the step fails.")]
pub(crate) struct Options {
    /// Also the long runs
    #[arg(long)]
    full: bool,
    /// Only these suites (repeat it, or separate them by commas)
    #[arg(long, value_name = "SUITE", value_delimiter = ',')]
    only: Vec<String>,
    /// List the suites and run none
    #[arg(long)]
    list: bool,
    /// One suite at a time, instead of two lanes
    #[arg(long)]
    serial: bool,
}

/// One suite: a name to choose it by, and what it runs.
pub(crate) struct Suite {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) lane: Lane,
    /// Left out unless `--full` is given or it is named.
    pub(crate) full_only: bool,
    pub(crate) run: fn(&Context, &mut Outcome) -> Result<()>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Uses cargo's shared target folder.
    Main,
    /// Has its own target folder.
    Side,
}

/// What the suites share: the machine's state, and the preparations that are made once.
pub(crate) struct Context {
    pub(crate) full: bool,
    pub(crate) requirements: Requirements,
    node: Preparation,
    node_build: Preparation,
    python: Preparation,
    python_build: Preparation,
    services: Preparation,
    /// They end with the run, however that ends.
    running: OnceLock<Services>,
}

/// A step that several suites need: the first to ask runs it, the others learn how it ended.
#[derive(Default)]
struct Preparation(Mutex<Option<std::result::Result<(), String>>>);

impl Preparation {
    /// Whether the thing is ready. The suite that ran the step counts it; one that finds it failed is skipped.
    fn ready(
        &self,
        outcome: &mut Outcome,
        what: &str,
        make: impl FnOnce() -> Result<()>,
    ) -> Result<bool> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state.as_ref() {
            Some(Ok(())) => Ok(true),
            Some(Err(why)) => {
                outcome.skip(format!("{what} failed: {why}"));
                Ok(false)
            }
            None => match make() {
                Ok(()) => {
                    *state = Some(Ok(()));
                    Ok(true)
                }
                Err(failure) if failure.is_interrupt() => Err(failure),
                Err(failure) => {
                    *state = Some(Err(failure.message.clone()));
                    outcome.fail(format!("{what}: {failure}"));
                    Ok(false)
                }
            },
        }
    }
}

impl Context {
    fn new(full: bool, requirements: Requirements) -> Self {
        Self {
            full,
            requirements,
            node: Preparation::default(),
            node_build: Preparation::default(),
            python: Preparation::default(),
            python_build: Preparation::default(),
            services: Preparation::default(),
            running: OnceLock::new(),
        }
    }

    /// Node's packages are installed.
    pub(crate) fn node(&self, outcome: &mut Outcome) -> Result<bool> {
        if let Err(missing) = self.requirements.for_node() {
            outcome.lacking(missing);
            return Ok(false);
        }
        self.node.ready(outcome, "npm setup", setup::node)
    }

    /// The addon and the TypeScript face are built.
    pub(crate) fn node_build(&self, outcome: &mut Outcome) -> Result<bool> {
        Ok(self.node(outcome)?
            && self
                .node_build
                .ready(outcome, "the Node build", || suites::node::build(false))?)
    }

    /// The virtual environment has its packages.
    pub(crate) fn python(&self, outcome: &mut Outcome) -> Result<bool> {
        let found = match (self.requirements.for_python(), &self.requirements.python) {
            (Ok(()), Ok(found)) => found,
            (Err(missing), _) | (_, Err(missing)) => {
                outcome.lacking(missing);
                return Ok(false);
            }
        };
        self.python
            .ready(outcome, "the Python setup", || setup::python(found))
    }

    /// The extension module is built into the virtual environment.
    pub(crate) fn python_build(&self, outcome: &mut Outcome) -> Result<bool> {
        Ok(self.python(outcome)?
            && self
                .python_build
                .ready(outcome, "the Python build", suites::python::build)?)
    }

    /// The test servers run: the variables by which tests find them. Where they cannot run, the outcome says why, and
    /// the tests that need them skip themselves.
    pub(crate) fn services(&self, outcome: &mut Outcome) -> Result<Vec<Variable>> {
        match &self.requirements.python {
            Err(missing) => outcome.lacking_for("the tests against servers: ", missing),
            Ok(python) => {
                self.services.ready(outcome, "the test servers", || {
                    let _ = self.running.set(Services::start(python)?);
                    Ok(())
                })?;
                for why in self
                    .running
                    .get()
                    .map(Services::take_absent)
                    .unwrap_or_default()
                {
                    outcome.unavailable(why);
                }
            }
        }
        Ok(services::environment(self.running.get()))
    }
}

/// What came of a suite.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) counts: Counts,
    skips: Vec<String>,
    failures: Vec<String>,
}

impl Outcome {
    /// A step that is one check by its exit code.
    pub(crate) fn check(&mut self, step: Step) -> Result<bool> {
        let finished = step.finish()?;
        if finished.succeeded() {
            self.pass();
        } else {
            finished.show_log();
            self.fail(format!("{} {}", finished.name, finished.ending()));
        }
        Ok(finished.succeeded())
    }

    /// A step that counts its own tests.
    pub(crate) fn counted(&mut self, step: Step, parser: Parser) -> Result<bool> {
        let finished = step.finish()?;
        let counts = parser(&finished.log);
        let found = counts.unwrap_or_default();
        self.counts += found;
        let wrong = if !finished.succeeded() {
            Some(finished.ending())
        } else if found.total() == 0 {
            Some("ran no test".to_string())
        } else if found.failed > 0 {
            Some("reported failures and yet ended well".to_string())
        } else {
            None
        };
        let Some(wrong) = wrong else { return Ok(true) };
        finished.show_log();
        if found.failed == 0 {
            // It failed outside its tests: it did not build, crashed, or hung.
            self.counts.failed += 1;
        }
        let mut failure = format!("{} {wrong}", finished.name);
        if found.total() == 0 {
            // Whoever reads only the summary learns why nothing ran.
            failure.push_str("; it said last:\n");
            failure.push_str(&finished.last_lines(12));
        }
        self.failures.push(failure);
        Ok(false)
    }

    /// Something that is one check by whether it works.
    pub(crate) fn attempt(&mut self, what: &str, run: impl FnOnce() -> Result<()>) -> Result<()> {
        match run() {
            Ok(()) => self.pass(),
            Err(failure) if failure.is_interrupt() => return Err(failure),
            Err(failure) => self.fail(format!("{what}: {failure}")),
        }
        Ok(())
    }

    pub(crate) fn pass(&mut self) {
        self.counts.passed += 1;
    }

    pub(crate) fn fail(&mut self, why: impl Into<String>) {
        self.counts.failed += 1;
        self.failures.push(why.into());
    }

    pub(crate) fn skip(&mut self, why: impl Into<String>) {
        self.counts.skipped += 1;
        self.skips.push(why.into());
    }

    /// Something that every run should have is missing: a skip on a developer's machine, a failure in CI.
    fn lacking(&mut self, missing: &requirements::Missing) {
        self.lacking_for("", missing);
    }

    /// The same for a part of a suite, which `part` names.
    fn lacking_for(&mut self, part: &str, missing: &requirements::Missing) {
        self.unavailable(format!("{part}{}", missing.sentence()));
    }

    fn unavailable(&mut self, why: String) {
        if requirements::in_ci() {
            self.fail(why);
        } else {
            self.skip(why);
        }
    }

    fn verdict(&self) -> Verdict {
        if self.counts.failed > 0 {
            Verdict::Failed
        } else if self.counts.passed == 0 && self.counts.skipped > 0 {
            Verdict::Skipped
        } else {
            Verdict::Ok
        }
    }
}

struct Ran {
    suite: &'static Suite,
    outcome: Outcome,
    elapsed: Duration,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if options.list {
        let mut rows = vec![vec!["suite".to_string(), "what it runs".to_string()]];
        for suite in suites::ALL {
            let full = if suite.full_only {
                " (with --full)"
            } else {
                ""
            };
            rows.push(vec![suite.name.into(), format!("{}{full}", suite.about)]);
        }
        report::data(report::table(&rows).trim_end());
        return Ok(());
    }
    let chosen = choose(options)?;
    let started = Instant::now();
    let requirements = Requirements::look_or_install(true)?;
    if let Err(missing) = requirements.for_rust() {
        return Err(missing.failure());
    }
    let context = Context::new(options.full, requirements);
    let ran = Mutex::new(Vec::new());
    let lane = |wanted: &[Lane]| -> Result<()> {
        for suite in chosen
            .iter()
            .copied()
            .filter(|suite| wanted.contains(&suite.lane))
        {
            let result = run_suite(suite, &context)?;
            ran.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(result);
        }
        Ok(())
    };
    let ended = if options.serial {
        lane(&[Lane::Main, Lane::Side])
    } else {
        thread::scope(|scope| {
            let side = scope.spawn(|| lane(&[Lane::Side]));
            let main = lane(&[Lane::Main]);
            let side = side
                .join()
                .unwrap_or_else(|_| Err(Failure::new("the side lane broke off")));
            main.and(side)
        })
    };
    let mut ran = ran.into_inner().unwrap_or_else(PoisonError::into_inner);
    ran.sort_by_key(|entry| {
        suites::ALL
            .iter()
            .position(|suite| suite.name == entry.suite.name)
    });
    let sum = summary(&ran, started.elapsed());
    // An interrupted run has no closing line: its counts would pass for those of a whole one.
    ended?;
    report::data(&sum.closing_line());
    if sum.failed > 0 {
        return Err(Failure::new(format!(
            "{} failed; the logs are in target/xtask-logs",
            sum.failed
        )));
    }
    if sum.total() == 0 {
        return Err(Failure::new("no test ran"));
    }
    Ok(())
}

fn run_suite(suite: &'static Suite, context: &Context) -> Result<Ran> {
    let started = Instant::now();
    report::heading(&format!("{}: {}", suite.name, suite.about));
    let mut outcome = Outcome::default();
    if let Err(failure) = (suite.run)(context, &mut outcome) {
        if failure.is_interrupt() {
            return Err(failure);
        }
        outcome.fail(failure.to_string());
    }
    for why in &outcome.failures {
        report::failed(&format!("{}: {why}", suite.name));
    }
    for why in &outcome.skips {
        report::warn(&format!("{} skipped: {why}", suite.name));
    }
    Ok(Ran {
        suite,
        outcome,
        elapsed: started.elapsed(),
    })
}

fn choose(options: &Options) -> Result<Vec<&'static Suite>> {
    if options.only.is_empty() {
        return Ok(suites::ALL
            .iter()
            .filter(|suite| options.full || !suite.full_only)
            .collect());
    }
    for name in &options.only {
        if !suites::ALL.iter().any(|suite| suite.name == name) {
            return Err(
                Failure::new(format!("there is no suite `{name}`")).hint(format!(
                    "the suites are: {}",
                    suites::ALL
                        .iter()
                        .map(|suite| suite.name)
                        .collect::<Vec<_>>()
                        .join(", ")
                )),
            );
        }
    }
    Ok(suites::ALL
        .iter()
        .filter(|suite| options.only.iter().any(|name| name == suite.name))
        .collect())
}

/// Prints the table and what was skipped or failed and why; answers the sum.
fn summary(ran: &[Ran], elapsed: Duration) -> Counts {
    let mut sum = Counts::default();
    let mut rows = vec![
        ["suite", "result", "passed", "failed", "skipped", "seconds"]
            .map(String::from)
            .to_vec(),
    ];
    for entry in ran {
        let counts = entry.outcome.counts;
        sum += counts;
        rows.push(vec![
            entry.suite.name.to_string(),
            entry.outcome.verdict().word().to_string(),
            counts.passed.to_string(),
            counts.failed.to_string(),
            counts.skipped.to_string(),
            format!("{:.1}", entry.elapsed.as_secs_f64()),
        ]);
    }
    report::data("");
    report::data(report::table(&rows).trim_end());
    report::data("");
    for entry in ran {
        for why in &entry.outcome.skips {
            report::data(&format!("skipped: {}: {why}", entry.suite.name));
        }
        for why in &entry.outcome.failures {
            report::data(&format!("FAILED: {}: {why}", entry.suite.name));
        }
    }
    report::data(&format!("{} in all", report::seconds(elapsed)));
    sum
}
