//! The recording path of a Rust or Python thread: a handful of relaxed loads and stores.
//!
//! No allocation, no lock, no read-modify-write, no system call; wait-free. What cannot be done
//! here (the first touch of an octave, a value out of range, a closed registry, a recording inside
//! a recording) answers [`Outcome::Slow`] and is left to [`super::local`].

use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering, compiler_fence};

use super::block::{Block, BlockHeader};
use super::hot::{BUSY, Hot, IDLE};
use super::layout::{self, CELLS_PER_OCTAVE, OCTAVES};
use super::protocol;

/// Octaves by number, with room for those past [`layout::OCTAVES`]: they stay empty, which sends
/// too large a value to the slow path without a comparison of its own.
const TABLE: usize = 64;

/// The cells of each octave, less the octave's first bucket: a bucket's cell is at the entry plus
/// the bucket's number. Null is an octave not touched yet.
type Octaves = [Cell<*const AtomicU64>; TABLE];

/// Whether a recording was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum Outcome {
    Recorded,
    Slow,
}

/// Where one thread writes one series: addresses of cells that only this thread writes.
pub(crate) struct SeriesWriter {
    hot: NonNull<Hot>,
    header: NonNull<BlockHeader>,
    octaves: Octaves,
}

impl SeriesWriter {
    /// A writer of `block`.
    ///
    /// The caller must keep `hot` and the block's arena alive for as long as the writer is used,
    /// and use it on one thread, the owner of the shard, only.
    pub(crate) fn new(hot: &Hot, block: &Block<'_>) -> Self {
        let writer = Self {
            hot: NonNull::from(hot),
            header: NonNull::from(block.header),
            octaves: [const { Cell::new(ptr::null()) }; TABLE],
        };
        for octave in 0..OCTAVES {
            writer.adopt_octave(block, octave);
        }
        writer
    }

    /// Takes up an octave that the block has.
    pub(crate) fn adopt_octave(&self, block: &Block<'_>, octave: usize) {
        if let (Some(cells), Some(entry)) = (block.octave(octave), self.octaves.get(octave)) {
            entry.set(cells.as_ptr().wrapping_sub(octave * CELLS_PER_OCTAVE));
        }
    }

    /// The same writer with its addresses at hand.
    pub(crate) fn hold(&self) -> Held {
        Held {
            hot: self.hot,
            header: self.header,
            octaves: NonNull::from(&self.octaves),
        }
    }

    /// Records a value of a distribution.
    ///
    /// # Safety
    /// The calling thread owns the shard, and hot page and arena are alive.
    #[inline(always)]
    pub(crate) unsafe fn record(&self, value: u64) -> Outcome {
        // SAFETY: the caller's promise.
        unsafe { self.hold().record(value) }
    }

    /// Adds to a counter.
    ///
    /// # Safety
    /// As for [`Self::record`].
    #[inline(always)]
    pub(crate) unsafe fn add(&self, n: u64) -> Outcome {
        // SAFETY: the caller keeps hot page and arena alive.
        let (hot, header) = unsafe { (self.hot.as_ref(), self.header.as_ref()) };
        while_busy(hot, || {
            protocol::add_sum(&header.sum_low, &header.sum_carry, n);
        })
    }
}

/// The addresses of a [`SeriesWriter`], copied: a loop over recordings keeps them in registers.
#[derive(Clone, Copy)]
pub(crate) struct Held {
    hot: NonNull<Hot>,
    header: NonNull<BlockHeader>,
    octaves: NonNull<Octaves>,
}

impl Held {
    /// Records a value of a distribution.
    ///
    /// # Safety
    /// As for [`SeriesWriter::record`], and the writer is alive.
    #[inline(always)]
    pub(crate) unsafe fn record(self, value: u64) -> Outcome {
        let index = layout::fast_bucket_index(value);
        // SAFETY: the caller keeps the writer alive.
        let octaves = unsafe { self.octaves.as_ref() };
        let octave = match octaves.get(index / CELLS_PER_OCTAVE) {
            Some(entry) if !entry.get().is_null() => entry.get(),
            _ => return Outcome::Slow,
        };
        // SAFETY: the caller keeps hot page and arena alive.
        let (hot, header) = unsafe { (self.hot.as_ref(), self.header.as_ref()) };
        while_busy(hot, || {
            // SAFETY: the entry of this bucket's octave is CELLS_PER_OCTAVE cells in the arena,
            // less the octave's first bucket, so this is one of them.
            let cell = unsafe { &*octave.wrapping_add(index) };
            protocol::record(cell, &header.totals(), value);
        })
    }
}

/// Writes cells with this thread marked as busy, if it is idle and recording is open.
#[inline(always)]
fn while_busy(hot: &Hot, write: impl FnOnce()) -> Outcome {
    if hot.state.load(Ordering::Relaxed) != IDLE || hot.closed.load(Ordering::Relaxed) != 0 {
        return Outcome::Slow;
    }
    hot.state.store(BUSY, Ordering::Relaxed);
    // A signal handler on this thread sees BUSY before the first cell changes.
    compiler_fence(Ordering::SeqCst);
    write();
    compiler_fence(Ordering::SeqCst);
    hot.state.store(IDLE, Ordering::Relaxed);
    Outcome::Recorded
}
