//! The sealed cache as the keeper uses it: written behind after every reading of AWS, read once when
//! AWS does not answer and there is no value.
//!
//! Off without a path and a key. A failing disk delays nothing and loses nothing that is in memory;
//! it is told in the status document.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::config::SecretsConfig;
use super::fetched::Fetched;
use super::file_threads::FileThreads;
use super::index::Id;
use super::request::Which;
use super::sealed::{self, Revoked, SealedEntry};
use super::shared::Shared;
use super::value::{Secret, Source};
use crate::clock;

/// How long a caller waits for the file: a hung file system must hold nobody up.
const LONGEST_LOAD: Duration = Duration::from_secs(2);
/// The pause after a write that failed.
const BETWEEN_FAILURES: Duration = Duration::from_secs(5);
/// What a write waits for others to join it.
const GATHER: Duration = Duration::from_millis(50);

/// How the sealed cache is.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CacheFileStatus {
    /// Values in the file after the last write, or found by the reading.
    pub entries: usize,
    /// When it was last written, RFC 3339.
    pub written: Option<String>,
    /// Why the last attempt to read or write it failed.
    pub last_error: Option<String>,
}

pub(super) struct Disk {
    state: Rc<State>,
    /// A reading that hangs is the last.
    reader: FileThreads,
}

impl Default for Disk {
    fn default() -> Self {
        Self {
            state: Rc::default(),
            reader: FileThreads::new(1),
        }
    }
}

#[derive(Default)]
struct State {
    /// What the file held when it was read, until it is used.
    found: RefCell<HashMap<String, SealedEntry>>,
    /// Whether it was read; held while it is, so that all who need it wait for one reading.
    loaded: tokio::sync::Mutex<bool>,
    stored: RefCell<HashMap<String, SealedEntry>>,
    revoked: RefCell<Vec<Revoked>>,
    writing: Cell<bool>,
    /// They wait until everything is written.
    flushed: RefCell<Vec<oneshot::Sender<()>>>,
}

impl Disk {
    /// Reads the file unless that was done already, or there is none.
    pub(super) async fn load(&self, shared: &Arc<Shared>) {
        let config = shared.settings.load().config.clone();
        let (Some(path), Some(key)) = (config.cache_file.clone(), config.cache_key.clone()) else {
            return;
        };
        let mut loaded = self.state.loaded.lock().await;
        if *loaded {
            return;
        }
        let max_age = config.max_stale;
        let place = path.clone();
        let read = self.reader.run(&place, move || {
            sealed::read(&path, &key, SystemTime::now(), max_age)
        });
        match tokio::time::timeout(LONGEST_LOAD, read).await {
            Ok(Ok(Ok(entries))) => {
                *loaded = true;
                shared.register_values(entries.iter().map(|entry| &**entry.fetched.bytes));
                shared.report_cache_file(|report| {
                    report.entries = entries.len();
                    report.last_error = None;
                });
                *self.state.found.borrow_mut() = entries
                    .into_iter()
                    .map(|entry| (entry.key.clone(), entry))
                    .collect();
            }
            // Mended, it may be readable at the next failure.
            Ok(Ok(Err(error))) => shared.report_cache_file(|report| {
                report.last_error = Some(error.to_error().to_string());
            }),
            Ok(Err(_)) | Err(_) => shared.report_cache_file(|report| {
                report.last_error = Some("it could not be read in time".to_owned());
            }),
        }
    }

    /// Answers when everything that was to be written is, or could not be.
    pub(super) fn flush(&self, done: oneshot::Sender<()>) {
        if self.state.writing.get() {
            self.state.flushed.borrow_mut().push(done);
        } else {
            let _ = done.send(());
        }
    }

    /// The value that the file had for one of these ids.
    pub(super) fn take(&self, shared: &Shared, ids: &[Id]) -> Option<Secret> {
        let settings = shared.settings.load();
        let mut found = self.state.found.borrow_mut();
        let entry = ids
            .iter()
            .find_map(|id| found.remove(&key_of(id, &settings.config)))?;
        let name = ids.first().map_or("", |id| &id.name);
        Some(Secret::new(name, entry.fetched, entry.fetched_at))
    }

