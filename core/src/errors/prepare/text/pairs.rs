//! A name that says that its value is secret, in the midst of a text: `?token=…`, `password=…`,
//! `'password': '…'`, `Cookie: …`.

use super::{FILTERED, Hits};
use crate::scrub::REDACTED;

const RULE: &str = "@password:filter";
/// Bytes of a name that are looked at.
const MAX_NAME: usize = 64;
/// Headers whose value may stand unquoted behind a colon.
const HEADERS: [&str; 7] = [
    "authorization",
    "cookie",
    "proxy-authorization",
    "set-cookie",
    "x-api-key",
    "x-auth-token",
    "x-goog-api-key",
];

/// Each parameter of a query, whose names stand at its start and behind each `&`.
pub(super) fn query(hits: &mut Hits<'_>) {
    let text = hits.text;
    let mut start = 0;
    for part in text.split(['&', ';']) {
        if let Some((name, value)) = part.split_once('=')
            && hits
                .keys
                .is_sensitive_parameter(name.trim_start_matches('?'))
        {
            hits.add(
                start + name.len() + 1,
                start + name.len() + 1 + value.len(),
                RULE,
            );
        }
        start += part.len() + 1;
    }
}

/// Every value of a cookie header, whatever its name.
pub(super) fn cookies(hits: &mut Hits<'_>) {
    let text = hits.text;
    let mut start = 0;
    for part in text.split(';') {
        if let Some((name, value)) = part.split_once('=') {
            hits.add(
                start + name.len() + 1,
                start + name.len() + 1 + value.len(),
                RULE,
            );
        }
        start += part.len() + 1;
    }
}

/// Parameters of URLs within a text.
pub(super) fn parameters(hits: &mut Hits<'_>) {
    let mut done = 0;
    for (at, _) in hits.text.match_indices('=') {
        if at >= done
            && let Some(name) = name_before(hits.text, at)
            && is_parameter(hits.text, at - name.len())
            && hits.keys.is_sensitive_parameter(name)
        {
            let start = at + 1;
            done = start + bare_len(&hits.text[start..]);
            hits.add(start, done, RULE);
        }
    }
}

/// `name=value` and `name = "value"`; of source code only what is written there, not what is
/// computed.
pub(super) fn equals(hits: &mut Hits<'_>, is_code: bool) {
    let text = hits.text;
    let mut done = 0;
    for (at, _) in text.match_indices('=') {
        if at < done {
            continue;
        }
        let before = text[..at].trim_end_matches(' ');
        let Some(name) = name_before(text, before.len()) else {
            continue;
        };
        let is_parameter = is_parameter(text, before.len() - name.len());
        let is_sensitive = if is_parameter {
            hits.keys.is_sensitive_parameter(name)
        } else {
            hits.keys.is_sensitive(name)
        };
        if !is_sensitive {
            continue;
        }
        let value = at + 1;
        if let Some((start, end)) = quoted(text, value) {
            hits.add(start, end, RULE);
            done = end;
        } else if before.len() == at && (is_parameter || !is_code) {
            done = value + bare_len(&text[value..]);
            hits.add(value, done, RULE);
        }
    }
}

/// `'name': 'value'`, `'name': value`, `name: 'value'`, and headers.
pub(super) fn colons(hits: &mut Hits<'_>) {
    let text = hits.text;
    let mut done = 0;
    for (at, _) in text.match_indices(':') {
        if at < done {
            continue;
        }
        // Quotes are escaped in JSON that stands in a text.
        let named = text[..at].trim_end_matches(['"', '\'', '\\']);
        let Some(name) = name_before(text, named.len()) else {
            continue;
        };
        if !hits.keys.is_sensitive(name) {
            continue;
        }
        let rest = text[at + 1..].trim_start_matches(' ');
        let start = text.len() - rest.len();
        let end = if let Some((start, end)) = quoted(text, at + 1) {
            hits.add(start, end, RULE);
            done = end;
            continue;
        } else if named.len() < at {
            if is_nothing(rest) {
                continue;
            }
            Some(bare_len(rest))
        } else if HEADERS.iter().any(|it| it.eq_ignore_ascii_case(name)) {
            rest.find(['\r', '\n', '"', '\''])
        } else {
            continue;
        };
        done = start + end.unwrap_or(rest.len());
        hits.add(start, done, RULE);
    }
}

/// Whether a bare value tells nothing, or opens something whose own names are looked at.
fn is_nothing(value: &str) -> bool {
    value.starts_with(['{', '['])
        || [
            "null",
            "None",
            "true",
            "false",
            "True",
            "False",
            "undefined",
        ]
        .iter()
        .any(|it| value.starts_with(it))
}

/// Whether the name that begins there is a parameter's.
fn is_parameter(text: &str, start: usize) -> bool {
    start > 0 && matches!(text.as_bytes()[start - 1], b'?' | b'&')
}

/// The name that ends there: letters, digits and what joins them.
fn name_before(text: &str, end: usize) -> Option<&str> {
    let len = text.as_bytes()[..end]
        .iter()
        .rev()
        .take(MAX_NAME)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte))
        .count();
    (len > 0).then(|| &text[end - len..end])
}

/// Where a value ends that is not quoted.
fn bare_len(text: &str) -> usize {
    // What was redacted before holds a bracket, at which it does not end.
    let done = [FILTERED, REDACTED]
        .iter()
        .find(|it| text.starts_with(**it))
        .map_or(0, |it| it.len());
    let rest = &text[done..];
    let ends = |it: char| it.is_whitespace() || "&;,\"'`)}]<>|".contains(it);
    done + rest.find(ends).unwrap_or(rest.len())
}

/// What is quoted behind spaces and, in Python, a prefix of the literal; also in escaped quotes.
fn quoted(text: &str, from: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut at = from;
    while bytes.get(at) == Some(&b' ') {
        at += 1;
    }
    if matches!(bytes.get(at), Some(b'b' | b'r' | b'f' | b'u'))
        && matches!(bytes.get(at + 1), Some(b'"' | b'\''))
    {
        at += 1;
    }
    let escapes = bytes[at.min(bytes.len())..]
        .iter()
        .take_while(|byte| **byte == b'\\')
        .count();
    at += escapes;
    let quote = *bytes.get(at).filter(|byte| b"\"'`".contains(byte))?;
    let start = at + 1;
    let mut end = start;
    let mut run = 0;
    while let Some(&byte) = bytes.get(end) {
        if byte == quote && (run == escapes || run % 2 == 0 && escapes == 0) {
            end -= run.min(escapes);
            return Some((start, end));
        }
        run = if byte == b'\\' { run + 1 } else { 0 };
        end += 1;
    }
    Some((start, text.len()))
}
