//! A signal handler that records into a recording of the same thread loses nothing in silence.
#![cfg(feature = "metrics")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tallylight::{Config, Kind, Labels, Operation, Tallylight};

static OPERATION: OnceLock<Operation> = OnceLock::new();
static HANDLED: AtomicU64 = AtomicU64::new(0);

extern "C" fn record_in_handler(_signal: i32) {
    if let Some(operation) = OPERATION.get() {
        operation.record_ns(1_000_000);
        HANDLED.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn recordings_and_drops_of_handlers_add_up() {
    let tally = Tallylight::new(Config::default()).unwrap();
    let operation = tally.operation("op", &Labels::new(), Kind::Job).unwrap();
    OPERATION.get_or_init(|| operation.clone());
    // Touched before, as the documentation of recording from a handler asks.
    operation.record_ns(1_000_000);
    // SAFETY: the handler only records.
    let this_thread = unsafe {
        libc::signal(libc::SIGUSR1, record_in_handler as *const () as usize);
        libc::pthread_self()
    };
    let done = Arc::new(AtomicBool::new(false));
    let sender = {
        let done = Arc::clone(&done);
        std::thread::spawn(move || {
            while !done.load(Ordering::Relaxed) {
                // SAFETY: the thread lives until this one is joined.
                unsafe { libc::pthread_kill(this_thread, libc::SIGUSR1) };
                std::thread::sleep(Duration::from_micros(20));
            }
        })
    };
    let mut mine = 1;
    let mut other = 0;
    while HANDLED.load(Ordering::Relaxed) < 2_000 {
        for n in 0..1_000 {
            operation.record_ns(n);
            mine += 1;
        }
        // Registration and reading hold locks, which a handler must not wait for.
        let labels = Labels::from_pairs([("n", format!("{}", other % 50))]).unwrap();
        tally.operation("other", &labels, Kind::Job).unwrap();
        drop(tally.snapshot());
        other += 1;
    }
    done.store(true, Ordering::Relaxed);
    sender.join().unwrap();
    let handled = HANDLED.load(Ordering::Relaxed);
    let drops = tally.drops();
    assert_eq!(drops.total(), drops.reentrant);
    assert_eq!(
        tally.snapshot().series[0].count() + drops.reentrant,
        mine + handled
    );
}
