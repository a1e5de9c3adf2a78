use std::fs;

use super::*;
use crate::errors::item::{Category, DiscardReason, EventId, Item};
use crate::errors::report::Discards;
use crate::errors::tests::folder;

const ABOUT: About = About {
    created: 1,
    pid: 42,
};

fn head(number: u128) -> Head {
    Head {
        category: Some(Category::Error),
        id: EventId(number),
        captured_at: 5,
        fingerprint: 9,
    }
}

fn put(segment: &Segment, number: u128, text: &str) -> u32 {
    segment
        .append(&head(number), &Parts::payload(text), State::Waiting)
        .unwrap()
}

/// The file as it is when its process is killed: the lock is gone, the mapping too.
fn left_behind(segment: Segment) -> PathBuf {
    let path = segment.path().unwrap().to_owned();
    drop(segment);
    path
}

#[test]
fn what_a_killed_process_left_is_found() {
    let folder = folder("segment-left");
    let segment = Segment::create(folder.path(), "a.spool", 1 << 16, ABOUT).unwrap();
    let first = put(&segment, 1, "one");
    put(&segment, 2, "two");
    let third = put(&segment, 3, "three");
    segment.set_state(first, State::Dropped(DiscardReason::TooOld));
    segment.add_copy(third);
    segment.add_attempt(third);
    segment.ledger_add(DiscardReason::TooOld, Category::Error, 1);
    let path = left_behind(segment);

    let found = Segment::adopt(&path, &folder.path().join("b.spool")).unwrap();
    assert!(!path.exists() && folder.path().join("b.spool").exists());
    assert_eq!(found.damaged, 0);
    assert_eq!(found.segment.about(), ABOUT);
    let states: Vec<_> = found
        .records
        .iter()
        .map(|(at, head)| (head.id.0, found.segment.state(*at).unwrap()))
        .collect();
    let waits = State::Waiting;
    let too_old = State::Dropped(DiscardReason::TooOld);
    assert_eq!(states, [(1, too_old), (2, waits), (3, waits)]);
    let record = found.segment.read(found.records[2].0).unwrap();
    assert_eq!((record.copies, record.attempts), (2, 1));
    assert_eq!(record.contents().unwrap().payload, "three");
    assert_eq!(
        found.segment.ledger().iter().collect::<Vec<_>>(),
        [(DiscardReason::TooOld, Category::Error, 1)]
    );
    let mut reported = Discards::default();
    reported.add(DiscardReason::TooOld, Category::Error, 1);
    found.segment.ledger_subtract(&reported);
    assert!(found.segment.ledger().is_empty());
}

#[test]
fn space_is_allocated_for_real() {
    let folder = folder("segment-space");
    let segment = Segment::create(folder.path(), "a.spool", 1 << 20, ABOUT).unwrap();
    let metadata = fs::metadata(segment.path().unwrap()).unwrap();
    assert_eq!(metadata.len(), 1 << 20);
    assert!(metadata.blocks() * 512 >= 1 << 20, "{}", metadata.blocks());
    assert_eq!(metadata.mode() & 0o777, 0o600);
}

#[test]
fn a_full_segment_takes_no_more() {
    let segment = Segment::anonymous(FIRST + 3 * ALIGN, ABOUT).unwrap();
    put(&segment, 1, "one");
    assert!(!segment.has_room(100));
    assert!(
        segment
            .append(&head(2), &Parts::payload(&"x".repeat(100)), State::Waiting)
            .is_none()
    );
    assert!(!segment.is_durable());
}

#[test]
fn damage_costs_only_what_it_hit() {
    let folder = folder("segment-damage");
    let segment = Segment::create(folder.path(), "a.spool", 1 << 16, ABOUT).unwrap();
    for number in 0..10 {
        put(&segment, number, &"text ".repeat(40));
    }
    let fourth = put(&segment, 10, "victim");
    put(&segment, 11, "after");
    let path = left_behind(segment);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    // One payload flipped, and one head overwritten.
    file.write_all_at(b"VICTIM", u64::from(fourth) + HEAD as u64 + 8)
        .unwrap();
    file.write_all_at(&[0xff; HEAD], FIRST as u64).unwrap();
    drop(file);
    let found = Segment::adopt(&path, &folder.path().join("b.spool")).unwrap();
    let ids: Vec<u128> = found.records.iter().map(|(_, head)| head.id.0).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6, 7, 8, 9, 11]);
    assert_eq!(found.damaged, 2);
}

#[test]
fn records_survive_a_damaged_first_page() {
    let folder = folder("segment-page");
    let segment = Segment::create(folder.path(), "a.spool", 1 << 16, ABOUT).unwrap();
    put(&segment, 1, "one");
    let path = left_behind(segment);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&[7; 40], 0).unwrap();
    drop(file);
    let found = Segment::adopt(&path, &folder.path().join("b.spool")).unwrap();
    assert_eq!((found.records.len(), found.damaged), (1, 1));
}

#[test]
fn what_is_no_segment_is_left_alone() {
    let folder = folder("segment-none");
    let target = folder.path().join("b.spool");
    let path = folder.path().join("a.spool");
    fs::write(&path, "too short").unwrap();
    assert!(matches!(
        Segment::adopt(&path, &target),
        Err(Unusable::Damaged)
    ));
    fs::write(&path, vec![0xaa; 1 << 14]).unwrap();
    assert!(matches!(
        Segment::adopt(&path, &target),
        Err(Unusable::Damaged)
    ));
    let mut page = vec![0; 1 << 14];
    page[..64].copy_from_slice(&first_page(1 << 14, ABOUT));
    page[8] = 2;
    let sum = crc32fast::hash(&page[..48]);
    page[48..52].copy_from_slice(&sum.to_le_bytes());
    fs::write(&path, page).unwrap();
    assert!(matches!(
        Segment::adopt(&path, &target),
        Err(Unusable::Newer)
    ));
    assert!(path.exists());
}

#[test]
fn an_unfinished_record_is_none() {
    let folder = folder("segment-unfinished");
    let segment = Segment::create(folder.path(), "a.spool", 1 << 16, ABOUT).unwrap();
    put(&segment, 1, "one");
    let item = Item {
        category: Category::Error,
        id: EventId(2),
        payload: "two",
        trace: None,
        attachments: &[],
        profile: None,
    };
    segment.append(&head(2), &Parts::of(&item), State::Writing);
    // And one of which only the payload was there.
    segment.map.write(segment.used() + HEAD, &[0x5a; 1_000]);
    let path = left_behind(segment);
    let found = Segment::adopt(&path, &folder.path().join("b.spool")).unwrap();
    assert_eq!((found.records.len(), found.damaged), (1, 0));
}
