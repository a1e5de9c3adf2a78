//! Reading P50, P95 and P99 of a series, while a thread keeps recording into it wherever the recorder allows that.

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use tallylight::{Config, Kind, Labels, Operation, Tallylight};

use crate::input::{TYPICAL_SIGMA, log_normal};
use crate::peers;
use crate::report::{Goal, Row};
use crate::rounds::Plan;

pub(crate) const GROUP: &str = "Snapshot with P50, P95 and P99 of one series";
pub(crate) const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];

const SAMPLES: usize = 1_000_000;
const MANY: usize = 1_000;
/// A row for comparison: the whole document, with its windows and rates, is no mere snapshot.
const STATUS: &str = "Tallylight, status document of 1,000 series, per series";

/// Something that can be read, and who writes into it meanwhile.
pub(crate) struct Readable {
    pub(crate) name: &'static str,
    pub(crate) peer: bool,
    pub(crate) note: &'static str,
    /// One read.
    pub(crate) read: Box<dyn FnMut()>,
    /// How many series one read covers; the row shows the time of one.
    pub(crate) series: usize,
    /// Stops, and answers when the reads are done.
    pub(crate) writer: Option<Busy>,
}

/// A thread that records until it is dropped.
pub(crate) struct Busy {
    running: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Busy {
    /// `record` is made on the thread, and called with one latency after the other.
    pub(crate) fn start<R: FnMut(u64)>(record: impl FnOnce() -> R + Send + 'static) -> Self {
        let running = Arc::new(AtomicBool::new(true));
        let go_on = Arc::clone(&running);
        let thread = std::thread::spawn(move || {
            let latencies = log_normal(crate::input::LENGTH, TYPICAL_SIGMA);
            let mut record = record();
            while go_on.load(Ordering::Relaxed) {
                for &ns in &latencies {
                    record(ns);
                }
            }
        });
        Self {
            running,
            thread: Some(thread),
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.running.store(false, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A recorder that panicked has been printed already.
            let _ = thread.join();
        }
    }
}

/// What makes a [`Readable`], with its writer running; made anew for each round.
pub(crate) type Open = Box<dyn Fn() -> Result<Readable, Box<dyn Error>>>;

/// The rows of all readables. Each round makes each of them anew, so that only one writer runs at a time.
pub(crate) fn rows(openers: &[Open], plan: &Plan) -> Result<Vec<Row>, Box<dyn Error>> {
    let mut measured: Vec<(Option<Row>, Vec<f64>)> =
        openers.iter().map(|_| (None, Vec::new())).collect();
    let rounds = plan.rounds.div_ceil(3);
    for round in 0..rounds {
        eprint!("\rsnapshots: round {}/{rounds} ", round + 1);
        for (open, (row, values)) in openers.iter().zip(&mut measured) {
            let mut readable = open()?;
            values.push(per_series_us(&mut readable, plan));
            row.get_or_insert_with(|| {
                Row::of(GROUP, readable.name, readable.peer, 1, "us", Vec::new())
                    .note(readable.note)
            });
        }
    }
    eprintln!();
    Ok(measured
        .into_iter()
        .filter_map(|(row, values)| {
            let known = row?;
            let row = Row::of(GROUP, &known.name, known.peer, 1, "us", values);
            let goal =
                (!known.peer && known.name != STATUS).then(|| Goal::limit("<= 3 us a series", 3.0));
            Some(
                Row {
                    note: known.note,
                    ..row
                }
                .goals(goal),
            )
        })
        .collect())
}

fn per_series_us(readable: &mut Readable, plan: &Plan) -> f64 {
    (readable.read)();
    let start = Instant::now();
    let mut reads = 0_u32;
    while reads < 3 || start.elapsed() < plan.run {
        (readable.read)();
        reads += 1;
    }
    let elapsed = start.elapsed();
    readable.writer = None;
    elapsed.as_nanos() as f64 / 1000.0 / f64::from(reads) / readable.series as f64
}

pub(crate) fn peers() -> Vec<Open> {
    vec![
        Box::new(hdr_in_place),
        Box::new(atomic),
        Box::new(hdr_refresh),
    ]
}

fn hdr_in_place() -> Result<Readable, Box<dyn Error>> {
    let mut histogram = peers::hdr(2)?;
    for ns in log_normal(SAMPLES, TYPICAL_SIGMA) {
        histogram.record(ns)?;
    }
    Ok(Readable {
        name: "hdrhistogram, in place",
        peer: true,
        note: "nobody can record meanwhile",
        read: Box::new(move || {
            for quantile in QUANTILES {
                black_box(histogram.value_at_quantile(quantile));
            }
        }),
        series: 1,
        writer: None,
    })
}

fn hdr_refresh() -> Result<Readable, Box<dyn Error>> {
    let mut histogram = peers::hdr(2)?.into_sync();
    let mut recorder = histogram.recorder();
    let writer = Busy::start(move || {
        move |ns| {
            let _ = recorder.record(ns);
        }
    });
    Ok(Readable {
        name: "hdrhistogram, SyncHistogram refresh",
        peer: true,
        note: "a recorder is busy; waits for it",
        read: Box::new(move || {
            histogram.refresh();
            for quantile in QUANTILES {
                black_box(histogram.value_at_quantile(quantile));
            }
        }),
        series: 1,
        writer: Some(writer),
    })
}

fn atomic() -> Result<Readable, Box<dyn Error>> {
    let shared = Arc::new(peers::atomic()?);
    for ns in log_normal(SAMPLES, TYPICAL_SIGMA) {
        shared.increment(ns)?;
    }
    let recorded = Arc::clone(&shared);
    let writer = Busy::start(move || {
        move |ns| {
            let _ = recorded.increment(ns);
        }
    });
    let mut copy = shared.load();
    let mut answers = [const { None }; QUANTILES.len()];
    Ok(Readable {
        name: "histogram, AtomicHistogram load_into",
        peer: true,
        note: "a recorder is busy; the copy's memory is reused",
        read: Box::new(move || {
            let _ = shared.load_into(&mut copy);
            let _ = black_box(copy.quantile_buckets_into(&QUANTILES, &mut answers));
        }),
        series: 1,
        writer: Some(writer),
    })
}

pub(crate) fn ours() -> Vec<Open> {
    vec![
        Box::new(|| {
            let tally = filled(1)?;
            let writer = busy(&tally, 1)?;
            Ok(Readable {
                name: "Tallylight, snapshot of one series",
                peer: false,
                note: "a recorder is busy and never waited for",
                read: Box::new(move || read(&tally)),
                series: 1,
                writer: Some(writer),
            })
        }),
        Box::new(|| {
            let tally = filled(MANY)?;
            let writer = busy(&tally, MANY)?;
            Ok(Readable {
                name: "Tallylight, snapshot of 1,000 series, per series",
                peer: false,
                note: "a recorder is busy in all of them",
                read: Box::new(move || read(&tally)),
                series: MANY,
                writer: Some(writer),
            })
        }),
        Box::new(|| {
            let tally = filled(MANY)?;
            let writer = busy(&tally, MANY)?;
            Ok(Readable {
                name: STATUS,
                peer: false,
                note: "with three windows, five quantiles of each and the history",
                read: Box::new(move || {
                    black_box(tally.status());
                }),
                series: MANY,
                writer: Some(writer),
            })
        }),
    ]
}

fn read(tally: &Tallylight) {
    for series in tally.snapshot().series {
        black_box(series.distribution.values_at_quantiles(&QUANTILES));
    }
}

fn operations(tally: &Tallylight, series: usize) -> Result<Vec<Operation>, tallylight::Error> {
    (0..series)
        .map(|number| {
            let labels = Labels::from_pairs([("route", format!("/{number}"))])?;
            tally.operation("analyze", &labels, Kind::Server)
        })
        .collect()
}

/// An instance without a ticker, whose series share a million latencies.
fn filled(series: usize) -> Result<Tallylight, tallylight::Error> {
    let tally = Tallylight::new(Config::default())?;
    let operations = operations(&tally, series)?;
    for (ns, operation) in log_normal(SAMPLES, TYPICAL_SIGMA)
        .into_iter()
        .zip(operations.iter().cycle())
    {
        operation.record_ns(ns);
    }
    Ok(tally)
}

fn busy(tally: &Tallylight, series: usize) -> Result<Busy, tallylight::Error> {
    let operations = operations(tally, series)?;
    Ok(Busy::start(move || {
        let recorders: Vec<_> = operations.iter().map(Operation::recorder).collect();
        let mut next = 0;
        move |ns| {
            if let Some(recorder) = recorders.get(next) {
                recorder.record_ns(ns);
            }
            next = if next + 1 < recorders.len() {
                next + 1
            } else {
                0
            };
        }
    }))
}
