//! Reading a secret anew, whatever the cache holds.

use super::call::keyed;
use super::keeper::Wish;
use super::reply::gone;
use super::{Request, Secret, Secrets};
use crate::error::Error;

impl Secrets {
    /// Asks the source now, whatever the cache holds, and answers the newest value. Callers at one
    /// time share a reading that starts after the last of them asked.
    ///
    /// # Errors
    /// As [`Self::get_with`]; a stale value is no answer here.
    pub async fn refresh(&self, request: &Request<'_>) -> Result<Secret, Error> {
        let (done, answer) = tokio::sync::oneshot::channel();
        self.refresh_then(request, move |result| {
            let _ = done.send(result);
        });
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// As [`Self::refresh`], waiting on this thread.
    ///
    /// # Errors
    /// As [`Self::refresh`].
    pub fn refresh_blocking(&self, request: &Request<'_>) -> Result<Secret, Error> {
        self.wait(request, |done| self.ask(request, Wish::Newest, done))
    }

    /// As [`Self::refresh`]: `done` gets the answer on the I/O thread, where it must not block.
    pub fn refresh_then(
        &self,
        request: &Request<'_>,
        done: impl FnOnce(Result<Secret, Error>) + Send + 'static,
    ) {
        let key = request.key.map(str::to_owned);
        self.ask(request, Wish::Newest, move |answer| {
            done(keyed(answer, key.as_deref()));
        });
    }
}
