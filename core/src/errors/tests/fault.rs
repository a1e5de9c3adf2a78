//! Captured = delivered + spooled + dropped with a reason, exactly: while the server flaps between
//! all its faults and processes are killed and started again.
//!
//! Each process writes every id into a journal before it captures it, and what it was told
//! afterwards. Files stay when they are done (`keeps_files`), so that in the end every record can be
//! found, and compared with what the server has.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sentry_receiver::{Answer, Mode, Receiver};

use super::KEEP;
use crate::config::Config;
use crate::errors::item::{Category, EventId, Item};
use crate::errors::spool::{Segment, State};

const JOURNAL: &str = "TALLYLIGHT_TEST_JOURNAL";
const SEED: &str = "TALLYLIGHT_TEST_SEED";
const PATIENCE: Duration = Duration::from_secs(60);

/// xorshift64*, <https://doi.org/10.1145/2845077>: the same faults for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides
    }

    fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.roll(to - from))
    }
}

fn spawn(role: &str, seed: u64, receiver: &Receiver, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "errors::tests::fault::process", "--ignored"])
        .env(KEEP, "1")
        .env(SEED, seed.to_string())
        .env(JOURNAL, folder.join(format!("{role}-{seed}.journal")))
        .env("TALLYLIGHT_DSN", receiver.dsn())
        .env("TALLYLIGHT_SPOOL_DIR", folder.join("spool"))
        .env("TALLYLIGHT_MAX_SPOOL_BYTES", "6000000")
        .env("TALLYLIGHT_STORM_LIMIT", "3")
        .env("TALLYLIGHT_REQUEST_TIMEOUT_MS", "150")
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "a process that the test below starts"]
fn process() {
    let (Ok(path), Ok(seed)) = (std::env::var(JOURNAL), std::env::var(SEED)) else {
        return;
    };
    let seed: u64 = seed.parse().unwrap();
    let mut dice = Dice(seed | 1);
    let tally = crate::init(Config::from_env().unwrap()).unwrap();
    if path.contains("drain-") {
        tally.errors().close_blocking(PATIENCE);
        return;
    }
    let mut journal = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    let started = Instant::now();
    for number in 0u64.. {
        let id = EventId((u128::from(seed) << 64) | u128::from(number));
        writeln!(journal, "? {id}").unwrap();
        let text = if dice.roll(4) == 0 {
            "the same".to_owned()
        } else {
            format!("number {id} {}", "x".repeat(dice.roll(3_000) as usize))
        };
        let outcome = tally.errors().capture(&Item {
            category: Category::Error,
            id,
            payload: &serde_json::json!({ "event_id": id.to_string(), "message": text })
                .to_string(),
            trace: None,
            attachments: &[],
            profile: None,
        });
        writeln!(journal, "{} {id}", outcome.name()).unwrap();
        match dice.roll(40) {
            0 => {
                tally.errors().flush_blocking(dice.millis(1, 50));
            }
            // An orderly end, which mostly comes before the kill does.
            1 if started.elapsed() > Duration::from_millis(500) => {
                tally.errors().close_blocking(dice.millis(1, 200));
                return;
            }
            2..30 => std::thread::sleep(dice.millis(2, 16)),
            _ => {}
        }
    }
}

fn flap(receiver: &Receiver, dice: &mut Dice, is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        let answer = match dice.roll(8) {
            0 => Answer {
                rate_limits: Some("0.2:error:organization".into()),
                ..Answer::new(Mode::RateLimit)
            },
            1 => Answer {
                retry_after: Some(0),
                ..Answer::new(Mode::RateLimit)
            },
            2 => Answer::new(Mode::ServerError),
            3 => Answer::new(Mode::Hang),
            4 => Answer::new(Mode::Down),
            5 => Answer::new(Mode::Refuse),
            6 => Answer::new(Mode::Lost),
            _ => Answer::new(Mode::Ok),
        };
        receiver.set(answer).unwrap();
        std::thread::sleep(dice.millis(20, 200));
    }
    receiver.mode(Mode::Ok).unwrap();
}

/// What the journals say: what each id's capture answered; `None` where its process was killed in
/// the midst.
fn journals(folder: &Path) -> HashMap<String, Option<String>> {
    let mut told = HashMap::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry
            .path()
            .extension()
            .is_none_or(|found| found != "journal")
        {
            continue;
        }
        for line in fs::read_to_string(entry.path()).unwrap().lines() {
            // The last line may be cut.
            let Some((what, id)) = line.split_once(' ').filter(|(_, id)| id.len() == 32) else {
                continue;
            };
            let what = (what != "?").then(|| what.to_owned());
            told.insert(id.to_owned(), what);
        }
    }
    told
}

