//! Nothing is lost or counted twice while threads record, end, and are read. Run under
//! AddressSanitizer and ThreadSanitizer too.
#![cfg(feature = "metrics")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tallylight::{Config, Kind, Labels, Operation, Recorder, Tallylight};

const EACH: u64 = if cfg!(debug_assertions) {
    20_000
} else {
    200_000
};

fn instance() -> (Tallylight, Operation) {
    let tally = Tallylight::new(Config::default()).unwrap();
    let operation = tally.operation("op", &Labels::new(), Kind::Server).unwrap();
    (tally, operation)
}

fn count(tally: &Tallylight) -> u64 {
    tally.snapshot().series[0].count()
}

#[test]
fn eight_threads_record_exactly_while_others_read_and_threads_end() {
    let (tally, operation) = instance();
    let done = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (tally, done) = (tally.clone(), Arc::clone(&done));
            thread::spawn(move || {
                let mut last = 0;
                while !done.load(Ordering::Relaxed) {
                    let now = count(&tally);
                    assert!(now >= last, "the count went back from {last} to {now}");
                    last = now;
                }
            })
        })
        .collect();
    let writers: Vec<_> = (0..8u64)
        .map(|thread_number| {
            let operation = operation.clone();
            thread::spawn(move || {
                // Short-lived threads inside the long one: shards are given back and taken up.
                for part in 0..4 {
                    let operation = operation.clone();
                    thread::spawn(move || {
                        for n in 0..EACH / 8 {
                            operation.record_ns(thread_number * 1_000_000 + part * 1000 + n);
                        }
                        operation.record_error_ms(1.0, "Part");
                    })
                    .join()
                    .unwrap();
                }
                for n in 0..EACH / 2 {
                    operation.record_ns(n * 7);
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.join().unwrap();
    }
    let each_sum: u128 = (0..EACH / 2).map(|n| u128::from(n * 7)).sum();
    let parts_sum: u128 = (0..8u128)
        .flat_map(|t| (0..4u128).map(move |p| (t, p)))
        .map(|(t, p)| {
            let n = u128::from(EACH / 8);
            n * (t * 1_000_000 + p * 1000) + n * (n - 1) / 2 + 1_000_000
        })
        .sum();
    let snapshot = tally.snapshot();
    let series = &snapshot.series[0];
    assert_eq!(series.count(), 8 * EACH + 32);
    assert_eq!(series.distribution.sum(), 8 * each_sum + parts_sum);
    assert_eq!(series.errors(), 32);
    assert_eq!(tally.drops().total(), 0);
    let windows = tally.status().windows.get("1h").unwrap().figures.clone();
    assert_eq!(windows.total_requests, 8 * EACH + 32);
}

#[test]
fn shards_of_ended_threads_are_used_again() {
    let (tally, operation) = instance();
    for _ in 0..200 {
        let operation = operation.clone();
        thread::spawn(move || operation.record_ns(5))
            .join()
            .unwrap();
    }
    assert_eq!(count(&tally), 200);
    assert!(tally.status().telemetry.shards <= 3);
}

#[test]
fn a_thousand_threads_at_once_lose_nothing() {
    let (tally, operation) = instance();
    let barrier = Arc::new(std::sync::Barrier::new(1000));
    let threads: Vec<_> = (0..1000u64)
        .map(|number| {
            let (operation, barrier) = (operation.clone(), Arc::clone(&barrier));
            thread::Builder::new()
                .stack_size(64 * 1024)
                .spawn(move || {
                    operation.record_ns(number);
                    // All hold their shard at the same time, so many share the last one.
                    barrier.wait();
                    operation.record_ns(number);
                    operation.record_error_ms(0.001, "Late");
                })
                .unwrap()
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(count(&tally), 3000);
    assert_eq!(tally.snapshot().series[0].errors(), 1000);
    assert_eq!(tally.drops().total(), 0);
}

#[test]
fn recording_after_the_threads_own_shard_is_gone_counts() {
    // The order of thread-local destructors is not ours, so record from one made before and one
    // made after the shard.
    struct Late(Operation, Option<Recorder>);
    impl Drop for Late {
        fn drop(&mut self) {
            self.0.record_ns(3);
            if let Some(recorder) = &self.1 {
                recorder.record_ns(4);
            }
        }
    }
    thread_local! {
        static BEFORE: RefCell<Option<Late>> = const { RefCell::new(None) };
        static AFTER: RefCell<Option<Late>> = const { RefCell::new(None) };
    }
    let (tally, operation) = instance();
    for _ in 0..20 {
        let operation = operation.clone();
        thread::spawn(move || {
            BEFORE.set(Some(Late(operation.clone(), None)));
            operation.record_ns(1);
            AFTER.set(Some(Late(operation.clone(), Some(operation.recorder()))));
            BEFORE.with_borrow_mut(|late| late.as_mut().unwrap().1 = Some(operation.recorder()));
        })
        .join()
        .unwrap();
    }
    assert_eq!(count(&tally) + tally.drops().total(), 20 * 5);
    assert_eq!(tally.drops().total(), 0);
}

#[test]
fn a_recorder_of_an_ended_thread_never_writes_into_the_next_ones_shard() {
    // A recorder kept past its thread's end is impossible to send, but a thread-local may keep it
    // past the shard; the shard's next owner must stay its only writer.
    let (tally, operation) = instance();
    thread_local!(static KEPT: RefCell<Option<Recorder>> = const { RefCell::new(None) });
    let threads: Vec<_> = (0..16)
        .map(|_| {
            let operation = operation.clone();
            thread::spawn(move || {
                KEPT.set(Some(operation.recorder()));
                for n in 0..EACH / 16 {
                    operation.record_ns(n);
                    KEPT.with_borrow(|kept| kept.as_ref().unwrap().record_ns(n));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(count(&tally), 2 * 16 * (EACH / 16));
}

#[test]
fn shutdown_closes_every_thread_and_counts_what_comes_late() {
    let (tally, operation) = instance();
    let go = Arc::new(std::sync::Barrier::new(5));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (operation, go) = (operation.clone(), Arc::clone(&go));
            thread::spawn(move || {
                let recorder = operation.recorder();
                operation.record_ns(1);
                go.wait();
                go.wait();
                operation.record_ns(1);
                recorder.record_ns(1);
                operation.record_error_ms(1.0, "Late");
            })
        })
        .collect();
    go.wait();
    tally.shutdown();
    go.wait();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(count(&tally), 4);
    assert_eq!(tally.drops().closed, 12);
}

#[test]
fn isolates_write_float_cells_that_add_up_with_the_rest() {
    let (tally, operation) = instance();
    operation.record_ns(200);
    for round in 1..=3u64 {
        let isolate = tally.isolate().unwrap();
        let series = isolate.series(operation.id()).unwrap();
        // What the recorder in TypeScript does, for the value 200: bucket 200 is octave 1, cell 72.
        let place = isolate.octave(operation.id(), 1).unwrap();
        let cell = |place: tallylight::metrics::isolate::Place, word: usize| {
            let memory = isolate.segment(place.segment).unwrap();
            let at = memory.as_ptr().cast::<u8>();
            // SAFETY: the place lies inside the segment, which `isolate` keeps, and this test is
            // its only writer.
            unsafe { at.add(place.byte_offset as usize + word * 8).cast::<f64>() }
        };
        // SAFETY: as above.
        unsafe {
            *cell(place, 72) += 1.0;
            *cell(series.header, 2) += 200.0;
            *cell(series.header, 4) = 200.0;
            assert_eq!(*cell(series.gate, 0), 0.0);
        }
        assert_eq!(count(&tally), 1 + round);
    }
    let snapshot = tally.snapshot();
    assert_eq!(snapshot.series[0].distribution.sum(), 800);
    // The same shard each time, its counts in place.
    assert_eq!(tally.status().telemetry.shards, 3);
    let isolate = tally.isolate().unwrap();
    assert_eq!(isolate.series(operation.id()).unwrap().octaves.len(), 1);
    assert!(isolate.series(99).is_none() && isolate.octave(operation.id(), 99).is_none());
}
