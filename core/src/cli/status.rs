//! `tallylight status`: chooses how to show it, and runs it to its end.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use ratatui::crossterm::terminal;

use super::args::{STATUS_URL, StatusArgs};
use super::fetch::Client;
use super::live::{self, Screen};
use super::model::Picture;
use super::output::{End, Failure, Output};
use super::poll::{Poller, left, sleep_until};
use super::target::Target;
use super::time::Moment;
use super::view::View;
use super::{FAILED, json, plain};

/// Time between two polls unless said otherwise.
const INTERVAL: Duration = Duration::from_secs(1);
/// How wide plain text is where nobody says how wide the paper is.
const PAPER: usize = 160;

pub(crate) fn run(options: &StatusArgs, output: &Output) -> Result<i32, End> {
    let fallback = std::env::var(STATUS_URL).ok();
    let target = Target::choose(options.url.as_deref(), fallback.as_deref())?;
    let view = View::new(target.shown(), options.interval.unwrap_or(INTERVAL));
    let poller = Poller::start(Client::new(target, options.timeout)?)?;
    let deadline = options
        .seconds
        .map(|seconds| Instant::now() + Duration::from_secs(seconds.into()));
    let mut session = Session {
        view,
        poller,
        deadline,
        output,
        answered: None,
    };
    let repeated = options.watch || options.interval.is_some() || options.seconds.is_some();
    if options.json {
        return if repeated {
            session.json_lines()
        } else {
            session.json_once()
        };
    }
    if options.once {
        return session.once();
    }
    if !options.watch && on_a_terminal() {
        match Screen::enter() {
            Ok(screen) => return session.live(screen),
            Err(error) => {
                output.message(&format!(
                    "no live view on this terminal ({error}): one line for each poll\n"
                ));
                return session.lines();
            }
        }
    }
    if repeated {
        session.lines()
    } else {
        session.once()
    }
}

fn on_a_terminal() -> bool {
    io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// One run of the command.
struct Session<'a> {
    view: View,
    poller: Poller,
    deadline: Option<Instant>,
    output: &'a Output,
    /// Whether the last poll brought a document; `None` before the first.
    answered: Option<bool>,
}

impl Session<'_> {
    fn once(&mut self) -> Result<i32, End> {
        if let Some(outcome) = self.poller.fetch(None)? {
            let answer = outcome?;
            self.view.receive(Ok(answer), Instant::now(), Moment::now());
        }
        self.frame()?;
        Ok(0)
    }

    fn json_once(&mut self) -> Result<i32, End> {
        if let Some(outcome) = self.poller.fetch(None)? {
            self.output.data(&json::pretty(&outcome?.body))?;
        }
        Ok(0)
    }

    fn json_lines(&mut self) -> Result<i32, End> {
        self.every_poll(|session, body| session.output.data(&json::compact(body)))?;
        self.code()
    }

    fn lines(&mut self) -> Result<i32, End> {
        self.every_poll(|session, _| {
            let picture = Picture::of(&session.view, Instant::now());
            session
                .output
                .data(&plain::line(&picture, session.output.colour()))
        })?;
        if self.view.document.is_some() {
            self.output.data("\n")?;
            self.frame()?;
        }
        self.code()
    }

    fn live(&mut self, screen: Screen) -> Result<i32, End> {
        live::run(
            screen,
            &mut self.view,
            &mut self.poller,
            self.deadline,
            self.output.colour(),
        )?;
        // Ended by its own clock it leaves a summary; a user who quits has seen enough.
        if left(self.deadline).is_zero() && self.view.document.is_some() {
            self.view.paused = false;
            self.frame()?;
        }
        match (&self.view.failure, &self.view.document) {
            (Some(failure), _) => Err(End::Failed(failure.clone())),
            (None, None) if left(self.deadline).is_zero() => self.code(),
            (None, _) => Ok(0),
        }
    }

    /// Polls until the deadline or a signal, and hands each answer on. Failures are told once, as they change.
    fn every_poll(
        &mut self,
        mut each: impl FnMut(&Self, &str) -> Result<(), End>,
    ) -> Result<(), End> {
        loop {
            let next = Instant::now() + self.view.interval;
            let Some(outcome) = self.poller.fetch(self.deadline)? else {
                return Ok(());
            };
            self.answered = Some(outcome.is_ok());
            match outcome {
                Ok(answer) => {
                    let body = answer.body.clone();
                    self.view.receive(Ok(answer), Instant::now(), Moment::now());
                    each(self, &body)?;
                }
                Err(failure) => {
                    if self.view.failure.as_ref() != Some(&failure) {
                        self.output.failure(&failure);
                    }
                    self.view
                        .receive(Err(failure), Instant::now(), Moment::now());
                }
            }
            sleep_until(next, self.deadline)?;
            if left(self.deadline).is_zero() {
                return Ok(());
            }
        }
    }

    /// Prints the whole picture.
    fn frame(&self) -> Result<(), End> {
        let width = if io::stdout().is_terminal() {
            terminal::size().map_or(PAPER, |(columns, _)| usize::from(columns).max(20))
        } else {
            PAPER
        };
        let picture = Picture::of(&self.view, Instant::now());
        self.output
            .data(&plain::frame(&picture, width, self.output.colour()))
    }

    /// The exit code of a run of many polls is that of the last one, whose failure was told when it came.
    fn code(&self) -> Result<i32, End> {
        match self.answered {
            Some(true) => Ok(0),
            Some(false) => Ok(FAILED),
            None => Err(End::Failed(
                Failure::new(format!(
                    "{}: no answer in the time there was",
                    self.view.source
                ))
                .hint("give it more time with --seconds, or look whether the service hangs"),
            )),
        }
    }
}
