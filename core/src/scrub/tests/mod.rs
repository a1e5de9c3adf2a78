//! What [`super`] promises, on stores of the tests' own: the process's is shared by all tests.

mod encodings;
mod hostile;
mod secrets;
mod store;

use std::borrow::Cow;
use std::sync::Arc;

use proptest::prelude::*;

use super::known::Known;
use super::store::Store;

/// What is known once these are registered.
fn known(secrets: &[impl AsRef<[u8]>]) -> Arc<Known> {
    let mut store = Store::new();
    for secret in secrets {
        store.register(secret.as_ref());
    }
    store.publish().expect("nothing was registered")
}

fn scrub<'a>(known: &Known, text: &'a str) -> Cow<'a, str> {
    super::scrub_with(known, text).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Text that holds no value: words, and nothing that joins a value before or after.
fn ordinary() -> impl Strategy<Value = String> {
    prop::string::string_regex("( (the|key|of|user|é|failed:|db-1|\\(line 4\\)|=|\"|,))* ").unwrap()
}

/// A credential of 16 bytes and more: printable ASCII, or any characters and line ends.
fn long_value() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z0-9]{40}",
        "[!-~][ -~]{14,80}[!-~]",
        "[!-~]([ -~]{0,20}[\"'\\\\\n\t/+%&é😀\u{7f}\u{85}]){4,12}[ -~]{8}[!-~]",
        "([A-Za-z0-9+/]{64}\n){1,30}[A-Za-z0-9+/]{20}==",
    ]
    .prop_filter("16 bytes, 4 different ones in each piece", |value| {
        value.len() >= 16
            && value
                .as_bytes()
                .windows(7)
                .all(|piece| super::value::different(piece) > 3)
    })
}

fn assert_gone(scrubbed: &str, spelling: &str) {
    for window in spelling.as_bytes().windows(16) {
        assert!(
            !scrubbed.as_bytes().windows(16).any(|it| it == window),
            "{:?} is left in {scrubbed:?}",
            String::from_utf8_lossy(window)
        );
    }
}
