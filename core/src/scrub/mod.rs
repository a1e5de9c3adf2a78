//! Keeps secrets out of whatever leaves the process.
//!
//! Whoever hands out a secret registers it first (`register`); whoever lets text out passes it
//! through `scrub`, whole, before cutting it to size: events, logs, the status document, labels,
//! files. Then no registered value is in it, as it is, in base64 or hex, or escaped, but
//! `[redacted]` in its place. How far a value reaches, and which are too short or too common to be
//! redacted in the midst of a text, is the table of `reach.rs`. JSON is scrubbed field by field
//! (`scrub_json`, `scrub_json_text`), so that it stays JSON and short values are found in it.
//!
//! A text is looked through once for the *anchors* of all values (`anchors.rs`); when it has
//! backslashes or percent signs, once more with each layer of escapes undone (`escapes.rs`). That
//! takes no lock, and one load while no secret is known. The work is linear in the text, whatever
//! that holds.
//!
//! # What stays in memory
//! This is one more holder of each value in plain, as long as the process may print it: until
//! `forget_all`, or until it is forgotten for want of room. Values and anchors are wiped then, as
//! soon as the last running `scrub` ends; so is each text with its escapes undone. Not wiped is
//! what is not ours: the texts passed in, and the scrubbed copies of them. An anchor gives 25 bits
//! of a keyed hash of seven characters, until it is wiped too.
//!
//! # What it does not find
//! A value that was changed: split by other text into parts under 16 bytes, reversed, compressed,
//! encrypted, in another case or another encoding than those named, escaped more than three times
//! over or in base64 twice. A part with fewer than 4 different bytes in each 7. A short end, up to
//! 15 bytes, of a value that other text cuts. Where a value itself looks escaped, the end of one
//! that was escaped in two ways at once.

mod anchors;
mod escapes;
mod forms;
mod json;
mod keys;
mod known;
mod parts;
mod reach;
mod search;
mod store;
mod value;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwapOption;
use parking_lot::Mutex;

use crate::fork;
use known::Known;
pub use store::ScrubberStatus;
use store::Store;

/// What stands in the place of a secret.
pub(crate) const REDACTED: &str = "[redacted]";
/// How often a text is scrubbed when what is left may, with "[redacted]" beside it, be a value.
const MAX_ROUNDS: usize = 8;

/// Taken inside the fork gate; whoever holds it takes no other lock.
static STORE: Mutex<Store> = Mutex::new(Store::new());
static KNOWN: ArcSwapOption<Known> = ArcSwapOption::const_empty();
/// Whether [`KNOWN`] is anything. Whoever holds a secret has it from someone who registered it, so
/// no order beside that is needed.
static IS_ANY_KNOWN: AtomicBool = AtomicBool::new(false);

/// The text with every known secret replaced by `[redacted]`.
///
/// Known is every value that `Secrets` has answered in this process, and each credential within
/// one (the password of a database's JSON or URL); found is also what was escaped for JSON, a URL
/// or source code, or encoded in base64 or hex. A value shorter than 8 bytes, or a word that anyone
/// may write, is redacted only where it is the whole text; one shorter than 4, never. One of up to
/// 15 is redacted where no letter or digit stands beside it; of a longer one, parts of 16 bytes and
/// more too.
///
/// Borrowed when there is nothing to redact. Never waits. Scrub a text before cutting it to size:
/// of a secret that a cut has shortened, the rest may be too short to be known.
///
/// ```
/// assert_eq!(tallylight::scrub("nothing secret"), "nothing secret");
/// ```
#[must_use]
pub fn scrub(text: &str) -> Cow<'_, str> {
    with_known(|known| scrub_with(known, text)).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// As [`scrub`], for what may be no text. What is UTF-8 stays UTF-8.
pub(crate) fn scrub_bytes(bytes: &[u8]) -> Cow<'_, [u8]> {
    with_known(|known| redact(known, bytes)).map_or(Cow::Borrowed(bytes), Cow::Owned)
}

/// Scrubs every string and key of a document, each as a whole text, and every number that is a
/// known value of 8 digits or more.
pub(crate) fn scrub_json(document: &mut serde_json::Value) {
    with_known(|known| {
        json::scrub(known, document);
        Some(())
    });
}

/// As [`scrub_json`], of a document that is written already: valid JSON, which it stays, its
/// fields in their order. Text that is no JSON is scrubbed as text.
pub(crate) fn scrub_json_text(document: &str) -> Cow<'_, str> {
    with_known(|known| json::scrub_text(known, document))
        .map_or(Cow::Borrowed(document), Cow::Owned)
}

/// Has a secret redacted from now on. To be called before anyone gets to see it, and each time
/// that it is fetched: those not seen for longest are the first to be forgotten for want of room.
pub(crate) fn register(secret: &[u8]) {
    register_all([secret]);
}

/// As [`register`], of many at once, which costs as much as of one.
pub(crate) fn register_all<'a>(secrets: impl IntoIterator<Item = &'a [u8]>) {
    // Where no lock may be taken, no secret is handed out either.
    let Some(_inside) = fork::enter() else {
        return;
    };
    let mut store = STORE.lock();
    let mut is_news = false;
    for secret in secrets {
        is_news |= store.register(secret);
    }
    if is_news {
        let known = store.publish();
        let is_any_known = known.is_some();
        KNOWN.store(known);
        IS_ANY_KNOWN.store(is_any_known, Ordering::Release);
    }
}

/// Forgets and wipes every value.
pub(crate) fn forget_all() {
    let Some(_inside) = fork::enter() else {
        return;
    };
    let mut store = STORE.lock();
    IS_ANY_KNOWN.store(false, Ordering::Release);
    KNOWN.store(None);
    store.forget_all();
}

/// What is known, in numbers.
#[cfg(any(test, feature = "secrets-aws"))]
pub(crate) fn stats() -> ScrubberStatus {
    let inside = fork::enter();
    inside.map_or_else(ScrubberStatus::default, |_inside| STORE.lock().stats())
}

fn with_known<T>(scrub: impl FnOnce(&Known) -> Option<T>) -> Option<T> {
    if !IS_ANY_KNOWN.load(Ordering::Relaxed) {
        return None;
    }
    KNOWN.load().as_deref().and_then(scrub)
}

/// The text scrubbed, if there is anything to redact.
fn scrub_with(known: &Known, text: &str) -> Option<String> {
    let scrubbed = redact(known, text.as_bytes())?;
    // Only whole characters are replaced.
    Some(String::from_utf8(scrubbed).unwrap_or_else(|_| REDACTED.to_owned()))
}

fn redact(known: &Known, text: &[u8]) -> Option<Vec<u8>> {
    let mut scrubbed = redact_once(known, text)?;
    if known.has_bracket() {
        for _ in 1..MAX_ROUNDS {
            match redact_once(known, &scrubbed) {
                Some(again) if again != scrubbed => scrubbed = again,
                _ => break,
            }
        }
    }
    Some(scrubbed)
}

fn redact_once(known: &Known, text: &[u8]) -> Option<Vec<u8>> {
    let secret = search::find(known, text);
    if secret.is_empty() {
        return None;
    }
    let mut scrubbed = Vec::with_capacity(text.len());
    let mut copied = 0;
    for range in secret {
        scrubbed.extend_from_slice(&text[copied..range.start]);
        scrubbed.extend_from_slice(REDACTED.as_bytes());
        copied = range.end;
    }
    scrubbed.extend_from_slice(&text[copied..]);
    Some(scrubbed)
}
