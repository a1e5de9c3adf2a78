//! Reading a secret: the value at hand, else the answer of its source.
//!
//! The invariant: a hit takes no lock and reads no clock, and `peek` and `get_sync` never wait.

use std::sync::Arc;

use super::call::keyed;
use super::entry::{Decision, Entry};
use super::index::IdRef;
use super::keeper::{self, Wish};
use super::name::SecretName;
use super::reply::{closed, gone};
use super::{Request, Secret, Secrets};
use crate::error::{Error, ErrorKind};
use crate::fork;

/// What a look at the index says.
pub(super) enum Look {
    Hit(Secret),
    Refused(Error),
    Ask,
}

impl Secrets {
    /// The current value of `name`: from the cache, else from its source.
    ///
    /// # Errors
    /// `invalid_name`; `not_found`, `denied`; `unavailable` and `timeout` when the source is out of
    /// order and no value young enough is at hand; `closed` after shutdown. The error's details hold
    /// `name`, `region` and `request_id`.
    pub async fn get(&self, name: &str) -> Result<Secret, Error> {
        let request = Request::new(name);
        match self.hit(&request) {
            Some(secret) => Ok(secret),
            None => self.read(&request).await,
        }
    }

    /// As [`Self::get`], with a key, a stage, a version, a limit of age or a deadline.
    ///
    /// # Errors
    /// As [`Self::get`], and those of [`Secret::json_key`].
    pub async fn get_with(&self, request: &Request<'_>) -> Result<Secret, Error> {
        match self.hit(request) {
            Some(secret) => Ok(secret),
            None => self.read(request).await,
        }
    }

    /// What is no [`Self::hit`].
    async fn read(&self, request: &Request<'_>) -> Result<Secret, Error> {
        match self.look(request)? {
            Look::Hit(secret) => Ok(secret),
            Look::Refused(error) => Err(error),
            Look::Ask => {
                let (done, answer) = tokio::sync::oneshot::channel();
                self.ask(request, Wish::Value(request.max_age), move |result| {
                    let _ = done.send(result);
                });
                keyed(answer.await.unwrap_or_else(|_| Err(gone())), request.key)
            }
        }
    }

    /// As [`Self::get_with`], waiting on this thread, never longer than the deadline.
    ///
    /// # Errors
    /// As [`Self::get_with`].
    #[inline]
    pub fn get_blocking(&self, request: &Request<'_>) -> Result<Secret, Error> {
        match self.hit(request) {
            Some(secret) => Ok(secret),
            None => self.read_blocking(request),
        }
    }

    #[cold]
    #[inline(never)]
    fn read_blocking(&self, request: &Request<'_>) -> Result<Secret, Error> {
        match self.look(request)? {
            Look::Hit(secret) => Ok(secret),
            Look::Refused(error) => Err(error),
            Look::Ask => self.wait(request, |done| {
                self.ask(request, Wish::Value(request.max_age), done);
            }),
        }
    }

    /// As [`Self::get_with`]: `done` gets the answer, on this thread when it is at hand, else on the
    /// I/O thread, where it must not block.
    pub fn get_then(
        &self,
        request: &Request<'_>,
        done: impl FnOnce(Result<Secret, Error>) + Send + 'static,
    ) {
        match self.look(request) {
            Ok(Look::Hit(secret)) => done(Ok(secret)),
            Ok(Look::Refused(error)) | Err(error) => done(Err(error)),
            Ok(Look::Ask) => {
                let key = request.key.map(str::to_owned);
                self.ask(request, Wish::Value(request.max_age), move |answer| {
                    done(keyed(answer, key.as_deref()));
                });
            }
        }
    }

    /// The value if it is at hand: never waits, takes no lock. Starts a refresh behind when the value
    /// is due for one. Errors of the request itself, such as a key that does not exist, are `None`
    /// too; [`Self::get_sync`] says which.
    #[inline]
    #[must_use]
    pub fn peek(&self, request: &Request<'_>) -> Option<Secret> {
        self.hit(request).or_else(|| self.peek_at_due(request))
    }

    #[cold]
    #[inline(never)]
    fn peek_at_due(&self, request: &Request<'_>) -> Option<Secret> {
        match self.look(request) {
            Ok(Look::Hit(secret)) => Some(secret),
            _ => None,
        }
    }

