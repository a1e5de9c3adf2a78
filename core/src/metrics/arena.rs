//! The memory that holds every count: plain bytes with offsets, never pointers.
//!
//! An arena is a header and equal segments behind it, addressed by one running offset as if it
//! were a file. It is anonymous memory today; nothing in it depends on where it is mapped, so the
//! same bytes can be a file that several processes map. The header opens with a magic, a version,
//! a hash of the layout and a table of sections, so that a later section needs no new format.
//!
//! Shards allocate from their own segments, so a segment has one writer. No segment is unmapped
//! while somebody holds it: a [`Segment`] is shared by `Arc`, also with JavaScript's buffers.

use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use memmap2::{MmapMut, MmapRaw};

use super::layout;
use crate::error::{Error, ErrorKind};
use parking_lot::RwLock;

/// `TALLYLT1` in memory order on a little-endian machine.
pub(crate) const MAGIC: u64 = u64::from_le_bytes(*b"TALLYLT1");
pub(crate) const VERSION: u32 = 1;

/// Bytes in a segment behind the header.
pub(crate) const SEGMENT_BYTES: usize = 64 * 1024;
/// Every allocation starts on a cache line; offsets in tables are in these units.
pub(crate) const LINE: usize = 64;
/// Bytes of an octave: 128 cells of 8.
pub(crate) const OCTAVE_BYTES: usize = layout::CELLS_PER_OCTAVE * 8;
/// Bytes of a block with octaves.
pub(crate) const BLOCK_BYTES: usize = 256;
/// Bytes of a block without: a counter or a gauge.
pub(crate) const COUNTER_BYTES: usize = 64;
/// Writers that own a shard at the same time; further ones share the overflow shard.
pub(crate) const MAX_SHARDS: usize = 512;

const SECTIONS: usize = 16;
const SECTIONS_AT: usize = 64;
const SHARDS_AT: usize = SECTIONS_AT + SECTIONS * 16;
const HEADER_BYTES: usize = (SHARDS_AT + MAX_SHARDS * LINE).next_multiple_of(4096);

/// The kinds of section that a reader finds in the header's table: `(kind, offset, bytes)`.
/// Those that a version does not have are absent, and unknown ones are passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Section {
    Shards = 1,
    /// The first series directory segment; each names the next.
    Series = 2,
}

#[repr(C)]
struct Header {
    magic: AtomicU64,
    version: AtomicU32,
    header_bytes: AtomicU32,
    layout_hash: AtomicU64,
    segment_bytes: AtomicU64,
    segments: AtomicU64,
}

#[repr(C)]
struct SectionEntry {
    kind: AtomicU32,
    bytes: AtomicU32,
    offset: AtomicU64,
}

/// How a shard's cells are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum CellKind {
    /// u64, one writer.
    Native = 0,
    /// float64, one writer (a JavaScript isolate).
    Float = 1,
    /// u64, every writer, by read-modify-write.
    Shared = 2,
}

impl CellKind {
    fn from_raw(raw: u32) -> Self {
        match raw {
            1 => Self::Float,
            2 => Self::Shared,
            _ => Self::Native,
        }
    }
}

/// A shard's entry in the header.
#[repr(C, align(64))]
pub(crate) struct ShardEntry {
    /// [`super::protocol`]'s states.
    pub(crate) state: AtomicU32,
    cell_kind: AtomicU32,
    /// Offset of the newest block; each names the one before it. 0 ends the list.
    pub(crate) first_block: AtomicU64,
    /// The next free byte and the end of the shard's current segment.
    bump: AtomicU64,
    bump_end: AtomicU64,
    /// Offset of the gate cell of a [`CellKind::Float`] shard.
    pub(crate) gate: AtomicU64,
}

impl ShardEntry {
    pub(crate) fn cell_kind(&self) -> CellKind {
        CellKind::from_raw(self.cell_kind.load(Ordering::Relaxed))
    }

    pub(crate) fn set_cell_kind(&self, kind: CellKind) {
        self.cell_kind.store(kind as u32, Ordering::Relaxed);
    }
}

/// One mapped piece of the arena.
pub(crate) struct Segment {
    map: MmapRaw,
}

impl Segment {
    fn map(bytes: usize) -> Option<Arc<Self>> {
        let map = MmapMut::map_anon(bytes).ok()?;
        Some(Arc::new(Self { map: map.into() }))
    }

    pub(crate) fn as_ptr(&self) -> *mut u8 {
        self.map.as_mut_ptr()
    }

    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }
}

