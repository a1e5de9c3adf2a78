//! The shard protocol: how one writer and any number of readers share cells, and how a shard
//! passes from a writer that ended to the next.
//!
//! Every cell has one writer at a time, so adding needs no read-modify-write: a relaxed load and a
//! store. A shard is handed on by [`release`] and [`claim`] with its counts in place; the new
//! writer goes on from them, so nothing is folded, lost or counted twice. `tests/protocol-model`
//! checks this file under loom.

use super::atomic::{AtomicU32, AtomicU64, Ordering};

/// Nobody ever wrote to this shard.
pub(crate) const UNUSED: u32 = 0;
/// The shard holds counts and waits for its next writer.
pub(crate) const FREE: u32 = 1;
/// One writer holds the shard.
pub(crate) const OWNED: u32 = 2;
/// All writers share the shard; its cells are added to by read-modify-write.
pub(crate) const SHARED: u32 = 3;

/// Takes a shard in state `from` for the calling writer; it then sees all that the last one wrote.
pub(crate) fn claim(state: &AtomicU32, from: u32) -> bool {
    state
        .compare_exchange(from, OWNED, Ordering::Acquire, Ordering::Relaxed)
        .is_ok()
}

/// Gives a shard back, its counts in place.
pub(crate) fn release(state: &AtomicU32) {
    state.store(FREE, Ordering::Release);
}

/// Adds to a cell that only the caller writes.
#[inline(always)]
pub(crate) fn add(cell: &AtomicU64, n: u64) {
    cell.store(
        cell.load(Ordering::Relaxed).wrapping_add(n),
        Ordering::Relaxed,
    );
}

/// Adds to a sum that only the caller writes.
///
/// The sum is 128 bits wide in two words. `carry` counts twice the wraps of `low` and is odd while
/// a wrap is under way, which makes the rare case a seqlock and leaves the usual one a single
/// store: once in 584 years of recorded nanoseconds.
#[inline(always)]
pub(crate) fn add_sum(low: &AtomicU64, carry: &AtomicU64, value: u64) {
    let (sum, wrapped) = low.load(Ordering::Relaxed).overflowing_add(value);
    if wrapped {
        carry_sum(low, carry, sum);
    } else {
        low.store(sum, Ordering::Release);
    }
}

#[cold]
fn carry_sum(low: &AtomicU64, carry: &AtomicU64, sum: u64) {
    let wraps = carry.load(Ordering::Relaxed);
    carry.store(wraps + 1, Ordering::Relaxed);
    // Whoever sees the wrapped low word also sees the odd carry.
    low.store(sum, Ordering::Release);
    carry.store(wraps + 2, Ordering::Release);
}

/// Reads a sum while its writer goes on: `(low, wraps)`. `decode` turns a cell's bits into its
/// number, since JavaScript writes float64.
///
/// Tries a bounded number of times and then takes what it has: a reader never waits for a writer
/// that was descheduled in the middle of a wrap.
pub(crate) fn read_sum(
    low: &AtomicU64,
    carry: &AtomicU64,
    decode: impl Fn(u64) -> u64,
) -> (u64, u64) {
    const TRIES: u32 = 64;
    let mut last = (0, 0);
    for _ in 0..TRIES {
        let before = decode(carry.load(Ordering::Acquire));
        let value = decode(low.load(Ordering::Acquire));
        let after = decode(carry.load(Ordering::Relaxed));
        if before == after && before.is_multiple_of(2) {
            return (value, before / 2);
        }
        last = (value, after / 2);
    }
    last
}

/// Raises a maximum that only the caller writes.
#[inline(always)]
pub(crate) fn raise(cell: &AtomicU64, value: u64) {
    if value > cell.load(Ordering::Relaxed) {
        cell.store(value, Ordering::Relaxed);
    }
}
