//! Credentials that are known by how they begin: private keys, `Bearer` and `Basic`, JSON web
//! tokens.

use super::Hits;

const PRIVATE_KEY: &str = "@pemkey:filter";
const TOKEN: &str = "@bearer:filter";
const BEGIN: &str = "-----BEGIN ";
/// The shortest that is taken for a credential behind `Bearer`, and for one behind `Basic`.
const MIN_TOKEN: usize = 8;
/// The shortest part of a JSON web token.
const MIN_PART: usize = 8;

/// What stands between the lines of a private key; to the end of the text where that is cut.
pub(super) fn private_keys(hits: &mut Hits<'_>) {
    let text = hits.text;
    let mut from = 0;
    while let Some(at) = text[from..].find(BEGIN) {
        let label = from + at + BEGIN.len();
        let Some(len) = text[label..].find("-----") else {
            return;
        };
        let body = label + len + 5;
        from = body;
        if len < 64 && text[label..label + len].ends_with("PRIVATE KEY") {
            let end = text[body..]
                .find("-----END")
                .map_or(text.len(), |it| body + it);
            hits.add(body, end, PRIVATE_KEY);
            from = end;
        }
    }
}

pub(super) fn tokens(hits: &mut Hits<'_>) {
    let bytes = hits.text.as_bytes();
    for at in 0..bytes.len() {
        match bytes[at] {
            b'b' | b'B' => scheme(hits, at),
            b'J' if at >= 2 && bytes[at - 2] == b'e' && bytes[at - 1] == b'y' => {
                web_token(hits, at - 2);
            }
            _ => {}
        }
    }
}

/// `Bearer …` and `Basic …`, as in a header.
fn scheme(hits: &mut Hits<'_>, at: usize) {
    let bytes = hits.text.as_bytes();
    let rest = &bytes[at..];
    let begins = |name: &[u8]| {
        rest.get(..name.len())
            .is_some_and(|it| it.eq_ignore_ascii_case(name))
    };
    let (len, is_basic) = if begins(b"bearer ") {
        (7, false)
    } else if begins(b"basic ") {
        (6, true)
    } else {
        return;
    };
    if at > 0 && bytes[at - 1].is_ascii_alphanumeric() {
        return;
    }
    let spaces = rest[len..].iter().take_while(|byte| **byte == b' ').count();
    let start = len + spaces;
    let token = &rest[start..];
    let end = token
        .iter()
        .position(|byte| !byte.is_ascii_alphanumeric() && !b"-._~+/=|:".contains(byte))
        .unwrap_or(token.len());
    let token = &token[..end];
    // "a basic instruction", "the bearer certificate": words, not credentials.
    let is_word = token
        .iter()
        .all(|byte| byte.is_ascii_lowercase() || b".:-".contains(byte));
    let is_long = token.len() >= MIN_TOKEN;
    if is_long && !is_word && (!is_basic || !token.iter().any(|byte| b":.".contains(byte))) {
        hits.add(at + start, at + start + end, TOKEN);
    }
}

/// `eyJ….eyJ….…`: a header and a payload in base64, and a signature.
fn web_token(hits: &mut Hits<'_>, start: usize) {
    let bytes = hits.text.as_bytes();
    let is_within = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    if start > 0 && is_within(&bytes[start - 1]) {
        return;
    }
    let mut end = start;
    for part in 0..3 {
        let len = bytes[end..]
            .iter()
            .take_while(|byte| is_within(byte))
            .count();
        if len < MIN_PART && part < 2 {
            return;
        }
        end += len;
        if part < 2 {
            if bytes.get(end) != Some(&b'.') {
                return;
            }
            end += 1;
        }
    }
    hits.add(start, end, TOKEN);
}