/// A place in the arena.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Offset(pub(crate) u64);

impl Offset {
    pub(crate) const NONE: Self = Self(0);

    pub(crate) fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// All segments of one process's arena.
pub(crate) struct Arena {
    header: Arc<Segment>,
    segments: RwLock<Vec<Arc<Segment>>>,
    cap_bytes: AtomicUsize,
}

impl Arena {
    pub(crate) fn new(cap_bytes: usize) -> Result<Self, Error> {
        let header = Segment::map(HEADER_BYTES).ok_or_else(|| {
            Error::new(
                ErrorKind::Io,
                format!("could not map {HEADER_BYTES} bytes for the metrics; free some memory or raise the limit on address space"),
            )
        })?;
        let arena = Self {
            header,
            segments: RwLock::new(Vec::new()),
            cap_bytes: AtomicUsize::new(cap_bytes),
        };
        let header = arena.header();
        header
            .header_bytes
            .store(HEADER_BYTES as u32, Ordering::Relaxed);
        header.layout_hash.store(layout_hash(), Ordering::Relaxed);
        header
            .segment_bytes
            .store(SEGMENT_BYTES as u64, Ordering::Relaxed);
        header.version.store(VERSION, Ordering::Relaxed);
        arena.set_section(
            0,
            Section::Shards,
            SHARDS_AT as u64,
            MAX_SHARDS * size_of::<ShardEntry>(),
        );
        // A reader that sees the magic sees a whole header.
        header.magic.store(MAGIC, Ordering::Release);
        Ok(arena)
    }

    fn header(&self) -> &Header {
        // SAFETY: the header segment is page-aligned, longer than a Header, zero-initialised, made
        // of atomics only, and lives as long as self.
        unsafe { &*self.header.as_ptr().cast::<Header>() }
    }

    pub(crate) fn set_section(&self, slot: usize, section: Section, offset: u64, bytes: usize) {
        let Some(entry) = self.section_entry(slot) else {
            return;
        };
        entry.offset.store(offset, Ordering::Relaxed);
        entry.bytes.store(bytes as u32, Ordering::Relaxed);
        entry.kind.store(section as u32, Ordering::Release);
    }

    /// Where a section starts, if this arena has it.
    #[cfg(test)]
    pub(crate) fn section(&self, section: Section) -> Option<Offset> {
        (0..SECTIONS)
            .filter_map(|slot| self.section_entry(slot))
            .find(|entry| entry.kind.load(Ordering::Acquire) == section as u32)
            .map(|entry| Offset(entry.offset.load(Ordering::Relaxed)))
    }

    fn section_entry(&self, slot: usize) -> Option<&SectionEntry> {
        if slot >= SECTIONS {
            return None;
        }
        let at = SECTIONS_AT + slot * size_of::<SectionEntry>();
        // SAFETY: slot is within the table, which lies inside the header segment; the entry is
        // made of atomics, aligned to 16, and lives as long as self.
        Some(unsafe { &*self.header.as_ptr().add(at).cast::<SectionEntry>() })
    }

    /// A shard's entry; indices past the end answer the last one.
    pub(crate) fn shard(&self, index: usize) -> &ShardEntry {
        let at = SHARDS_AT + index.min(MAX_SHARDS - 1) * size_of::<ShardEntry>();
        // SAFETY: the entry lies inside the header segment, 64-aligned, made of atomics, and lives
        // as long as self.
        unsafe { &*self.header.as_ptr().add(at).cast::<ShardEntry>() }
    }

    /// Closes or opens the gate of a shard that has one.
    pub(crate) fn set_gate(&self, shard: &ShardEntry, closed: bool) {
        let offset = Offset(shard.gate.load(Ordering::Acquire));
        if let Some(place) = self.resolve(offset, 8) {
            // SAFETY: a line was allocated there for the gate, in a segment that lives as long as
            // self; it is written as an atomic only, and read by JavaScript as one float64.
            let gate = unsafe { &*place.as_ptr().cast::<AtomicU64>() };
            gate.store(f64::from(u8::from(closed)).to_bits(), Ordering::Release);
        }
    }

