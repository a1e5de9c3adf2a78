//! Shards that JavaScript writes: float64 cells lent to one isolate.
//!
//! The core claims the shard and allocates in it; the recorder in TypeScript adds to the cells
//! through typed arrays over [`SegmentMemory`] without a call into the core. The words of a block
//! that it writes are the same as a native shard's, as float64: exact up to 2^53, one untorn store.
//! The sum is two words, `low` below 2^53 and `carry`, odd while it moves (see
//! `metrics::protocol`).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::arena::{Arena, CellKind, LINE, Offset, Segment};
use super::block::{self, Block};
use super::layout::OCTAVES;
use super::registry::Registry;
use super::series::SeriesId;
use crate::fork;
use parking_lot::Mutex;

/// A place in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The segment's number, for [`Isolate::segment`].
    pub segment: u32,
    /// Bytes from its start, a multiple of 8.
    pub byte_offset: u32,
}

/// Where an isolate writes one series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IsolateSeries {
    /// Eight float64: words 2, 3 and 4 are sum low, sum carry and maximum.
    pub header: Place,
    /// The octaves that exist, each 128 float64 cells: `(octave, place)`.
    pub octaves: Vec<(u32, Place)>,
    /// One float64: not 0 once recording is closed.
    pub gate: Place,
}

/// A mapped segment; the memory stays mapped for as long as this value lives.
#[derive(Clone)]
pub struct SegmentMemory(Arc<Segment>);

impl SegmentMemory {
    /// The first byte.
    #[must_use]
    pub fn as_ptr(&self) -> *mut u8 {
        self.0.as_ptr()
    }

    /// Bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Never true; a segment has a fixed size.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A shard lent to one JavaScript isolate; dropping it gives the shard back, counts in place.
///
/// Its user keeps the promise of the protocol: one isolate writes, and it has stopped when this is
/// dropped.
pub struct Isolate {
    registry: Arc<Registry>,
    arena: Arc<Arena>,
    shard: usize,
    gate: Offset,
    /// Blocks by series, found again in a shard that had a writer before.
    blocks: Mutex<HashMap<SeriesId, Offset>>,
}

impl Isolate {
    /// Claims a shard; `None` when shards or memory ran out.
    pub(crate) fn claim(registry: &Arc<Registry>) -> Option<Self> {
        let _inside = fork::enter()?;
        let (arena, index) = registry.claim(CellKind::Float, None)?;
        let shard = arena.shard(index);
        let gate = match Offset(shard.gate.load(Ordering::Relaxed)) {
            Offset::NONE => arena.allocate(shard, LINE),
            known => Some(known),
        };
        let Some(gate) = gate else {
            registry.give_back(&arena, index);
            return None;
        };
        shard.gate.store(gate.0, Ordering::Release);
        arena.set_gate(shard, registry.is_closed());
        let blocks = block::blocks(&arena, shard)
            .map(|block| (block.series(), block.offset))
            .collect();
        Some(Self {
            registry: Arc::clone(registry),
            gate,
            blocks: Mutex::new(blocks),
            shard: index,
            arena,
        })
    }

    /// Where to write a series; `None` for an unknown number or when the memory cap is reached.
    #[must_use]
    pub fn series(&self, id: u32) -> Option<IsolateSeries> {
        let _inside = fork::enter()?;
        let block = self.block(SeriesId(id))?;
        Some(IsolateSeries {
            header: place(block.offset),
            octaves: (0..OCTAVES)
                .filter_map(|octave| Some((octave as u32, place(block.octave_offset(octave)?))))
                .collect(),
            gate: place(self.gate),
        })
    }

    /// Where to write an octave of a series, allocated at its first touch; `None` for an unknown
    /// number or octave, or when the memory cap is reached.
    #[must_use]
    pub fn octave(&self, id: u32, octave: u32) -> Option<Place> {
        let _inside = fork::enter()?;
        let block = self.block(SeriesId(id))?;
        block
            .touch_octave(self.arena.shard(self.shard), octave as usize)
            .map(place)
    }

    /// The memory of a segment.
    #[must_use]
    pub fn segment(&self, segment: u32) -> Option<SegmentMemory> {
        let _inside = fork::enter()?;
        self.arena.segment(segment as usize).map(SegmentMemory)
    }

    fn block(&self, series: SeriesId) -> Option<Block<'_>> {
        let mut blocks = self.blocks.lock();
        if let Some(offset) = blocks.get(&series) {
            return Block::at(&self.arena, *offset);
        }
        let has_octaves = self.registry.series(series)?.instrument.has_octaves();
        let shard = self.arena.shard(self.shard);
        let block = Block::append(&self.arena, shard, series, has_octaves)?;
        blocks.insert(series, block.offset);
        Some(block)
    }
}

impl Drop for Isolate {
    fn drop(&mut self) {
        if let Some(_inside) = fork::enter() {
            self.registry.give_back(&self.arena, self.shard);
        }
    }
}

fn place(offset: Offset) -> Place {
    let (segment, byte_offset) = Arena::locate(offset);
    Place {
        segment: segment as u32,
        byte_offset: byte_offset as u32,
    }
}
