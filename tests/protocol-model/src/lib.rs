//! The shard protocol of the core under loom: every interleaving of its atomics.
//!
//! The protocol's own source is compiled here with loom's atomics in place of the standard
//! library's.
//!
//! The writer is always the thread that spawns and the reader the spawned one. The other way round
//! loom 0.7 explores a single interleaving: it remembers one access of each atomic, and a writer's
//! own load hides the reader's before it. So each model also says which states its readers saw.
#![cfg(test)]
#![allow(
    dead_code,
    reason = "the model uses the parts of the protocol that threads share"
)]

mod atomic {
    pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};
}

#[path = "../../../core/src/metrics/protocol.rs"]
mod protocol;

use std::collections::BTreeSet;
use std::fmt::Debug;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use loom::thread;

/// One series in one shard, with two buckets: one for each value that the models record.
struct Shard {
    state: AtomicU32,
    cells: [AtomicU64; 2],
    low: AtomicU64,
    carry: AtomicU64,
    max: AtomicU64,
}

/// What the models record, each into the bucket of its place here.
const VALUES: [u64; 2] = [3, 5];

fn shard(low: u64) -> Arc<Shard> {
    Arc::new(Shard {
        state: AtomicU32::new(protocol::FREE),
        cells: [AtomicU64::new(0), AtomicU64::new(0)],
        low: AtomicU64::new(low),
        carry: AtomicU64::new(0),
        max: AtomicU64::new(0),
    })
}

impl Shard {
    fn record(&self, which: usize) {
        let totals = protocol::Totals {
            sum_low: &self.low,
            sum_carry: &self.carry,
            max: &self.max,
        };
        protocol::record(&self.cells[which], &totals, VALUES[which]);
    }

    fn sum(&self) -> u64 {
        protocol::read_sum(&self.low, &self.carry, |bits| bits).0
    }
}

/// The collector's side, of one series: what it saw last.
#[derive(Default)]
struct Reader {
    watch: protocol::Watch<u64>,
    counts: [u64; 2],
    sum: u64,
    max: u64,
}

impl Reader {
    /// A tick: buckets, then sum, then maximum, as `metrics::collector` reads them. Answers the sum
    /// by which it decided.
    fn look(&mut self, shard: &Shard) -> u64 {
        let decided_by = shard.sum();
        if !self.watch.must_read(decided_by) {
            return decided_by;
        }
        for (known, cell) in self.counts.iter_mut().zip(&shard.cells) {
            *known = (*known).max(cell.load(Ordering::Relaxed));
        }
        self.sum = self.sum.max(shard.sum());
        self.max = self.max.max(shard.max.load(Ordering::Relaxed));
        decided_by
    }
}

/// What readers saw over all interleavings; a model that explores too few of them fails by it.
#[derive(Clone, Default)]
struct Seen<T>(std::sync::Arc<std::sync::Mutex<BTreeSet<T>>>);

impl<T: Ord + Clone + Debug> Seen<T> {
    fn add(&self, state: T) {
        self.0.lock().unwrap().insert(state);
    }

    fn assert(&self, all: impl IntoIterator<Item = T>) {
        assert_eq!(*self.0.lock().unwrap(), all.into_iter().collect());
    }
}

