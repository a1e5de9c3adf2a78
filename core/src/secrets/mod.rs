//! Secrets: a cache in front of AWS Secrets Manager, secret files and, in development, variables.
//!
//! A hit is a lock-free read. However many callers miss at once, the source is asked once. At the
//! end of its time to live a value is served once more while it is refreshed behind; while the source
//! is out of order, up to a hard limit of age; once it is revoked, not at all. No call waits longer
//! than its deadline. Values live in [`Secret`], which shows itself to nobody, and are known to
//! [`crate::scrub`].
//!
//! ```no_run
//! # async fn example() -> Result<(), tallylight::Error> {
//! let tally = tallylight::init(tallylight::Config::from_env()?)?;
//! let key = tally.secrets().get("cineview-gemini-api").await?;
//! let header = format!("Bearer {}", key.reveal()?);
//! # Ok(())
//! # }
//! ```

#![allow(
    clippy::result_large_err,
    reason = "a failure is made once per failed reading, beside a call over the network"
)]

pub(crate) mod aws;
pub(crate) mod chain;
mod changes;
mod config;
pub(crate) mod declared;
mod disk;
mod entry;
pub(crate) mod environment;
mod epoch;
pub(crate) mod failure;
pub(crate) mod fetched;
pub(crate) mod file;
mod index;
mod keeper;
pub(crate) mod name;
mod quick;
mod refused;
mod reply;
pub(crate) mod request;
pub(crate) mod sealed;
mod shared;
mod slot;
mod status;
mod telemetry;
mod value;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use crate::scrub::ScrubberStatus;
pub use changes::{Change, ChangeKind, Changes};
pub use config::{SecretsConfig, Sources};
pub use declared::{AI_ENGINE_API, Declared, GEMINI_API, SUPABASE_SERVICE_ROLE};
pub use disk::CacheFileStatus;
pub use epoch::Epoch;
pub use refused::WithSecretError;
pub use request::Request;
pub use sealed::SealKey;
pub(crate) use status::Counts;
pub use status::{SecretState, SecretStatus, SecretsStatus};
pub use value::{Secret, Source};

use chain::Surroundings;
use entry::{Decision, Entry, NEVER, Value};
use fetched::Fetched;
use index::{Id, IdRef};
use keeper::{Ask, Wish};
use name::SecretName;
use reply::{Reply, closed, gone};
use request::{PREVIOUS, Which};
use shared::Shared;

use crate::block_on::block_on;
use crate::clock::Clock;
use crate::config::Environment;
use crate::error::{Error, ErrorKind};
use crate::fork;
use crate::metrics::Registry;

/// How much longer than its deadline a blocking call waits for the I/O thread to say so.
const GRACE: Duration = Duration::from_millis(250);

/// The secrets of an instance. Cheap to clone: every clone is the same cache.
#[derive(Clone)]
pub struct Secrets {
    shared: Arc<Shared>,
}

/// The two values that are valid during a rotation.
#[derive(Debug, Clone)]
pub struct Both {
    /// The current one.
    pub current: Secret,
    /// The one before, if there is one still.
    pub previous: Option<Secret>,
}

/// The longest that a call waits, whatever is asked: as for the setting.
const LONGEST_DEADLINE: Duration = Duration::from_secs(600);

/// What a look at the index says.
enum Look {
    Hit(Secret),
    Refused(Error),
    Ask,
}

