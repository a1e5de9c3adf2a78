//! Reading a file that an event names: only an ordinary one, of bounded size, that is as it was
//! when the event was captured.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::cache::Cache;

/// Bytes of a source that is shown in part.
pub(super) const MAX_SOURCE: u64 = 5 << 20;
/// How much later than an event a file may seem to be changed: file systems and clocks are coarse.
const GRACE: Duration = Duration::from_secs(2);
/// Bytes of sources that are kept.
const KEPT: usize = 32 << 20;
/// What a source's name ends in. An event is text from anywhere: it must not have us read any other
/// file and send it away.
const ENDINGS: [&str; 15] = [
    "py", "pyx", "js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "vue", "svelte", "rs", "c",
    "h",
];

static SOURCES: Cache<Arc<Source>> = Cache::new(KEPT);

/// A file's state, by which a change is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    modified: SystemTime,
    len: u64,
}

impl Stamp {
    /// Of an ordinary file of at most that size, unless it was changed after that time.
    pub(super) fn of(path: &Path, most: u64, at: SystemTime) -> Option<Self> {
        let stamp = Self::of_any(path, most)?;
        let latest = at.checked_add(GRACE)?;
        (stamp.modified <= latest).then_some(stamp)
    }

    /// Of an ordinary file of at most that size.
    pub(super) fn of_any(path: &Path, most: u64) -> Option<Self> {
        // What is no file may wait for ever when it is opened.
        let known = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        let modified = known.modified().ok()?;
        (known.len() <= most).then_some(Self {
            modified,
            len: known.len(),
        })
    }
}

/// A text by its lines.
pub(super) struct Source {
    text: String,
    starts: Vec<usize>,
}

impl Source {
    pub(super) fn new(text: String) -> Self {
        let starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self { text, starts }
    }

    /// A line by its number from 1, without its end.
    pub(super) fn line(&self, number: usize) -> Option<&str> {
        let index = number.checked_sub(1)?;
        let start = *self.starts.get(index)?;
        let end = self
            .starts
            .get(index + 1)
            .map_or(self.text.len(), |it| it - 1);
        self.text
            .get(start..end)
            .map(|line| line.strip_suffix('\r').unwrap_or(line))
    }
}

/// The source at a path, if it may be shown.
pub(super) fn source(path: &Path, at: SystemTime) -> Option<Arc<Source>> {
    let ending = path.extension()?.to_str()?;
    if !ENDINGS.contains(&ending) {
        return None;
    }
    let stamp = Stamp::of(path, MAX_SOURCE, at)?;
    if let Some(known) = SOURCES.get(path, stamp) {
        return Some(known);
    }
    let source = Arc::new(Source::new(read(path, MAX_SOURCE)?));
    let bytes = source.text.len() + source.starts.len() * size_of::<usize>();
    SOURCES.put(path, stamp, bytes, Arc::clone(&source));
    Some(source)
}

/// The text of a file of at most that size.
pub(super) fn read(path: &Path, most: u64) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path)
        .ok()?
        .take(most + 1)
        .read_to_end(&mut bytes)
        .ok()?;
    if bytes.len() as u64 > most {
        return None;
    }
    Some(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

/// The absolute path that a frame means: a path, or a `file:` URL.
pub(super) fn absolute(place: &str) -> Option<PathBuf> {
    let path = match place.strip_prefix("file://") {
        Some(rest) => percent_decoded(rest)?,
        None => place.to_owned(),
    };
    path.starts_with('/').then(|| PathBuf::from(path))
}

/// A text with its `%41` undone.
pub(super) fn percent_decoded(text: &str) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let code = (byte == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(code.unwrap_or(byte));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8(decoded).ok()
}
