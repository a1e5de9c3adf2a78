//! Where the next record goes: the current segment, a spare one, a new file, or memory.
//!
//! Called by `capture` under the lock. Normally the I/O thread has a spare file ready, and this is a
//! swap; a burst that outruns it makes its file itself (some system calls for each 4 MiB). Where
//! the disk is full, refuses or hangs, segments are memory, up to the setting.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::item::{Category, DiscardReason, EventId};
use super::settings::Settings;
use super::spool::record::footprint;
use super::spool::{About, Folder, Head, Parts, Segment, State as At};
use super::state::{Slot, State};

/// Sizes of files: a short script costs little disk, a busy service few system calls.
const SMALLEST: usize = 256 << 10;
const LARGEST: usize = 4 << 20;
const IN_MEMORY: usize = 256 << 10;
/// A disk that failed is asked again after this.
const RETRY: Duration = Duration::from_secs(5);
/// A spare that was asked for so long ago hangs: nobody else is to wait for that disk.
const PATIENCE: Duration = Duration::from_millis(500);

/// The disk and the memory that segments are made of.
#[derive(Default)]
pub(super) struct Room {
    folder: Option<Folder>,
    /// Since when the I/O thread has been opening the folder.
    opening: Option<Instant>,
    spare: Spare,
    /// Bytes of all processes' files, as last seen, and of what was made since.
    folder_bytes: u64,
    /// Since the last look into the folder began.
    made_meanwhile: u64,
    wants_survey: bool,
    memory_bytes: usize,
    next: usize,
    failed: Option<(Instant, String)>,
    /// Whether the last new segment found the spool full, in words for people.
    full: Option<String>,
}

#[derive(Default)]
enum Spare {
    #[default]
    None,
    Asked(Instant),
    Ready(Segment),
}

/// What the I/O thread needs to make a spare.
pub(super) struct Order {
    pub(super) folder: Folder,
    pub(super) bytes: usize,
}

impl Room {
    /// Why the disk takes nothing; none while it does.
    pub(super) fn problem(&self) -> Option<&str> {
        let failed = self.failed.as_ref().map(|(_, why)| why.as_str());
        failed.or(self.full.as_deref())
    }

    pub(super) fn folder(&self) -> Option<&Folder> {
        self.folder.as_ref()
    }

    /// The folder, opened unless it is or has just failed.
    pub(super) fn open_folder(&mut self, settings: &Settings) -> Option<&Folder> {
        if !settings.config.spool {
            return None;
        }
        if self.folder.is_none() && !self.is_failing() {
            match Folder::open(&settings.base, &settings.folder) {
                Ok(folder) => {
                    // The bytes of others, or every process would believe that the disk is its own.
                    self.folder_bytes = folder.survey().map_or(0, |found| found.bytes);
                    self.folder = Some(folder);
                    self.failed = None;
                }
                Err(why) => self.fail(why),
            }
        }
        self.folder.as_ref()
    }

    fn is_failing(&self) -> bool {
        self.failed
            .as_ref()
            .is_some_and(|(at, _)| at.elapsed() < RETRY)
    }

    fn fail(&mut self, why: String) {
        self.failed = Some((
            Instant::now(),
            format!("events are kept in memory only: {why}"),
        ));
        self.folder = None;
    }

    /// A look into the folder begins.
    pub(super) fn survey_begins(&mut self) {
        if self.folder.is_none() {
            self.opening = Some(Instant::now());
        }
        self.made_meanwhile = 0;
        self.wants_survey = false;
    }

    /// The I/O thread has opened the folder, or found that it cannot be.
    pub(super) fn opened(&mut self, folder: Result<Folder, String>) {
        self.opening = None;
        match folder {
            Ok(folder) => {
                self.folder.get_or_insert(folder);
            }
            Err(why) => self.fail(why),
        }
    }

    /// What it found. What was made meanwhile may be in it or not; what is too much is mended by
    /// the next look, which a spool that seems full asks for.
    pub(super) fn surveyed(&mut self, bytes: u64) {
        self.folder_bytes = bytes + self.made_meanwhile;
    }

