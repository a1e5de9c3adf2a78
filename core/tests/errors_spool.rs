//! What is on disk: delivered by a later process, bounded, and no danger to the host when it is
//! damaged, full or out of reach.

#![cfg(feature = "sentry")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod errors_support;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use errors_support::{Folder, PATIENCE, capture, capture_text, config, tally, wait_until};
use sentry_receiver::{Mode, Receiver};
use tallylight::Tallylight;
use tallylight::clock::Clock;
use tallylight::errors::store::{self, StoredState};
use tallylight::errors::{Category, DiscardReason, EventId, Outcome};

/// Leaves so many events in the folder, of an instance that is gone.
fn leave(receiver: &Receiver, folder: &Folder, count: usize) -> Vec<EventId> {
    receiver.mode(Mode::Down).unwrap();
    let tally = tally(receiver, folder);
    let ids = (0..count).map(|_| capture(&tally)).collect();
    drop(tally);
    receiver.mode(Mode::Ok).unwrap();
    ids
}

#[test]
fn a_damaged_file_costs_what_it_hit_and_no_more() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("damaged");
    leave(&receiver, &folder, 10);
    let file = folder.files().pop().unwrap();
    let mut bytes = fs::read(&file).unwrap();
    let place = bytes
        .windows(10)
        .rposition(|window| window == b"went wrong")
        .unwrap();
    bytes[place] ^= 0x20;
    fs::write(&file, bytes).unwrap();
    fs::write(file.with_file_name("9-0-0-0.spool"), vec![0x5a; 100_000]).unwrap();
    let tally = tally(&receiver, &folder);
    capture(&tally);
    assert!(receiver.wait_for(PATIENCE, |counts| counts.unique_events == 10));
    let answer = tally.errors().close_blocking(PATIENCE);
    assert_eq!((answer.captured, answer.sent), (1, 1));
    assert_eq!(receiver.counts().discarded["corrupt:error"], 2);
    assert!(folder.files().is_empty(), "{:?}", folder.files());
}

#[test]
fn a_spool_that_cannot_be_used_is_said_and_memory_serves() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("unusable");
    fs::write(folder.path(), "a file").unwrap();
    receiver.mode(Mode::Down).unwrap();
    let mut config = config(&receiver, &folder);
    config.errors.max_queue_bytes = 1 << 20;
    let tally = Tallylight::new(config).unwrap();
    let (_, outcome) = capture_text(&tally, Category::Error, r#"{"message":"a"}"#);
    assert_eq!(outcome, Outcome::Queued);
    let answer = tally.errors().delivery();
    assert!(!answer.durable);
    let why = answer.waiting_for.unwrap();
    assert!(why.contains("TALLYLIGHT_SPOOL_DIR"), "{why}");
    // Bounded, and counted past the bound.
    let big = format!(
        r#"{{"message":"b","extra":{{"x":"{}"}}}}"#,
        "ab ".repeat(3_000)
    );
    let outcomes: Vec<Outcome> = (0..400)
        .map(|number| {
            let event = big.replace("\"b\"", &format!("\"b{number}\""));
            capture_text(&tally, Category::Error, &event).1
        })
        .collect();
    let overflow = Outcome::Discarded(DiscardReason::QueueOverflow);
    assert!(outcomes.contains(&overflow));
    receiver.mode(Mode::Ok).unwrap();
    let answer = tally.errors().flush_blocking(PATIENCE);
    assert_eq!(answer.pending, 0);
    assert_eq!(answer.captured, 401);
    assert_eq!(answer.sent, receiver.counts().unique_events);
    assert_eq!(answer.reasons["queue_overflow"], answer.dropped);
    fs::remove_file(folder.path()).unwrap();
}

