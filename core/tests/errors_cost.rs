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
