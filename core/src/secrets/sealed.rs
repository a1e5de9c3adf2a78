//! The sealed cache: one encrypted file of values, so that a restart during an outage still starts.
//!
//! Off unless the operator gives a path and a key. The keeper writes what AWS answered and reads it
//! back when AWS does not; both on a blocking thread. The invariant: no value is ever on disk in
//! plain, not even for a moment; and the file under the path is at every moment a whole one, of this
//! user alone.
//!
//! Several processes may share the file if they have one key. Each writes only what it has just read
//! or seen revoked; of two words on one secret the later counts, so that the order in which
//! processes write does not matter. Whoever can write to the folder can bring back an older file:
//! the limit of age bounds what that is worth.

mod format;
mod key;
mod store;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::fetched::Fetched;
use crate::error::{Error, ErrorKind};

pub use key::SealKey;

use format::Record;
use store::{Loaded, Store};

/// How far ahead of ours another machine's clock may be. What is later still is left out, or it
/// would count as the newest until that time comes.
const CLOCK_SKEW: Duration = Duration::from_secs(300);

/// A value as the file keeps it.
pub(crate) struct SealedEntry {
    /// What tells it from the others; the caller's own choice.
    pub(crate) key: String,
    /// The source is always [`super::Source::Disk`] when it was read, and not kept.
    pub(crate) fetched: Fetched,
    /// When AWS answered it, kept to the millisecond.
    pub(crate) fetched_at: SystemTime,
}

/// A value that is not to be served any more.
#[derive(Debug, Clone)]
pub(crate) struct Revoked {
    pub(crate) key: String,
    /// When AWS said so.
    pub(crate) at: SystemTime,
}

/// What a writing did beside writing.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// Values in the file now.
    pub(crate) entries: usize,
    /// Values that had no room; the oldest ones.
    pub(crate) left_out: usize,
    /// Why the file that was there could not be kept and was replaced.
    pub(crate) replaced: Option<SealedError>,
}

/// The values in the file that are at most `max_age` old at `now`; none when there is no file yet.
///
/// # Errors
/// See [`SealedErrorKind`].
pub(crate) fn read(
    path: &Path,
    key: &SealKey,
    now: SystemTime,
    max_age: Duration,
) -> Result<Vec<SealedEntry>, SealedError> {
    let store = Store::at(path)?;
    let Some(loaded) = store.load()? else {
        return Ok(Vec::new());
    };
    let mode = loaded.mode;
    let records = open(path, key, loaded)?;
    // After it turned out to be ours, or the fix would be wrong.
    store.check_permissions(mode)?;
    Ok(records
        .into_iter()
        .filter(|record| is_current(record, now, max_age))
        .filter_map(Record::into_entry)
        .collect())
}

/// What a writing or a reading that began now would come to, as far as can be told without writing:
/// the values in the file, none when there is no file yet.
///
/// # Errors
/// See [`SealedErrorKind`].
#[cfg(feature = "cli")]
pub(crate) fn test(
    path: &Path,
    key: &SealKey,
    now: SystemTime,
    max_age: Duration,
) -> Result<Option<usize>, SealedError> {
    let store = Store::at(path)?;
    store.check_folder()?;
    match store.exists()? {
        true => read(path, key, now, max_age).map(|entries| Some(entries.len())),
        false => Ok(None),
    }
}

/// Adds values to the file and takes revoked ones out of it, beside what other processes wrote.
/// What is older than `max_age` goes.
///
/// # Errors
/// See [`SealedErrorKind`]. The file that was there then stays as it was.
pub(crate) fn write(
    path: &Path,
    key: &SealKey,
    entries: Vec<SealedEntry>,
    revoked: Vec<Revoked>,
    now: SystemTime,
    max_age: Duration,
) -> Result<Written, SealedError> {
    let store = Store::at(path)?;
    let _lock = store.lock()?;
    let mut written = Written::default();
    let mut merged: BTreeMap<String, Record> = BTreeMap::new();
    let mut take = |record: Record| {
        if !is_current(&record, now, max_age) {
            return;
        }
        match merged.get(&record.key) {
            Some(known) if known.at_millis > record.at_millis => {}
            _ => {
                merged.insert(record.key.clone(), record);
            }
        }
    };
    if let Some(loaded) = store.load()? {
        match open(path, key, loaded) {
            Ok(records) => records.into_iter().for_each(&mut take),
            Err(error) if error.kind.may_be_replaced() => written.replaced = Some(error),
            Err(error) => return Err(error),
        }
    }
    entries
        .into_iter()
        .map(Record::of_entry)
        .for_each(&mut take);
    revoked
        .into_iter()
        .map(Record::of_revoked)
        .for_each(&mut take);
    let mut records: Vec<Record> = merged.into_values().collect();
    records.sort_by_key(|record| std::cmp::Reverse(record.at_millis));
    let before = format::values(&records);
    format::cut_to_fit(&mut records);
    written.entries = format::values(&records);
    written.left_out = before - written.entries;
    let sealed =
        format::seal(key, &records).map_err(|what| store.error(SealedErrorKind::Io, what))?;
    store.replace(&sealed)?;
    Ok(written)
}

fn open(path: &Path, key: &SealKey, loaded: Loaded) -> Result<Vec<Record>, SealedError> {
    format::open(key, loaded.bytes)
        .map_err(|fault| SealedError::new(fault.kind(), path, fault.text()))
}

fn is_current(record: &Record, now: SystemTime, max_age: Duration) -> bool {
    let now = format::millis(now);
    let span = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    record.at_millis <= now.saturating_add(span(CLOCK_SKEW))
        && now.saturating_sub(record.at_millis) <= span(max_age)
}

/// What is wrong with the sealed cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SealedErrorKind {
    /// There is no folder for it, or the path is of something else: a link, a device, another file.
    Path,
    /// It belongs to another user, or others may read it.
    Permissions,
    /// It is sealed with another key, or was changed.
    Key,
    /// It ends too early, or goes on too long.
    Damaged,
    /// Another version of Tallylight wrote it.
    Version,
    /// Another process holds it and does not let go.
    Busy,
    /// The system refused: a full disk, for one.
    Io,
}

impl SealedErrorKind {
    /// Whether a file like this is of no use to anybody with our key and gives way to a new one.
    pub(crate) const fn may_be_replaced(self) -> bool {
        matches!(self, Self::Key | Self::Damaged | Self::Version)
    }
}

/// Why the sealed cache could not be read or written, with the fix.
#[derive(Debug, Clone)]
pub(crate) struct SealedError {
    pub(crate) kind: SealedErrorKind,
    path: String,
    text: String,
}

impl SealedError {
    fn new(kind: SealedErrorKind, path: &Path, text: impl Into<String>) -> Self {
        Self {
            kind,
            path: path.display().to_string(),
            text: text.into(),
        }
    }

    /// The error as a caller sees it.
    pub(crate) fn to_error(&self) -> Error {
        let kind = match self.kind {
            SealedErrorKind::Path | SealedErrorKind::Permissions | SealedErrorKind::Key => {
                ErrorKind::InvalidConfig
            }
            SealedErrorKind::Damaged | SealedErrorKind::Version => ErrorKind::Parse,
            SealedErrorKind::Busy | SealedErrorKind::Io => ErrorKind::Io,
        };
        Error::new(kind, self.to_string()).with_detail("path", &self.path)
    }
}

impl fmt::Display for SealedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the sealed cache {} {}", self.path, self.text)
    }
}