#[test]
fn memory_moves_to_a_disk_that_takes_it_again() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("mended");
    fs::write(folder.path(), "a file").unwrap();
    receiver.mode(Mode::Down).unwrap();
    let first = tally(&receiver, &folder);
    for _ in 0..20 {
        capture(&first);
    }
    assert!(!first.errors().delivery().durable);
    fs::remove_file(folder.path()).unwrap();
    wait_until("what is in memory is on disk", || {
        first.errors().delivery().durable
    });
    let answer = first.errors().delivery();
    assert_eq!((answer.captured, answer.pending), (20, 20));
    drop(first);
    receiver.mode(Mode::Ok).unwrap();
    let second = tally(&receiver, &folder);
    capture(&second);
    assert!(receiver.wait_for(PATIENCE, |counts| counts.unique_events == 21));
    assert_eq!(receiver.counts().repeated_events, 0);
}

#[test]
fn a_full_spool_drops_what_is_new_and_counts_it() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("full");
    receiver.mode(Mode::Down).unwrap();
    let mut config = config(&receiver, &folder);
    config.errors.max_spool_bytes = 1 << 20;
    let tally = Tallylight::new(config).unwrap();
    let overflow = Outcome::Discarded(DiscardReason::CacheOverflow);
    let mut taken = 0;
    for number in 0..1_000 {
        let event = format!(
            r#"{{"message":"m{number}","extra":{{"x":"{}"}}}}"#,
            "ab ".repeat(1_000)
        );
        match capture_text(&tally, Category::Error, &event).1 {
            Outcome::Spooled => taken += 1,
            outcome => assert_eq!(outcome, overflow),
        }
    }
    let on_disk: u64 = folder
        .files()
        .iter()
        .map(|file| fs::metadata(file).unwrap().len())
        .sum();
    assert!(on_disk <= 1 << 20, "{on_disk}");
    assert!(taken > 150, "{taken}");
    let answer = tally.errors().delivery();
    assert_eq!((answer.pending, answer.captured), (taken, 1_000));
    assert!(
        answer
            .waiting_for
            .unwrap()
            .contains("TALLYLIGHT_MAX_SPOOL_BYTES")
    );
    // As it empties it takes more.
    receiver.mode(Mode::Ok).unwrap();
    assert_eq!(tally.errors().flush_blocking(PATIENCE).sent, taken);
    wait_until("there is room again", || {
        let event = r#"{"message":"again"}"#;
        capture_text(&tally, Category::Error, event).1 == Outcome::Spooled
    });
}

#[test]
fn a_large_event_has_a_file_of_its_own() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("large");
    let tally = tally(&receiver, &folder);
    let attach = |bytes: &[u8]| {
        tally.errors().capture(&tallylight::errors::Item {
            category: Category::Error,
            id: errors_support::next_id(),
            payload: r#"{"message":"with a file"}"#,
            trace: None,
            attachments: &[tallylight::errors::Attachment {
                filename: "core",
                content_type: None,
                bytes,
            }],
            profile: None,
        })
    };
    assert_eq!(attach(&vec![0xfe; 9 << 20]), Outcome::Spooled);
    let too_large = Outcome::Discarded(DiscardReason::TooLarge);
    assert_eq!(attach(&vec![0xfe; 21 << 20]), too_large);
    let answer = tally.errors().flush_blocking(PATIENCE);
    assert_eq!((answer.sent, answer.dropped), (1, 1));
    assert_eq!(receiver.counts().items["attachment"], 1);
}

#[test]
fn age_goes_by_a_clock_that_may_be_set_back() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("age");
    receiver.mode(Mode::Down).unwrap();
    let hour = 3_600_000;
    let millis = Arc::new(AtomicU64::new(100 * hour));
    let mut config = config(&receiver, &folder);
    config.errors.max_spool_age = Duration::from_millis(hour);
    let clock = Clock::manual(Arc::clone(&millis));
    let tally = Tallylight::with_clock(config, clock).unwrap();
    capture(&tally);
    millis.store(50 * hour, Ordering::Relaxed);
    receiver.mode(Mode::Ok).unwrap();
    assert_eq!(
        tally.errors().flush_blocking(PATIENCE).sent,
        1,
        "set back is not old"
    );
    receiver.mode(Mode::Down).unwrap();
    capture(&tally);
    millis.store(52 * hour, Ordering::Relaxed);
    let answer = tally.errors().flush_blocking(PATIENCE);
    assert_eq!((answer.reasons["too_old"], answer.pending), (1, 0));
}