    /// Whether others may have made room since the spool was found full.
    pub(super) fn wants_survey(&self) -> bool {
        self.wants_survey
    }

    fn made(&mut self, bytes: usize) {
        self.folder_bytes += bytes as u64;
        self.made_meanwhile += bytes as u64;
    }

    /// What is to be made ahead; `None` when nothing is. Marks it as asked for.
    pub(super) fn order(&mut self, used: usize, of: usize, settings: &Settings) -> Option<Order> {
        let is_wanted = matches!(self.spare, Spare::None) && used * 2 > of;
        if !is_wanted || self.is_failing() {
            return None;
        }
        let bytes = self.next_bytes(0, settings);
        if self.folder_bytes + bytes as u64 > settings.config.max_spool_bytes {
            return None;
        }
        let folder = self.folder.clone()?;
        self.spare = Spare::Asked(Instant::now());
        self.made(bytes);
        Some(Order { folder, bytes })
    }

    /// The spare is there, or cannot be made. One that nobody asked for is deleted.
    pub(super) fn ordered(&mut self, made: Result<Segment, String>, bytes: usize) {
        match made {
            Ok(segment) => match self.spare {
                Spare::Asked(_) => self.spare = Spare::Ready(segment),
                _ => segment.delete(),
            },
            Err(why) => {
                self.folder_bytes = self.folder_bytes.saturating_sub(bytes as u64);
                self.spare = Spare::None;
                self.fail(why);
            }
        }
    }

    /// Whoever was to make the spare, or to open the folder, is gone.
    pub(super) fn forget_order(&mut self) {
        self.opening = None;
        if matches!(self.spare, Spare::Asked(_)) {
            self.spare = Spare::None;
        }
    }

    /// Nobody will write into a spare any more.
    pub(super) fn drop_spare(&mut self) {
        if let Spare::Ready(segment) = std::mem::take(&mut self.spare) {
            self.let_go(&segment);
            segment.delete();
        }
    }

    /// A segment's bytes are free again.
    pub(super) fn let_go(&mut self, segment: &Segment) {
        if segment.is_durable() {
            self.folder_bytes = self.folder_bytes.saturating_sub(segment.len() as u64);
            self.full = None;
        } else {
            self.memory_bytes = self.memory_bytes.saturating_sub(segment.len());
        }
    }

    fn next_bytes(&self, needed: usize, settings: &Settings) -> usize {
        let limit = usize::try_from(settings.config.max_spool_bytes / 8).unwrap_or(LARGEST);
        let usual = if settings.is_local() {
            SMALLEST / 2
        } else {
            self.next.clamp(SMALLEST, LARGEST)
        };
        usual.min(limit).max(needed).next_multiple_of(4096)
    }

    fn new_segment(
        &mut self,
        needed: usize,
        settings: &Settings,
        about: About,
    ) -> Result<Segment, DiscardReason> {
        if let Spare::Ready(segment) = &self.spare
            && segment.len() >= needed
            && let Spare::Ready(segment) = std::mem::take(&mut self.spare)
        {
            self.grow();
            return Ok(segment);
        }
        let is_late = |since: Instant| since.elapsed() > PATIENCE;
        let is_hanging = matches!(self.spare, Spare::Asked(since) if is_late(since))
            || (self.folder.is_none() && self.opening.is_some_and(is_late));
        if settings.config.spool && !is_hanging && !self.is_failing() {
            let bytes = self.next_bytes(needed, settings);
            if let Some(folder) = self.open_folder(settings).cloned() {
                if self.folder_bytes + bytes as u64 > settings.config.max_spool_bytes {
                    self.wants_survey = true;
                    self.full = Some(format!(
                        "the spool {} holds {} bytes, as many as it may (TALLYLIGHT_MAX_SPOOL_BYTES)",
                        folder.path().display(),
                        self.folder_bytes
                    ));
                    return Err(DiscardReason::CacheOverflow);
                }
                match Segment::create(folder.path(), &folder.new_name(), bytes, about) {
                    Ok(segment) => {
                        self.made(bytes);
                        self.failed = None;
                        self.full = None;
                        self.grow();
                        return Ok(segment);
                    }
                    Err(error) => self.fail(disk_problem(&folder, &error)),
                }
            }
        }
        let bytes = IN_MEMORY.max(needed).next_multiple_of(4096);
        if self.memory_bytes + bytes > settings.config.max_queue_bytes {
            return Err(DiscardReason::QueueOverflow);
        }
        let segment = Segment::anonymous(bytes, about).map_err(|_| DiscardReason::QueueOverflow)?;
        self.memory_bytes += segment.len();
        Ok(segment)
    }

