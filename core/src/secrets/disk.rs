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
use zeroize::Zeroizing;

use super::config::SecretsConfig;
use super::fetched::Fetched;
use super::index::Id;
use super::request::Which;
use super::sealed::{self, Revoked, SealedEntry};
use super::shared::Shared;
use super::value::{Secret, Source};
use crate::clock;

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

#[derive(Default)]
pub(super) struct Disk {
    state: Rc<State>,
}

#[derive(Default)]
struct State {
    /// What the file held when it was read, until it is used.
    found: RefCell<HashMap<String, SealedEntry>>,
    loaded: Cell<bool>,
    stored: RefCell<Vec<SealedEntry>>,
    revoked: RefCell<Vec<Revoked>>,
    writing: Cell<bool>,
}

impl Disk {
    /// Reads the file unless that was done already, or there is none.
    pub(super) async fn load(&self, shared: &Arc<Shared>) {
        let config = shared.settings.load().config.clone();
        let (Some(path), Some(key)) = (config.cache_file.clone(), config.cache_key.clone()) else {
            return;
        };
        if self.state.loaded.replace(true) {
            return;
        }
        let max_age = config.max_stale;
        let read = tokio::task::spawn_blocking(move || {
            sealed::read(&path, &key, SystemTime::now(), max_age)
        });
        match read.await {
            Ok(Ok(entries)) => {
                shared.report_cache_file(|report| {
                    report.entries = entries.len();
                    report.last_error = None;
                });
                *self.state.found.borrow_mut() = entries
                    .into_iter()
                    .map(|entry| (entry.key.clone(), entry))
                    .collect();
            }
            Ok(Err(error)) => {
                // Mended, it may be readable at the next failure.
                self.state.loaded.set(false);
                shared.report_cache_file(|report| {
                    report.last_error = Some(error.to_error().to_string());
                });
            }
            Err(_) => self.state.loaded.set(false),
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
        for id in ids {
            stored.push(SealedEntry {
                key: key_of(id, &settings.config),
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
            });
        }
        drop(stored);
        self.write_soon(shared);
    }

    /// Has values taken out of the file.
    pub(super) fn remove_soon(&self, shared: &Arc<Shared>, ids: &[Id], old: &Secret) {
        let settings = shared.settings.load();
        if settings.config.cache_file.is_none() {
            return;
        }
        // Later than the value it ends, whosever clock that was read by.
        let at = SystemTime::now().max(old.fetched_at() + Duration::from_millis(1));
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
                let entries = state.stored.take();
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
                    tokio::time::sleep(BETWEEN_FAILURES).await;
                }
            }
            state.writing.set(false);
        });
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
