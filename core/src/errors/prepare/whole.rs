//! The whole of an event: one pass, and a second one with less of everything where the first left
//! more than a server takes.

use std::borrow::Cow;

use super::edits::Edits;
use super::keys::Keys;
use super::literal::Stop;
use super::notes::{self, LIMIT, Note, Remark};
use super::walk::{Limits, Part, Walk};

/// Bytes of an event. Source: <https://docs.sentry.io/concepts/data-management/size-limits/>.
pub(super) const MAX_EVENT: usize = 1_000_000;
/// Bytes that are left for the notes of what was taken out.
const NOTES: usize = 20_000;

const USUAL: Limits = Limits {
    exceptions: 50,
    frames: 250,
    spans: 1_000,
    breadcrumbs: 1_000,
    text: usize::MAX,
};
const TIGHT: Limits = Limits {
    exceptions: 10,
    frames: 30,
    spans: 100,
    breadcrumbs: 20,
    text: 256,
};

/// An event after its pass.
pub(super) struct Whole<'t> {
    pub(super) json: Cow<'t, str>,
    pub(super) fingerprint: u64,
}

/// Why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    Stop(Stop),
    TooLarge,
}

/// Passes over the event.
pub(super) fn pass<'t>(text: &'t str, keys: Keys<'_>) -> Result<Whole<'t>, Failure> {
    for limits in [USUAL, TIGHT] {
        let mut walk = Walk::new(text, keys, limits, text.len() > MAX_EVENT - NOTES);
        walk.event().map_err(Failure::Stop)?;
        if let Some(json) = write(text, &mut walk) {
            return Ok(Whole {
                json,
                fingerprint: walk.fingerprint.finish(),
            });
        }
    }
    Err(Failure::TooLarge)
}

/// What is to be written; `None` if it is still too large.
fn write<'t>(text: &'t str, walk: &mut Walk<'_>) -> Option<Cow<'t, str>> {
    let mut edits = std::mem::take(&mut walk.edits);
    let mut notes = std::mem::take(&mut walk.notes);
    shrink(
        text,
        &mut edits,
        &mut notes,
        std::mem::take(&mut walk.parts),
    );
    if !notes.is_empty() {
        let known = walk.meta.clone();
        let said = known.clone().map(|range| edits.within(text, range));
        let meta = notes::merge(text, said.as_deref(), &notes);
        if let Some(range) = known {
            edits.replace(range, meta);
        } else {
            let close = text.rfind('}')?;
            let comma = if walk.is_empty { "" } else { "," };
            edits.replace(close..close, format!("{comma}\"_meta\":{meta}"));
        }
    }
    (len(text, &edits) <= MAX_EVENT).then(|| edits.apply(text))
}

fn len(text: &str, edits: &Edits) -> usize {
    text.len()
        .saturating_add_signed(edits.saved().saturating_neg())
}

/// Leaves out optional parts, the largest first, until the event is small enough.
fn shrink(text: &str, edits: &mut Edits, notes: &mut Vec<Note>, parts: Vec<Part>) {
    const NULL: &str = "null";
    let mut sized: Vec<(usize, Part)> = parts
        .into_iter()
        .map(|part| {
            let saved = edits.saved_within(&part.range);
            let size = part
                .range
                .len()
                .saturating_add_signed(saved.saturating_neg());
            (size, part)
        })
        .collect();
    sized.sort_by_key(|(size, _)| usize::MAX - size);
    let mut gone: Vec<std::ops::Range<usize>> = Vec::new();
    for (_, part) in sized {
        if len(text, edits) <= MAX_EVENT - NOTES {
            break;
        }
        if gone
            .iter()
            .any(|it| it.start <= part.range.start && part.range.end <= it.end)
        {
            continue;
        }
        edits.replace(part.range.clone(), NULL);
        notes.retain(|note| !note.path.starts_with(&part.path));
        notes.push(Note {
            path: part.path,
            remarks: vec![Remark::removed(LIMIT)],
            was: None,
        });
        gone.push(part.range);
    }
}
