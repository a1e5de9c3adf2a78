//! A piece of the spool: one mapped file, or memory alone where the disk takes none.
//!
//! The file begins with a page that says what it is, and with the *ledger*: what was dropped and no
//! server was told of. Records follow. One process writes it at a time: the one that holds its lock
//! (`os.rs`), which is also how others know that it is alive. Invariant: a record whose state is
//! `Waiting` or `Held` is whole, whenever its writer was killed.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::map::Map;
use super::record::{
    ALIGN, ATTEMPTS, COPIES, HEAD, Head, LARGEST, Parts, Record, STATE, State, Sum, footprint,
};
use super::{os, registry};

const MAGIC: [u8; 8] = *b"TALLYSPL";
const VERSION: u32 = 1;
/// Where records begin.
pub(super) const FIRST: usize = 4096;
/// For its owner alone.
const MODE: u32 = 0o600;

/// What a segment's first page says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct About {
    /// When it was made, milliseconds since the Unix epoch.
    pub(crate) created: u64,
    /// By which process.
    pub(crate) pid: u32,
}

/// A mapped segment.
pub(crate) struct Segment {
    pub(super) map: Map,
    file: Option<OnDisk>,
    about: About,
    /// Where the next record goes.
    tail: AtomicUsize,
}

struct OnDisk {
    path: PathBuf,
    /// Holds the lock; never read or written but through the mapping.
    _file: Arc<File>,
}

/// Why a file is none that can be taken over.
#[derive(Debug)]
pub(crate) enum Unusable {
    /// Its process lives.
    InUse,
    /// A later version of this library made it.
    Newer,
    /// It is none of ours, or damaged beyond its first page.
    Damaged,
    /// The system does not give it.
    Refused,
}

impl From<io::Error> for Unusable {
    fn from(_: io::Error) -> Self {
        Self::Refused
    }
}

/// What lies in a segment that another process left.
pub(crate) struct Found {
    pub(crate) segment: Segment,
    /// Records in any state, and facts, by where they lie.
    pub(crate) records: Vec<(u32, Head)>,
    /// Stretches that hold no whole record though something was there.
    pub(crate) damaged: u32,
}

