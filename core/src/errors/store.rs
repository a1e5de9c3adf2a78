//! Reading what is in a folder of events: what waits for a server, and the local store, which is
//! what there is without one.
//!
//! For the command line and for people who debug. It changes nothing, takes no lock, and reads the
//! files of processes that are at work too.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::spool::folder::{self, EXTENSION, Survey};
use super::spool::{Folder, Segment, State};
use super::{Category, ErrorsConfig, EventId};
use crate::error::{Error, ErrorKind};

/// Files that are larger are none of ours.
const LARGEST_FILE: u64 = 64 << 20;

/// Where a stored event is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoredState {
    /// It waits to be delivered.
    Waiting,
    /// It waits, and stands for copies that still come.
    Held,
    /// A server has it, or, in the local store, it is kept.
    Done,
}

impl StoredState {
    /// `waiting`, `held` or `done`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Held => "held",
            Self::Done => "done",
        }
    }
}

/// A file beside a stored event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAttachment {
    /// Its name.
    pub filename: String,
    /// Its media type.
    pub content_type: Option<String>,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// An event as it lies in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its id.
    pub id: EventId,
    /// What it is.
    pub category: Category,
    /// When it was captured.
    pub captured_at: SystemTime,
    /// Where it is on its way.
    pub state: StoredState,
    /// How many identical events it stands for, itself among them.
    pub copies: u32,
    /// How often it was tried to be sent.
    pub attempts: u32,
    /// Which process captured it.
    pub pid: u32,
    /// The event, a JSON object, as it was captured (scrubbed).
    pub payload: String,
    /// What is true of its process (release, environment …), a JSON object; an event's own fields
    /// win.
    pub facts: String,
    /// The envelope's `trace` header.
    pub trace: Option<String>,
    /// The profile of a transaction.
    pub profile: Option<String>,
    /// Files beside it.
    pub attachments: Vec<StoredAttachment>,
    /// The file it lies in.
    pub file: PathBuf,
}

/// The folder of all spools that these settings mean: `spool_dir`, or what the environment says.
#[must_use]
pub fn base(config: &ErrorsConfig) -> PathBuf {
    let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    config
        .spool_dir
        .clone()
        .unwrap_or_else(|| folder::default_base(&get))
}

/// The folder of the events that these settings mean: of their DSN, or the local store.
#[must_use]
pub fn folder_of(config: &ErrorsConfig) -> PathBuf {
    base(config).join(folder::name_for(config.dsn.as_ref()))
}

/// The events of a folder, newest first, at most `most`. A folder that is not there has none.
///
/// # Errors
/// `io` when the folder cannot be read.
pub fn list(folder: &Path, most: usize) -> Result<Vec<Stored>, Error> {
    let mut found = Vec::new();
    for path in files(folder)? {
        let Some(segment) = Opened::read(&path) else {
            continue;
        };
        segment.add_to(&mut found, |_| true);
    }
    // What a process moved from one file to another may be seen in both.
    found.sort_by_key(|stored| std::cmp::Reverse((stored.captured_at, stored.id)));
    found.dedup_by(|a, b| a.id == b.id && a.category == b.category);
    found.truncate(most);
    Ok(found)
}

/// The event with that id.
///
/// # Errors
/// As [`list`].
pub fn show(folder: &Path, id: EventId) -> Result<Option<Stored>, Error> {
    let mut found = Vec::new();
    for path in files(folder)? {
        if let Some(segment) = Opened::read(&path) {
            segment.add_to(&mut found, |known| known == id);
        }
    }
    Ok(found.pop())
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(Error::new(
                ErrorKind::Io,
                format!(
                    "the events in {} cannot be read; run as the user whose processes write them",
                    folder.display()
                ),
            )
            .with_source(error));
        }
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|found| found == EXTENSION))
        .collect();
    files.sort();
    Ok(files)
}

/// A copy of a file.
struct Opened {
    path: PathBuf,
    segment: Segment,
    records: Vec<(u32, super::spool::Head)>,
}

impl Opened {
    /// `None` when it went meanwhile, or is none of ours.
    fn read(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        if !metadata.is_file() || metadata.len() > LARGEST_FILE {
            return None;
        }
        let bytes = super::spool::read_whole(path)?;
        let (segment, records) = Segment::of_bytes(&bytes)?;
        Some(Self {
            path: path.to_owned(),
            segment,
            records,
        })
    }

    fn add_to(&self, found: &mut Vec<Stored>, wanted: impl Fn(EventId) -> bool) {
        let mut facts = String::new();
        for (at, head) in &self.records {
            let Some(record) = self.segment.read(*at) else {
                continue;
            };
            let Some(contents) = record.contents() else {
                continue;
            };
            let Some(category) = head.category else {
                contents.payload.clone_into(&mut facts);
                continue;
            };
            let state = match self.segment.state(*at) {
                Some(State::Waiting) => StoredState::Waiting,
                Some(State::Held) => StoredState::Held,
                Some(State::Done) => StoredState::Done,
                _ => continue,
            };
            if !wanted(head.id) {
                continue;
            }
            found.push(Stored {
                id: head.id,
                category,
                captured_at: UNIX_EPOCH + Duration::from_millis(head.captured_at),
                state,
                copies: record.copies,
                attempts: record.attempts,
                pid: self.segment.about().pid,
                payload: contents.payload.to_owned(),
                facts: facts.clone(),
                trace: contents.trace.map(str::to_owned),
                profile: contents.profile.map(str::to_owned),
                attachments: contents
                    .attachments
                    .iter()
                    .map(|file| StoredAttachment {
                        filename: file.filename.to_owned(),
                        content_type: file.content_type.map(str::to_owned),
                        bytes: file.bytes.to_vec(),
                    })
                    .collect(),
                file: self.path.clone(),
            });
        }
    }
}

/// Deletes files of dead processes that hold only events older than the newest `keep`.
pub(super) fn trim(folder: &Folder, survey: &Survey, keep: usize) {
    let mut files: Vec<(u64, usize, &PathBuf)> = Vec::new();
    let mut kept = 0;
    for path in &survey.foreign {
        let Some(opened) = Opened::read(path) else {
            folder::set_aside(path);
            continue;
        };
        let events = opened
            .records
            .iter()
            .filter(|(_, head)| head.category.is_some());
        let newest = events.clone().map(|(_, head)| head.captured_at).max();
        files.push((newest.unwrap_or(0), events.count(), path));
    }
    // Files in use are not among these, so a little more than `keep` stays.
    files.sort_by_key(|(newest, ..)| std::cmp::Reverse(*newest));
    for (_, events, path) in files {
        if kept >= keep && folder.is_abandoned(path) {
            let _ = fs::remove_file(path);
        }
        kept += events;
    }
}
