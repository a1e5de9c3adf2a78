//! What was read lately, by the file it was read from and that file's state.
//!
//! A process fails in few places, so each file is read once; a file that changed is another one.
//! Bounded in bytes: what was not asked for longest goes first.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::files::Stamp;
use crate::fork;

/// Bytes of an entry beside its value.
const ENTRY: usize = 256;

struct Entry<T> {
    path: PathBuf,
    stamp: Stamp,
    bytes: usize,
    value: T,
}

/// A bounded cache; its lock is taken inside the fork gate, and never while a file is read.
pub(super) struct Cache<T> {
    entries: Mutex<VecDeque<Entry<T>>>,
    most_bytes: usize,
}

impl<T> Cache<T> {
    pub(super) const fn new(most_bytes: usize) -> Self {
        Self {
            entries: Mutex::new(VecDeque::new()),
            most_bytes,
        }
    }

    /// Keeps a value that takes so many bytes.
    pub(super) fn put(&self, path: &Path, stamp: Stamp, bytes: usize, value: T) {
        self.insert(Entry {
            path: path.to_owned(),
            stamp,
            // Each has a cost beside what it holds.
            bytes: bytes + ENTRY,
            value,
        });
    }

    /// The value, which is then the caller's alone until it is put back.
    pub(super) fn take(&self, path: &Path, stamp: Stamp) -> Option<T> {
        self.remove(path, stamp).map(|entry| entry.value)
    }

    fn remove(&self, path: &Path, stamp: Stamp) -> Option<Entry<T>> {
        let _inside = fork::enter()?;
        let mut entries = self.entries.lock();
        let at = entries
            .iter()
            .position(|entry| entry.path == path && entry.stamp == stamp)?;
        entries.remove(at)
    }

    fn insert(&self, entry: Entry<T>) {
        if entry.bytes > self.most_bytes {
            return;
        }
        // Dropped behind the lock.
        let mut gone = Vec::new();
        let Some(_inside) = fork::enter() else {
            return;
        };
        let mut entries = self.entries.lock();
        entries.push_front(entry);
        let mut bytes: usize = entries.iter().map(|it| it.bytes).sum();
        while bytes > self.most_bytes
            && let Some(last) = entries.pop_back()
        {
            bytes -= last.bytes;
            gone.push(last);
        }
        drop(entries);
    }
}

impl<T: Clone> Cache<T> {
    pub(super) fn get(&self, path: &Path, stamp: Stamp) -> Option<T> {
        let entry = self.remove(path, stamp)?;
        let value = entry.value.clone();
        self.insert(entry);
        Some(value)
    }
}
