//! What every command on secrets needs: the settings, AWS, and a way to wait that Ctrl-C ends.
//!
//! The settings are those of a service in this environment, with the options of the command line on
//! top, so that what a command sees is what the service sees.

use std::future::Future;
use std::io::{self, IsTerminal, Write};
use std::pin::pin;
use std::thread;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

use super::args::Connection;
use super::say::Trouble;
use crate::Tallylight;
use crate::cli::os;
use crate::cli::output::{End, Output};
use crate::config::{Config, Environment};
use crate::secrets::aws::{Aws, AwsSettings};
use crate::secrets::chain;
use crate::secrets::declared::Declarations;
use crate::secrets::environment::is_development;

/// How long a step at AWS may take unless said otherwise.
const STEP: Duration = Duration::from_secs(15);
/// How long what is on this machine may take.
const AT_HAND: Duration = Duration::from_secs(5);
/// How often a wait looks for Ctrl-C.
const POLL: Duration = Duration::from_millis(50);
/// What answers sooner needs no sign of life.
const PATIENCE: u32 = 8;

/// One run of a command.
pub(super) struct Session<'a> {
    pub(super) output: &'a Output,
    pub(super) config: Config,
    pub(super) environment: Environment,
    pub(super) declarations: Declarations,
    /// The first region.
    pub(super) aws: Aws,
    /// As asked for by `--deadline`.
    pub(super) deadline: Option<Duration>,
    runtime: &'a Runtime,
}

impl<'a> Session<'a> {
    pub(super) fn open(
        connection: &Connection,
        output: &'a Output,
        runtime: &'a Runtime,
    ) -> Result<Self, End> {
        let mut config = Config::from_env().map_err(Trouble::from)?;
        let secrets = &mut config.secrets;
        for (option, setting) in [
            (&connection.region, &mut secrets.region),
            (&connection.role_arn, &mut secrets.role_arn),
            (&connection.endpoint_url, &mut secrets.endpoint),
        ] {
            if let Some(text) = option
                .as_deref()
                .map(str::trim)
                .filter(|text| !text.is_empty())
            {
                *setting = Some(text.to_owned());
            }
        }
        if let Some(deadline) = connection.deadline {
            secrets.deadline = deadline;
        }
        config.check().map_err(Trouble::from)?;
        let declarations = Declarations::new(&config.secrets.declared, &config.secrets.aliases)
            .map_err(Trouble::from)?;
        Ok(Self {
            output,
            environment: Environment::detect(&config),
            declarations,
            // What is compared and written is the secret itself, never a replica of it.
            aws: Aws::new(AwsSettings {
                second_region: None,
                ..chain::aws_settings(&config.secrets)
            }),
            deadline: connection.deadline,
            config,
            runtime,
        })
    }

    /// An instance with these settings, as a service has it.
    pub(super) fn instance(&self) -> Result<Tallylight, End> {
        Ok(Tallylight::new(self.config.clone()).map_err(Trouble::from)?)
    }

    pub(super) fn is_development(&self) -> bool {
        is_development(&self.environment.name)
    }

    /// Until when a step that begins now may go on.
    pub(super) fn until(&self) -> Instant {
        self.within(STEP)
    }

    /// As [`Self::until`], for a step with a default of its own.
    pub(super) fn within(&self, default: Duration) -> Instant {
        Instant::now() + self.deadline.unwrap_or(default)
    }

    /// Waits for `work`, with a sign of life on a terminal. A signal ends the wait and drops the work.
    pub(super) fn wait<T>(&self, doing: &str, work: impl Future<Output = T>) -> Result<T, End> {
        self.runtime.block_on(async {
            let mut work = pin!(work);
            let mut sign = SignOfLife::new(doing);
            loop {
                if let Ok(done) = timeout(POLL, work.as_mut()).await {
                    return Ok(done);
                }
                if let Some(number) = os::received() {
                    return Err(End::Signal(number));
                }
                sign.turn();
            }
        })
    }

    /// Has threads of their own do what a file system that hangs may hold up; none where one is not
    /// done in time.
    pub(super) fn aside<T: Send + 'static>(
        &self,
        doing: &str,
        jobs: impl IntoIterator<Item = impl FnOnce() -> T + Send + 'static>,
    ) -> Result<Vec<Option<T>>, End> {
        let until = self.within(AT_HAND);
        let begun = jobs.into_iter().map(|job| {
            let (done, answer) = oneshot::channel();
            // Not one of the pool's: those are for the look-up of names. Without a thread there is no
            // answer, and whoever waited in vain is gone.
            let _ = thread::Builder::new().spawn(move || done.send(job()).is_ok());
            answer
        });
        let answers: Vec<oneshot::Receiver<T>> = begun.collect();
        self.wait(doing, async {
            let mut done = Vec::new();
            for answer in answers {
                let answer = tokio::time::timeout_at(until, answer).await;
                done.push(answer.ok().and_then(Result::ok));
            }
            done
        })
    }

    /// As [`Self::wait`], for work that must not be left half done: its own deadline bounds it, and
    /// whoever calls looks for a signal afterwards.
    pub(super) fn finish<T>(&self, doing: &str, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(async {
            let mut work = pin!(work);
            let mut sign = SignOfLife::new(doing);
            loop {
                if let Ok(done) = timeout(POLL, work.as_mut()).await {
                    return done;
                }
                sign.turn();
            }
        })
    }
}

/// A spinner on stderr, gone when it is dropped; nothing where there is no terminal.
struct SignOfLife<'a> {
    doing: &'a str,
    turns: u32,
    is_on: bool,
}

impl<'a> SignOfLife<'a> {
    fn new(doing: &'a str) -> Self {
        let is_on = io::stderr().is_terminal()
            && std::env::var_os("TERM").is_some_and(|term| term != "dumb");
        Self {
            doing,
            turns: 0,
            is_on,
        }
    }

    fn turn(&mut self) {
        const FRAMES: [&str; 8] = ["⠋", "⠙", "⠸", "⠴", "⠦", "⠇", "⠏", "⠛"];
        self.turns += 1;
        if self.is_on && self.turns >= PATIENCE {
            let frame = FRAMES[self.turns as usize % FRAMES.len()];
            let _ = write!(io::stderr(), "\r{frame} {}\x1b[K", self.doing);
        }
    }
}

impl Drop for SignOfLife<'_> {
    fn drop(&mut self) {
        if self.is_on && self.turns >= PATIENCE {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
