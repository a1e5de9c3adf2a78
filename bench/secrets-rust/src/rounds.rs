//! The timed loop: all contenders take turns (A B C, A B C, ...), so that a slow second hurts each of them alike.

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
    pub(crate) run: Duration,
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
    let mut results = vec![vec![Vec::with_capacity(plan.rounds); threads.len()]; contenders.len()];
    for round in 0..plan.rounds {
        eprint!("\rround {}/{} ", round + 1, plan.rounds);
        for (index, contender) in contenders.iter().enumerate() {
            for (slot, &count) in threads.iter().enumerate() {
                results[index][slot].push(run(contender, count, reads[index]));
            }
        }
    }
    eprintln!();
    results
}

/// The reads that fill the time of one run.
fn calibrate(contender: &Contender, plan: &Plan) -> usize {
    let each = run(contender, 1, 1_000);
    ((plan.run.as_nanos() as f64 / each).ceil() as usize).max(1)
}

/// One run: fresh threads warm up, wait for each other, and each is timed on its own. The answer is the mean of the
/// threads' wall time per read.
fn run(contender: &Contender, threads: usize, reads: usize) -> f64 {
    let ready = AtomicUsize::new(0);
    let elapsed: Vec<Duration> = std::thread::scope(|scope| {
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
                    let start = Instant::now();
                    read(reads);
                    start.elapsed()
                })
            })
            .collect();
        readers
            .into_iter()
            .filter_map(|reader| reader.join().ok())
            .collect()
    });
    let total: Duration = elapsed.iter().sum();
    total.as_nanos() as f64 / (elapsed.len() * reads) as f64
}
