//! Values as they were given, and the documents that hold several: JSON objects and `.env` lines.
//!
//! The invariant: no error repeats anything of a document. A name is told by its place, since in a
//! broken file a line of a key may stand where a name belongs.

use std::fmt;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::Value;
use zeroize::{Zeroize, Zeroizing};

use crate::scrub;
use crate::secrets::fetched::Fetched;
use crate::secrets::file::MAX_VALUE_BYTES;

/// A value to be stored. Known to the scrubber from its making.
pub(super) struct Given {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    pub(super) is_binary: bool,
    /// Given as a JSON object, whose spelling does not matter.
    is_document: bool,
}

impl Given {
    /// A value of a length that AWS takes; the error continues "what X gives".
    pub(super) fn new(bytes: Zeroizing<Vec<u8>>, is_binary: bool) -> Result<Self, String> {
        scrub::register(&bytes);
        match bytes.len() {
            0 => Err("is empty".to_owned()),
            length if length > MAX_VALUE_BYTES => Err(format!(
                "has {length} bytes; a secret has at most {MAX_VALUE_BYTES}"
            )),
            _ => Ok(Self {
                bytes,
                is_binary,
                is_document: false,
            }),
        }
    }

    /// Whether a stored value is this one already.
    pub(super) fn is_stored(&self, stored: &Fetched) -> bool {
        if self.is_binary != stored.binary {
            return false;
        }
        *self.bytes == *stored.bytes || (self.is_document && self.is_same_document(&stored.bytes))
    }

    fn is_same_document(&self, stored: &[u8]) -> bool {
        let parse = |bytes| serde_json::from_slice::<Value>(bytes).ok();
        let (mut ours, mut theirs) = (parse(&self.bytes), parse(stored));
        let is_same = ours.is_some() && ours == theirs;
        for document in [&mut ours, &mut theirs].into_iter().flatten() {
            wipe(document);
        }
        is_same
    }
}

/// One entry of a document.
pub(super) struct Entry {
    /// What stands where the name belongs. Not to be shown unless it is known to be one.
    pub(super) name: Zeroizing<String>,
    pub(super) value: Given,
    /// Where it stands, such as `line 3`.
    pub(super) place: String,
}

/// The entries of a document, and whether it is JSON.
pub(super) fn parse(bytes: &[u8]) -> Result<(Vec<Entry>, bool), String> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| "is no UTF-8 text; a binary value has a file of its own (--value-file NAME=PATH --binary)")?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim_start().starts_with('{') {
        Ok((parse_json(text)?, true))
    } else {
        Ok((parse_lines(text)?, false))
    }
}

fn parse_json(text: &str) -> Result<Vec<Entry>, String> {
    let mut parser = serde_json::Deserializer::from_str(text);
    // Never the parser's own message: it may quote a value.
    let at = |error: serde_json::Error| {
        format!(
            "is no JSON object (line {}, column {})",
            error.line(),
            error.column()
        )
    };
    let members = parser.deserialize_map(Members(Vec::new())).map_err(at)?;
    parser.end().map_err(at)?;
    let mut entries: Vec<Entry> = Vec::with_capacity(members.0.len());
    for (at, (name, value)) in members.0.into_iter().enumerate() {
        let place = format!("member {}", at + 1);
        if entries.iter().any(|known| *known.name == *name) {
            return Err(format!("names a secret twice, the second time in {place}"));
        }
        let (bytes, is_document) = match value {
            Value::String(text) => (text.into_bytes(), false),
            mut document @ Value::Object(_) => {
                let bytes = document.to_string().into_bytes();
                wipe(&mut document);
                (bytes, true)
            }
            mut other => {
                wipe(&mut other);
                return Err(format!(
                    "holds neither a text nor an object in {place}; put numbers into quotes"
                ));
            }
        };
        let mut value = Given::new(Zeroizing::new(bytes), false)
            .map_err(|why| format!("has a value in {place} that {why}"))?;
        value.is_document = is_document;
        entries.push(Entry { name, value, place });
    }
    Ok(entries)
}

