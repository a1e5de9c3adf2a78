//! Tallylight, by each of the calls that record a latency, and the goals that they are held to.

use std::error::Error;
use std::hint::black_box;

use tallylight::{Config, Kind, Labels, Operation};

use crate::peers::{HDR_PLAIN, PROMETHEUS_CLIENT};
use crate::report::Goal;
use crate::rounds::Contender;

pub(crate) const HELD: &str = "Tallylight, held Recorder";
pub(crate) const OPERATION: &str = "Tallylight, Operation::record_ns";
pub(crate) const DURATION: &str = "Tallylight, Operation::record(Duration)";

/// The operation that every recording row uses: one series, whatever the thread. The instance is the process's own, with
/// its ticker running, as in a service.
fn operation() -> Result<Operation, Box<dyn Error>> {
    let labels = Labels::from_pairs([("route", "/analyze")])?;
    Ok(tallylight::init(Config::default())?.operation("analyze", &labels, Kind::Server)?)
}

pub(crate) fn recording() -> Result<Vec<Contender>, Box<dyn Error>> {
    let operation = operation()?;
    let (by_thread, by_duration, by_millis) =
        (operation.clone(), operation.clone(), operation.clone());
    Ok(vec![
        Contender::ours(HELD, move || {
            let recorder = operation.recorder();
            Box::new(move |input| {
                for &ns in &input.ns {
                    recorder.record_ns(ns);
                }
            })
        })
        .note("with exact sum and maximum, as all our rows"),
        Contender::ours(OPERATION, move || {
            let operation = by_thread.clone();
            Box::new(move |input| {
                for &ns in &input.ns {
                    operation.record_ns(ns);
                }
            })
        }),
        Contender::ours(DURATION, move || {
            let operation = by_duration.clone();
            Box::new(move |input| {
                for &duration in &input.durations {
                    operation.record(duration);
                }
            })
        }),
        Contender::ours("Tallylight, Operation::record_ms", move || {
            let operation = by_millis.clone();
            Box::new(move |input| {
                for &millis in &input.millis {
                    operation.record_ms(millis);
                }
            })
        })
        .note("from a float, with its checks"),
    ])
}

pub(crate) fn timing() -> Result<Vec<Contender>, Box<dyn Error>> {
    let operation = operation()?;
    let closure = operation.clone();
    Ok(vec![
        Contender::ours("Tallylight, start() and end()", move || {
            let operation = operation.clone();
            Box::new(move |input| {
                for &ns in &input.ns {
                    let timer = operation.start();
                    black_box(ns);
                    black_box(timer.end());
                }
            })
        }),
        Contender::ours("Tallylight, time(closure)", move || {
            let operation = closure.clone();
            Box::new(move |input| {
                for &ns in &input.ns {
                    operation.time(|| black_box(ns));
                }
            })
        }),
    ])
}

/// The goals of a recording row. The held recorder is the path that `peers.md` compares; the others show what their
/// convenience costs.
pub(crate) fn recording_goals(name: &str, threads: usize) -> Vec<Goal> {
    if ![HELD, OPERATION].contains(&name) {
        return Vec::new();
    }
    let mut goals = vec![Goal::ratio(
        "<= 0.6 x hdrhistogram's plain record",
        0.6,
        HDR_PLAIN,
    )];
    if threads > 1 {
        let own = if name == HELD { HELD } else { OPERATION };
        goals.push(Goal::ratio("two threads cost <= 1.1 x one", 1.1, own).against_threads(1));
        goals.push(Goal::ratio(
            ">= 10 x faster than prometheus-client",
            0.1,
            PROMETHEUS_CLIENT,
        ));
    }
    goals
}
