//! An envelope as the server gets it: the record, what files and facts add to it, the report of
//! drops, all compressed.
//!
//! Source: <https://develop.sentry.dev/sdk/data-model/envelopes/>. On the blocking pool: it reads
//! files.

use std::borrow::Cow;
use std::io::Write;
use std::time::{Duration, Instant, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Map, Value, json};

use super::item::{Category, DiscardReason};
use super::limits::Limits;
use super::report::Discards;
use super::settings::Settings;
use super::spool::Record;
use super::spool::record::Contents;
use super::transport::Body;
use super::{enrich, facts};
use crate::clock::rfc3339;

/// Shorter bodies grow when they are compressed, or nearly.
const WORTH_COMPRESSING: usize = 512;
/// A middle way: the I/O thread shares its machine with the host.
const LEVEL: u32 = 4;

/// How an envelope is made.
pub(super) struct How<'a> {
    pub(super) settings: &'a Settings,
    pub(super) facts: Option<&'a str>,
    pub(super) report: Option<&'a Discards>,
    /// What the server wants none of: profiles and attachments are then left out, since the event
    /// is not to wait for them.
    pub(super) limits: &'a Limits,
    /// Whether files may be read for it.
    pub(super) enriches: bool,
    /// Since the Unix epoch.
    pub(super) now: Duration,
}

/// An envelope, and what is not in it.
pub(super) struct Made {
    pub(super) body: Body,
    pub(super) left_out: Discards,
}

/// The envelope of a record; `None` when the record is none that we wrote.
pub(super) fn of_record(record: &Record, how: &How<'_>) -> Option<Made> {
    let contents = record.contents()?;
    let category = record.head.category?;
    let payload = payload(record, category, &contents, how);
    let mut head = head(how);
    if category != Category::Session && category != Category::CheckIn {
        head.insert("event_id".to_owned(), json!(record.head.id.to_string()));
    }
    let trace = contents
        .trace
        .and_then(|text| serde_json::from_str(text).ok());
    if let Some(trace @ Value::Object(_)) = trace {
        head.insert("trace".to_owned(), trace);
    }
    let mut envelope = Envelope::new(head);
    if let Some(kind) = kind(category, &payload) {
        envelope.add(kind, Map::new(), payload.as_bytes());
    }
    let now = Instant::now();
    let is_unwanted = |part| part != category && how.limits.until(part, now).is_some();
    if contents.profile.is_some() && is_unwanted(Category::Profile) {
        envelope.leave_out(Category::Profile);
    } else if let Some(profile) = contents.profile {
        // The server takes none without a release.
        let known = of_release(how.facts.unwrap_or("{}"));
        let whole = facts::fields(profile).and_then(|mut fields| {
            facts::complete(&mut fields, &known);
            facts::written(&fields)
        });
        let whole = whole.as_deref().unwrap_or(profile);
        envelope.add("profile", Map::new(), whole.as_bytes());
    }
    for attachment in &contents.attachments {
        if is_unwanted(Category::Attachment) {
            envelope.leave_out(Category::Attachment);
            continue;
        }
        let mut head = Map::new();
        head.insert("filename".to_owned(), json!(attachment.filename));
        let content_type = attachment
            .content_type
            .unwrap_or("application/octet-stream");
        head.insert("content_type".to_owned(), json!(content_type));
        head.insert("attachment_type".to_owned(), json!("event.attachment"));
        envelope.add("attachment", head, attachment.bytes);
    }
    envelope.add_report(how);
    Some(envelope.body())
}

/// An envelope with nothing but the report.
pub(super) fn of_report(how: &How<'_>) -> Made {
    let mut envelope = Envelope::new(head(how));
    envelope.add_report(how);
    envelope.body()
}

fn head(how: &How<'_>) -> Map<String, Value> {
    let mut head = Map::new();
    head.insert("sent_at".to_owned(), json!(rfc3339(how.now)));
    head.insert(
        "sdk".to_owned(),
        json!({ "name": facts::sdk_name(), "version": env!("CARGO_PKG_VERSION") }),
    );
    head
}

/// The item's type; none for what is nothing but attachments.
fn kind(category: Category, payload: &str) -> Option<&'static str> {
    let has = |field: &str| facts::fields(payload).is_some_and(|fields| fields.contains_key(field));
    Some(match category {
        Category::Error => "event",
        Category::Transaction => "transaction",
        Category::CheckIn => "check_in",
        Category::Session if has("aggregates") => "sessions",
        Category::Session => "session",
        Category::Profile if has("chunk_id") => "profile_chunk",
        Category::Profile => "profile",
        Category::Attachment => return None,
    })
}