/// The members of an object in their order, repeated ones too, which a map would hide.
struct Members(Vec<(Zeroizing<String>, Value)>);

impl<'de> Visitor<'de> for Members {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            self.0.push((Zeroizing::new(name), map.next_value()?));
        }
        Ok(self)
    }
}

/// Overwrites the texts of a parsed document, which is a copy of a value.
fn wipe(document: &mut Value) {
    match document {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(object) => object.values_mut().for_each(wipe),
        _ => {}
    }
}

/// `NAME=VALUE` lines with comments, `export`, and values in quotes, which may go over lines.
fn parse_lines(text: &str) -> Result<Vec<Entry>, String> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut rest = text;
    let mut number = 0;
    while !rest.is_empty() {
        number += 1;
        let place = format!("line {number}");
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let from_line = std::mem::replace(&mut rest, after);
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let Some(equals) = line.find('=') else {
            return Err(format!(
                "has no `=` in {place}; give NAME=VALUE lines, or a JSON object"
            ));
        };
        let name = without_export(line.get(..equals).unwrap_or_default().trim());
        let value = from_line
            .get(equals + 1..)
            .unwrap_or_default()
            .trim_start_matches([' ', '\t']);
        let bytes = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let (bytes, behind) = quoted(value.get(1..).unwrap_or_default(), quote)
                    .ok_or_else(|| format!("has no closing quote for the value of {place}"))?;
                let (tail, after) = behind.split_once('\n').unwrap_or((behind, ""));
                if !(tail.trim().is_empty() || tail.trim_start().starts_with('#')) {
                    return Err(format!("has more after the closing quote of the value of {place}"));
                }
                let read = value.len() - behind.len();
                number += value.get(..read).unwrap_or_default().matches('\n').count();
                rest = after;
                bytes
            }
            _ => bare(line.get(equals + 1..).unwrap_or_default()).ok_or_else(|| {
                format!(
                    "has a `#` in {place} that may begin a comment or belong to the value; put the value into quotes"
                )
            })?,
        };
        if bytes.is_empty() {
            // As templates have them: nothing is given.
            continue;
        }
        if entries.iter().any(|known| known.name.as_str() == name) {
            return Err(format!("gives one name twice, the second time in {place}"));
        }
        let value =
            Given::new(bytes, false).map_err(|why| format!("has a value in {place} that {why}"))?;
        entries.push(Entry {
            name: Zeroizing::new(name.to_owned()),
            value,
            place,
        });
    }
    Ok(entries)
}

fn without_export(name: &str) -> &str {
    name.strip_prefix("export")
        .filter(|rest| rest.starts_with([' ', '\t']))
        .map_or(name, str::trim_start)
}

/// A value without quotes; none when it cannot be told where it ends.
fn bare(value: &str) -> Option<Zeroizing<Vec<u8>>> {
    let value = value.trim();
    let is_clear = !value.contains(" #") && !value.contains("\t#");
    is_clear.then(|| Zeroizing::new(value.as_bytes().to_vec()))
}

