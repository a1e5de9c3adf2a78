//! What an error costs the thread that captures it, and what it takes to set an SDK up.

use std::path::Path;

use sentry_receiver::{Mode, Receiver};
use serde_json::{Value, json};

use super::{Bench, CONTENDERS, SUBJECT};
use crate::bench::contender::{Contender, Language, peer, row};
use crate::failure::{Doing, Failure, Result};
use crate::report;

/// Goals in microseconds, from what the peers were once measured at.
fn goal_us(language: Language) -> f64 {
    match language {
        Language::Rust => 40.0,
        Language::Node => 60.0,
        Language::Python => 90.0,
    }
}

/// The peer in Rust, with what ours always has.
const WITH_STACK: Contender = peer(Language::Rust, "sentry-stack", "sentry, attach_stacktrace");

/// Ours under conditions that must not reach the caller.
const CONDITIONS: [(&str, Mode, bool); 2] = [
    ("Tallylight, while the server hangs", Mode::Hang, true),
    ("Tallylight, without a disk", Mode::Ok, false),
];

/// How captures follow each other: one at a time, after what the SDK did in between has driven the caller's code out of
/// the processor's caches, and several in a row, fewer than the peers' queues hold.
const PACES: [Pace; 2] = [
    Pace {
        title: "ten in a row",
        together: 10,
        pause_ms: 50,
    },
    Pace {
        title: "one every 2 ms",
        together: 1,
        pause_ms: 2,
    },
];

struct Pace {
    title: &'static str,
    together: u32,
    pause_ms: u32,
}

/// One row's processes.
struct Measured {
    contender: Contender,
    mode: Mode,
    has_disk: bool,
    goal: Value,
    medians: Vec<f64>,
}

pub(super) fn rows(bench: &Bench) -> Result<Vec<(Language, Value)>> {
    report::say("bench: what a capture costs, and a start");
    let mut rows = Vec::new();
    for language in &bench.languages {
        let mut own = Vec::new();
        for pace in &PACES {
            own.extend(captures(bench, *language, pace)?);
        }
        own.extend(starts(bench, *language)?);
        rows.extend(own.into_iter().map(|row| (*language, row)));
    }
    Ok(rows)
}

fn copy(contender: &Contender) -> Contender {
    Contender { ..*contender }
}

/// All processes take turns, so that a slow minute hurts each alike.
fn captures(bench: &Bench, language: Language, pace: &Pace) -> Result<Vec<Value>> {
    let (turns, count) = if bench.quick { (2, 50) } else { (7, 300) };
    let mut all: Vec<Measured> = Vec::new();
    for contender in of(language) {
        let limit = goal_us(language);
        let goal = if contender.peer {
            Value::Null
        } else {
            json!([{ "text": format!("<= {limit} us"), "limit": limit }])
        };
        all.push(Measured::new(copy(contender), Mode::Ok, true, goal));
    }
    if language == Language::Rust {
        all.push(Measured::new(WITH_STACK, Mode::Ok, true, Value::Null));
    }
    for (name, mode, has_disk) in CONDITIONS {
        for contender in of(language).filter(|contender| !contender.peer) {
            let goal =
                json!([{ "text": "<= 2 x its normal", "against": contender.name, "ratio": 2.0 }]);
            let contender = Contender {
                name,
                ..copy(contender)
            };
            all.push(Measured::new(contender, mode, has_disk, goal));
        }
    }
    for _ in 0..turns {
        for measured in &mut all {
            measured.turn(bench, pace, count)?;
        }
    }
    Ok(all
        .into_iter()
        .map(|measured| {
            row(
                &format!("A capture on the caller's thread, {}", pace.title),
                &measured.contender,
                "us",
                measured.medians,
                measured.goal,
                None,
            )
        })
        .collect())
}

fn of(language: Language) -> impl Iterator<Item = &'static Contender> {
    CONTENDERS
        .iter()
        .filter(move |contender| contender.language == language)
}

impl Measured {
    fn new(contender: Contender, mode: Mode, has_disk: bool, goal: Value) -> Self {
        Self {
            contender,
            mode,
            has_disk,
            goal,
            medians: Vec::new(),
        }
    }

    /// One process's median.
    fn turn(&mut self, bench: &Bench, pace: &Pace, count: u32) -> Result<()> {
        let receiver = Receiver::start(0).doing(|| "cannot start a receiver".into())?;
        receiver
            .mode(self.mode)
            .doing(|| "the receiver takes no such mode".into())?;
        let spool = bench.folder.join(format!(
            "cost-{}-{}-{}",
            self.contender.language.part(),
            self.contender.who,
            self.medians.len()
        ));
        // Below a device nobody can make a folder, not even root.
        let spool = if self.has_disk {
            &spool
        } else {
            Path::new("/dev/null/spool")
        };
        let printed = self
            .contender
            .language
            .step(
                SUBJECT,
                "cost",
                &[
                    self.contender.who,
                    &receiver.dsn(),
                    &count.to_string(),
                    &pace.together.to_string(),
                    &pace.pause_ms.to_string(),
                ],
            )
            .env("TALLYLIGHT_SPOOL_DIR", spool)
            .captured()
            .run()?
            .stdout;
        let printed: Value = serde_json::from_str(&printed)
            .doing(|| "a benchmark printed what is no JSON document".into())?;
        let mut us: Vec<f64> = printed["us"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_f64)
            .collect();
        us.sort_by(f64::total_cmp);
        let median = us
            .get(us.len() / 2)
            .ok_or_else(|| Failure::new("a benchmark measured nothing"))?;
        self.medians.push(*median);
        Ok(())
    }
}

/// From before the import to after `init`, in fresh processes that take turns.
fn starts(bench: &Bench, language: Language) -> Result<Vec<Value>> {
    let turns = if bench.quick { 2 } else { 11 };
    let receiver = Receiver::start(0).doing(|| "cannot start a receiver".into())?;
    let contenders: Vec<_> = of(language).collect();
    let mut measured: Vec<(Vec<f64>, Vec<f64>)> = vec![Default::default(); contenders.len()];
    // The first turn is not counted: files come into the cache, and Python compiles what was not compiled yet.
    for turn in 0..=turns {
        for (contender, (times, memory)) in contenders.iter().zip(&mut measured) {
            let printed = language
                .step(SUBJECT, "startup", &[contender.who, &receiver.dsn()])
                .env("TALLYLIGHT_SPOOL_DIR", bench.folder.join("startup"))
                .captured()
                .run()?
                .stdout;
            let answer: Value = serde_json::from_str(&printed)
                .doing(|| "a start printed what is no JSON".into())?;
            if turn > 0 {
                times.extend(answer["ms"].as_f64());
                memory.extend(answer["mib"].as_f64());
            }
        }
    }
    let mut rows = Vec::new();
    for (group, unit, is_time) in [
        ("Import and init: time", "ms", true),
        ("Import and init: resident memory", "MiB", false),
    ] {
        for (contender, (times, memory)) in contenders.iter().zip(&measured) {
            let values = if is_time { times } else { memory };
            rows.push(row(
                group,
                contender,
                unit,
                values.clone(),
                Value::Null,
                None,
            ));
        }
    }
    Ok(rows)
}