    /// Has a value written behind.
    pub(super) fn store_soon(&self, shared: &Arc<Shared>, ids: &[Id], secret: &Secret) {
        let settings = shared.settings.load();
        if settings.config.cache_file.is_none() {
            return;
        }
        let mut stored = self.state.stored.borrow_mut();
        let asked_by = ids
            .iter()
            .enumerate()
            // The ARN beside a name is known only once AWS has answered, so nobody looks it up here.
            .filter(|(at, id)| *at == 0 || Some(&*id.name) != secret.arn());
        for (_, id) in asked_by {
            let key = key_of(id, &settings.config);
            let entry = SealedEntry {
                key: key.clone(),
                fetched: Fetched {
                    bytes: Zeroizing::new(secret.reveal_bytes().to_vec()),
                    binary: secret.is_binary(),
                    source: Source::Disk,
                    arn: secret.arn().map(str::to_owned),
                    version: secret.version().map(str::to_owned),
                    stages: secret.stages().to_vec(),
                    region: secret.region().map(str::to_owned),
                },
                fetched_at: secret.fetched_at(),
            };
            stored.insert(key, entry);
        }
        drop(stored);
        self.write_soon(shared);
    }

    /// Has values taken out of the file.
    pub(super) fn remove_soon(&self, shared: &Arc<Shared>, ids: &[Id], old: Option<&Secret>) {
        let settings = shared.settings.load();
        if settings.config.cache_file.is_none() {
            return;
        }
        // Later than the value it ends, whosever clock that was read by.
        let after = old.map(|old| old.fetched_at() + Duration::from_millis(1));
        let at = after.map_or_else(SystemTime::now, |after| after.max(SystemTime::now()));
        for id in ids {
            let key = key_of(id, &settings.config);
            self.state.found.borrow_mut().remove(&key);
            self.state.revoked.borrow_mut().push(Revoked { key, at });
        }
        self.write_soon(shared);
    }

    fn write_soon(&self, shared: &Arc<Shared>) {
        if self.state.writing.replace(true) {
            return;
        }
        let state = Rc::clone(&self.state);
        let shared = Arc::downgrade(shared);
        tokio::task::spawn_local(async move {
            tokio::time::sleep(GATHER).await;
            loop {
                let entries: Vec<SealedEntry> = state.stored.take().into_values().collect();
                let revoked = state.revoked.take();
                let settings = shared.upgrade().map(|shared| shared.settings.load_full());
                let nothing_new = entries.is_empty() && revoked.is_empty();
                let Some(settings) = settings.filter(|_| !nothing_new) else {
                    break;
                };
                let config = settings.config.clone();
                let again = revoked.clone();
                let written = tokio::task::spawn_blocking(move || {
                    let path = config.cache_file?;
                    let key = config.cache_key?;
                    let now = SystemTime::now();
                    Some(sealed::write(
                        &path,
                        &key,
                        entries,
                        revoked,
                        now,
                        config.max_stale,
                    ))
                });
                let result = written.await;
                let failed = !matches!(result, Ok(Some(Ok(_))));
                if failed {
                    // A value is written at its next reading; a revocation comes once.
                    state.revoked.borrow_mut().extend(again);
                }
                if let (Ok(Some(result)), Some(shared)) = (result, shared.upgrade()) {
                    shared.report_cache_file(|report| match result {
                        Ok(written) => {
                            report.entries = written.entries;
                            report.written = Some(clock::rfc3339(shared.clock.wall()));
                            report.last_error =
                                written.replaced.map(|error| error.to_error().to_string());
                        }
                        Err(error) => report.last_error = Some(error.to_error().to_string()),
                    });
                }
                if failed {
                    state.tell_flushed();
                    tokio::time::sleep(BETWEEN_FAILURES).await;
                }
            }
            state.tell_flushed();
            state.writing.set(false);
        });
    }
}

impl State {
    fn tell_flushed(&self) {
        for done in self.flushed.take() {
            let _ = done.send(());
        }
    }
}

/// What tells a secret from others in a file that services of one host may share.
fn key_of(id: &Id, config: &SecretsConfig) -> String {
    let which = match &id.which {
        Which::Stage(stage) => format!("stage {stage}"),
        Which::Version(version) => format!("version {version}"),
    };
    let region = config.region.as_deref().unwrap_or("");
    let role = config.role_arn.as_deref().unwrap_or("");
    format!("{}\n{which}\n{region}\n{role}", id.name)
}
