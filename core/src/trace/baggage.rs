//! The `baggage` header, and in it what Sentry's services tell each other of a trace.
//!
//! Sources: <https://www.w3.org/TR/baggage/> and
//! <https://develop.sentry.dev/sdk/telemetry/traces/dynamic-sampling-context/>. The members under
//! `sentry-` are the *dynamic context*. Who starts a trace fills it in; from its first sending on it
//! never changes, so what came in goes out as it is.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Longest header that is read and written, in bytes.
pub const MAX_BYTES: usize = 8_192;
/// Members read and written.
pub const MAX_MEMBERS: usize = 64;

const PREFIX: &str = "sentry-";

/// The dynamic context: keys without their prefix, and values, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dynamic(Vec<(String, String)>);

impl Dynamic {
    /// Reads the members under `sentry-`; what is none is left out, as is what the limits cut.
    #[must_use]
    pub fn parse(header: &str) -> Self {
        let mut members: Vec<(String, String)> = Vec::new();
        for (key, value) in read(header) {
            let Some(key) = key.strip_prefix(PREFIX).filter(|key| is_key(key)) else {
                continue;
            };
            let Some(value) = decoded(value) else {
                continue;
            };
            // The last of two counts, as in a map.
            members.retain(|(known, _)| known != key);
            members.push((key.to_owned(), value));
        }
        Self(members)
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == key);
        found.map(|(_, value)| value.as_str())
    }

    /// Adds a member, if there is a value.
    pub(super) fn push(&mut self, key: &str, value: Option<impl Into<String>>) {
        if let Some(value) = value.map(Into::into).filter(|value| !value.is_empty()) {
            self.0.push((key.to_owned(), value));
        }
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The members as a header.
    #[must_use]
    pub fn to_header(&self) -> String {
        let mut header = String::new();
        for (key, value) in &self.0 {
            if !header.is_empty() {
                header.push(',');
            }
            header.push_str(PREFIX);
            header.push_str(key);
            header.push('=');
            encode(&mut header, value);
        }
        header
    }

    /// The `trace` header of an envelope; none where it lacks what a server asks for.
    #[must_use]
    pub fn to_json(&self) -> Option<String> {
        self.get("trace_id")?;
        self.get("public_key")?;
        let members: Map<String, Value> = self
            .0
            .iter()
            .map(|(key, value)| (key.clone(), Value::String(value.clone())))
            .collect();
        serde_json::to_string(&members).ok()
    }
}

/// A header with the members of others in `existing` and ours behind them, in place of Sentry members
/// that stand there. Ours are left out where there is no room, whole: half of them would be read as all.
#[must_use]
pub fn merge(existing: Option<&str>, ours: &str) -> String {
    let mut header = String::new();
    let mut members = 0;
    for member in existing.unwrap_or_default().split(',').map(str::trim) {
        let is_ours = member
            .split('=')
            .next()
            .unwrap_or_default()
            .trim()
            .starts_with(PREFIX);
        if member.is_empty() || is_ours || members == MAX_MEMBERS {
            continue;
        }
        if header.len() + member.len() + 1 > MAX_BYTES {
            break;
        }
        if !header.is_empty() {
            header.push(',');
        }
        header.push_str(member);
        members += 1;
    }
    let count = ours.split(',').filter(|member| !member.is_empty()).count();
    if count > 0 && members + count <= MAX_MEMBERS && header.len() + ours.len() < MAX_BYTES {
        if !header.is_empty() {
            header.push(',');
        }
        header.push_str(ours);
    }
    header
}

/// Key and raw value of each member within the limits.
fn read(header: &str) -> impl Iterator<Item = (&str, &str)> {
    let within = &header[..header.floor_char_boundary(MAX_BYTES)];
    let is_cut = within.len() < header.len();
    let count = within.split(',').count();
    within
        .split(',')
        .take(MAX_MEMBERS)
        .enumerate()
        // Of the member that the limit cuts, the rest may say something else.
        .filter(move |(at, _)| !(is_cut && at + 1 == count))
        .filter_map(|(_, member)| {
            // What stands behind a semicolon are properties, which Sentry has none of.
            let member = member.split(';').next().unwrap_or_default();
            let (key, value) = member.split_once('=')?;
            Some((key.trim(), value.trim()))
        })
}

fn is_key(key: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    !key.is_empty() && key.bytes().all(is_plain)
}

/// Undoes percent encoding; none for what is no text, or holds what no header may.
fn decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let [high, low, tail @ ..] = tail else {
            return None;
        };
        let digit = |byte: &u8| char::from(*byte).to_digit(16);
        bytes.push((digit(high)? * 16 + digit(low)?) as u8);
        rest = tail;
    }
    let text = String::from_utf8(bytes).ok()?;
    (!text.is_empty() && !text.chars().any(char::is_control)).then_some(text)
}

fn encode(header: &mut String, value: &str) {
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            header.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(header, "%{byte:02X}");
        }
    }
}
