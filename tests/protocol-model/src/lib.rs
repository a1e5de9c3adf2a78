//! The shard protocol of the core under loom: every interleaving of its atomics.
//!
//! The protocol's own source is compiled here with loom's atomics in place of the standard
//! library's.
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

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use loom::thread;

struct Shard {
    state: AtomicU32,
    cell: AtomicU64,
    low: AtomicU64,
    carry: AtomicU64,
}

fn shard(low: u64) -> Arc<Shard> {
    Arc::new(Shard {
        state: AtomicU32::new(protocol::FREE),
        cell: AtomicU64::new(0),
        low: AtomicU64::new(low),
        carry: AtomicU64::new(0),
    })
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
                        protocol::add(&shard.cell, 1);
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
        assert_eq!(shard.cell.load(Ordering::Relaxed), added);
    });
}

#[test]
fn a_reader_sees_a_sum_before_or_after_a_wrap_never_between() {
    loom::model(|| {
        let start = u64::MAX - 1;
        let shard = shard(start);
        let writer = {
            let shard = Arc::clone(&shard);
            thread::spawn(move || {
                protocol::add_sum(&shard.low, &shard.carry, 5);
                protocol::add_sum(&shard.low, &shard.carry, 1);
            })
        };
        // One try: what is accepted must be right; loom's threads make no progress while it spins.
        let before = shard.carry.load(Ordering::Acquire);
        let low = shard.low.load(Ordering::Acquire);
        let after = shard.carry.load(Ordering::Relaxed);
        if before == after && before.is_multiple_of(2) {
            let sum = (u128::from(before / 2) << 64) + u128::from(low);
            let first = u128::from(start);
            assert!([first, first + 5, first + 6].contains(&sum), "{sum}");
        }
        writer.join().unwrap();
        let (low, wraps) = protocol::read_sum(&shard.low, &shard.carry, |bits| bits);
        assert_eq!(
            (u128::from(wraps) << 64) + u128::from(low),
            u128::from(start) + 6
        );
    });
}
