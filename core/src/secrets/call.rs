//! How a call reaches the keeper, and how a blocking caller waits for it.
//!
//! The invariant: what the keeper may not read itself, the environment, is read here, on the thread of
//! whoever asks; and nobody waits past his deadline and a little grace.

use std::sync::Arc;
use std::time::Duration;

use super::chain::Surroundings;
use super::index::IdRef;
use super::keeper::{self, Ask, Wish};
use super::name::SecretName;
use super::reply::{Reply, closed, gone};
use super::request::LONGEST_DEADLINE;
use super::{Request, Secret, Secrets};
use crate::block_on::block_on;
use crate::error::{Error, ErrorKind};

/// How much longer than its deadline a blocking call waits for the I/O thread to say so.
pub(super) const GRACE: Duration = Duration::from_millis(250);

impl Secrets {
    /// Has the keeper answer.
    pub(super) fn ask(
        &self,
        request: &Request<'_>,
        wish: Wish,
        done: impl FnOnce(Result<Secret, Error>) + Send + 'static,
    ) {
        let ask = match self.prepare(request, wish, Some(Reply::new(done))) {
            Ok(ask) => ask,
            Err((error, reply)) => return give(reply, error),
        };
        if let Some(secret) = self.overridden(request.name) {
            if let Some(reply) = ask.reply {
                reply.send(Ok(secret));
            }
            return;
        }
        let shared = Arc::clone(&self.shared);
        // On failure the ask is dropped with the job, and its reply answers by itself.
        let _ = self.shared.io.submit(move || {
            keeper::with(&shared, |keeper, shared| keeper.ask(shared, ask));
        });
    }

    /// What the process set itself, which no source can renew.
    fn overridden(&self, name: &str) -> Option<Secret> {
        let index = self.shared.index.load();
        let value = index.overrides.get(name)?.value.as_ref()?;
        Some(value.secret.clone())
    }

    /// Reads what the keeper may not read itself: the environment of this thread.
    pub(super) fn prepare(
        &self,
        request: &Request<'_>,
        wish: Wish,
        reply: Option<Reply>,
    ) -> Result<Ask, (Error, Option<Reply>)> {
        if self.shared.is_closed() {
            return Err((closed(), reply));
        }
        let name = match SecretName::parse(request.name) {
            Ok(name) => name,
            Err(error) => return Err((error, reply)),
        };
        if let Err(error) = request.check() {
            return Err((error, reply));
        }
        let settings = self.shared.settings.load();
        if let Some(text) = &settings.broken {
            return Err((Error::new(ErrorKind::InvalidConfig, text.as_str()), reply));
        }
        let id = IdRef {
            name: request.name,
            which: request.which(),
        };
        Ok(Ask {
            id: id.to_id(),
            surroundings: Surroundings::of(
                &name,
                &settings.config,
                &settings.declarations,
                settings.is_development,
                |variable| std::env::var_os(variable),
            ),
            wish,
            deadline: request.deadline.unwrap_or(settings.config.deadline),
            reply,
        })
    }

    /// How long a blocking call waits at most that is made of so many readings, one after the other.
    /// The I/O thread watches deadlines; this is for the case that it does not run.
    #[doc(hidden)]
    #[must_use]
    pub fn patience(&self, request: &Request<'_>, readings: u32) -> Duration {
        request
            .deadline
            .unwrap_or_else(|| self.shared.settings.load().config.deadline)
            .min(LONGEST_DEADLINE)
            .saturating_mul(readings)
            .saturating_add(GRACE)
    }

    /// What a blocking call says when [`Self::patience`] has ended.
    #[doc(hidden)]
    #[must_use]
    pub fn unanswered(name: &str) -> Error {
        Error::new(
            ErrorKind::Timeout,
            format!("secret {name}: the I/O thread did not answer within the deadline"),
        )
        .with_detail("name", name)
    }

    pub(super) fn wait(
        &self,
        request: &Request<'_>,
        ask: impl FnOnce(Box<dyn FnOnce(Result<Secret, Error>) + Send>),
    ) -> Result<Secret, Error> {
        let (done, answer) = tokio::sync::oneshot::channel();
        ask(Box::new(move |result| {
            let _ = done.send(result);
        }));
        match block_on(answer, Some(self.patience(request, 1))) {
            Some(Ok(answer)) => keyed(answer, request.key),
            Some(Err(_)) => Err(gone()),
            None => Err(Self::unanswered(request.name)),
        }
    }
}

pub(super) fn keyed(answer: Result<Secret, Error>, key: Option<&str>) -> Result<Secret, Error> {
    match key {
        Some(key) => answer?.json_key(key),
        None => answer,
    }
}

pub(super) fn give(reply: Option<Reply>, error: Error) {
    if let Some(reply) = reply {
        reply.send(Err(error));
    }
}