    /// As [`Self::peek`], with the reason when there is none.
    ///
    /// # Errors
    /// `not_ready` when it was not read yet; as [`Self::get_with`] when the last reading failed.
    pub fn get_sync(&self, request: &Request<'_>) -> Result<Secret, Error> {
        if let Some(secret) = self.hit(request) {
            return Ok(secret);
        }
        match self.look(request)? {
            Look::Hit(secret) => Ok(secret),
            Look::Refused(error) => Err(error),
            Look::Ask => {
                SecretName::parse(request.name)?;
                Err(Error::new(
                    ErrorKind::NotReady,
                    format!(
                        "secret {} was not read yet, or is too old; await it once at the start (get, or prefetch)",
                        request.name
                    ),
                )
                .with_detail("name", request.name))
            }
        }
    }

    /// The usual case and nothing else: a whole value that nothing is due for. Reads no clock: the
    /// keeper marks what becomes due.
    #[inline(always)]
    fn hit(&self, request: &Request<'_>) -> Option<Secret> {
        let shared = &*self.shared;
        let index = shared.index.load();
        let entry = index.find(IdRef {
            name: request.name,
            which: request.which(),
        })?;
        let secret = entry.settled()?;
        let is_plain = request.key.is_none()
            && request.max_age.is_none()
            && request.deadline.is_none()
            && request.stage != Some("")
            && request.version != Some("");
        if !is_plain || !shared.is_watched() {
            return None;
        }
        entry.note_use();
        shared.telemetry()?.hits.increment();
        Some(secret.clone())
    }

    #[inline(never)]
    pub(super) fn look(&self, request: &Request<'_>) -> Result<Look, Error> {
        request.check()?;
        let shared = &*self.shared;
        let index = shared.index.load();
        let id = IdRef {
            name: request.name,
            which: request.which(),
        };
        let Some(entry) = index.find(id) else {
            return self.unknown(request);
        };
        if !shared.is_watched() {
            self.watch();
        }
        let now = shared.now();
        let decision = entry.decide(now, request.max_age);
        let (Decision::Serve | Decision::ServeAndRefresh, Some(value)) = (decision, &entry.value)
        else {
            return Ok(self.no_value(entry, decision, now));
        };
        entry.note_use();
        let secret = match request.key {
            None => value.secret.clone(),
            Some(key) => value.secret.json_key(key)?,
        };
        if let Some(telemetry) = shared.telemetry() {
            telemetry.hits.increment();
            if now >= value.fresh_until {
                telemetry.stale.increment();
            }
        }
        if decision == Decision::ServeAndRefresh && entry.is_first_to_ask(fork::generation()) {
            self.refresh_behind(request);
        }
        Ok(Look::Hit(secret))
    }

    /// Starts the keeper of a forked child, which takes over what it inherited.
    #[cold]
    fn watch(&self) {
        let shared = Arc::clone(&self.shared);
        let _ = self
            .shared
            .io
            .submit(move || keeper::with(&shared, |_, _| {}));
    }

    #[cold]
    fn unknown(&self, request: &Request<'_>) -> Result<Look, Error> {
        if self.shared.is_closed() {
            return Err(closed());
        }
        SecretName::parse(request.name)?;
        self.count_miss();
        Ok(Look::Ask)
    }

    #[cold]
    fn no_value(&self, entry: &Entry, decision: Decision, now: u64) -> Look {
        match (decision, &entry.refusal) {
            (Decision::Refuse, Some(refusal)) => {
                if let Some(telemetry) = self.shared.telemetry() {
                    telemetry.refused.increment();
                }
                Look::Refused(keeper::refused(refusal, now))
            }
            _ => {
                self.count_miss();
                Look::Ask
            }
        }
    }

    fn count_miss(&self) {
        if let Some(telemetry) = self.shared.telemetry() {
            telemetry.misses.increment();
        }
    }

    #[cold]
    fn refresh_behind(&self, request: &Request<'_>) {
        if let Ok(ask) = self.prepare(request, Wish::Value(None), None) {
            let shared = Arc::clone(&self.shared);
            // Without a thread the stale value stands until its limit.
            let _ = self.shared.io.submit(move || {
                keeper::with(&shared, |keeper, shared| keeper.ask(shared, ask));
            });
        }
    }
}
