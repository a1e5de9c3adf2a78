//! What becomes of errors when something goes wrong: the server, or the process.

use std::thread;
use std::time::Duration;

use sentry_receiver::{Answer, Mode};
use serde_json::{Value, json};

use super::Bench;
use super::trial::{Said, Trial};
use crate::bench::contender::{Contender, Language, row};
use crate::failure::{Failure, Result};
use crate::report;

/// Longer than any of them takes; who is not done then hangs.
const PATIENCE: Duration = Duration::from_secs(180);
/// When a close of 2 s has plainly gone wrong.
const HUNG: Duration = Duration::from_secs(15);
/// What a close of 2 s may take, on a machine that has other work.
const CLOSED_MS: f64 = 2_250.0;

/// One scenario: its name in file names, what runs of it, and whether contenders run at the same time. Those that load
/// the machine do not.
struct Scenario {
    name: &'static str,
    run: fn(&Bench, &'static Contender) -> Result<Vec<Value>>,
    is_alone: bool,
}

const SCENARIOS: [Scenario; 8] = [
    Scenario {
        name: "outage",
        run: outage,
        is_alone: false,
    },
    Scenario {
        name: "burst",
        run: burst,
        is_alone: true,
    },
    Scenario {
        name: "close",
        run: close,
        is_alone: false,
    },
    Scenario {
        name: "kill",
        run: kill,
        is_alone: false,
    },
    Scenario {
        name: "hang",
        run: hang,
        is_alone: false,
    },
    Scenario {
        name: "fork",
        run: fork,
        is_alone: false,
    },
    Scenario {
        name: "limit",
        run: limit,
        is_alone: false,
    },
    Scenario {
        name: "related",
        run: related,
        is_alone: false,
    },
];

pub(super) fn rows(bench: &Bench) -> Result<Vec<(Language, Value)>> {
    let mut rows = Vec::new();
    for scenario in &SCENARIOS {
        report::say(&format!("bench: {}", scenario.name));
        let one = |contender: &'static Contender| {
            let rows = (scenario.run)(bench, contender).map_err(|failure| Failure {
                message: format!(
                    "{}, {} in {}: {}",
                    scenario.name,
                    contender.name,
                    contender.language.title(),
                    failure.message
                ),
                ..failure
            })?;
            Ok(rows
                .into_iter()
                .map(|row| (contender.language, row))
                .collect::<Vec<_>>())
        };
        if scenario.is_alone {
            for contender in bench.contenders() {
                rows.extend(one(contender)?);
            }
            continue;
        }
        let all = thread::scope(|scope| {
            let running: Vec<_> = bench
                .contenders()
                .map(|contender| scope.spawn(move || one(contender)))
                .collect();
            running
                .into_iter()
                .map(|trial| {
                    trial
                        .join()
                        .unwrap_or_else(|_| Err(Failure::new("a trial broke off")))
                })
                .collect::<Result<Vec<_>>>()
        })?;
        rows.extend(all.into_iter().flatten());
    }
    Ok(rows)
}

/// A goal of ours; peers have none.
fn goal(contender: &Contender, text: &str, limit: f64, at_least: bool) -> Value {
    if contender.peer {
        return Value::Null;
    }
    let direction = if at_least { "min" } else { "max" };
    json!([{ "text": text, "limit": limit, "direction": direction }])
}

fn told(said: Option<Said>) -> Result<Said> {
    said.ok_or_else(|| Failure::new(format!("no answer within {} s", PATIENCE.as_secs())))
}

/// The server is down for 11 of the 12 seconds in which 120 errors are captured.
fn outage(bench: &Bench, contender: &'static Contender) -> Result<Vec<Value>> {
    let (count, down) = if bench.quick {
        (40, 3_000)
    } else {
        (120, 11_000)
    };
    let mut trial = Trial::start(bench, contender, "outage")?;
    trial.ask(&format!("capture {count} 100"))?;
    thread::sleep(Duration::from_millis(500));
    trial.mode(Mode::Down)?;
    thread::sleep(Duration::from_millis(down));
    trial.mode(Mode::Ok)?;
    told(trial.said(PATIENCE)?)?;
    let flushed = told(trial.tell("flush 10000", PATIENCE)?)?;
    let arrived = trial.settle(count);
    Ok(vec![row(
        &format!(
            "The server is down {} of {} s, {count} errors",
            down / 1_000,
            count / 10
        ),
        contender,
        "lost",
        vec![(count - arrived.min(count)) as f64],
        goal(contender, "none lost", 0.0, false),
        Some(format!("flush says: {}", flushed.said)),
    )])
}

/// As many errors as a loop can capture.
fn burst(bench: &Bench, contender: &'static Contender) -> Result<Vec<Value>> {
    let count: u64 = if bench.quick { 500 } else { 10_000 };
    let mut trial = Trial::start(bench, contender, "burst")?;
    let captured = told(trial.tell(&format!("capture {count} 0"), PATIENCE)?)?;
    told(trial.tell("flush 30000", PATIENCE)?)?;
    let flushed = trial.arrived();
    let peak = trial
        .peak_mib()
        .map(|peak| format!(", {peak:.0} MiB resident at the most"))
        .unwrap_or_default();
    let arrived = trial.after_a_restart(count)?;
    Ok(vec![row(
        &format!("A burst of {count} errors"),
        contender,
        "arrived",
        vec![arrived as f64],
        goal(contender, "all arrive", count as f64, true),
        Some(format!(
            "captured in {:.1} s; {flushed} arrived by the end of flush(30 s){peak}",
            captured.ms / 1_000.0
        )),
    )])
}

