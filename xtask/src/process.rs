//! Runs the steps: a child process in its own group, its output in a log, its end awaited or enforced.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Doing, Failure, Result};
use crate::report::{self, Verdict};
use crate::{environment, paths, signals};

/// How long a step may take unless it says otherwise. A hung child must not hang the whole run.
const LIMIT: Duration = Duration::from_secs(15 * 60);
/// How long a group may take to end by itself after it was asked to.
const GRACE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(25);
/// A longer log is shown from its end only; the file holds the rest.
const SHOWN_LOG: usize = 60_000;

/// One command to run, under a name that its log carries too.
pub(crate) struct Step {
    name: String,
    command: Command,
    limit: Duration,
    captured: bool,
}

/// A step that has run to its end.
pub(crate) struct Finished {
    pub(crate) name: String,
    pub(crate) status: ExitStatus,
    /// Everything it printed; only the messages, when stdout was captured apart.
    pub(crate) log: String,
    /// What it printed to stdout, when that was captured apart.
    pub(crate) stdout: String,
    pub(crate) elapsed: Duration,
    pub(crate) timed_out: bool,
    log_path: PathBuf,
}

impl Step {
    pub(crate) fn new(name: &str, program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(paths::root()).stdin(Stdio::null());
        environment::plain(&mut command);
        Self {
            name: name.to_string(),
            command,
            limit: LIMIT,
            captured: false,
        }
    }

    pub(crate) fn cargo<S: AsRef<OsStr>>(name: &str, args: impl IntoIterator<Item = S>) -> Self {
        Self::new(name, "cargo").args(args)
    }

    pub(crate) fn npm<S: AsRef<OsStr>>(
        name: &str,
        folder: &Path,
        args: impl IntoIterator<Item = S>,
    ) -> Self {
        Self::new(name, "npm").args(args).dir(folder)
    }

