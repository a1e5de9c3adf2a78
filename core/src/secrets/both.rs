//! The two values that are valid during a rotation.

use std::sync::Arc;

use super::call::keyed;
use super::index::Id;
use super::keeper;
use super::reply::{Reply, gone};
use super::request::{CURRENT, PREVIOUS, Which};
use super::{Request, Secret, Secrets, Source};
use crate::block_on::block_on;
use crate::error::{Error, ErrorKind};

/// The two values that are valid during a rotation.
#[derive(Debug, Clone)]
pub struct Both {
    /// The current one.
    pub current: Secret,
    /// The one before, if there is one still.
    pub previous: Option<Secret>,
}

impl Secrets {
    /// The current value and the one before: during a rotation both are valid. The one before is
    /// AWS's `AWSPREVIOUS`, or what this process saw before the last change, while its grace lasts.
    ///
    /// # Errors
    /// As [`Self::get_with`], for either.
    pub async fn both(&self, request: &Request<'_>) -> Result<Both, Error> {
        let (done, answer) = tokio::sync::oneshot::channel();
        self.both_then(request, move |result| {
            let _ = done.send(result);
        });
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// As [`Self::both`], waiting on this thread.
    ///
    /// # Errors
    /// As [`Self::both`].
    pub fn both_blocking(&self, request: &Request<'_>) -> Result<Both, Error> {
        block_on(self.both(request), Some(self.patience(request, 2)))
            .unwrap_or_else(|| Err(Self::unanswered(request.name)))
    }

    /// As [`Self::both`]: `done` gets the answer, on this thread or the I/O thread.
    pub fn both_then(
        &self,
        request: &Request<'_>,
        done: impl FnOnce(Result<Both, Error>) + Send + 'static,
    ) {
        let secrets = self.clone();
        let (name, key) = (request.name.to_owned(), request.key.map(str::to_owned));
        let (max_age, deadline) = (request.max_age, request.deadline);
        self.get_then(request, move |current| {
            let current = match current {
                Ok(current) => current,
                Err(error) => return done(Err(error)),
            };
            let request = Request {
                name: &name,
                key: key.as_deref(),
                stage: Some(PREVIOUS),
                version: None,
                max_age,
                deadline,
            };
            secrets.previous_then(&request, &current.clone(), move |previous| {
                done(previous.map(|previous| Both { current, previous }));
            });
        });
    }

    /// The value before `current`.
    fn previous_then(
        &self,
        request: &Request<'_>,
        current: &Secret,
        done: impl FnOnce(Result<Option<Secret>, Error>) + Send + 'static,
    ) {
        let done = Reply::new(done);
        if current.source() != Source::Aws {
            return self.kept_then(request, Ok(None), done);
        }
        let secrets = self.clone();
        let (name, key) = (request.name.to_owned(), request.key.map(str::to_owned));
        self.get_then(request, move |previous| {
            let otherwise = match previous {
                Ok(secret) => return done.send(Ok(Some(secret))),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            };
            let mut request = Request::new(&name);
            request.key = key.as_deref();
            secrets.kept_then(&request, otherwise, done);
        });
    }

    /// The value that this process saw before the last change, or what is answered otherwise.
    fn kept_then(
        &self,
        request: &Request<'_>,
        otherwise: Result<Option<Secret>, Error>,
        done: Reply<Option<Secret>>,
    ) {
        let id = Id::new(request.name, Which::Stage(CURRENT.to_owned()));
        let key = request.key.map(str::to_owned);
        let shared = Arc::clone(&self.shared);
        // On failure the reply is dropped with the job, and answers by itself.
        let _ = self.shared.io.submit(move || {
            keeper::with(&shared, |keeper, shared| {
                done.send(match keeper.previous(shared, &id) {
                    Some(secret) => keyed(Ok(secret), key.as_deref()).map(Some),
                    None => otherwise,
                });
            });
        });
    }
}
