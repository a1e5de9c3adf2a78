//! A program of the benchmark that goes on beside us: it takes lines, and answers each by one of JSON.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child as Process, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use super::contender::Contender;
use crate::environment;
use crate::failure::{Doing, Failure, Result};
use crate::services::Variable;
use crate::{paths, signals};

/// How long a process may take to load what it needs, while others do too.
const READY: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(25);

/// A process; ended when dropped, whatever it waits for.
pub(super) struct Child {
    process: Process,
    input: ChildStdin,
    answers: Receiver<String>,
    log: String,
}

impl Child {
    /// Starts the contender's `probe` for a subject; it is ready once [`Self::wait_until_ready`] says so. `name` tells
    /// its log from others.
    pub(super) fn start(
        subject: &str,
        contender: &Contender,
        arguments: &[&str],
        variables: &[Variable],
        name: &str,
    ) -> Result<Self> {
        let (program, first, inside) = contender.language.program(subject, "probe");
        let log = paths::logs().join(format!("bench-{subject}-{name}.log"));
        std::fs::create_dir_all(paths::logs())
            .doing(|| format!("cannot make {}", paths::shown(&paths::logs())))?;
        let errors = File::create(&log).doing(|| format!("cannot write {}", paths::shown(&log)))?;
        let mut command = Command::new(&program);
        environment::plain(&mut command);
        for (key, value) in variables {
            match value {
                Some(value) => command.env(key, value),
                None => command.env_remove(key),
            };
        }
        let mut process = command
            .args(first)
            .arg(contender.who)
            .args(arguments)
            .current_dir(inside)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .doing(|| format!("cannot start {}", paths::shown(&program)))?;
        let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(Failure::new("a child has no pipes"));
        };
        let (sender, answers) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(|line| line.ok()) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            process,
            input,
            answers,
            log: paths::shown(&log),
        })
    }

    pub(super) fn wait_until_ready(&self) -> Result<()> {
        match self.answer(READY)? {
            Some(_) => Ok(()),
            None => Err(Failure::new(format!(
                "a process was not ready within a minute; see {}",
                self.log
            ))),
        }
    }

    /// Sends a line, without waiting for the answer.
    pub(super) fn ask(&mut self, line: &str) -> Result<()> {
        writeln!(self.input, "{line}")
            .and_then(|()| self.input.flush())
            .doing(|| format!("a process takes no more lines; see {}", self.log))
    }

    /// The answer; `None` when it takes longer than `limit`.
    pub(super) fn answer(&self, limit: Duration) -> Result<Option<String>> {
        let started = Instant::now();
        loop {
            match self.answers.recv_timeout(POLL) {
                Ok(line) => return Ok(Some(line)),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Failure::new("a process of the benchmark ended by itself")
                        .hint(format!("see {}", self.log)));
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            if signals::interrupted() {
                return Err(Failure::interrupted());
            }
            if started.elapsed() > limit {
                return Ok(None);
            }
        }
    }

    /// Its process id.
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may be blocked for minutes, and has nothing to tidy up.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
