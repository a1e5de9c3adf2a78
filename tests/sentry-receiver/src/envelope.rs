//! Envelopes, taken apart strictly: what Sentry would refuse is an error here.
//!
//! Source: <https://develop.sentry.dev/sdk/data-model/envelopes/>.

use std::io::Read;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value};

/// The largest envelope as it is after decompression; Sentry's own limit is 200 MB.
const LARGEST: u64 = 256 * 1024 * 1024;

/// One request's content.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// The first line.
    pub headers: Map<String, Value>,
    /// What it holds.
    pub items: Vec<Item>,
}

/// One item of an envelope.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Item {
    /// `event`, `transaction`, `client_report` ...
    #[serde(rename = "type")]
    pub kind: String,
    /// The item's own header line.
    pub headers: Map<String, Value>,
    /// JSON as it is; text as a string; anything else as `{"base64": …}`.
    pub payload: Value,
    /// The headers of the envelope around it.
    pub envelope: Map<String, Value>,
    /// The project in the path.
    pub project: String,
    /// The request that brought it, counted from 0; as in `GET /requests`.
    pub request: u64,
}

/// The bytes that were sent, with `Content-Encoding` undone.
pub(crate) fn decoded(encoding: Option<&str>, body: &[u8]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let read = match encoding.map(str::trim) {
        None | Some("" | "identity") => return Ok(body.to_vec()),
        Some("gzip") => flate2::read::MultiGzDecoder::new(body)
            .take(LARGEST)
            .read_to_end(&mut bytes),
        Some("deflate") => flate2::read::ZlibDecoder::new(body)
            .take(LARGEST)
            .read_to_end(&mut bytes),
        Some(other) => return Err(format!("content-encoding {other} is unknown")),
    };
    read.map(|_| bytes)
        .map_err(|error| format!("the body is no valid compression: {error}"))
}

/// Takes an envelope apart.
pub(crate) fn parse(bytes: &[u8], project: &str, request: u64) -> Result<Envelope, String> {
    let (first, mut rest) = line(bytes);
    let headers = object(first, "the envelope's header")?;
    let mut items = Vec::new();
    while !rest.is_empty() {
        let (head, after) = line(rest);
        if head.is_empty() {
            rest = after;
            continue;
        }
        let item = object(head, "an item's header")?;
        let kind = item
            .get("type")
            .and_then(Value::as_str)
            .ok_or("an item has no type")?
            .to_string();
        let (payload, after) = match item.get("length") {
            Some(length) => {
                let length = length
                    .as_u64()
                    .and_then(|length| usize::try_from(length).ok())
                    .ok_or("an item's length is no number")?;
                if length > after.len() {
                    return Err(format!(
                        "an item of {length} bytes has only {}",
                        after.len()
                    ));
                }
                let (payload, after) = after.split_at(length);
                match after.split_first() {
                    None => (payload, after),
                    Some((b'\n', after)) => (payload, after),
                    Some(_) => return Err("an item is longer than its length".to_string()),
                }
            }
            None => line(after),
        };
        items.push(Item {
            payload: shown(&kind, payload)?,
            kind,
            headers: item,
            envelope: headers.clone(),
            project: project.to_string(),
            request,
        });
        rest = after;
    }
    Ok(Envelope { headers, items })
}

fn line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}

fn object(bytes: &[u8], what: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(format!("{what} is no object")),
        Err(error) => Err(format!("{what} is no JSON: {error}")),
    }
}

fn shown(kind: &str, payload: &[u8]) -> Result<Value, String> {
    if kind != "attachment" && kind != "replay_recording" {
        return serde_json::from_slice(payload)
            .map_err(|error| format!("the payload of an item of type {kind} is no JSON: {error}"));
    }
    Ok(match std::str::from_utf8(payload) {
        Ok(text) => Value::String(text.to_string()),
        Err(_) => serde_json::json!({ "base64": STANDARD.encode(payload) }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_found_by_length_and_by_line() {
        let text = concat!(
            "{\"event_id\":\"9ec79c33ec9942ab8353589fcb2e04dc\"}\n",
            "{\"type\":\"attachment\",\"length\":10,\"filename\":\"h.txt\"}\n\u{feff}Hello\r\n\n",
            "{\"type\":\"event\",\"length\":41}\n{\"message\":\"hello world\",\"level\":\"error\"}\n",
            "{\"type\":\"session\"}\n{\"sid\":1}\n",
        );
        let envelope = parse(text.as_bytes(), "1", 0).unwrap();
        let kinds: Vec<&str> = envelope.items.iter().map(|i| i.kind.as_str()).collect();
        assert_eq!(kinds, ["attachment", "event", "session"]);
        assert_eq!(envelope.items[0].payload, "\u{feff}Hello\r\n");
        assert_eq!(envelope.items[1].payload["message"], "hello world");
    }

    #[test]
    fn what_sentry_would_refuse_is_an_error() {
        for text in [
            "",
            "[]\n",
            "{}\n{\"length\":1}\na",
            "{}\n{\"type\":\"event\",\"length\":9}\n{}",
            "{}\n{\"type\":\"event\",\"length\":2}\n{}x",
            "{}\n{\"type\":\"event\",\"length\":2}\n{,",
        ] {
            assert!(parse(text.as_bytes(), "1", 0).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_body_that_is_no_gzip_is_an_error() {
        assert!(decoded(Some("gzip"), b"plain").is_err());
        assert!(decoded(Some("br"), b"plain").is_err());
    }
}
