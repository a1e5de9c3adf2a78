//! Errors and traces: events as JSON text in, outcomes and accounts out. The TypeScript in
//! `ts/events/` builds the events; what happens to them afterwards is the core's.

pub mod delivery;
pub mod settings;
pub mod unhandled;

use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use tallylight::errors::{Attachment, Category, DiscardReason, EventId, Item};
use tallylight::{Error, ErrorKind};

use crate::boundary::{Result, contained};

/// A file beside an event.
#[napi(object)]
pub struct AttachedFile {
    /// Its name at the server.
    pub filename: String,
    /// Its media type.
    pub content_type: Option<String>,
    /// What it holds.
    pub data: Uint8Array,
}

/// Hands over something to deliver; answers `spooled`, `queued`, or why it is not delivered.
/// `category` is a name such as `error` or `transaction`, `payload` a JSON object in Sentry's form,
/// `trace` the envelope's header of that name and `profile` the profile of a transaction.
#[napi]
pub fn capture_item(
    category: String,
    id: String,
    payload: String,
    trace: Option<String>,
    profile: Option<String>,
    files: Option<Vec<AttachedFile>>,
) -> Result<&'static str> {
    contained(|| {
        let files = files.unwrap_or_default();
        let attachments: Vec<Attachment<'_>> = files
            .iter()
            .map(|file| Attachment {
                filename: &file.filename,
                content_type: file.content_type.as_deref(),
                bytes: &file.data,
            })
            .collect();
        let item = Item {
            category: category_of(&category)?,
            id: EventId::parse(&id)?,
            payload: &payload,
            trace: trace.as_deref(),
            attachments: &attachments,
            profile: profile.as_deref(),
        };
        Ok(tallylight::global()?.errors().capture(&item).name())
    })
}

/// Counts things that were captured and are not handed over.
#[napi]
pub fn discard_items(category: String, reason: String, count: u32) -> Result<()> {
    contained(|| {
        let known = DiscardReason::parse(&reason).ok_or_else(|| unknown("reason", &reason))?;
        let category = category_of(&category)?;
        tallylight::global()?
            .errors()
            .discard(category, known, u64::from(count));
        Ok(())
    })
}

fn category_of(name: &str) -> Result<Category, Error> {
    Category::parse(name).ok_or_else(|| unknown("category", name))
}

fn unknown(what: &str, name: &str) -> Error {
    Error::new(
        ErrorKind::InvalidValue,
        format!("there is no {what} {name:?}"),
    )
}