/// A value behind its opening quote, and the text behind the closing one. Only double quotes know
/// escapes.
fn quoted(text: &str, quote: char) -> Option<(Zeroizing<Vec<u8>>, &str)> {
    // At most as long as its spelling, so that it never grows.
    let mut value = Zeroizing::new(Vec::with_capacity(text.len().min(4 * MAX_VALUE_BYTES)));
    let mut rest = text;
    loop {
        let mut characters = rest.chars();
        let c = characters.next()?;
        let after = characters.as_str();
        if c == quote {
            return Some((value, after));
        }
        let escaped = match (quote, c) {
            ('"', '\\') => characters.next(),
            _ => None,
        };
        let byte = match escaped {
            Some('n') => b'\n',
            Some('r') => b'\r',
            Some('t') => b'\t',
            Some('"') => b'"',
            Some('\\') => b'\\',
            Some('$') => b'$',
            _ => {
                value.extend_from_slice(rest.get(..c.len_utf8())?.as_bytes());
                rest = after;
                continue;
            }
        };
        value.push(byte);
        rest = characters.as_str();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> Vec<(String, String)> {
        let (entries, _) = parse(text.as_bytes()).unwrap();
        entries
            .iter()
            .map(|entry| {
                let value = String::from_utf8_lossy(&entry.value.bytes).into_owned();
                (entry.name.to_string(), value)
            })
            .collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect()
    }

    #[test]
    fn lines_are_read_as_env_files_write_them() {
        let text = "# comment\nexport GEMINI_API_KEY=abc\n\n a-b/c = 'it''\n"
            .replace("'it''", "'#it\\n' # why")
            + "EMPTY=\nPEM=\"one\ntwo\\n\\\"\\x\"\nURL=postgres://u:p@h/d?a=b#c\nLAST=\"\u{e9}\"";
        assert_eq!(
            shown(&text),
            pairs(&[
                ("GEMINI_API_KEY", "abc"),
                ("a-b/c", "#it\\n"),
                ("PEM", "one\ntwo\n\"\\x"),
                ("URL", "postgres://u:p@h/d?a=b#c"),
                ("LAST", "\u{e9}"),
            ])
        );
        assert_eq!(shown("A=1\r\nB='2'\r\n"), pairs(&[("A", "1"), ("B", "2")]));
    }

    #[test]
    fn a_json_object_is_read_with_objects_in_it() {
        let text = "\u{feff} {\"a\": \"x=\\n\", \"b\": {\"z\": 1, \"k\": \"v\"}}";
        let (entries, is_json) = parse(text.as_bytes()).unwrap();
        assert!(is_json);
        assert_eq!(&*entries[0].value.bytes, b"x=\n");
        let stored = |text: &str| {
            Fetched::plain(
                Zeroizing::new(text.as_bytes().to_vec()),
                crate::secrets::Source::Aws,
            )
        };
        assert!(
            entries[1]
                .value
                .is_stored(&stored("{ \"k\":\"v\", \"z\": 1}"))
        );
        assert!(
            !entries[1]
                .value
                .is_stored(&stored("{ \"k\":\"w\", \"z\": 1}"))
        );
        assert!(entries[0].value.is_stored(&stored("x=\n")));
        assert!(!entries[0].value.is_stored(&stored("x=")));
    }

    #[test]
    fn an_error_names_the_place_and_repeats_nothing() {
        for (text, says) in [
            ("A=1\ncanary", "no `=` in line 2"),
            (
                "A=1\nB=\"canary\n\n",
                "closing quote for the value of line 2",
            ),
            ("A='canary' canary", "more after the closing quote"),
            ("A=canary #canary", "put the value into quotes"),
            ("A='a\nb'\ncanary=1\ncanary=2", "second time in line 4"),
            ("{\"canary\": 5}", "in member 1"),
            ("{\"canary\": \"\"}", "in member 1 that is empty"),
            (
                "{\"a\": \"canary\", \"a\": \"canary\"}",
                "second time in member 2",
            ),
            ("{\"a\": \"canary", "no JSON object (line 1"),
            ("{\"a\": \"b\"} canary", "no JSON object (line 1"),
            ("{\"a\": canary}", "no JSON object"),
        ] {
            let error = parse(text.as_bytes()).err().unwrap();
            assert!(error.contains(says), "{text}: {error}");
            assert!(!error.contains("canary"), "{text}: {error}");
        }
        assert!(parse(b"A=\xff").is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_a_document_or_an_error(text in any::<String>()) {
            let _ = parse(text.as_bytes());
        }

        #[test]
        fn any_text_alike_is_a_document_or_an_error(text in "[A=\"'\\\\\n# {}:,é]{0,40}") {
            let _ = parse(text.as_bytes());
        }
    }
}
