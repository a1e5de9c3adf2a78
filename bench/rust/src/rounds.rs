//! The timed loop: all contenders take turns (A B C, A B C, ...), so that a slow second hurts each of them alike.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::input::{Input, LENGTH};

/// Records every value of the input once.
pub(crate) type Writer = Box<dyn FnMut(&Input)>;

/// One way of recording, under the name that its row has.
pub(crate) struct Contender {
    pub(crate) name: &'static str,
    pub(crate) peer: bool,
    pub(crate) note: Option<&'static str>,
    /// Called once on each recording thread, before the clock starts: the handle that this way's user would hold.
    pub(crate) open: Box<dyn Fn() -> Writer + Send + Sync>,
    /// Called between runs, not timed: what keeps a peer's memory in bounds.
    pub(crate) settle: Option<Box<dyn Fn() + Send + Sync>>,
}

impl Contender {
    pub(crate) fn peer(
        name: &'static str,
        open: impl Fn() -> Writer + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            peer: true,
            note: None,
            open: Box::new(open),
            settle: None,
        }
    }

    pub(crate) fn ours(
        name: &'static str,
        open: impl Fn() -> Writer + Send + Sync + 'static,
    ) -> Self {
        Self {
            peer: false,
            ..Self::peer(name, open)
        }
    }

    pub(crate) fn note(mut self, note: &'static str) -> Self {
        self.note = Some(note);
        self
    }

    pub(crate) fn settle(mut self, settle: impl Fn() + Send + Sync + 'static) -> Self {
        self.settle = Some(Box::new(settle));
        self
    }
}

/// How much is measured.
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) run: Duration,
}

/// The nanoseconds per operation of each round, for each contender and thread count, in the order given.
pub(crate) fn measure(
    contenders: &[Contender],
    threads: &[usize],
    plan: &Plan,
    input: &Input,
) -> Vec<Vec<Vec<f64>>> {
    let passes: Vec<usize> = contenders
        .iter()
        .map(|contender| calibrate(contender, plan, input))
        .collect();
    let mut results = vec![vec![Vec::with_capacity(plan.rounds); threads.len()]; contenders.len()];
    for round in 0..plan.rounds {
        eprint!("\rround {}/{} ", round + 1, plan.rounds);
        for (index, contender) in contenders.iter().enumerate() {
            for (slot, &count) in threads.iter().enumerate() {
                results[index][slot].push(run(contender, count, passes[index], input));
                if let Some(settle) = &contender.settle {
                    settle();
                }
            }
        }
    }
    eprintln!();
    results
}

/// The passes over the input that fill the time of one run.
fn calibrate(contender: &Contender, plan: &Plan, input: &Input) -> usize {
    let per_operation = run(contender, 1, 1, input);
    if let Some(settle) = &contender.settle {
        settle();
    }
    let pass_ns = per_operation * input.ns.len() as f64;
    ((plan.run.as_nanos() as f64 / pass_ns).ceil() as usize).clamp(1, 10_000)
}

/// One run: fresh threads open their writers, warm them, wait for each other, and each is timed on its own. The answer is
/// the mean of the threads' wall time per operation.
fn run(contender: &Contender, threads: usize, passes: usize, input: &Input) -> f64 {
    let ready = AtomicUsize::new(0);
    let elapsed: Vec<Duration> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    let mut write = (contender.open)();
                    write(input);
                    ready.fetch_add(1, Ordering::AcqRel);
                    // Spinning, so that no thread starts on the time its neighbour needs to wake up.
                    while ready.load(Ordering::Acquire) < threads {
                        std::hint::spin_loop();
                    }
                    let start = Instant::now();
                    for _ in 0..passes {
                        write(input);
                    }
                    start.elapsed()
                })
            })
            .collect();
        workers
            .into_iter()
            .filter_map(|worker| worker.join().ok())
            .collect()
    });
    let total: Duration = elapsed.iter().sum();
    total.as_nanos() as f64 / (elapsed.len() * passes * LENGTH) as f64
}