    pub(crate) fn set_cap(&self, bytes: usize) {
        self.cap_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Bytes mapped, the header included.
    pub(crate) fn used_bytes(&self) -> usize {
        HEADER_BYTES + self.segments.read().len() * SEGMENT_BYTES
    }

    /// Maps one more segment; `None` when the cap is reached or the system has no memory.
    pub(crate) fn add_segment(&self) -> Option<Offset> {
        let mut segments = self.segments.write();
        let used = HEADER_BYTES + segments.len() * SEGMENT_BYTES;
        if used + SEGMENT_BYTES > self.cap_bytes.load(Ordering::Relaxed) {
            return None;
        }
        segments.push(Segment::map(SEGMENT_BYTES)?);
        self.header()
            .segments
            .store(segments.len() as u64, Ordering::Release);
        Some(Offset(used as u64))
    }

    /// Allocates zeroed, line-aligned bytes in a shard's own segments. Only the shard's writer may
    /// call it (for the shared shard: under the registry's lock).
    pub(crate) fn allocate(&self, shard: &ShardEntry, bytes: usize) -> Option<Offset> {
        let bytes = bytes.next_multiple_of(LINE) as u64;
        let mut at = shard.bump.load(Ordering::Relaxed);
        if at + bytes > shard.bump_end.load(Ordering::Relaxed) {
            at = self.add_segment()?.0;
            shard
                .bump_end
                .store(at + SEGMENT_BYTES as u64, Ordering::Relaxed);
        }
        shard.bump.store(at + bytes, Ordering::Relaxed);
        Some(Offset(at))
    }

    /// Which segment an offset lies in, and how far.
    pub(crate) fn locate(offset: Offset) -> (usize, usize) {
        let behind = (offset.0 as usize).saturating_sub(HEADER_BYTES);
        (behind / SEGMENT_BYTES, behind % SEGMENT_BYTES)
    }

    pub(crate) fn segment(&self, index: usize) -> Option<Arc<Segment>> {
        self.segments.read().get(index).cloned()
    }

    /// The address of `bytes` bytes at `offset`, valid as long as self; `None` outside the arena.
    pub(crate) fn resolve(&self, offset: Offset, bytes: usize) -> Option<NonNull<u8>> {
        if (offset.0 as usize) < HEADER_BYTES {
            return None;
        }
        let (segment, within) = Self::locate(offset);
        if within + bytes > SEGMENT_BYTES {
            return None;
        }
        let base = self.segments.read().get(segment)?.as_ptr();
        // SAFETY: within + bytes lies inside the segment just looked up; segments are never
        // removed from the list while self lives.
        NonNull::new(unsafe { base.add(within) })
    }
}

/// Changes whenever bytes of the same version would mean something else.
fn layout_hash() -> u64 {
    let parts = [
        layout::CELLS_PER_OCTAVE,
        layout::OCTAVES,
        SEGMENT_BYTES,
        MAX_SHARDS,
        HEADER_BYTES,
        size_of::<ShardEntry>(),
        BLOCK_BYTES,
    ];
    // FNV-1a (Fowler, Noll, Vo), enough to tell layouts apart.
    parts.iter().fold(0xcbf2_9ce4_8422_2325, |hash, part| {
        (hash ^ *part as u64).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arena_opens_with_magic_version_hash_and_sections() {
        let arena = Arena::new(1 << 20).unwrap();
        assert_eq!(arena.header().magic.load(Ordering::Acquire), MAGIC);
        assert_eq!(
            arena.section(Section::Shards),
            Some(Offset(SHARDS_AT as u64))
        );
        assert_eq!(arena.section(Section::Series), None);
    }

    #[test]
    fn the_cap_is_never_passed() {
        let cap = HEADER_BYTES + 3 * SEGMENT_BYTES;
        let arena = Arena::new(cap).unwrap();
        let shard = arena.shard(0);
        let mut octaves = 0;
        while arena.allocate(shard, OCTAVE_BYTES).is_some() {
            octaves += 1;
        }
        assert_eq!(octaves, 3 * SEGMENT_BYTES / OCTAVE_BYTES);
        assert!(arena.used_bytes() <= cap);
    }

    #[test]
    fn allocations_are_zeroed_apart_and_inside() {
        let arena = Arena::new(1 << 22).unwrap();
        let shard = arena.shard(3);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..500 {
            let offset = arena.allocate(shard, 200).unwrap();
            let place = arena.resolve(offset, 256).unwrap();
            // SAFETY: 256 bytes were allocated there (200 rounded up to lines).
            let bytes = unsafe { std::slice::from_raw_parts(place.as_ptr(), 256) };
            assert!(bytes.iter().all(|byte| *byte == 0));
            assert!(seen.insert(offset.0));
        }
        assert!(arena.resolve(Offset(u64::MAX / 2), 8).is_none());
        assert!(arena.resolve(Offset(8), 8).is_none());
    }
}
