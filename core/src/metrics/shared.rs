//! The shared shard: gauges, and the recordings of writers that got no shard of their own.
//!
//! Its cells are added to by atomic read-modify-write, so any thread may record here at any time:
//! when shards run out, when the memory of a thread's own shard does, or while a thread ends.

use std::sync::atomic::{AtomicU64, Ordering};

use super::arena::{Arena, Offset, ShardEntry};
use super::block::Block;
use super::layout::{self, CELLS_PER_OCTAVE};
use super::series::SeriesId;

/// Where each series' block is in the shared shard.
#[derive(Default)]
pub(crate) struct SharedBlocks {
    blocks: Vec<Offset>,
}

impl SharedBlocks {
    /// The block of `series`, if it exists and has `octave`.
    pub(crate) fn find<'a>(
        &self,
        arena: &'a Arena,
        series: SeriesId,
        octave: Option<usize>,
    ) -> Option<Block<'a>> {
        let offset = self.blocks.get(series.index())?;
        let block = Block::at(arena, *offset)?;
        match octave {
            Some(octave) => block.octave_offset(octave).map(|_| block),
            None => Some(block),
        }
    }

    /// The block of `series` with `octave`, allocated where missing.
    pub(crate) fn touch<'a>(
        &mut self,
        arena: &'a Arena,
        shard: &ShardEntry,
        series: SeriesId,
        has_octaves: bool,
        octave: Option<usize>,
    ) -> Option<Block<'a>> {
        if self.blocks.len() <= series.index() {
            self.blocks.resize(series.index() + 1, Offset::NONE);
        }
        let block = match Block::at(arena, self.blocks[series.index()]) {
            Some(block) => block,
            None => {
                let block = Block::append(arena, shard, series, has_octaves)?;
                self.blocks[series.index()] = block.offset;
                block
            }
        };
        if let Some(octave) = octave {
            block.touch_octave(shard, octave)?;
        }
        Some(block)
    }
}

/// Adds one value of a distribution; the octave must exist.
pub(crate) fn record(block: &Block<'_>, value: u64) -> bool {
    let index = layout::bucket_index(value);
    let Some(cells) = block.octave(index / CELLS_PER_OCTAVE) else {
        return false;
    };
    cells[index % CELLS_PER_OCTAVE].fetch_add(1, Ordering::Relaxed);
    block.header.max.fetch_max(value, Ordering::Relaxed);
    // Last: a reader that sees the sum moved sees the bucket and the maximum too.
    add(block, value);
    true
}

/// Adds to the sum. A wrap of the low word, once in 584 years of nanoseconds, is seen by readers a
/// moment before its carry.
pub(crate) fn add(block: &Block<'_>, n: u64) {
    let before = block.header.sum_low.fetch_add(n, Ordering::Release);
    if before.checked_add(n).is_none() {
        block.header.sum_carry.fetch_add(2, Ordering::Release);
    }
}

/// The cell of a gauge: the bits of a float64.
pub(crate) fn gauge<'a>(block: &Block<'a>) -> &'a AtomicU64 {
    &block.header.sum_low
}
