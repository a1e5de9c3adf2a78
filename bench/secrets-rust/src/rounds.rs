//! The timed loop: all contenders take turns (A B C, A B C, ...), so that a slow second hurts each of them alike. A turn
//! is many slices, each timed apart and far shorter than what the system lets a thread run, and counts as its median
//! slice: on a machine with other work, that is one which nothing interrupted.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Reads the secret that many times.
pub(crate) type Loop = Box<dyn FnMut(usize)>;

/// One way of reading, under the name that its row has.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) peer: bool,
    pub(crate) note: Option<&'static str>,
    /// Called once on each reading thread, before the clock starts.
    pub(crate) open: Box<dyn Fn() -> Loop + Send + Sync>,
}

/// How much is measured.
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    /// In a round, of each contender.
    pub(crate) slices: usize,
    pub(crate) slice: Duration,
}

/// The nanoseconds per read of each round, for each contender and thread count, in the order given.
pub(crate) fn measure(
    contenders: &[Contender],
    threads: &[usize],
    plan: &Plan,
) -> Vec<Vec<Vec<f64>>> {
    let reads: Vec<usize> = contenders
        .iter()
        .map(|contender| calibrate(contender, plan))
        .collect();
    let mut results = vec![vec![Vec::new(); threads.len()]; contenders.len()];
    for round in 0..plan.rounds {
        eprint!("\rround {}/{} ", round + 1, plan.rounds);
        for (index, contender) in contenders.iter().enumerate() {
            for (slot, &count) in threads.iter().enumerate() {
                results[index][slot].push(run(contender, count, reads[index], plan.slices));
            }
        }
    }
    eprintln!();
    results
}

/// The reads that fill the time of one slice.
fn calibrate(contender: &Contender, plan: &Plan) -> usize {
    let each = run(contender, 1, 1_000, 20);
    ((plan.slice.as_nanos() as f64 / each).ceil() as usize).max(1)
}

/// One turn: fresh threads warm up, and begin each slice together. The answer is the wall time per read of the median
/// slice of all of them.
fn run(contender: &Contender, threads: usize, reads: usize, slices: usize) -> f64 {
    let arrived = AtomicUsize::new(0);
    let times = std::thread::scope(|scope| {
        let readers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut read = (contender.open)();
                    read(100);
                    let slice = |number: usize| {
                        wait_for(&arrived, threads * number);
                        let start = Instant::now();
                        read(reads);
                        start.elapsed().as_nanos() as f64 / reads as f64
                    };
                    (1..=slices).map(slice).collect::<Vec<_>>()
                })
            })
            .collect();
        readers
            .into_iter()
            .filter_map(|reader| reader.join().ok())
            .flatten()
            .collect()
    });
    median(times)
}

/// Arrives, and waits until that many have. It spins, so that no thread starts on the time its neighbour needs to wake
/// up, but not for long: the neighbour may need this core.
fn wait_for(arrived: &AtomicUsize, all: usize) {
    arrived.fetch_add(1, Ordering::AcqRel);
    let mut spins = 0u32;
    while arrived.load(Ordering::Acquire) < all {
        spins += 1;
        if spins < 10_000 {
            std::hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