impl Segment {
    /// Memory of this process.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn anonymous(bytes: usize, about: About) -> io::Result<Self> {
        let map = Map::anonymous(bytes)?;
        Ok(Self {
            map,
            file: None,
            about,
            tail: AtomicUsize::new(FIRST),
        })
    }

    /// A file of that name, allocated for real, locked, and only then visible to others.
    ///
    /// # Errors
    /// When the disk or the folder does not take it.
    pub(crate) fn create(
        folder: &Path,
        name: &str,
        bytes: usize,
        about: About,
    ) -> io::Result<Self> {
        let draft = folder.join(format!("{name}.tmp"));
        let made = Self::create_at(&draft, &folder.join(name), bytes, about);
        if made.is_err() {
            let _ = fs::remove_file(&draft);
        }
        made
    }

    fn create_at(draft: &Path, path: &Path, bytes: usize, about: About) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(MODE)
            .custom_flags(libc::O_NOFOLLOW)
            .open(draft)?;
        os::allocate(&file, bytes)?;
        file.write_all_at(&first_page(bytes, about), 0)?;
        let map = Map::shared(&file)?;
        // Locks may be switched off (some network file systems); then two processes may deliver the
        // same event, which the server knows by its id.
        let _ = os::lock(&file);
        let file = Arc::new(file);
        registry::add(path, &file);
        if let Err(error) = fs::rename(draft, path) {
            registry::remove(path);
            return Err(error);
        }
        Ok(Self {
            map,
            file: Some(OnDisk {
                path: path.to_owned(),
                _file: file,
            }),
            about,
            tail: AtomicUsize::new(FIRST),
        })
    }

    /// Takes over a file whose process is gone, under a name of this process. Nobody else of this
    /// process may look at the folder meanwhile.
    ///
    /// # Errors
    /// When it is in use or unusable; it then stays as it is.
    pub(crate) fn adopt(path: &Path, new_path: &Path) -> Result<Found, Unusable> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
            .open(path)?;
        if !os::lock(&file)? {
            return Err(Unusable::InUse);
        }
        let metadata = file.metadata()?;
        // Another process may have finished with it between the opening and the lock.
        if metadata.nlink() == 0 {
            return Err(Unusable::InUse);
        }
        if !metadata.is_file() || metadata.len() <= FIRST as u64 {
            return Err(Unusable::Damaged);
        }
        let map = Map::shared(&file)?;
        let about = match read_first_page(&map) {
            Ok(about) => Some(about),
            Err(Unusable::Damaged) => None,
            Err(other) => return Err(other),
        };
        let mut segment = Self {
            map,
            file: None,
            about: about.unwrap_or(About { created: 0, pid: 0 }),
            tail: AtomicUsize::new(0),
        };
        segment.tail = AtomicUsize::new(segment.map.len());
        let (records, damaged) = segment.scan();
        if about.is_none() && records.is_empty() {
            return Err(Unusable::Damaged);
        }
        let file = Arc::new(file);
        registry::add(new_path, &file);
        if let Err(error) = fs::rename(path, new_path) {
            registry::remove(new_path);
            return Err(error.into());
        }
        segment.file = Some(OnDisk {
            path: new_path.to_owned(),
            _file: file,
        });
        Ok(Found {
            segment,
            records,
            damaged: damaged + u32::from(about.is_none()),
        })
    }

    /// What lies in bytes of a segment that were read, not mapped: a copy that nobody else has.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Option<(Self, Vec<(u32, Head)>)> {
        let map = Map::anonymous(bytes.len().max(FIRST + ALIGN)).ok()?;
        map.write(0, bytes);
        let about = read_first_page(&map).unwrap_or(About { created: 0, pid: 0 });
        let segment = Self {
            tail: AtomicUsize::new(map.len()),
            map,
            file: None,
            about,
        };
        let (records, _) = segment.scan();
        Some((segment, records))
    }

    pub(crate) fn about(&self) -> About {
        self.about
    }

    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    /// Bytes that its records take, with what stands before them.
    pub(crate) fn used(&self) -> usize {
        self.tail.load(Ordering::Relaxed)
    }

    /// Whether what is in it outlives the process.
    pub(crate) fn is_durable(&self) -> bool {
        self.file.is_some()
    }

    #[cfg(test)]
    pub(crate) fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(|file| file.path.as_path())
    }

    /// Whether a payload of so many bytes still goes in.
    pub(crate) fn has_room(&self, payload: usize) -> bool {
        footprint(payload) <= self.len().saturating_sub(self.used())
    }

    /// The least a segment must hold for such a payload, beside facts of `facts` bytes.
    pub(crate) fn bytes_for(payload: usize, facts: usize) -> usize {
        FIRST + footprint(payload) + footprint(facts + 8)
    }

    /// Writes a record in that state; where it lies. Only one thread at a time: the caller holds
    /// the pipeline's lock.
    pub(crate) fn append(&self, head: &Head, parts: &Parts<'_>, state: State) -> Option<u32> {
        self.append_pieces(
            head,
            parts.len(),
            parts.pieces().iter().map(|piece| piece.bytes()),
            state,
        )
    }

    /// Writes a record of another segment again, with its counts.
    pub(crate) fn append_copy(&self, record: &Record, state: State) -> Option<u32> {
        let payload = record.payload.as_slice();
        let at = self.append_pieces(
            &record.head,
            payload.len(),
            std::iter::once(payload),
            State::Writing,
        )?;
        self.word(at, COPIES)?
            .store(record.copies, Ordering::Relaxed);
        self.word(at, ATTEMPTS)?
            .store(record.attempts, Ordering::Relaxed);
        self.set_state(at, state);
        Some(at)
    }

    fn append_pieces<'a>(
        &self,
        head: &Head,
        bytes: usize,
        pieces: impl Iterator<Item = &'a [u8]>,
        state: State,
    ) -> Option<u32> {
        if bytes > LARGEST || !self.has_room(bytes) {
            return None;
        }
        let at = self.used();
        let place = u32::try_from(at).ok()?;
        let mut sum = Sum::of(&head.bytes(bytes, 0));
        let mut to = at + HEAD;
        for piece in pieces {
            sum.add(piece);
            if !self.map.write(to, piece) {
                return None;
            }
            to += piece.len();
        }
        // In the state `Writing` (zero) until all of it is there.
        if !self.map.write(at, &head.bytes(bytes, sum.end())) {
            return None;
        }
        self.tail.store(at + footprint(bytes), Ordering::Relaxed);
        self.set_state(place, state);
        Some(place)
    }

    fn word(&self, at: u32, field: usize) -> Option<&std::sync::atomic::AtomicU32> {
        self.map.word(at as usize + field)
    }

    pub(crate) fn set_state(&self, at: u32, state: State) {
        if let Some(word) = self.word(at, STATE) {
            word.store(state.word(), Ordering::Release);
        }
    }

    pub(crate) fn state(&self, at: u32) -> Option<State> {
        State::of(self.word(at, STATE)?.load(Ordering::Acquire))
    }

    /// One more copy that the record stands for.
    pub(crate) fn add_copy(&self, at: u32) {
        if let Some(word) = self.word(at, COPIES) {
            word.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// One more try to send it.
    pub(crate) fn add_attempt(&self, at: u32) {
        if let Some(word) = self.word(at, ATTEMPTS) {
            word.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What stands before the payload there, unchecked.
    pub(crate) fn head(&self, at: u32) -> Option<Head> {
        let bytes = self.map.read_array(at as usize)?;
        Head::of(&bytes).map(|(head, ..)| head)
    }

    /// The record there; `None` when its sum is wrong.
    pub(crate) fn read(&self, at: u32) -> Option<Record> {
        let bytes: [u8; HEAD] = self.map.read_array(at as usize)?;
        let (head, length, sum) = Head::of(&bytes)?;
        let payload = self.map.read(at as usize + HEAD, length)?;
        let mut found = Sum::of(&bytes);
        found.add(&payload);
        if found.end() != sum {
            return None;
        }
        Some(Record {
            head,
            copies: self.word(at, COPIES)?.load(Ordering::Relaxed).max(1),
            attempts: self.word(at, ATTEMPTS)?.load(Ordering::Relaxed),
            payload,
        })
    }

    /// The records that this process wrote, oldest first.
    pub(crate) fn own_records(&self) -> Vec<(u32, Head)> {
        self.scan().0
    }

    /// Every whole record with its place, and how many damaged stretches lie between them. A record
    /// that its writer did not finish is none: nobody was told that it is there.
    fn scan(&self) -> (Vec<(u32, Head)>, u32) {
        let mut records = Vec::new();
        let mut damaged = 0;
        let mut at = FIRST;
        // A stretch without a record, and whether it may be what a killed writer left: that never
        // has a state, and is the last there is.
        let mut gap: Option<bool> = None;
        let end = self.used().min(self.len());
        while at + HEAD <= end {
            let Some(place) = u32::try_from(at).ok() else {
                break;
            };
            let Some(bytes) = self.map.read_array::<HEAD>(at) else {
                break;
            };
            let whole = Head::of(&bytes).and_then(|(head, length, _)| {
                let state = self.state(place)?;
                (state != State::Writing && self.read(place).is_some())
                    .then_some((head, length, state))
            });
            match whole {
                Some((head, length, state)) => {
                    damaged += u32::from(gap.take() == Some(true));
                    if state != State::Moved {
                        records.push((place, head));
                    }
                    at += footprint(length);
                }
                None => {
                    if gap.is_none() {
                        let is_unfinished = bytes[STATE..STATE + 4] == [0; 4];
                        damaged += u32::from(!is_unfinished);
                        gap = Some(is_unfinished);
                    }
                    at += ALIGN;
                }
            }
        }
        (records, damaged)
    }

    /// Deletes its file: nothing in it is needed any more.
    pub(crate) fn delete(&self) {
        if let Some(file) = &self.file {
            #[cfg(test)]
            if crate::errors::tests::keeps_files() {
                let _ = fs::rename(&file.path, file.path.with_extension("done"));
            }
            let _ = fs::remove_file(&file.path);
        }
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            registry::remove(&file.path);
        }
    }
}

fn first_page(bytes: usize, about: About) -> [u8; 64] {
    let mut page = [0; 64];
    page[..8].copy_from_slice(&MAGIC);
    page[8..12].copy_from_slice(&VERSION.to_le_bytes());
    page[12..16].copy_from_slice(&(FIRST as u32).to_le_bytes());
    page[16..24].copy_from_slice(&(bytes as u64).to_le_bytes());
    page[24..32].copy_from_slice(&about.created.to_le_bytes());
    page[32..36].copy_from_slice(&about.pid.to_le_bytes());
    let sum = crc32fast::hash(&page[..48]);
    page[48..52].copy_from_slice(&sum.to_le_bytes());
    page
}

fn read_first_page(map: &Map) -> Result<About, Unusable> {
    let page: [u8; 64] = map.read_array(0).ok_or(Unusable::Damaged)?;
    let u32_at = |at: usize| {
        let bytes = page.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u32::from_le_bytes)
    };
    if page[..8] != MAGIC || crc32fast::hash(&page[..48]) != u32_at(48) {
        return Err(Unusable::Damaged);
    }
    if u32_at(8) != VERSION {
        return Err(Unusable::Newer);
    }
    let created = page[24..32].try_into().map_or(0, u64::from_le_bytes);
    Ok(About {
        created,
        pid: u32_at(32),
    })
}

#[cfg(test)]
#[path = "segment_tests.rs"]
mod tests;
