//! Envelopes that come as bytes: an application that made or stored them itself.
//!
//! Read by hand and with care, payloads as they are, so that nothing in them is lost to a type
//! that does not know it. Source: <https://develop.sentry.dev/sdk/data-model/envelopes/>.

use std::sync::atomic::{AtomicBool, Ordering};

use sentry_core::protocol::Value;
use sentry_core::types::random_uuid;

use crate::errors::{Attachment, Category, DiscardReason, Errors, EventId, Item};

/// One item of an envelope.
struct Part<'a> {
    header: Value,
    payload: &'a [u8],
}

impl Part<'_> {
    fn kind(&self) -> &str {
        self.header["type"].as_str().unwrap_or_default()
    }
}

/// Captures what is in the envelope; an envelope that cannot be read is a discarded event.
pub(super) fn take(errors: &Errors, bytes: &[u8]) {
    if bytes.trim_ascii().is_empty() {
        return;
    }
    let Some((header, parts)) = read(bytes) else {
        errors.discard(Category::Error, DiscardReason::Invalid, 1);
        return;
    };
    let trace = header.get("trace").map(Value::to_string);
    let event_id = header["event_id"].as_str().and_then(parse);
    let attachments: Vec<Attachment<'_>> = parts
        .iter()
        .filter(|part| part.kind() == "attachment")
        .map(|part| Attachment {
            filename: part.header["filename"].as_str().unwrap_or("attachment"),
            content_type: part.header["content_type"].as_str(),
            bytes: part.payload,
        })
        .collect();
    let mut attachments = Some(&attachments[..]).filter(|files| !files.is_empty());
    let profile = parts
        .iter()
        .find(|part| part.kind() == "profile")
        .and_then(|part| std::str::from_utf8(part.payload).ok());
    for part in &parts {
        let (category, id_field) = match part.kind() {
            "event" => (Category::Error, "event_id"),
            "transaction" => (Category::Transaction, "event_id"),
            "check_in" => (Category::CheckIn, "check_in_id"),
            "session" => (Category::Session, "sid"),
            "sessions" => (Category::Session, ""),
            "attachment" | "profile" => continue,
            other => {
                refuse(errors, other);
                continue;
            }
        };
        let Ok(payload) = std::str::from_utf8(part.payload) else {
            errors.discard(category, DiscardReason::Invalid, 1);
            continue;
        };
        let is_event = matches!(category, Category::Error | Category::Transaction);
        let own_id = || {
            let payload: Value = serde_json::from_str(payload).ok()?;
            parse(payload[id_field].as_str()?)
        };
        let id = event_id.filter(|_| is_event).or_else(own_id);
        let _ = errors.capture(&Item {
            category,
            id: id.unwrap_or_else(|| EventId(random_uuid().as_u128())),
            payload,
            trace: trace.as_deref().filter(|_| is_event),
            attachments: attachments.take_if(|_| is_event).unwrap_or_default(),
            profile: profile.filter(|_| category == Category::Transaction),
        });
    }
    if let Some(files) = attachments {
        let _ = errors.capture(&Item {
            category: Category::Attachment,
            id: event_id.unwrap_or_else(|| EventId(random_uuid().as_u128())),
            payload: "{}",
            trace: None,
            attachments: files,
            profile: None,
        });
    }
}

fn parse(id: &str) -> Option<EventId> {
    EventId::parse(id).ok()
}

/// Says, once in a process, that the pipeline does not carry this kind of item.
pub(super) fn refuse(_errors: &Errors, kind: &str) {
    static SAID: AtomicBool = AtomicBool::new(false);
    if !SAID.swap(true, Ordering::Relaxed) {
        eprintln!(
            "tallylight: the sentry crate sends an item of type {kind:?}, which Tallylight does not deliver; errors, traces, check-ins and sessions are delivered"
        );
    }
}

fn read(bytes: &[u8]) -> Option<(Value, Vec<Part<'_>>)> {
    let (line, mut rest) = line_of(bytes);
    let envelope: Value = serde_json::from_slice(line).ok()?;
    envelope.as_object()?;
    let mut parts = Vec::new();
    while !rest.trim_ascii().is_empty() {
        let (head, after) = line_of(rest);
        rest = after;
        if head.trim_ascii().is_empty() {
            continue;
        }
        let header: Value = serde_json::from_slice(head).ok()?;
        let payload = match header["length"].as_u64() {
            Some(length) => {
                let length = usize::try_from(length).ok()?;
                let payload = rest.get(..length)?;
                rest = &rest[length..];
                payload
            }
            None => {
                let (payload, after) = line_of(rest);
                rest = after;
                payload
            }
        };
        parts.push(Part { header, payload });
    }
    Some((envelope, parts))
}

/// The first line and what follows it.
fn line_of(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}
