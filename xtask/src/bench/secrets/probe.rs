//! A cache in a process of its own, which reads when it is told to.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Bench;
use super::caches::Cache;
use crate::environment;
use crate::failure::{Doing, Failure, Result};
use crate::{paths, signals};

/// How long a process may take to load what it needs, while others do too.
const READY: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(25);

/// A process; ended when dropped, whatever it waits for.
pub(super) struct Probe {
    child: Child,
    input: ChildStdin,
    answers: Receiver<String>,
}

/// What came of reads at once.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reads {
    /// How often each value came.
    pub(super) values: BTreeMap<String, u64>,
    /// How often each error came, by its name.
    pub(super) errors: BTreeMap<String, u64>,
    pub(super) slowest_ms: f64,
}

impl Probe {
    /// Starts one; it is ready once [`Self::wait_until_ready`] says so.
    pub(super) fn start(bench: &Bench, cache: &Cache, secret: &str, ttl: Duration) -> Result<Self> {
        let (program, first, inside) = cache.language.program("probe");
        let log = paths::logs().join(format!("bench-secrets-{secret}.log"));
        let errors = File::create(&log).doing(|| format!("cannot write {}", paths::shown(&log)))?;
        let mut command = Command::new(&program);
        environment::plain(&mut command);
        for (key, value) in &bench.variables {
            match value {
                Some(value) => command.env(key, value),
                None => command.env_remove(key),
            };
        }
        let mut child = command
            .args(first)
            .args([cache.who, secret, &ttl.as_millis().to_string()])
            .current_dir(inside)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .doing(|| format!("cannot start {}", paths::shown(&program)))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
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
            child,
            input,
            answers,
        })
    }

    pub(super) fn wait_until_ready(&self) -> Result<()> {
        match self.answer(READY)? {
            Some(_) => Ok(()),
            None => Err(Failure::new("a cache was not ready within a minute")),
        }
    }

    /// Has it read that often at once, without waiting for the answer.
    pub(super) fn ask(&mut self, count: u64) -> Result<()> {
        writeln!(self.input, "read {count}")
            .and_then(|()| self.input.flush())
            .doing(|| "a cache's process takes no more questions".into())
    }

    /// The answer; `None` when it takes longer than `limit`.
    pub(super) fn reads(&self, limit: Duration) -> Result<Option<Reads>> {
        let Some(line) = self.answer(limit)? else {
            return Ok(None);
        };
        Reads::parse(&line).map(Some)
    }

    fn answer(&self, limit: Duration) -> Result<Option<String>> {
        let started = Instant::now();
        loop {
            match self.answers.recv_timeout(POLL) {
                Ok(line) => return Ok(Some(line)),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(
                        Failure::new("a cache's process ended by itself").hint(format!(
                            "see {}/bench-secrets-*.log",
                            paths::shown(&paths::logs())
                        )),
                    );
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
}

impl Drop for Probe {
    fn drop(&mut self) {
        // It may be blocked for minutes, and has nothing to tidy up.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Reads {
    fn parse(line: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(line)
            .doing(|| "a cache's process printed what is no JSON".into())?;
        let counts = |key: &str| {
            let object = value[key].as_object().into_iter().flatten();
            object
                .map(|(name, count)| (name.clone(), count.as_u64().unwrap_or(0)))
                .collect()
        };
        Ok(Self {
            values: counts("values"),
            errors: counts("errors"),
            slowest_ms: value["slowest_ms"].as_f64().unwrap_or(f64::NAN),
        })
    }

    pub(super) fn failed(&self) -> u64 {
        self.errors.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let line = r#"{"values":{"a":2},"errors":{"denied":1},"slowest_ms":1.5}"#;
        let reads = Reads::parse(line).unwrap();
        assert_eq!(reads.values["a"], 2);
        assert_eq!(reads.failed(), 1);
        assert!(Reads::parse("no").is_err());
    }
}