    /// The next file is larger.
    fn grow(&mut self) {
        self.next = (self.next.max(SMALLEST) * 4).min(LARGEST);
    }

    /// Whether the disk may be tried again for what is in memory.
    pub(super) fn may_have_disk(&mut self, settings: &Settings) -> bool {
        settings.config.spool && !self.is_failing()
    }
}

/// What a person can do about a disk that takes nothing.
pub(super) fn disk_problem(folder: &Folder, error: &std::io::Error) -> String {
    let what = match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            "the disk is full; free some, or set TALLYLIGHT_SPOOL_DIR to another"
        }
        _ => "no file can be made there; set TALLYLIGHT_SPOOL_DIR to another folder",
    };
    format!("{} ({error}): {what}", folder.path().display())
}

impl State {
    /// A segment that such a payload goes into, with the process's facts before it.
    pub(super) fn make_room(
        &mut self,
        payload: usize,
        settings: &Settings,
        created: u64,
    ) -> Result<u32, DiscardReason> {
        let facts = &settings.facts_text;
        let about = About {
            created,
            pid: self.pid,
        };
        let needed = |slot: &Slot| {
            let is_known = slot
                .latest_facts()
                .is_some_and(|known| Arc::ptr_eq(known, facts));
            footprint(payload)
                + if is_known {
                    0
                } else {
                    footprint(facts.len() + 8)
                }
        };
        let fits = self
            .current
            .and_then(|number| self.slots.get(&number))
            .is_some_and(|slot| {
                needed(slot) <= slot.segment.len().saturating_sub(slot.segment.used())
            });
        if !fits {
            let bytes = Segment::bytes_for(payload, facts.len());
            let segment = self.room.new_segment(bytes, settings, about)?;
            let number = self.add_slot(Slot::new(Arc::new(segment), true));
            if let Some(before) = self.current.replace(number) {
                self.retire(before);
            }
        }
        let number = self.current.ok_or(DiscardReason::InternalSdkError)?;
        let slot = self
            .slots
            .get_mut(&number)
            .ok_or(DiscardReason::InternalSdkError)?;
        let is_known = slot
            .latest_facts()
            .is_some_and(|known| Arc::ptr_eq(known, facts));
        if !is_known {
            let head = Head {
                category: None,
                id: EventId(0),
                captured_at: about.created,
                fingerprint: 0,
            };
            let at = slot
                .segment
                .append(&head, &Parts::payload(facts), At::Waiting)
                .ok_or(DiscardReason::InternalSdkError)?;
            slot.add_facts(at, Arc::clone(facts));
        }
        Ok(number)
    }

    /// Whether a spare is to be made.
    pub(super) fn order_spare(&mut self, settings: &Settings) -> Option<Order> {
        let slot = self.current.and_then(|number| self.slots.get(&number))?;
        if settings.is_local() {
            return None;
        }
        let (used, len) = (slot.segment.used(), slot.segment.len());
        self.room.order(used, len, settings)
    }

    /// Counts a drop that no event stands for.
    pub(super) fn note_corrupt_file(&mut self) {
        self.note_drop(DiscardReason::Corrupt, Category::Error, 1);
    }
}
