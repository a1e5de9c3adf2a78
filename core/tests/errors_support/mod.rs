//! What the tests of the event pipeline share.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sentry_receiver::Receiver;
use tallylight::errors::{Category, Dsn, ErrorsConfig, EventId, Item, Outcome};
use tallylight::{Config, Tallylight};

/// Longer than anything takes that is not broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A folder that goes with its test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!(
            "tallylight-test-{}-{name}-{number}",
            std::process::id()
        ));
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The files of events in it.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let Ok(folders) = std::fs::read_dir(&self.0) else {
            return found;
        };
        for folder in folders.flatten() {
            let Ok(files) = std::fs::read_dir(folder.path()) else {
                continue;
            };
            found.extend(
                files
                    .flatten()
                    .map(|file| file.path())
                    .filter(|path| path.extension().is_some_and(|found| found == "spool")),
            );
        }
        found
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Settings of a test: to that server, with that spool, and patient only as long as it must be.
pub(crate) fn config(receiver: &Receiver, folder: &Folder) -> Config {
    Config {
        release: Some("app@1.2.3".into()),
        environment: Some("test".into()),
        errors: ErrorsConfig {
            dsn: Some(Dsn::parse(&receiver.dsn()).unwrap()),
            spool_dir: Some(folder.path().to_owned()),
            server_name: Some("machine".into()),
            request_timeout: Duration::from_millis(800),
            shutdown_timeout: Duration::from_millis(200),
            ..ErrorsConfig::default()
        },
        ..Config::default()
    }
}

pub(crate) fn tally(receiver: &Receiver, folder: &Folder) -> Tallylight {
    Tallylight::new(config(receiver, folder)).unwrap()
}

pub(crate) fn next_id() -> EventId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    EventId((u128::from(std::process::id()) << 64) | u128::from(number))
}

/// An event like none before it.
pub(crate) fn event(id: EventId) -> String {
    format!(
        "{{\"event_id\":\"{id}\",\"level\":\"error\",\"platform\":\"other\",\"exception\":{{\"values\":[{{\"type\":\"E{id}\",\"value\":\"went wrong\"}}]}}}}"
    )
}

pub(crate) fn capture_text(
    tally: &Tallylight,
    category: Category,
    payload: &str,
) -> (EventId, Outcome) {
    let id = next_id();
    let outcome = tally.errors().capture(&Item {
        category,
        id,
        payload,
        trace: None,
        attachments: &[],
        profile: None,
    });
    (id, outcome)
}

/// Captures an event like none before it.
pub(crate) fn capture(tally: &Tallylight) -> EventId {
    let id = next_id();
    let outcome = tally.errors().capture(&Item {
        category: Category::Error,
        id,
        payload: &event(id),
        trace: None,
        attachments: &[],
        profile: None,
    });
    assert!(
        matches!(outcome, Outcome::Spooled | Outcome::Queued),
        "{outcome:?}"
    );
    id
}

pub(crate) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
