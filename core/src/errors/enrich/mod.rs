//! Adds to an event what only files tell: the source around each frame, where the code of a built
//! script was written, and the names behind a native frame's addresses.
//!
//! Called on the blocking pool when an event is delivered, and by the command line when it shows
//! one. It reads files, so never on a caller's thread. Invariant: what cannot be told leaves a frame
//! as it is, and a file that was changed after the event tells nothing.

mod cache;
mod context;
mod files;
mod frames;
mod javascript;
mod native;
mod source_map;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::time::SystemTime;

use serde_json::Value;

use super::prepare;
use super::{Category, ErrorsConfig};

/// Adds what files tell to an event captured at that time. What is added is not scrubbed.
pub(crate) fn enrich(event: &mut Value, captured_at: SystemTime) {
    let images = native::Images::of(event);
    frames::each_stack(event, &mut |stack| {
        native::symbolicate(stack, &images, captured_at);
        javascript::map_back(stack, captured_at);
        context::add(stack, captured_at);
    });
}

/// An error as it goes on the wire, from how it was captured: enriched, and what was added scrubbed
/// and cut to size as all else; `None` when nothing was added.
pub(crate) fn enrich_json(
    event: &str,
    captured_at: SystemTime,
    config: &ErrorsConfig,
) -> Option<String> {
    if !event.contains("\"frames\"") {
        return None;
    }
    let before: Value = serde_json::from_str(event).ok()?;
    let mut after = before.clone();
    enrich(&mut after, captured_at);
    if after == before {
        return None;
    }
    let text = after.to_string();
    let prepared = prepare::prepare(Category::Error, &text, config).ok()?;
    Some(match prepared.json {
        Cow::Owned(json) => json,
        Cow::Borrowed(_) => text,
    })
}