    /// A command of the virtual environment, which is active for it and its children.
    pub(crate) fn python<S: AsRef<OsStr>>(name: &str, args: impl IntoIterator<Item = S>) -> Self {
        let mut path = OsString::from(paths::venv().join("bin"));
        if let Some(old) = std::env::var_os("PATH") {
            path.push(":");
            path.push(old);
        }
        Self::new(name, paths::venv_python())
            .env("VIRTUAL_ENV", paths::venv())
            .env("PATH", path)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .args(args)
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Sets each variable, or takes it away.
    pub(crate) fn environment(
        mut self,
        variables: impl IntoIterator<Item = (OsString, Option<OsString>)>,
    ) -> Self {
        for (key, value) in variables {
            match value {
                Some(value) => self.command.env(key, value),
                None => self.command.env_remove(key),
            };
        }
        self
    }

    /// Gives a child that goes on beside us a stdin which closes when we end, however we do: by that it learns of it.
    pub(crate) fn tied(mut self) -> Self {
        self.command.stdin(Stdio::piped());
        self
    }

    pub(crate) fn dir(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Keeps stdout apart from the messages, for a step whose stdout is data.
    pub(crate) fn captured(mut self) -> Self {
        self.captured = true;
        self
    }

    fn shown(&self) -> String {
        let mut text = shown_word(self.command.get_program());
        for arg in self.command.get_args() {
            text.push(' ');
            text.push_str(&shown_word(arg));
        }
        text
    }

    /// Runs to the end, whatever that is. Fails only when the program is not there or the user interrupts.
    pub(crate) fn finish(mut self) -> Result<Finished> {
        let log_path = log_path(&self.name, "log")?;
        let out_path = log_path.with_extension("out");
        let log = create(&log_path)?;
        let errors = log.try_clone().doing(|| "cannot share a log".into())?;
        if self.captured {
            self.command.stdout(create(&out_path)?);
        } else {
            self.command.stdout(log);
        }
        self.command.stderr(errors).process_group(0);
        let shown = self.shown();
        let started = Instant::now();
        report::started(&self.name, &shown);
        let mut group = match self.command.spawn() {
            Ok(child) => Group { child },
            Err(error) => {
                report::ended(&self.name, Verdict::Failed, started.elapsed());
                return Err(Failure::new(format!(
                    "cannot run `{shown}` in {}: {error}",
                    shown_dir(&self.command)
                ))
                .hint("run `cargo xtask setup`; it names what is missing"));
            }
        };
        let mut timed_out = false;
        let status = loop {
            if let Some(status) = group.try_wait()? {
                break status;
            }
            if signals::interrupted() {
                group.stop();
                report::ended(&self.name, Verdict::Failed, started.elapsed());
                return Err(Failure::interrupted());
            }
            if started.elapsed() > self.limit {
                timed_out = true;
                group.stop();
                break group.wait()?;
            }
            report::tick();
            thread::sleep(POLL);
        };
        // A child that ended may have left others behind: a step ends with all it started.
        group.stop();
        let elapsed = started.elapsed();
        let verdict = if status.success() && !timed_out {
            Verdict::Ok
        } else {
            Verdict::Failed
        };
        report::ended(&self.name, verdict, elapsed);
        Ok(Finished {
            name: self.name,
            status,
            log: read(&log_path),
            stdout: if self.captured {
                read(&out_path)
            } else {
                String::new()
            },
            elapsed,
            timed_out,
            log_path,
        })
    }

    /// Runs to a successful end; otherwise shows the log and fails.
    pub(crate) fn run(self) -> Result<Finished> {
        let finished = self.finish()?;
        if finished.succeeded() {
            return Ok(finished);
        }
        finished.show_log();
        Err(Failure::new(format!(
            "{} {}",
            finished.name,
            finished.ending()
        )))
    }

    /// Starts a child that goes on beside us; it ends when the value is dropped.
    pub(crate) fn start(mut self) -> Result<Background> {
        let log_path = log_path(&self.name, "log")?;
        let log = create(&log_path)?;
        let errors = log.try_clone().doing(|| "cannot share a log".into())?;
        self.command.stdout(log).stderr(errors).process_group(0);
        let shown = self.shown();
        let child = self
            .command
            .spawn()
            .doing(|| format!("cannot start `{shown}`"))?;
        Ok(Background {
            name: self.name,
            group: Group { child },
            log_path,
        })
    }

    /// Starts a child that goes on beside us; it ends when the value is dropped.
    /// Its stdout is read for the first line that `wanted` accepts, which it must print within `limit`.
    pub(crate) fn background<T: Send + 'static>(
        mut self,
        wanted: impl Fn(&str) -> Option<T> + Send + 'static,
    ) -> Result<(Background, T)> {
        let log_path = log_path(&self.name, "log")?;
        self.command
            .stdout(Stdio::piped())
            .stderr(create(&log_path)?)
            .process_group(0);
        let shown = self.shown();
        let mut child = self
            .command
            .spawn()
            .doing(|| format!("cannot start `{shown}`"))?;
        let stdout = child.stdout.take();
        let mut background = Background {
            name: self.name,
            group: Group { child },
            log_path,
        };
        let (sender, lines) = mpsc::channel();
        if let Some(stdout) = stdout {
            thread::spawn(move || {
                // Read on after the wanted line, so that the child never blocks on a full pipe.
                for line in BufReader::new(stdout).lines().map_while(|line| line.ok()) {
                    if let Some(found) = wanted(&line) {
                        let _ = sender.send(found);
                    }
                }
            });
        }
        let started = Instant::now();
        loop {
            match lines.recv_timeout(POLL) {
                Ok(found) => return Ok((background, found)),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(background.failed("ended before it was ready"));
                }
            }
            if signals::interrupted() {
                return Err(Failure::interrupted());
            }
            if started.elapsed() > self.limit {
                return Err(background.failed("was not ready in time"));
            }
        }
    }
}

impl Finished {
    pub(crate) fn succeeded(&self) -> bool {
        self.status.success() && !self.timed_out
    }

    /// How it ended, in words.
    pub(crate) fn ending(&self) -> String {
        if self.timed_out {
            format!("took longer than {}", report::seconds(self.elapsed))
        } else if let Some(code) = self.status.code() {
            format!("ended with exit code {code}")
        } else {
            format!("was ended by a signal ({})", self.status)
        }
    }

