//! Scrubs a JSON document field by field, so that it stays one, and so that a short value is
//! redacted where it is all that a field says.

use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::known::Known;
use super::{REDACTED, scrub_with};

/// Scrubs every string, every key, and every number that is a known value.
pub(super) fn scrub(known: &Known, document: &mut Value) {
    let mut open = vec![document];
    while let Some(value) = open.pop() {
        match value {
            Value::Null | Value::Bool(_) => {}
            Value::String(text) => {
                if let Some(scrubbed) = scrub_with(known, text) {
                    *text = scrubbed;
                }
            }
            Value::Number(number) => {
                if is_secret_number(known, &number.to_string()) {
                    *value = Value::from(REDACTED);
                }
            }
            Value::Array(items) => open.extend(items),
            Value::Object(fields) => {
                scrub_keys(known, fields);
                open.extend(fields.values_mut());
            }
        }
    }
}

/// A short number is no field of its own: any document may say 1234.
fn is_secret_number(known: &Known, number: &str) -> bool {
    !known.is_field(number.as_bytes()) && scrub_with(known, number).is_some()
}

/// The same of a document as text, if there is anything to redact.
pub(super) fn scrub_text(known: &Known, document: &str) -> Option<String> {
    let may_hold_field = known.longest_field() > 0;
    if !may_hold_field && scrub_with(known, document).is_none() {
        return None;
    }
    if serde_json::from_str::<IgnoredAny>(document).is_err() {
        return scrub_with(known, document);
    }
    let begins_scalar = |it: char| it == '"' || it == '-' || it.is_ascii_digit();
    let mut scrubbed = String::new();
    let mut copied = 0;
    let mut place = 0;
    while let Some(further) = document.get(place..)?.find(begins_scalar) {
        let start = place + further;
        let rest = document.get(start..)?;
        let clean = if let Some(string) = rest.strip_prefix('"') {
            place = start + string_len(string.as_bytes()) + 2;
            scrub_literal(known, document.get(start..place)?)
        } else {
            place = start + number_len(rest.as_bytes());
            is_secret_number(known, document.get(start..place)?).then(|| REDACTED.to_owned())
        };
        if let Some(clean) = clean {
            scrubbed.push_str(document.get(copied..start)?);
            scrubbed.push_str(&serde_json::to_string(&clean).ok()?);
            copied = place;
        }
    }
    scrubbed.push_str(document.get(copied..)?);
    (copied > 0).then_some(scrubbed)
}

/// What a string in its quotes says, scrubbed, if there is anything to redact.
fn scrub_literal(known: &Known, literal: &str) -> Option<String> {
    let inner = literal.get(1..literal.len() - 1)?;
    if inner.contains('\\') {
        scrub_with(known, &serde_json::from_str::<String>(literal).ok()?)
    } else {
        scrub_with(known, inner)
    }
}

/// How long a string is whose opening quote has been read.
pub(super) fn string_len(text: &[u8]) -> usize {
    let mut is_escaped = false;
    text.iter()
        .position(|byte| {
            let ends = *byte == b'"' && !is_escaped;
            is_escaped = *byte == b'\\' && !is_escaped;
            ends
        })
        .unwrap_or(text.len())
}

/// How long the number is that begins here.
pub(super) fn number_len(text: &[u8]) -> usize {
    text.iter()
        .position(|byte| !byte.is_ascii_alphanumeric() && !b"+-.".contains(byte))
        .unwrap_or(text.len())
}

fn scrub_keys(known: &Known, fields: &mut Map<String, Value>) {
    if !fields.keys().any(|key| scrub_with(known, key).is_some()) {
        return;
    }
    for (key, value) in std::mem::take(fields) {
        let scrubbed = scrub_with(known, &key).unwrap_or(key);
        let mut unique = scrubbed.clone();
        let mut copies = 1;
        while fields.contains_key(&unique) {
            copies += 1;
            unique = format!("{scrubbed} {copies}");
        }
        fields.insert(unique, value);
    }
}
