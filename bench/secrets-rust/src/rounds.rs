//! The timed loop: all contenders take turns (A B C, A B C, ...), so that a slow second hurts each of them alike. A turn
//! is many slices, each timed apart and far shorter than what the system lets a thread run: on a machine with other
//! work, the median slice is one that nothing interrupted.

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

/// The nanoseconds per read of each slice, for each contender and thread count, in the order given.
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
                results[index][slot].extend(run(contender, count, reads[index], plan.slices));
            }
        }
    }
    eprintln!();
    results
}

/// The reads that fill the time of one slice.
fn calibrate(contender: &Contender, plan: &Plan) -> usize {
    let each = median(run(contender, 1, 1_000, 20));
    ((plan.slice.as_nanos() as f64 / each).ceil() as usize).max(1)
}

/// One turn: fresh threads warm up, wait for each other, and each of their slices is timed on its own. The answers are
/// the wall time per read of all slices of all threads.
fn run(contender: &Contender, threads: usize, reads: usize, slices: usize) -> Vec<f64> {
    let ready = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut read = (contender.open)();
                    read(100);
                    ready.fetch_add(1, Ordering::AcqRel);
                    // Spinning, so that no thread starts on the time its neighbour needs to wake up.
                    while ready.load(Ordering::Acquire) < threads {
                        std::hint::spin_loop();
                    }
                    let mut answers = Vec::with_capacity(slices);
                    for _ in 0..slices {
                        let start = Instant::now();
                        read(reads);
                        let elapsed = start.elapsed();
                        // A thread whose neighbour has ended reads alone.
                        if done.load(Ordering::Acquire) == 0 {
                            answers.push(elapsed.as_nanos() as f64 / reads as f64);
                        }
                    }
                    done.fetch_add(1, Ordering::AcqRel);
                    answers
                })
            })
            .collect();
        readers
            .into_iter()
            .filter_map(|reader| reader.join().ok())
            .flatten()
            .collect()
    })
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