#[test]
fn a_reader_that_sees_a_sum_sees_the_buckets_and_the_maximum_of_all_in_it() {
    let seen = Seen::default();
    let sums = seen.clone();
    loom::model(move || {
        let shard = shard(0);
        let reading = {
            let (shard, sums) = (Arc::clone(&shard), sums.clone());
            thread::spawn(move || {
                let mut reader = Reader::default();
                let mut decided_by = [0; 2];
                for decided_by in &mut decided_by {
                    *decided_by = reader.look(&shard);
                    let recorded = [0, VALUES[0], VALUES[0] + VALUES[1]]
                        .iter()
                        .position(|sum| sum == decided_by)
                        .unwrap();
                    let (counted, largest) =
                        (reader.counts.iter().sum::<u64>(), VALUES[..recorded].last());
                    assert!(counted >= recorded as u64, "a bucket came late");
                    assert!(
                        reader.max >= *largest.unwrap_or(&0),
                        "the maximum came late"
                    );
                }
                sums.add(decided_by);
                reader
            })
        };
        shard.record(0);
        shard.record(1);
        let mut reader = reading.join().unwrap();
        reader.look(&shard);
        assert_eq!((reader.counts, reader.sum, reader.max), ([1, 1], 8, 5));
    });
    seen.assert([[0, 0], [0, 3], [0, 8], [3, 3], [3, 8], [8, 8]]);
}

/// JavaScript's three stores have no order between them. A tick may see the sum alone; the one after
/// it, by when the stores have arrived, must not take the series for unchanged.
#[test]
fn what_changed_is_looked_at_again_so_stores_out_of_order_are_seen_too() {
    let seen = Seen::default();
    let states = seen.clone();
    loom::model(move || {
        let shard = shard(0);
        let reading = {
            let (shard, states) = (Arc::clone(&shard), states.clone());
            thread::spawn(move || {
                let mut reader = Reader::default();
                let decided_by = reader.look(&shard);
                states.add((decided_by, reader.counts[0], reader.max));
                reader
            })
        };
        shard.low.store(VALUES[0], Ordering::Relaxed);
        shard.max.store(VALUES[0], Ordering::Relaxed);
        shard.cells[0].store(1, Ordering::Relaxed);
        let mut reader = reading.join().unwrap();
        reader.look(&shard);
        assert_eq!((reader.counts, reader.sum, reader.max), ([1, 0], 3, 3));
    });
    seen.assert([(0, 0, 0), (3, 0, 0), (3, 0, 3), (3, 1, 0), (3, 1, 3)]);
}

#[test]
fn writers_that_pass_a_shard_on_lose_no_count() {
    loom::model(|| {
        let shard = shard(0);
        let writers: Vec<_> = (0..2)
            .map(|_| {
                let shard = Arc::clone(&shard);
                thread::spawn(move || {
                    if !protocol::claim(&shard.state, protocol::FREE) {
                        return 0;
                    }
                    for _ in 0..2 {
                        shard.record(0);
                    }
                    protocol::release(&shard.state);
                    2
                })
            })
            .collect();
        let added: u64 = writers
            .into_iter()
            .map(|writer| writer.join().unwrap())
            .sum();
        assert_eq!(shard.cells[0].load(Ordering::Relaxed), added);
        assert_eq!(shard.sum(), added * VALUES[0]);
    });
}

#[test]
fn a_reader_sees_a_sum_before_or_after_a_wrap_never_between() {
    let start = u64::MAX - 1;
    let seen = Seen::default();
    let sums = seen.clone();
    loom::model(move || {
        let shard = shard(start);
        let reading = {
            let (shard, sums) = (Arc::clone(&shard), sums.clone());
            thread::spawn(move || {
                // One try: what is accepted must be right; loom's threads make no progress while
                // it spins.
                let before = shard.carry.load(Ordering::Acquire);
                let low = shard.low.load(Ordering::Acquire);
                let after = shard.carry.load(Ordering::Relaxed);
                if before == after && before.is_multiple_of(2) {
                    sums.add((u128::from(before / 2) << 64) + u128::from(low));
                }
            })
        };
        protocol::add_sum(&shard.low, &shard.carry, 5);
        protocol::add_sum(&shard.low, &shard.carry, 1);
        reading.join().unwrap();
        let (low, wraps) = protocol::read_sum(&shard.low, &shard.carry, |bits| bits);
        assert_eq!(
            (u128::from(wraps) << 64) + u128::from(low),
            u128::from(start) + 6
        );
    });
    let first = u128::from(start);
    seen.assert([first, first + 5, first + 6]);
}
