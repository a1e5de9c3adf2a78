//! An answer of the core's that is still to come.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tallylight::errors::Delivery;
use tallylight::secrets::Both;
use tallylight::{Error, ErrorKind};

use super::gated::Gated;
use super::mailbox::Mailbox;
use super::secret::Secret;
use super::signal::Signal;
use crate::document::document;
use crate::errors::{exception, guard, invalid};

/// What a call on secrets answers, and one that waits for events to be delivered.
pub(super) enum Answer {
    One(tallylight::Secret),
    Pair(Both),
    Each(BTreeMap<String, Result<tallylight::Secret, Error>>),
    Delivery(Delivery),
}

/// Where the core leaves the answer, from whatever thread.
#[derive(Default)]
struct Letterbox {
    answer: Gated<Option<Result<Answer, Error>>>,
    signal: Signal,
}

/// The side that answers; given to the core.
pub(super) struct Reply(Arc<Letterbox>);

impl Reply {
    pub(super) fn give(self, answer: Result<Answer, Error>) {
        // Where it cannot be locked nobody waits.
        let _ = self.0.answer.with(|left| *left = Some(answer));
        self.0.signal.ring();
    }
}

/// The side that waits.
#[pyclass(module = "tallylight", name = "_Pending", frozen)]
pub(crate) struct Pending {
    reply: Arc<Letterbox>,
    /// The process that asked: its thread answers, and no forked child's.
    asked_in: u32,
    /// Until when a thread waits, and what it is told then.
    late: Option<(Instant, Late)>,
}

/// What stands for an answer that does not come.
type Late = Box<dyn Fn() -> Result<Answer, Error> + Send + Sync>;

impl Pending {
    /// Asks, with somewhere to leave the answer, now or later.
    pub(super) fn ask(ask: impl FnOnce(Reply)) -> Self {
        let reply = Arc::default();
        ask(Reply(Arc::clone(&reply)));
        Self {
            reply,
            asked_in: std::process::id(),
            late: None,
        }
    }

    /// Has a thread wait no longer than this, whatever became of the one that is to answer.
    pub(super) fn within(
        mut self,
        patience: Duration,
        late: impl Fn() -> Result<Answer, Error> + Send + Sync + 'static,
    ) -> Self {
        let until = Instant::now().checked_add(patience);
        self.late = until.map(|until| (until, Box::new(late) as Late));
        self
    }

    /// As [`Self::ask`], for where everything is that was captured.
    pub(crate) fn delivery(ask: impl FnOnce(Box<dyn FnOnce(Delivery) + Send>)) -> Self {
        Self::ask(|reply| {
            ask(Box::new(|delivery| {
                reply.give(Ok(Answer::Delivery(delivery)));
            }));
        })
    }

    /// The answer, if it came.
    pub(super) fn answer(&self) -> Option<Result<Answer, Error>> {
        // In a child where it cannot be locked the answer is why.
        let answer = self.reply.answer.with(Option::take);
        answer.unwrap_or_else(|unfit| Some(Err(unfit)))
    }

    /// The answer, waited for without the interpreter's lock.
    pub(super) fn wait_for(&self, py: Python<'_>) -> PyResult<Result<Answer, Error>> {
        loop {
            let seen = self.reply.signal.count();
            if let Some(answer) = self.answer() {
                return Ok(answer);
            }
            // It rings once: then the answer was taken by another call.
            if seen > 0 {
                let message = "an answer was taken twice; please report it";
                return Err(invalid(py, ErrorKind::Internal, message));
            }
            if self.asked_in != std::process::id() {
                let message = "the process that this one was forked from asked for it, and gets the answer; ask again here";
                return Err(invalid(py, ErrorKind::Closed, message));
            }
            let until = self.late.as_ref().map(|(until, _)| *until);
            if !self.reply.signal.wait(py, seen, until)?
                && let Some((_, late)) = &self.late
            {
                return Ok(late());
            }
        }
    }
}

#[pymethods]
impl Pending {
    /// Whether the answer came.
    fn done(&self) -> bool {
        self.reply.signal.count() > 0
    }

    /// Puts the ticket into the mailbox once the answer has come.
    fn notify(&self, mailbox: &Bound<'_, Mailbox>, ticket: u64) {
        self.reply
            .signal
            .post(0, Arc::clone(&mailbox.get().post), ticket);
    }

    /// The answer, waited for; raises if it is an error.
    fn result<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        guard(py, || {
            let answer = self.wait_for(py)?;
            object(py, answer.map_err(|error| exception(py, &error))?)
        })
    }
}

/// The answer as Python sees it.
fn object(py: Python<'_>, answer: Answer) -> PyResult<Bound<'_, PyAny>> {
    match answer {
        Answer::One(secret) => Ok(Bound::new(py, Secret::from(secret))?.into_any()),
        Answer::Pair(Both { current, previous }) => {
            let pair = py.import("tallylight.secrets")?.getattr("SecretPair")?;
            pair.call1((Secret::from(current), previous.map(Secret::from)))
        }
        Answer::Delivery(delivery) => document(py, &delivery),
        Answer::Each(answers) => {
            let dict = PyDict::new(py);
            for (name, answer) in answers {
                match answer {
                    Ok(secret) => dict.set_item(name, Secret::from(secret))?,
                    Err(error) => dict.set_item(name, exception(py, &error).into_value(py))?,
                }
            }
            Ok(dict.into_any())
        }
    }
}
