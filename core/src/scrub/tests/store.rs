//! What is kept, what is forgotten, and who may ask meanwhile.

use std::thread;

use super::{known, scrub};
use crate::scrub::store::{MAX_MEMORY, Store};

fn secret(number: usize) -> String {
    let mixed = (number as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    format!(
        "{mixed:016x}{:016x}",
        mixed.rotate_left(29) ^ 0xA5A5_1234_9876_BCDE
    )
}

#[test]
fn a_value_is_kept_once() {
    let mut store = Store::new();
    assert!(store.register(b"correct horse battery staple"));
    let before = store.stats();
    assert!(!store.register(b"correct horse battery staple"));
    assert!(!store.register(b" correct horse battery staple\n"));
    assert_eq!(store.stats(), before);
    assert_eq!(before.values, 1);
}

#[test]
fn memory_is_bounded_and_those_not_registered_for_longest_go_first() {
    let mut store = Store::new();
    let mut registered = 0;
    while store.stats().evicted == 0 {
        store.register(secret(registered).as_bytes());
        if registered % 100 == 0 {
            store.register(secret(0).as_bytes());
        }
        registered += 1;
        assert!(store.stats().bytes <= MAX_MEMORY);
    }
    assert!(registered > 1000, "no room for {registered} keys");
    let known = store.publish().unwrap();
    for kept in [0, 2, registered - 1] {
        assert_eq!(scrub(&known, &secret(kept)), "[redacted]", "{kept}");
    }
    assert_eq!(scrub(&known, &secret(1)), secret(1));
}

#[test]
fn long_secrets_are_known_by_their_beginning_and_the_bound_holds() {
    let mut store = Store::new();
    let long: String = (0..4000).map(secret).collect();
    store.register(long.as_bytes());
    assert_eq!(store.stats().cut, 1);
    assert!(store.stats().bytes < 2 << 20, "{:?}", store.stats());
    let known = store.publish().unwrap();
    assert_eq!(scrub(&known, &long[..64 << 10]), "[redacted]");
    assert_eq!(scrub(&known, &long[30_000..30_056]), "[redacted]");
    for number in 0..100 {
        let other: String = (number * 4000..number * 4000 + 2000).map(secret).collect();
        store.register(other.as_bytes());
    }
    assert!(store.stats().bytes <= MAX_MEMORY);
    assert!(store.stats().evicted > 0);
}

#[test]
fn what_is_too_short_is_counted() {
    let mut store = Store::new();
    assert!(!store.register(b"abc"));
    assert!(!store.register(b""));
    assert!(!store.register(b" \n"));
    assert_eq!((store.stats().too_short, store.stats().values), (1, 0));
    assert!(store.publish().is_none());
}

#[test]
fn all_can_be_forgotten() {
    let mut store = Store::new();
    store.register(secret(1).as_bytes());
    store.forget_all();
    assert!(store.publish().is_none());
    assert_eq!((store.stats().values, store.stats().bytes), (0, 0));
    store.register(secret(1).as_bytes());
    assert_eq!(scrub(&store.publish().unwrap(), &secret(1)), "[redacted]");
}

#[test]
fn neither_a_value_nor_a_place_for_one_is_shown_by_debug() {
    let value = crate::scrub::reach::value(secret(1).as_bytes());
    assert_eq!(format!("{value:?}"), "Value(Parts, [redacted])");
}

#[test]
fn what_one_thread_registers_every_thread_redacts() {
    // The process's own store, which other tests use too: never forgotten here.
    thread::scope(|scope| {
        for group in 0..4 {
            scope.spawn(move || {
                for number in group * 100..group * 100 + 25 {
                    let secret = secret(number + 1_000_000);
                    crate::scrub::register(secret.as_bytes());
                    let text = format!("number {number}: {secret}");
                    let clean = format!("number {number}: [redacted]");
                    assert_eq!(crate::scrub(&text), clean);
                    assert_eq!(crate::scrub::scrub_bytes(text.as_bytes()), clean.as_bytes());
                    let mut document = serde_json::json!({ "text": text });
                    crate::scrub::scrub_json(&mut document);
                    assert_eq!(document, serde_json::json!({ "text": clean }));
                }
            });
        }
    });
    assert!(crate::scrub::stats().values >= 100);
    assert!(matches!(
        crate::scrub("nothing secret"),
        std::borrow::Cow::Borrowed("nothing secret")
    ));
}

#[test]
fn many_values_are_all_known() {
    let secrets: Vec<_> = (0..1000).map(secret).collect();
    let known = known(&secrets);
    for secret in &secrets {
        assert_eq!(scrub(&known, &format!("<{secret}>")), "<[redacted]>");
    }
}