#[test]
fn without_a_spool_nothing_is_on_disk() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("memory");
    let mut config = config(&receiver, &folder);
    config.errors.spool = false;
    let tally = Tallylight::new(config).unwrap();
    let (_, outcome) = capture_text(&tally, Category::Error, r#"{"message":"a"}"#);
    assert_eq!(outcome, Outcome::Queued);
    assert_eq!(tally.errors().close_blocking(PATIENCE).sent, 1);
    assert!(!folder.path().exists());
}

#[test]
fn without_a_dsn_the_last_events_are_kept_to_be_read() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("local");
    let mut config = config(&receiver, &folder);
    config.errors.dsn = None;
    config.errors.local_events = 5;
    let tally = Tallylight::new(config.clone()).unwrap();
    assert!(!tally.errors().is_enabled());
    let ids: Vec<EventId> = (0..8).map(|_| capture(&tally)).collect();
    let answer = tally.errors().close_blocking(PATIENCE);
    assert_eq!((answer.captured, answer.sent, answer.pending), (8, 8, 0));
    assert!(answer.durable);
    let at = store::folder_of(&config.errors);
    let found = store::list(&at, 100).unwrap();
    assert_eq!(found.len(), 8);
    let newest = store::list(&at, 1).unwrap().remove(0);
    assert_eq!(newest.state, StoredState::Done);
    assert_eq!(newest.pid, std::process::id());
    assert!(newest.facts.contains("app@1.2.3"), "{}", newest.facts);
    assert!(
        SystemTime::now()
            .duration_since(newest.captured_at)
            .unwrap()
            < PATIENCE
    );
    let one = store::show(&at, ids[3]).unwrap().unwrap();
    assert_eq!(one.payload, errors_support::event(ids[3]));
    assert!(store::show(&at, EventId(1)).unwrap().is_none());
    assert_eq!(receiver.counts().requests, 0);
    assert!(
        store::list(&folder.path().join("none"), 9)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn the_local_store_keeps_the_newest() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("trim");
    let mut config = config(&receiver, &folder);
    config.errors.dsn = None;
    config.errors.local_events = 5;
    let mut last = EventId(0);
    for _ in 0..10 {
        let tally = Tallylight::new(config.clone()).unwrap();
        for _ in 0..3 {
            last = capture(&tally);
            // Their times tell them apart.
            std::thread::sleep(Duration::from_millis(2));
        }
        // What was left before is looked through once the first event is there.
        let at = store::folder_of(&config.errors);
        wait_until("the store is trimmed", || {
            store::list(&at, 100).unwrap().len() <= 12
        });
    }
    let found = store::list(&store::folder_of(&config.errors), 100).unwrap();
    assert!((5..=12).contains(&found.len()), "{}", found.len());
    assert_eq!(found[0].id, last);
}

#[test]
fn what_waits_can_be_read_while_its_process_works() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("read");
    receiver.mode(Mode::Down).unwrap();
    let config = config(&receiver, &folder);
    let tally = Tallylight::new(config.clone()).unwrap();
    let id = capture(&tally);
    for _ in 0..3 {
        let found = store::list(&store::folder_of(&config.errors), 10).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].id, found[0].state), (id, StoredState::Waiting));
    }
    receiver.mode(Mode::Ok).unwrap();
    assert_eq!(tally.errors().flush_blocking(PATIENCE).sent, 1);
    let found = store::list(&store::folder_of(&config.errors), 10).unwrap();
    assert!(found.iter().all(|stored| stored.state == StoredState::Done));
}

#[test]
fn two_instances_share_a_folder_and_take_nothing_from_each_other() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("shared");
    receiver.mode(Mode::Down).unwrap();
    let (one, two) = (tally(&receiver, &folder), tally(&receiver, &folder));
    for _ in 0..10 {
        capture(&one);
        capture(&two);
    }
    receiver.mode(Mode::Ok).unwrap();
    for tally in [&one, &two] {
        let answer = tally.errors().flush_blocking(PATIENCE);
        assert_eq!((answer.captured, answer.sent), (10, 10));
    }
    let counts = receiver.counts();
    assert_eq!((counts.unique_events, counts.repeated_events), (20, 0));
}
