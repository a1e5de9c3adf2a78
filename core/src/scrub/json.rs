//! Scrubs a JSON document field by field, so that it stays one, and so that a short value is
//! redacted where it is all that a field says.

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
                // A short number is no field of its own: any document may say 1234.
                let text = number.to_string();
                if !known.is_field(text.as_bytes()) && scrub_with(known, &text).is_some() {
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
