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

/// Octaves by number, a power of two so that any u64 has an entry; those past
/// [`layout::OCTAVES`] stay empty, which sends too large a value to the slow path without a
/// comparison of its own.
const TABLE: usize = 64;

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
    octaves: [Cell<*const AtomicU64>; TABLE],
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
            entry.set(cells.as_ptr());
        }
    }

    /// Records a value of a distribution.
    ///
    /// # Safety
    /// The calling thread owns the shard, and hot page and arena are alive.
    #[inline(always)]
    pub(crate) unsafe fn record(&self, value: u64) -> Outcome {
        // SAFETY: the caller keeps the hot page alive.
        let hot = unsafe { self.hot.as_ref() };
        if hot.state.load(Ordering::Relaxed) != IDLE || hot.closed.load(Ordering::Relaxed) != 0 {
            return Outcome::Slow;
        }
        let index = layout::bucket_index(value);
        let octave = self.octaves[(index / CELLS_PER_OCTAVE) % TABLE].get();
        if octave.is_null() {
            return Outcome::Slow;
        }
        hot.state.store(BUSY, Ordering::Relaxed);
        // A signal handler on this thread sees BUSY before the first cell changes.
        compiler_fence(Ordering::SeqCst);
        // SAFETY: an octave in the table is an array of CELLS_PER_OCTAVE cells in the arena, which
        // the caller keeps alive.
        let cell = unsafe { &*octave.add(index % CELLS_PER_OCTAVE) };
        protocol::add(cell, 1);
        // SAFETY: the header lies in the arena, which the caller keeps alive.
        let header = unsafe { self.header.as_ref() };
        protocol::add_sum(&header.sum_low, &header.sum_carry, value);
        protocol::raise(&header.max, value);
        compiler_fence(Ordering::SeqCst);
        hot.state.store(IDLE, Ordering::Relaxed);
        Outcome::Recorded
    }

    /// Adds to a counter.
    ///
    /// # Safety
    /// As for [`Self::record`].
    #[inline(always)]
    pub(crate) unsafe fn add(&self, n: u64) -> Outcome {
        // SAFETY: the caller keeps the hot page alive.
        let hot = unsafe { self.hot.as_ref() };
        if hot.state.load(Ordering::Relaxed) != IDLE || hot.closed.load(Ordering::Relaxed) != 0 {
            return Outcome::Slow;
        }
        hot.state.store(BUSY, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        // SAFETY: the header lies in the arena, which the caller keeps alive.
        let header = unsafe { self.header.as_ref() };
        protocol::add_sum(&header.sum_low, &header.sum_carry, n);
        compiler_fence(Ordering::SeqCst);
        hot.state.store(IDLE, Ordering::Relaxed);
        Outcome::Recorded
    }
}