/// Every record of every file: its state, and how many copies it stands for.
fn records(folder: &Path) -> HashMap<String, Vec<(State, u32)>> {
    let mut found: HashMap<String, Vec<(State, u32)>> = HashMap::new();
    for spool in fs::read_dir(folder.join("spool")).unwrap().flatten() {
        for entry in fs::read_dir(spool.path()).unwrap().flatten() {
            let path = entry.path();
            if !["spool", "done"]
                .iter()
                .any(|wanted| path.extension().is_some_and(|found| found == *wanted))
            {
                continue;
            }
            let mut bytes = Vec::new();
            File::open(&path).unwrap().read_to_end(&mut bytes).unwrap();
            let (segment, records) = Segment::of_bytes(&bytes).unwrap();
            for (at, head) in records {
                if head.category.is_some() {
                    let record = segment.read(at).unwrap();
                    found
                        .entry(head.id.to_string())
                        .or_default()
                        .push((segment.state(at).unwrap(), record.copies));
                }
            }
        }
    }
    found
}

#[test]
fn every_event_is_in_exactly_one_place() {
    let seed = std::env::var("TALLYLIGHT_TEST_FAULT_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| RandomState::new().hash_one(0u8) | 1);
    println!("TALLYLIGHT_TEST_FAULT_SEED={seed}");
    let mut dice = Dice(seed);
    let folder = super::folder("fault");
    let receiver = Receiver::start(0).unwrap();
    let is_over = AtomicBool::new(false);
    let mut kills = 0;
    std::thread::scope(|scope| {
        let mut faults = Dice(seed ^ 0xabcd);
        let (receiver, is_over) = (&receiver, &is_over);
        scope.spawn(move || flap(receiver, &mut faults, is_over));
        let started = Instant::now();
        let mut running: Vec<Child> = Vec::new();
        while started.elapsed() < Duration::from_secs(12) {
            while running.len() < 2 {
                running.push(spawn(
                    "work",
                    dice.roll(u64::MAX >> 33),
                    receiver,
                    folder.path(),
                ));
            }
            std::thread::sleep(dice.millis(100, 500));
            let mut victim = running.swap_remove(dice.roll(2) as usize);
            let is_running = victim.try_wait().unwrap().is_none();
            kills += u32::from(is_running);
            let _ = victim.kill();
            victim.wait().unwrap();
        }
        for mut victim in running {
            let _ = victim.kill();
            victim.wait().unwrap();
        }
        is_over.store(true, Ordering::Relaxed);
    });
    check(&receiver, folder.path(), false);
    let drained = (0..10).any(|number| {
        let mut drain = spawn("drain", number, &receiver, folder.path());
        drain.wait().unwrap();
        records(folder.path())
            .values()
            .flatten()
            .all(|(state, _)| !state.is_pending())
    });
    assert!(drained, "the spool is emptied once the server answers");
    let captured = check(&receiver, folder.path(), true);
    assert!(
        kills > 5 && captured > 500,
        "{kills} kills, {captured} events"
    );
}

/// Compares what processes were told with what there is; how many events there were.
fn check(receiver: &Receiver, folder: &Path, is_drained: bool) -> usize {
    let told = journals(folder);
    let records = records(folder);
    let delivered = receiver.event_ids();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    let mut captured = 0;
    let mut killed_in_memory = 0;
    for (id, answer) in &told {
        let found = records.get(id).map_or(&[][..], Vec::as_slice);
        assert!(found.len() <= 1, "{id} lies in several places: {found:?}");
        let is_delivered = delivered.contains(id);
        let place = match (found.first().map(|(state, _)| *state), answer.as_deref()) {
            (Some(State::Done), _) => {
                assert!(is_delivered, "{id} counts as sent, and no server has it");
                "delivered"
            }
            // Taken, and killed or not told before it could be marked: it goes again, as itself.
            (Some(State::Waiting | State::Held), _) => {
                assert!(!is_drained, "{id} still waits");
                if is_delivered { "delivered" } else { "spooled" }
            }
            (Some(State::Dropped(reason)), _) => {
                assert!(!is_delivered, "{id} was dropped and delivered");
                reason.name()
            }
            (Some(State::Writing | State::Moved), _) => unreachable!("these are no records"),
            (None, Some("spooled")) => panic!("{id} was spooled, and is nowhere"),
            // It was told that the disk did not take it.
            (None, Some("queued")) => {
                if is_delivered {
                    "delivered"
                } else {
                    killed_in_memory += 1;
                    "lost with its process's memory"
                }
            }
            (None, Some(reason)) => {
                assert!(!is_delivered, "{id} was dropped and delivered");
                reason
            }
            // Killed in the midst of the capture: nobody was told that it was captured.
            (None, None) => {
                assert!(!is_delivered);
                continue;
            }
        };
        captured += 1;
        *counts.entry(place).or_default() += 1;
    }
    let known: HashSet<&String> = told.keys().collect();
    for id in delivered.iter().chain(records.keys()) {
        assert!(known.contains(id), "{id} was never captured");
    }
    assert_eq!(captured, counts.values().sum::<usize>());
    // Who was told that another event stands for it is counted there; who was killed may be.
    let copies: usize = records
        .values()
        .flatten()
        .map(|(_, copies)| *copies as usize - 1)
        .sum();
    let storm = told
        .values()
        .filter(|answer| answer.as_deref() == Some("storm"))
        .count();
    let untold = told.values().filter(|answer| answer.is_none()).count();
    assert!(
        (storm..=storm + untold).contains(&copies),
        "{storm} copies, {copies} counted, {untold} untold"
    );
    println!("captured {captured}: {counts:?}; {killed_in_memory} in memory");
    captured
}
