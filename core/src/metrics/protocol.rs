//! The shard protocol: how one writer and any number of readers share cells, and how a shard
//! passes from a writer that ended to the next.
//!
//! Every cell has one writer at a time, so adding needs no read-modify-write: a relaxed load and a
//! store. A shard is handed on by [`release`] and [`claim`] with its counts in place; the new
//! writer goes on from them, so nothing is folded, lost or counted twice. A recording is [`record`];
//! a reader asks [`Watch`] whether to look, and then reads buckets, sum and maximum in that order.
//! `tests/protocol-model` checks this file under loom.

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

/// What a writer moves with every recording beside the bucket.
pub(crate) struct Totals<'a> {
    pub(crate) sum_low: &'a AtomicU64,
    pub(crate) sum_carry: &'a AtomicU64,
    pub(crate) max: &'a AtomicU64,
}

/// Records one value into cells that only the caller writes.
///
/// The sum comes last: a reader that sees it moved sees the bucket and the maximum too.
#[inline(always)]
pub(crate) fn record(cell: &AtomicU64, totals: &Totals<'_>, value: u64) {
    add(cell, 1);
    raise(totals.max, value);
    add_sum(totals.sum_low, totals.sum_carry, value);
}

/// What a reader remembers of a series, to leave alone what did not change.
#[derive(Debug, Default)]
pub(crate) struct Watch<Signature> {
    seen: Signature,
    look_again: bool,
}

impl<Signature: PartialEq> Watch<Signature> {
    /// Whether the series must be read, now that its signature is this one.
    ///
    /// What changed is looked at once more by the next call: JavaScript's stores come in no
    /// promised order, so a sum may be seen before its bucket, and nothing else would tell.
    pub(crate) fn must_read(&mut self, signature: Signature) -> bool {
        let changed = signature != self.seen;
        let must_read = changed || self.look_again;
        self.look_again = changed;
        self.seen = signature;
        must_read
    }
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