fn close(bench: &Bench, contender: &'static Contender) -> Result<Vec<Value>> {
    let mut trial = Trial::start(bench, contender, "close")?;
    told(trial.tell("capture 60 0", PATIENCE)?)?;
    let closed = told(trial.tell("close 2000", PATIENCE)?)?;
    let arrived = trial.arrived();
    Ok(vec![row(
        "60 errors, then close(2 s)",
        contender,
        "arrived",
        vec![arrived as f64],
        goal(contender, "all arrive", 60.0, true),
        Some(format!(
            "after {:.0} ms; close says: {}",
            closed.ms, closed.said
        )),
    )])
}

fn kill(bench: &Bench, contender: &'static Contender) -> Result<Vec<Value>> {
    let mut trial = Trial::start(bench, contender, "kill")?;
    told(trial.tell("capture 20 0", PATIENCE)?)?;
    trial.kill();
    let before = trial.arrived();
    let arrived = trial.after_a_restart(20)?;
    Ok(vec![row(
        "20 errors, then kill -9, then the next start",
        contender,
        "arrived",
        vec![arrived as f64],
        goal(contender, "all arrive", 20.0, true),
        Some(format!("{before} before the end")),
    )])
}

/// The server accepts connections and never answers.
fn hang(bench: &Bench, contender: &'static Contender) -> Result<Vec<Value>> {
    let mut trial = Trial::start(bench, contender, "hang")?;
    trial.mode(Mode::Hang)?;
    told(trial.tell("capture 20 0", PATIENCE)?)?;
    let closed = trial.tell("close 2000", HUNG)?;
    let (ms, note) = match closed {
        Some(closed) => (closed.ms, format!("close says: {}", closed.said)),
        None => (
            HUNG.as_secs_f64() * 1_000.0,
            "it had not returned then".to_owned(),
        ),
    };
    let arrived = trial.after_a_restart(20)?;
    let group = "The server never answers, 20 errors, close(2 s)";
    Ok(vec![
        row(
            &format!("{group}: how long it takes"),
            contender,
            "ms",
            vec![ms],
            goal(contender, "2 s", CLOSED_MS, false),
            Some(note),
        ),
        row(
            &format!("{group}: what the next start does not deliver"),
            contender,
            "lost",
            vec![(20 - arrived.min(20)) as f64],
            goal(contender, "none lost", 0.0, false),
            None,
        ),
    ])
}

/// The parent captures one error and a forked child another.
fn fork(bench: &Bench, contender: &'static Contender) -> Result<Vec<Value>> {
    if contender.language == Language::Node {
        return Ok(Vec::new());
    }
    let mut trial = Trial::start(bench, contender, "fork")?;
    let forked = told(trial.tell("fork 1", PATIENCE)?)?;
    // A parent that cannot flush any more is no reason to end the benchmark.
    let _ = trial.tell("flush 2000", HUNG)?;
    let arrived = trial.settle(2);
    Ok(vec![row(
        "An error in a process and one in its forked child",
        contender,
        "arrived",
        vec![arrived as f64],
        goal(contender, "both arrive", 2.0, true),
        Some(forked.said),
    )])
}

/// The server says 429 and to come back in a minute.
fn limit(bench: &Bench, contender: &'static Contender) -> Result<Vec<Value>> {
    let mut trial = Trial::start(bench, contender, "limit")?;
    trial.answer(Answer {
        retry_after: Some(60),
        ..Answer::new(Mode::RateLimit)
    })?;
    told(trial.tell("capture 100 10", PATIENCE)?)?;
    let flushed = told(trial.tell("flush 2000", PATIENCE)?)?;
    let requests = trial.counts().requests;
    let arrived = trial.after_a_restart(100)?;
    let group = "The server answers 429 with Retry-After: 60, 100 errors";
    Ok(vec![
        row(
            &format!("{group}: requests"),
            contender,
            "requests",
            vec![requests as f64],
            goal(contender, "<= 2", 2.0, false),
            Some(format!("flush says: {}", flushed.said)),
        ),
        row(
            &format!("{group}: what the next start does not deliver"),
            contender,
            "lost",
            vec![(100 - arrived.min(100)) as f64],
            goal(contender, "none lost", 0.0, false),
            None,
        ),
    ])
}

fn related(bench: &Bench, contender: &'static Contender) -> Result<Vec<Value>> {
    let mut trial = Trial::start(bench, contender, "related")?;
    told(trial.tell("related", PATIENCE)?)?;
    told(trial.tell("flush 5000", PATIENCE)?)?;
    let arrived = trial.settle(3);
    Ok(vec![row(
        "Three different errors with one root cause",
        contender,
        "arrived",
        vec![arrived as f64],
        goal(contender, "all three", 3.0, true),
        None,
    )])
}
