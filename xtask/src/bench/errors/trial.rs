//! One contender in one scenario: its process, the server that it sends to, and its spool.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use sentry_receiver::{Answer, Counts, Mode, Receiver};
use serde_json::Value;

use super::{Bench, SUBJECT};
use crate::bench::child::Child;
use crate::bench::contender::Contender;
use crate::failure::{Doing, Failure, Result};
use crate::services::Variable;

/// What arrives later than this after the last that did will not arrive.
const QUIET: Duration = Duration::from_secs(4);
const POLL: Duration = Duration::from_millis(50);

pub(super) struct Trial {
    contender: &'static Contender,
    name: String,
    receiver: Receiver,
    spool: PathBuf,
    child: Option<Child>,
}

/// What a command answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Said {
    pub(super) ms: f64,
    /// What the SDK's own function said.
    pub(super) said: String,
}

impl Trial {
    /// A server that takes everything, and a process that is ready.
    pub(super) fn start(
        bench: &Bench,
        contender: &'static Contender,
        scenario: &str,
    ) -> Result<Self> {
        let name = format!("{scenario}-{}-{}", contender.language.part(), contender.who);
        let spool = bench.folder.join(&name);
        std::fs::create_dir_all(&spool).doing(|| "cannot make a folder for a spool".into())?;
        let receiver = Receiver::start(0).doing(|| "cannot start a receiver".into())?;
        let mut trial = Self {
            contender,
            name,
            receiver,
            spool,
            child: None,
        };
        trial.open()?;
        Ok(trial)
    }

    /// Starts a process on this trial's spool.
    fn open(&mut self) -> Result<()> {
        let child = Child::start(
            SUBJECT,
            self.contender,
            &[&self.receiver.dsn()],
            &self.variables(),
            &self.name,
        )?;
        child.wait_until_ready()?;
        self.child = Some(child);
        Ok(())
    }

    fn variables(&self) -> Vec<Variable> {
        vec![(
            "TALLYLIGHT_SPOOL_DIR".into(),
            Some(self.spool.clone().into()),
        )]
    }

    /// How the server answers from now on.
    pub(super) fn answer(&self, answer: Answer) -> Result<()> {
        self.receiver
            .set(answer)
            .doing(|| "the receiver takes no such mode".into())
    }

    pub(super) fn mode(&self, mode: Mode) -> Result<()> {
        self.answer(Answer::new(mode))
    }

    /// Has the process do something, and waits for its answer; `None` when it takes longer than `limit`.
    pub(super) fn tell(&mut self, line: &str, limit: Duration) -> Result<Option<Said>> {
        self.ask(line)?;
        self.said(limit)
    }

    /// As [`Self::tell`], without waiting.
    pub(super) fn ask(&mut self, line: &str) -> Result<()> {
        match &mut self.child {
            Some(child) => child.ask(line),
            None => Err(Failure::new("the process of a trial has ended")),
        }
    }

    pub(super) fn said(&self, limit: Duration) -> Result<Option<Said>> {
        let Some(child) = &self.child else {
            return Err(Failure::new("the process of a trial has ended"));
        };
        let Some(line) = child.answer(limit)? else {
            return Ok(None);
        };
        let value: Value = serde_json::from_str(&line)
            .doing(|| "a process of the benchmark printed what is no JSON".into())?;
        Ok(Some(Said {
            ms: value["ms"].as_f64().unwrap_or(f64::NAN),
            said: value["said"].as_str().unwrap_or_default().to_owned(),
        }))
    }

    /// Ends the process as the system does that is out of memory.
    pub(super) fn kill(&mut self) {
        self.child = None;
    }

    /// The most memory that the process ever had, where the system tells.
    pub(super) fn peak_mib(&self) -> Option<f64> {
        let status = format!("/proc/{}/status", self.child.as_ref()?.id());
        let status = std::fs::read_to_string(status).ok()?;
        let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
        let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
        Some(kib / 1024.0)
    }

    /// What the server has seen.
    pub(super) fn counts(&self) -> Counts {
        self.receiver.counts()
    }

    /// Different events that the server has.
    pub(super) fn arrived(&self) -> u64 {
        self.counts().unique_events
    }

    /// Waits until so many have arrived, or until nothing more comes.
    pub(super) fn settle(&self, enough: u64) -> u64 {
        let mut last = (self.arrived(), Instant::now());
        while last.0 < enough && last.1.elapsed() < QUIET {
            thread::sleep(POLL);
            let arrived = self.arrived();
            if arrived > last.0 {
                last = (arrived, Instant::now());
            }
        }
        last.0
    }

    /// Ends the process, has the server take everything, and starts the next process: how many have arrived then.
    pub(super) fn after_a_restart(&mut self, enough: u64) -> Result<u64> {
        self.kill();
        self.mode(Mode::Ok)?;
        self.open()?;
        let arrived = self.settle(enough);
        self.kill();
        Ok(arrived)
    }
}
