//! One series in one shard: a header of atomics and the places of its octaves.
//!
//! Blocks of a shard form a list, newest first, that readers walk by offsets; the shard's writer
//! appends and never removes. Counter blocks are the first 64 bytes only.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::arena::{
    Arena, BLOCK_BYTES, COUNTER_BYTES, CellKind, LINE, OCTAVE_BYTES, Offset, ShardEntry,
};
use super::layout::{CELLS_PER_OCTAVE, OCTAVES};
use super::protocol::{self, Totals};
use super::series::SeriesId;

/// The words that every block has. JavaScript writes words 2 to 4 of a float shard as float64.
#[repr(C, align(64))]
pub(crate) struct BlockHeader {
    series: AtomicU32,
    has_octaves: AtomicU32,
    next: AtomicU64,
    pub(crate) sum_low: AtomicU64,
    pub(crate) sum_carry: AtomicU64,
    pub(crate) max: AtomicU64,
}

impl BlockHeader {
    #[inline(always)]
    pub(crate) const fn totals(&self) -> Totals<'_> {
        Totals {
            sum_low: &self.sum_low,
            sum_carry: &self.sum_carry,
            max: &self.max,
        }
    }
}

#[repr(C, align(64))]
struct DistributionBlock {
    header: BlockHeader,
    /// Offsets in lines; 0 is an octave not touched yet.
    octaves: [AtomicU32; OCTAVES],
}

const _: () = assert!(size_of::<DistributionBlock>() == BLOCK_BYTES);
const _: () = assert!(size_of::<BlockHeader>() == COUNTER_BYTES);

/// A block, borrowed from its arena.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a> {
    arena: &'a Arena,
    pub(crate) offset: Offset,
    pub(crate) header: &'a BlockHeader,
    octaves: Option<&'a [AtomicU32; OCTAVES]>,
}

impl<'a> Block<'a> {
    /// Appends a block for `series`; only the shard's writer may call it.
    pub(crate) fn append(
        arena: &'a Arena,
        shard: &ShardEntry,
        series: SeriesId,
        has_octaves: bool,
    ) -> Option<Self> {
        let bytes = if has_octaves {
            BLOCK_BYTES
        } else {
            COUNTER_BYTES
        };
        let offset = arena.allocate(shard, bytes)?;
        let header = header_at(arena, offset)?;
        header.series.store(series.0, Ordering::Relaxed);
        header
            .has_octaves
            .store(u32::from(has_octaves), Ordering::Relaxed);
        header
            .next
            .store(shard.first_block.load(Ordering::Relaxed), Ordering::Relaxed);
        // A reader that finds the block sees it whole.
        shard.first_block.store(offset.0, Ordering::Release);
        Self::at(arena, offset)
    }

    pub(crate) fn at(arena: &'a Arena, offset: Offset) -> Option<Self> {
        let header = header_at(arena, offset)?;
        let octaves = if header.has_octaves.load(Ordering::Relaxed) == 0 {
            None
        } else {
            let place = arena.resolve(offset, BLOCK_BYTES)?;
            // SAFETY: 256 zero-initialised bytes were allocated here, line-aligned, and are
            // accessed as atomics only; the arena outlives 'a.
            Some(unsafe { &(*place.as_ptr().cast::<DistributionBlock>()).octaves })
        };
        Some(Self {
            arena,
            offset,
            header,
            octaves,
        })
    }

    pub(crate) fn series(&self) -> SeriesId {
        SeriesId(self.header.series.load(Ordering::Relaxed))
    }

    /// Where an octave's cells are, if it was touched.
    pub(crate) fn octave_offset(&self, octave: usize) -> Option<Offset> {
        let lines = self.octaves?.get(octave)?.load(Ordering::Acquire);
        (lines != 0).then(|| Offset(u64::from(lines) * LINE as u64))
    }

    /// The cells of an octave, if it was touched.
    pub(crate) fn octave(&self, octave: usize) -> Option<&'a [AtomicU64; CELLS_PER_OCTAVE]> {
        let place = self
            .arena
            .resolve(self.octave_offset(octave)?, OCTAVE_BYTES)?;
        // SAFETY: an octave's 1024 zero-initialised bytes were allocated here, line-aligned, and
        // are accessed as atomics only; the arena outlives 'a.
        Some(unsafe { &*place.as_ptr().cast::<[AtomicU64; CELLS_PER_OCTAVE]>() })
    }

    /// Allocates an octave unless it exists; only the shard's writer may call it.
    pub(crate) fn touch_octave(&self, shard: &ShardEntry, octave: usize) -> Option<Offset> {
        if let Some(existing) = self.octave_offset(octave) {
            return Some(existing);
        }
        let entry = self.octaves?.get(octave)?;
        let offset = self.arena.allocate(shard, OCTAVE_BYTES)?;
        entry.store(
            u32::try_from(offset.0 / LINE as u64).ok()?,
            Ordering::Release,
        );
        Some(offset)
    }

    /// The exact sum so far.
    pub(crate) fn sum(&self, kind: CellKind) -> u128 {
        let (low, wraps) =
            protocol::read_sum(&self.header.sum_low, &self.header.sum_carry, |bits| {
                cell_value(kind, bits)
            });
        let word_bits = match kind {
            CellKind::Float => 53,
            CellKind::Native | CellKind::Shared => 64,
        };
        (u128::from(wraps) << word_bits) + u128::from(low)
    }

    /// The exact maximum so far.
    pub(crate) fn max(&self, kind: CellKind) -> u64 {
        cell_value(kind, self.header.max.load(Ordering::Relaxed))
    }

    /// Changes with every recording that leaves the sum as it is: the count of zeros.
    pub(crate) fn zeros(&self, kind: CellKind) -> u64 {
        self.octave(0).map_or(0, |cells| {
            cell_value(kind, cells[0].load(Ordering::Relaxed))
        })
    }
}

/// The blocks of a shard, newest first.
pub(crate) fn blocks<'a>(
    arena: &'a Arena,
    shard: &'a ShardEntry,
) -> impl Iterator<Item = Block<'a>> {
    let first = Block::at(arena, Offset(shard.first_block.load(Ordering::Acquire)));
    std::iter::successors(first, |block| {
        Block::at(arena, Offset(block.header.next.load(Ordering::Acquire)))
    })
}

fn header_at(arena: &Arena, offset: Offset) -> Option<&BlockHeader> {
    if offset.is_none() {
        return None;
    }
    let place = arena.resolve(offset, COUNTER_BYTES)?;
    // SAFETY: at least 64 zero-initialised bytes were allocated here, line-aligned, and are
    // accessed as atomics only; the borrow of the arena keeps them mapped.
    Some(unsafe { &*place.as_ptr().cast::<BlockHeader>() })
}

/// A cell's value, whichever way its shard writes it.
#[inline]
pub(crate) fn cell_value(kind: CellKind, bits: u64) -> u64 {
    match kind {
        CellKind::Native | CellKind::Shared => bits,
        CellKind::Float => f64::from_bits(bits) as u64,
    }
}
