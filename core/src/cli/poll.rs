//! Polls in a thread of its own, so that a hanging service never holds up a key or Ctrl-C.
//!
//! The thread asks only when told to. It ends by itself when the [`Poller`] is dropped, at the latest
//! when its running poll times out; nobody waits for it.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::fetch::{Answer, Client};
use super::os;
use super::output::{End, Failure};

/// How often a wait looks for signals.
const SLICE: Duration = Duration::from_millis(50);

/// A poll's outcome.
pub(crate) type Outcome = Result<Answer, Failure>;

/// A polling thread.
#[derive(Debug)]
pub(crate) struct Poller {
    ask: Sender<()>,
    outcomes: Receiver<Outcome>,
    under_way: bool,
}

impl Poller {
    pub(crate) fn start(client: Client) -> Result<Self, Failure> {
        let (ask, asked) = channel();
        let (tell, outcomes) = channel();
        thread::Builder::new()
            .name("tallylight-poll".to_owned())
            .spawn(move || {
                for () in asked {
                    if tell.send(client.poll()).is_err() {
                        return;
                    }
                }
            })
            .map_err(|error| {
                Failure::new(format!("cannot start a thread: {error}"))
                    .hint("the limit on processes or memory is reached (ulimit -u)")
            })?;
        Ok(Self {
            ask,
            outcomes,
            under_way: false,
        })
    }

    /// Starts a poll, unless one is under way.
    pub(crate) fn ask(&mut self) {
        if !self.under_way {
            self.under_way = true;
            // A thread that is gone is noticed by whoever waits for the outcome.
            let _ = self.ask.send(());
        }
    }

    pub(crate) fn is_under_way(&self) -> bool {
        self.under_way
    }

    /// The outcome of the poll under way, waiting for at most `limit`.
    pub(crate) fn outcome(&mut self, limit: Duration) -> Option<Outcome> {
        if !self.under_way {
            return None;
        }
        let outcome = match self.outcomes.recv_timeout(limit) {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Timeout) => return None,
            Err(RecvTimeoutError::Disconnected) => Err(Failure::new("the polling thread ended")
                .hint("this is a defect of tallylight: please report it")),
        };
        self.under_way = false;
        Some(outcome)
    }

    /// Asks and waits, until `deadline` if there is one. A signal ends the wait.
    pub(crate) fn fetch(&mut self, deadline: Option<Instant>) -> Result<Option<Outcome>, End> {
        self.ask();
        loop {
            if let Some(outcome) = self.outcome(left(deadline).min(SLICE)) {
                return Ok(Some(outcome));
            }
            interrupted()?;
            if left(deadline).is_zero() {
                return Ok(None);
            }
        }
    }
}

/// Sleeps until `until` or `deadline`. A signal ends the sleep.
pub(crate) fn sleep_until(until: Instant, deadline: Option<Instant>) -> Result<(), End> {
    loop {
        interrupted()?;
        let left = left(Some(until)).min(left(deadline));
        if left.is_zero() {
            return Ok(());
        }
        thread::sleep(left.min(SLICE));
    }
}

/// An end, if a signal asked for it.
pub(crate) fn interrupted() -> Result<(), End> {
    os::received().map_or(Ok(()), |signal| Err(End::Signal(signal)))
}

/// Time until `deadline`; without one, for ever.
pub(crate) fn left(deadline: Option<Instant>) -> Duration {
    deadline.map_or(Duration::MAX, |deadline| {
        deadline.saturating_duration_since(Instant::now())
    })
}