/// The event with all that it did not have when it was captured.
pub(super) fn payload<'a>(
    record: &Record,
    category: Category,
    contents: &Contents<'a>,
    how: &How<'_>,
) -> Cow<'a, str> {
    let captured_at = Duration::from_millis(record.head.captured_at);
    let mut text = Cow::Borrowed(contents.payload);
    if how.enriches && matches!(category, Category::Error | Category::Transaction) {
        let at = UNIX_EPOCH + captured_at;
        if let Some(enriched) = enrich::enrich_json(&text, at, &how.settings.config) {
            text = Cow::Owned(enriched);
        }
    }
    let completed = completed(&text, record, category, captured_at, how.facts);
    completed.map_or(text, Cow::Owned)
}

/// `None` when it stays as it is: what cannot be read is for the server to judge.
fn completed(
    text: &str,
    record: &Record,
    category: Category,
    captured_at: Duration,
    known: Option<&str>,
) -> Option<String> {
    let mut fields = facts::fields(text)?;
    let known = known.unwrap_or("{}");
    let added;
    match category {
        Category::Error | Category::Transaction => {
            let mut own = Map::new();
            own.insert("event_id".to_owned(), json!(record.head.id.to_string()));
            own.insert("timestamp".to_owned(), json!(captured_at.as_secs_f64()));
            if record.copies > 1 {
                own.insert(
                    "extra".to_owned(),
                    json!({ "tallylight.copies": record.copies }),
                );
            }
            added = Value::Object(own).to_string();
            facts::complete(&mut fields, &added);
            facts::complete(&mut fields, known);
        }
        Category::CheckIn | Category::Profile => {
            added = of_release(known);
            facts::complete(&mut fields, &added);
        }
        Category::Session => {
            let attributes: Value = fields
                .get("attrs")
                .and_then(|attributes| serde_json::from_str(attributes.get()).ok())
                .unwrap_or_default();
            let mut merged: Map<String, Value> =
                serde_json::from_str(&of_release(known)).unwrap_or_default();
            if let Value::Object(attributes) = attributes {
                merged.extend(attributes);
            }
            fields.insert(Cow::Borrowed("attrs"), facts::raw(&Value::Object(merged))?);
        }
        Category::Attachment => return None,
    }
    facts::written(&fields)
}

/// Release and environment alone.
fn of_release(known: &str) -> String {
    let mut fields = facts::fields(known).unwrap_or_default();
    fields.retain(|key, _| key == "release" || key == "environment");
    facts::written(&fields).unwrap_or_default()
}

struct Envelope {
    bytes: Vec<u8>,
    left_out: Discards,
}

impl Envelope {
    fn new(head: Map<String, Value>) -> Self {
        let mut bytes = Value::Object(head).to_string().into_bytes();
        bytes.push(b'\n');
        Self {
            bytes,
            left_out: Discards::default(),
        }
    }

    fn leave_out(&mut self, part: Category) {
        self.left_out.add(DiscardReason::RateLimited, part, 1);
    }

    fn add(&mut self, kind: &str, mut head: Map<String, Value>, payload: &[u8]) {
        head.insert("type".to_owned(), json!(kind));
        head.insert("length".to_owned(), json!(payload.len()));
        self.bytes
            .extend_from_slice(Value::Object(head).to_string().as_bytes());
        self.bytes.push(b'\n');
        self.bytes.extend_from_slice(payload);
        self.bytes.push(b'\n');
    }

    fn add_report(&mut self, how: &How<'_>) {
        if let Some(report) = how.report {
            let report = report.to_json(how.now.as_secs_f64());
            self.add("client_report", Map::new(), report.as_bytes());
        }
    }

    fn body(self) -> Made {
        let left_out = self.left_out;
        let made = |bytes, is_gzip| Made {
            body: Body { bytes, is_gzip },
            left_out,
        };
        if self.bytes.len() < WORTH_COMPRESSING {
            return made(self.bytes, false);
        }
        let room = Vec::with_capacity(self.bytes.len() / 3);
        let mut encoder = GzEncoder::new(room, Compression::new(LEVEL));
        // Writing to memory does not fail; if it did, the plain bytes are as good.
        match encoder
            .write_all(&self.bytes)
            .and_then(|()| encoder.finish())
        {
            Ok(bytes) => made(bytes, true),
            Err(_) => made(self.bytes, false),
        }
    }
}
