//! Records latencies with Tallylight and with its peers in one process, and prints one JSON document.
//!
//! `--quick` runs a short version, whose numbers say only that everything works; `--only PART` runs one of `recording`,
//! `timing`, `snapshot`, `memory`, `allocations` and `instructions`.

mod allocations;
mod counting;
mod input;
mod instructions;
mod memory;
mod ours;
mod peers;
mod report;
mod rounds;
mod snapshot;

use std::error::Error;
use std::time::Duration;

use input::{Input, LENGTH};
use report::{Goal, Report, Row};
use rounds::{Contender, Plan};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let input = Input::typical(LENGTH);
    if let [flag, name] = arguments.as_slice()
        && flag == instructions::FLAG
    {
        // Ours apart: our ticker would add its ticks to the peers' counts.
        if !instructions::record(&peers::recording()?, name, &input) {
            instructions::record(&ours::recording()?, name, &input);
        }
        return Ok(());
    }
    let recording = together(peers::recording()?, ours::recording()?);
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let plan = if quick {
        Plan {
            rounds: 3,
            run: Duration::from_millis(1),
        }
    } else {
        Plan {
            rounds: 31,
            run: Duration::from_millis(8),
        }
    };

    let only = arguments
        .iter()
        .skip_while(|argument| *argument != "--only")
        .nth(1);
    let wanted = |part: &str| only.is_none_or(|only| only == part);
    let mut rows = Vec::new();
    if wanted("recording") {
        rows.extend(timed(
            "Recording a latency",
            &recording,
            ours::recording_goals,
            &plan,
            &input,
        ));
    }
    if wanted("timing") {
        let timing = together(peers::timing()?, ours::timing()?);
        rows.extend(timed(
            "Timing a call",
            &timing,
            |_, _| Vec::new(),
            &plan,
            &input,
        ));
    }
    if wanted("snapshot") {
        rows.extend(snapshot::rows(
            &together(snapshot::peers(), snapshot::ours()),
            &plan,
        )?);
    }
    if wanted("memory") {
        rows.extend(together(memory::peers()?, memory::ours()?));
    }
    if wanted("allocations") {
        rows.extend(allocations::rows(&recording, &input));
    }
    if wanted("instructions") && !quick {
        rows.extend(instructions::rows(&recording, &input));
    }
    let report = Report {
        language: "rust",
        title: "Rust",
        rows,
        environment: report::environment(),
    };
    println!("{}", serde_json::to_string_pretty(&report)?);
    Ok(())
}

fn together<T>(mut peers: Vec<T>, ours: Vec<T>) -> Vec<T> {
    peers.extend(ours);
    peers
}

/// The rows of one group, at one and at two threads.
fn timed(
    group: &'static str,
    contenders: &[Contender],
    goals: impl Fn(&str, usize) -> Vec<Goal>,
    plan: &Plan,
    input: &Input,
) -> Vec<Row> {
    const THREADS: [usize; 2] = [1, 2];
    eprintln!("{group}");
    let measured = rounds::measure(contenders, &THREADS, plan, input);
    let mut rows = Vec::new();
    for (contender, by_threads) in contenders.iter().zip(measured) {
        for (&count, values) in THREADS.iter().zip(by_threads) {
            let row = Row::of(
                group,
                contender.name,
                contender.peer,
                count,
                "ns/op",
                values,
            );
            let note = contender.note.map(str::to_owned);
            rows.push(Row { note, ..row }.goals(goals(contender.name, count)));
        }
    }
    rows
}
