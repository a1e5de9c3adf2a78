//! Adds to an event what only files tell: the source around each frame, where the code of a built
//! script was written, and the names behind a Rust frame's addresses.
//!
//! Called on the blocking pool when an event is delivered, and by the command line when it shows
//! one. It reads files, so never on a caller's thread.
#![allow(dead_code, reason = "the pipeline is being built")]

use std::time::SystemTime;

use super::ErrorsConfig;

/// Adds what files tell to an event captured at that time. Frames that nothing is known of stay as
/// they are.
pub(crate) fn enrich(_event: &mut serde_json::Value, _captured_at: SystemTime) {}

/// The event of a record, enriched and scrubbed again, as it goes on the wire; `None` when it is to
/// go as it is.
pub(crate) fn enrich_json(
    _event: &str,
    _captured_at: SystemTime,
    _config: &ErrorsConfig,
) -> Option<String> {
    None
}