    /// The end of what it printed.
    pub(crate) fn last_lines(&self, count: usize) -> String {
        let text = readable(&self.log);
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .collect();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }

    pub(crate) fn show_log(&self) {
        let mut text = String::new();
        if !self.stdout.is_empty() {
            text.push_str(&tail(&self.stdout));
            text.push('\n');
        }
        text.push_str(&tail(&readable(&self.log)));
        report::say(&format!(
            "---- {} ({}) ----\n{}\n---- end of {} ----",
            self.name,
            paths::shown(&self.log_path),
            text.trim_end(),
            self.name
        ));
    }
}

/// A child that runs beside us. Dropping it ends its whole group.
pub(crate) struct Background {
    name: String,
    group: Group,
    log_path: PathBuf,
}

impl Background {
    /// The status, once it has ended.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.group.try_wait()
    }

    /// Ends it, shows what it said, and makes a failure of it.
    pub(crate) fn failed(&mut self, what: &str) -> Failure {
        self.group.stop();
        let log = read(&self.log_path);
        let shown = if log.trim().is_empty() {
            "(it printed nothing)".to_string()
        } else {
            tail(&log)
        };
        report::say(&format!(
            "---- {} ({}) ----\n{}\n---- end of {} ----",
            self.name,
            paths::shown(&self.log_path),
            shown.trim_end(),
            self.name
        ));
        Failure::new(format!("{} {what}", self.name))
    }

    pub(crate) fn stop(&mut self) {
        self.group.stop();
    }
}

struct Group {
    child: Child,
}

impl Group {
    fn try_wait(&mut self) -> Result<Option<ExitStatus>> {
        self.child
            .try_wait()
            .doing(|| "cannot wait for a child".into())
    }

    fn wait(&mut self) -> Result<ExitStatus> {
        self.child.wait().doing(|| "cannot wait for a child".into())
    }

    /// Asks the group to end, then makes it.
    fn stop(&mut self) {
        let leader = self.child.id();
        let started = Instant::now();
        signals::send_to_group(leader, signals::TERM);
        while started.elapsed() < GRACE {
            // Reaping the leader first: a zombie would keep its group alive.
            let _ = self.child.try_wait();
            if !signals::group_lives(leader) {
                return;
            }
            thread::sleep(POLL);
        }
        signals::send_to_group(leader, signals::KILL);
        let _ = self.child.wait();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.stop();
    }
}

fn shown_word(word: &OsStr) -> String {
    let text = paths::shown(Path::new(word));
    if text.contains(' ') && text.len() > 60 {
        "…".into()
    } else if text.contains(' ') {
        format!("'{text}'")
    } else {
        text
    }
}

fn shown_dir(command: &Command) -> String {
    command
        .get_current_dir()
        .map_or_else(|| ".".into(), paths::shown)
}

fn log_path(name: &str, extension: &str) -> Result<PathBuf> {
    let folder = paths::logs();
    fs::create_dir_all(&folder).doing(|| format!("cannot make {}", paths::shown(&folder)))?;
    let name: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' {
                c
            } else {
                '-'
            }
        })
        .collect();
    Ok(folder.join(format!("{name}.{extension}")))
}

fn create(path: &Path) -> Result<File> {
    File::create(path).doing(|| format!("cannot write {}", paths::shown(path)))
}

fn read(path: &Path) -> String {
    fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}

/// A log without cargo's messages to programs, which a build script of another language may pass on.
fn readable(log: &str) -> String {
    log.lines()
        .filter(|line| !line.starts_with("{\"reason\":"))
        .flat_map(|line| [line, "\n"])
        .collect()
}

fn tail(text: &str) -> String {
    if text.len() <= SHOWN_LOG {
        return text.to_string();
    }
    let mut from = text.len() - SHOWN_LOG;
    while !text.is_char_boundary(from) {
        from += 1;
    }
    format!("(the end only)\n{}", text.get(from..).unwrap_or_default())
}

#[cfg(test)]
mod tests;
