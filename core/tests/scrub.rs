//! What `scrub` promises to whoever has read a secret: from then on it leaves no more, whoever
//! prints it, until `shutdown`, which leaves none of it in memory.
#![cfg(feature = "secrets-aws")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::borrow::Cow;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use tallylight::{Config, Tallylight, scrub};

/// One test at a time: what is known is known to the process.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn holding(value: impl Into<Vec<u8>>) -> Tallylight {
    let tally = Tallylight::new(Config::default()).unwrap();
    tally.secrets().set_override("a-secret", value).unwrap();
    tally
}

#[test]
fn a_secret_is_redacted_from_its_first_reading_on() {
    let _alone = alone();
    let value = "5tr0ng-Canary/of\"tests\"+7";
    let text = |value: &str| format!("refused {value:?} at db-1");
    assert!(matches!(scrub(&text(value)), Cow::Borrowed(same) if same == text(value)));
    let tally = holding(value);
    assert_eq!(scrub(&text(value)), "refused \"[redacted]\" at db-1");
    let in_a_thread = thread::spawn(move || scrub(&text(value)).into_owned());
    assert_eq!(
        in_a_thread.join().unwrap(),
        "refused \"[redacted]\" at db-1"
    );
    assert!(matches!(scrub("refused at db-1"), Cow::Borrowed(_)));
    tally.shutdown();
    assert_eq!(scrub(&text(value)), text(value));
}

#[test]
fn of_a_document_each_credential_is_redacted_and_no_name() {
    let _alone = alone();
    let tally = holding(
        r#"{"username":"cineview","password":"w8;Gq2-zRt5","host":"db-prod.example.internal"}"#,
    );
    assert_eq!(
        scrub("postgres://cineview:w8;Gq2-zRt5@db-prod.example.internal/cineview"),
        "postgres://cineview:[redacted]@db-prod.example.internal/cineview"
    );
    tally.shutdown();
}

#[test]
fn a_common_word_is_redacted_only_where_it_is_the_whole_text() {
    let _alone = alone();
    let tally = holding("production");
    assert_eq!(scrub("started in production"), "started in production");
    assert_eq!(scrub("production"), "[redacted]");
    tally.shutdown();
}

/// How often the memory that this process can write to holds what these bytes mask.
#[cfg(target_os = "linux")]
fn copies_in_memory(masked: &[u8], mask: u8) -> usize {
    use std::io::{Read, Seek, SeekFrom};

    let mut memory = std::fs::File::open("/proc/self/mem").unwrap();
    let mut page = vec![0; 4096 + masked.len() - 1];
    let mut copies = 0;
    for line in std::fs::read_to_string("/proc/self/maps").unwrap().lines() {
        let mut columns = line.split(' ');
        let (start, end) = columns.next().unwrap().split_once('-').unwrap();
        if !columns.next().unwrap().starts_with("rw") {
            continue;
        }
        let [start, end] = [start, end].map(|it| u64::from_str_radix(it, 16).unwrap());
        for place in (start..end).step_by(4096) {
            page.fill(0);
            let read = memory
                .seek(SeekFrom::Start(place))
                .and_then(|_| memory.read(&mut page));
            if read.is_ok() {
                copies += page
                    .windows(masked.len())
                    .filter(|window| {
                        window
                            .iter()
                            .zip(masked)
                            .all(|(byte, other)| byte ^ mask == *other)
                    })
                    .count();
            }
        }
    }
    copies
}

#[cfg(target_os = "linux")]
#[test]
fn shutdown_leaves_no_copy_in_memory() {
    const MASK: u8 = 0xA7;
    let _alone = alone();
    let masked: Vec<u8> = (0..40_u8)
        .map(|place| (b'!' + place.wrapping_mul(37) % 90) ^ MASK)
        .collect();
    // A part from the middle: an allocator writes over the beginning of what it takes back.
    let part = &masked[20..32];
    let tally = holding(masked.iter().map(|byte| byte ^ MASK).collect::<Vec<u8>>());
    {
        let mut text: Vec<u8> = b"not \\\"it\\\": ".to_vec();
        text.reserve_exact(64);
        text.extend(masked.iter().map(|byte| byte ^ MASK));
        let mut text = String::from_utf8(text).unwrap();
        assert_eq!(scrub(&text), "not \\\"it\\\": [redacted]");
        // The caller's text is the caller's to wipe.
        text.clear();
        text.extend(std::iter::repeat_n('x', text.capacity()));
    }
    assert!(copies_in_memory(part, MASK) > 0, "the search finds nothing");
    tally.shutdown();
    drop(tally);
    assert_eq!(copies_in_memory(part, MASK), 0);
}
