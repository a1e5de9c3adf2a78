//! What a capture costs its caller: the same whether the server answers, hangs, or the disk takes
//! nothing. The figures beside the peers' are `cargo xtask bench errors`'.

#![cfg(feature = "sentry")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod errors_support;

use std::time::{Duration, Instant};

use errors_support::{Folder, config, next_id};
use sentry_receiver::{Mode, Receiver};
use tallylight::Tallylight;
use tallylight::errors::{Category, Item, Outcome};

const EVENTS: usize = 1_000;

/// An ordinary error: ten frames, twenty breadcrumbs, some 4 KB.
fn event(number: usize) -> String {
    let frames: Vec<String> = (0..10)
        .map(|line| format!(r#"{{"function":"handler{line}","filename":"src/route.js","abs_path":"/srv/app/src/route.js","lineno":{line},"colno":5,"in_app":true}}"#))
        .collect();
    let crumbs: Vec<String> = (0..20)
        .map(|at| format!(r#"{{"timestamp":1700000000.{at},"category":"http","message":"GET https://api.example.com/items/{at}","data":{{"status_code":200}}}}"#))
        .collect();
    format!(
        r#"{{"level":"error","platform":"node","exception":{{"values":[{{"type":"TypeError","value":"cannot read {number}","stacktrace":{{"frames":[{}]}}}}]}},"breadcrumbs":{{"values":[{}]}}}}"#,
        frames.join(","),
        crumbs.join(",")
    )
}

/// The median cost of a capture while the server and the disk are so.
fn median(mode: Mode, disk: bool) -> Duration {
    let receiver = Receiver::start(0).unwrap();
    receiver.mode(mode).unwrap();
    let folder = Folder::new("cost");
    if !disk {
        std::fs::write(folder.path(), "in the way").unwrap();
    }
    let tally = Tallylight::new(config(&receiver, &folder)).unwrap();
    let mut costs: Vec<Duration> = (0..EVENTS)
        .map(|number| {
            let payload = event(number);
            let started = Instant::now();
            let outcome = tally.errors().capture(&Item {
                category: Category::Error,
                id: next_id(),
                payload: &payload,
                trace: None,
                attachments: &[],
                profile: None,
            });
            let cost = started.elapsed();
            let wanted = if disk {
                Outcome::Spooled
            } else {
                Outcome::Queued
            };
            assert_eq!(outcome, wanted);
            cost
        })
        .collect();
    costs.sort_unstable();
    println!(
        "{mode:?}, disk {disk}: median {:?}, 99 % {:?}, most {:?}",
        costs[EVENTS / 2],
        costs[EVENTS * 99 / 100],
        costs[EVENTS - 1]
    );
    if !disk {
        std::fs::remove_file(folder.path()).unwrap();
    }
    costs[EVENTS / 2]
}

#[test]
fn a_capture_never_waits_for_the_server_or_the_disk() {
    let usual = median(Mode::Ok, true);
    for (mode, disk) in [(Mode::Hang, true), (Mode::Down, true), (Mode::Hang, false)] {
        let cost = median(mode, disk);
        // Twice is what is promised; the machine that runs this has other work.
        assert!(cost <= usual * 4, "{cost:?} beside {usual:?}");
    }
}

/// Bytes of this process's own memory, files not counted; none where the system does not tell.
fn own_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("RssAnon:"))?;
    let kib: u64 = line.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(kib << 10)
}

#[test]
fn a_burst_takes_no_more_memory_than_it_may() {
    let receiver = Receiver::start(0).unwrap();
    receiver.mode(Mode::Down).unwrap();
    let folder = Folder::new("burst");
    let bound = 8 << 20;
    for spool in [false, true] {
        let mut config = config(&receiver, &folder);
        config.errors.spool = spool;
        config.errors.max_queue_bytes = bound;
        config.errors.max_spool_bytes = 32 << 20;
        let tally = Tallylight::new(config).unwrap();
        let before = own_memory();
        for number in 0..20_000 {
            let _ = tally.errors().capture(&Item {
                category: Category::Error,
                id: next_id(),
                payload: &event(number),
                trace: None,
                attachments: &[],
                profile: None,
            });
        }
        let answer = tally.errors().delivery();
        assert_eq!(answer.captured, answer.pending + answer.dropped);
        assert!(answer.dropped > 0 && answer.pending > 1_000, "{answer:?}");
        if let (Some(before), Some(after)) = (before, own_memory()) {
            let grown = after.saturating_sub(before);
            println!(
                "spool {spool}: {} KiB for {} events",
                grown >> 10,
                answer.pending
            );
            // The other tests of this program run beside it.
            assert!(grown < 2 * bound as u64 + (16 << 20), "{grown}");
        }
    }
}