impl Secrets {
    pub(crate) fn new(
        config: SecretsConfig,
        environment: &Environment,
        registry: Arc<Registry>,
        clock: Clock,
    ) -> Result<Self, Error> {
        let shared = Shared::new(config, environment, registry, clock)?;
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    pub(crate) fn configure(
        &self,
        config: SecretsConfig,
        environment: &Environment,
    ) -> Result<(), Error> {
        self.shared.configure(config, environment)
    }

    pub(crate) fn refuse_settings(&self, text: String) {
        self.shared.refuse_settings(text);
    }

    pub(crate) fn shutdown(&self) {
        self.shared.shutdown();
    }

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

    /// Another value than `refused`, which was just refused by whoever it is a credential for: the
    /// one at hand if it is another already, else the newest. Callers at one time share one reading,
    /// and a value that turns out to be the newest is not asked for again for a while.
    ///
    /// # Errors
    /// As [`Self::refresh`].
    pub fn refused_then(
        &self,
        request: &Request<'_>,
        refused: &Secret,
        done: impl FnOnce(Result<Secret, Error>) + Send + 'static,
    ) {
        let key = request.key.map(str::to_owned);
        // Whole values are compared: of a JSON secret the caller holds one key only.
        let whole = match (
            request.key,
            self.look(&Request {
                key: None,
                ..*request
            }),
        ) {
            (None, _) => Some(refused.clone()),
            (Some(key), Ok(Look::Hit(now))) => match now.json_key(key) {
                Ok(leaf) if leaf.same_value(refused) => Some(now),
                other => return done(other),
            },
            (Some(_), _) => None,
        };
        let wish = whole.map_or(Wish::Newest, Wish::OtherThan);
        self.ask(request, wish, move |answer| {
            done(keyed(answer, key.as_deref()));
        });
    }

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
        let limit = self
            .deadline(request)
            .saturating_mul(2)
            .saturating_add(GRACE);
        block_on(self.both(request), Some(limit)).unwrap_or_else(|| Err(silent(request)))
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
        let id = Id::new(request.name, Which::Stage(request::CURRENT.to_owned()));
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

    /// Reads many secrets at once, those of AWS in batches of 20, and answers for each; without names
    /// those that are declared.
    pub async fn prefetch(&self, names: &[&str]) -> Vec<(String, Result<Secret, Error>)> {
        let (done, mut answers) = tokio::sync::mpsc::unbounded_channel();
        self.prefetch_then(names, move |name, answer| {
            let _ = done.send((name, answer));
        });
        let mut all = Vec::new();
        while let Some(answer) = answers.recv().await {
            all.push(answer);
        }
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }

    /// As [`Self::prefetch`], waiting on this thread.
    #[must_use]
    pub fn prefetch_blocking(&self, names: &[&str]) -> Vec<(String, Result<Secret, Error>)> {
        block_on(self.prefetch(names), None).unwrap_or_default()
    }

    /// As [`Self::prefetch`]: `done` gets each answer, on this thread or the I/O thread.
    pub fn prefetch_then(
        &self,
        names: &[&str],
        done: impl Fn(String, Result<Secret, Error>) + Clone + Send + 'static,
    ) {
        let declared: Vec<String>;
        let mut wanted: Vec<&str> = names.to_vec();
        if names.is_empty() {
            declared = self
                .declared()
                .into_iter()
                .map(|known| known.name)
                .collect();
            wanted = declared.iter().map(String::as_str).collect();
        }
        wanted.sort_unstable();
        wanted.dedup();
        let mut asks = Vec::new();
        for name in wanted {
            let request = Request::new(name);
            let answer = done.clone();
            let own = name.to_owned();
            match self.look(&request) {
                Ok(Look::Hit(secret)) => done(own, Ok(secret)),
                Ok(Look::Refused(error)) | Err(error) => done(own, Err(error)),
                Ok(Look::Ask) => {
                    let reply = Reply::new(move |result| answer(own, result));
                    match self.prepare(&request, Wish::Value(None), Some(reply)) {
                        Ok(ask) => asks.push(ask),
                        Err((error, reply)) => give(reply, error),
                    }
                }
            }
        }
        if asks.is_empty() {
            return;
        }
        let shared = Arc::clone(&self.shared);
        // On failure the asks are dropped with the job, and their replies answer by themselves.
        let _ = self.shared.io.submit(move || {
            keeper::with(&shared, |keeper, shared| keeper.prefetch(shared, asks));
        });
    }

    /// Changes of `name`, or of every secret.
    ///
    /// # Errors
    /// `invalid_name`.
    pub fn subscribe(&self, name: Option<&str>) -> Result<Changes, Error> {
        name.map(SecretName::parse).transpose()?;
        Ok(self.shared.subscribers.subscribe(name))
    }

    /// Sets a value for this process that is answered before every source, until it is cleared.
    ///
    /// # Errors
    /// `invalid_name`, `invalid_value` for more than 64 KiB, `unsupported` when the source `override`
    /// is switched off.
    pub fn set_override(&self, name: &str, value: impl Into<Vec<u8>>) -> Result<(), Error> {
        let bytes = zeroize::Zeroizing::new(value.into());
        SecretName::parse(name)?;
        if self.shared.is_closed() {
            return Err(closed());
        }
        let settings = self.shared.settings.load();
        if !settings.config.sources.override_ {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "the source override is switched off; add it to TALLYLIGHT_SECRETS_SOURCES",
            ));
        }
        if bytes.len() > file::MAX_VALUE_BYTES {
            return Err(Error::new(
                ErrorKind::InvalidValue,
                format!(
                    "the override of {name} has {} bytes; a secret has at most {}",
                    bytes.len(),
                    file::MAX_VALUE_BYTES
                ),
            ));
        }
        let fetched = Fetched::plain(bytes, Source::Override);
        let secret = Secret::new(name, fetched, std::time::SystemTime::now());
        self.shared.register_values([secret.reveal_bytes()]);
        let now = self.shared.now();
        let entry = Entry::new(
            Some(Value {
                secret,
                fetched: now.cast_signed(),
                ahead: NEVER,
                fresh_until: NEVER,
                stale_until: NEVER,
            }),
            None,
            now,
        );
        self.shared.publish(self.shared.era(), |index| {
            index.overrides.insert(name.into(), Arc::new(entry));
        });
        Ok(())
    }

    /// Ends an override; the sources answer again.
    pub fn clear_override(&self, name: &str) {
        self.shared.publish(self.shared.era(), |index| {
            index.overrides.remove(name);
        });
    }

    /// The secrets that this service declares: the built-in ones, then the configured.
    #[must_use]
    pub fn declared(&self) -> Vec<Declared> {
        self.shared.settings.load().declarations.all().to_vec()
    }

    /// The number that moves whenever an answer may have changed.
    #[must_use]
    pub fn epoch(&self) -> &Arc<Epoch> {
        &self.shared.epoch
    }

    /// Waits until the sealed cache, if there is one, holds what was read; at most `limit`.
    /// [`crate::Tallylight::shutdown`] does this too.
    pub fn flush(&self, limit: Duration) {
        self.shared.flush(limit);
    }

    /// Wipes every value of the cache and, when no other instance holds any, of the scrubber.
    /// [`crate::Tallylight::shutdown`] does this too.
    pub fn forget(&self) {
        self.shared.io.stop(GRACE);
        self.shared.forget();
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
        if request.key.is_some() || request.max_age.is_some() || !shared.is_watched() {
            return None;
        }
        entry.note_use();
        shared.telemetry()?.hits.increment();
        Some(secret.clone())
    }

    #[inline(never)]
    fn look(&self, request: &Request<'_>) -> Result<Look, Error> {
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

    /// Has the keeper answer.
    fn ask(
        &self,
        request: &Request<'_>,
        wish: Wish,
        done: impl FnOnce(Result<Secret, Error>) + Send + 'static,
    ) {
        let ask = match self.prepare(request, wish, Some(Reply::new(done))) {
            Ok(ask) => ask,
            Err((error, reply)) => return give(reply, error),
        };
        let shared = Arc::clone(&self.shared);
        // On failure the ask is dropped with the job, and its reply answers by itself.
        let _ = self.shared.io.submit(move || {
            keeper::with(&shared, |keeper, shared| keeper.ask(shared, ask));
        });
    }

    /// Reads what the keeper may not read itself: the environment of this thread.
    fn prepare(
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
            surroundings: Surroundings::of(&name, &settings, |variable| std::env::var_os(variable)),
            wish,
            deadline: request
                .deadline
                .unwrap_or(settings.config.deadline)
                .min(LONGEST_DEADLINE),
            reply,
        })
    }

    fn deadline(&self, request: &Request<'_>) -> Duration {
        request
            .deadline
            .unwrap_or_else(|| self.shared.settings.load().config.deadline)
            .min(LONGEST_DEADLINE)
    }

    fn wait(
        &self,
        request: &Request<'_>,
        ask: impl FnOnce(Box<dyn FnOnce(Result<Secret, Error>) + Send>),
    ) -> Result<Secret, Error> {
        let (done, answer) = tokio::sync::oneshot::channel();
        ask(Box::new(move |result| {
            let _ = done.send(result);
        }));
        // The I/O thread watches the deadline; this is for the case that it does not run.
        match block_on(answer, Some(self.deadline(request).saturating_add(GRACE))) {
            Some(Ok(answer)) => keyed(answer, request.key),
            Some(Err(_)) => Err(gone()),
            None => Err(silent(request)),
        }
    }
}

fn keyed(answer: Result<Secret, Error>, key: Option<&str>) -> Result<Secret, Error> {
    match key {
        Some(key) => answer?.json_key(key),
        None => answer,
    }
}

fn give(reply: Option<Reply>, error: Error) {
    if let Some(reply) = reply {
        reply.send(Err(error));
    }
}

fn silent(request: &Request<'_>) -> Error {
    Error::new(
        ErrorKind::Timeout,
        format!(
            "secret {}: the I/O thread did not answer within the deadline",
            request.name
        ),
    )
    .with_detail("name", request.name)
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = {
            let index = self.shared.index.load();
            let mut names: Vec<String> =
                index.entries.keys().map(|id| id.name.to_string()).collect();
            names.sort_unstable();
            names.dedup();
            names
        };
        f.debug_struct("Secrets")
            .field("names", &names)
            .finish_non_exhaustive()
    }
}
