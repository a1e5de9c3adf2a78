//! The secrets within a secret. A JSON document, a connection string or a file of settings is
//! secret as a whole, and so is each credential in it; its host names and user names are not.

use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use super::escapes::{Rules, View};
use super::json::{number_len, string_len};
use super::keys::{Judgement, is_credential_like, judge};
use super::reach;
use super::value::Value;

/// JSON within JSON within ...: strings that are documents are opened so often.
const MAX_DEPTH: usize = 4;
/// Lines of a longer value that are redacted by themselves as tokens; longer ones are parts of it.
const SHORT_LINE: std::ops::Range<usize> = 8..16;

const BACKSLASH: Rules = Rules {
    backslash: true,
    percent: false,
    plus: false,
    high_x_is_a_character: false,
};
const PERCENT: Rules = Rules {
    percent: true,
    backslash: false,
    ..BACKSLASH
};
const BOTH: Rules = Rules {
    percent: true,
    ..BACKSLASH
};

/// Calls `found` with each value that must not leave because this secret must not.
pub(super) fn values_of(secret: &[u8], found: &mut impl FnMut(Value)) {
    explore(secret, Judgement::Secret, MAX_DEPTH, found);
}

fn explore(text: &[u8], judgement: Judgement, depth: usize, found: &mut impl FnMut(Value)) {
    let text = text.trim_ascii();
    if let Some(depth) = depth.checked_sub(1) {
        if is_json(text) {
            if judgement == Judgement::Secret {
                found(reach::whole(text));
            }
            return leaves(text, judgement, &mut |leaf, judgement| {
                explore(leaf, judgement, depth, found);
            });
        }
        let settings = settings(text);
        if !settings.is_empty() {
            found(reach::whole(text));
            for (key, value) in settings {
                explore(value, judge(key), depth, found);
            }
            return;
        }
    }
    if let Some(credential) = credential_of_url(text) {
        found(reach::whole(text));
        return plain(credential, found);
    }
    let is_secret = match judgement {
        Judgement::Secret => true,
        Judgement::Unknown => is_credential_like(text),
        Judgement::Ordinary => false,
    };
    if is_secret {
        plain(text, found);
    }
}

/// A value that holds no other. One that looks escaped is known unescaped too: a key whose line
/// ends are written "\n" is used, and printed, with real ones, and where a text was escaped several
/// times over, the search undoes one layer more.
fn plain(text: &[u8], found: &mut impl FnMut(Value)) {
    with_short_lines(text, found);
    for rules in [BACKSLASH, PERCENT, BOTH] {
        if let Some(unescaped) = View::of(text, rules) {
            with_short_lines(unescaped.bytes(), found);
        }
    }
}

fn with_short_lines(text: &[u8], found: &mut impl FnMut(Value)) {
    found(reach::value(text));
    let lines = text
        .split(|byte| b"\r\n".contains(byte))
        .map(<[u8]>::trim_ascii);
    lines
        .filter(|line| SHORT_LINE.contains(&line.len()) && line.len() < text.len())
        .for_each(|line| found(reach::value(line)));
}

/// Whether this is a JSON object, list or string. Parsed without keeping, hence copying, anything.
fn is_json(text: &[u8]) -> bool {
    matches!(text.first(), Some(b'{' | b'[' | b'"'))
        && serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

/// Calls `found` with each string and number of a valid JSON document, and what its key says.
fn leaves(json: &[u8], judgement: Judgement, found: &mut impl FnMut(&[u8], Judgement)) {
    let mut outer = Vec::new();
    let mut around = judgement;
    let mut current = judgement;
    let mut rest = json;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match *first {
            b'{' | b'[' => outer.push(std::mem::replace(&mut around, current)),
            b'}' | b']' => {
                around = outer.pop().unwrap_or(around);
                current = around;
            }
            b',' => current = around,
            b'"' => {
                let (string, after) = after.split_at(string_len(after));
                rest = after.get(1..).unwrap_or_default();
                let string = unescaped(string);
                if rest.trim_ascii_start().starts_with(b":") {
                    current = judge(&string).under(around);
                } else {
                    found(&string, current);
                }
            }
            b'-' | b'0'..=b'9' => {
                let start = json.len() - after.len() - 1;
                let end = start + number_len(&json[start..]);
                found(&json[start..end], current);
                rest = &json[end..];
            }
            _ => {}
        }
    }
}

fn unescaped(string: &[u8]) -> Zeroizing<Vec<u8>> {
    let view = View::of(string, BACKSLASH);
    Zeroizing::new(view.as_ref().map_or(string, View::bytes).to_vec())
}

/// The `key=value` pairs of a connection string (`Server=..;Password=..`, `host=.. password=..`) or
/// a file of settings, if that is what this is: two pairs at least, one under a name that says
/// something, and nothing else but comments.
fn settings(text: &[u8]) -> Vec<(&[u8], &[u8])> {
    let pairs_by = |is_separator: fn(&u8) -> bool| {
        let mut pairs = Vec::new();
        for entry in text.split(is_separator).map(<[u8]>::trim_ascii) {
            if entry.is_empty() || entry.starts_with(b"#") {
                continue;
            }
            let (key, value) = entry.split_at(entry.iter().position(|byte| *byte == b'=')?);
            let key = key.trim_ascii();
            let key = key.strip_prefix(b"export ").unwrap_or(key);
            let is_key = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-. ".contains(byte);
            if key.is_empty() || !key.iter().all(is_key) {
                return None;
            }
            pairs.push((key, without_quotes(value[1..].trim_ascii())));
        }
        let is_known = |(key, _): &(&[u8], &[u8])| judge(key) != Judgement::Unknown;
        (pairs.len() > 1 && pairs.iter().any(is_known)).then_some(pairs)
    };
    let separators: [fn(&u8) -> bool; 3] = [
        |byte| b"\r\n".contains(byte),
        |byte| *byte == b';',
        u8::is_ascii_whitespace,
    ];
    separators
        .into_iter()
        .find_map(pairs_by)
        .unwrap_or_default()
}

fn without_quotes(text: &[u8]) -> &[u8] {
    match text {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => inner,
        _ => text,
    }
}

/// The password of `scheme://user:password@host`, or what stands before the `@` alone.
fn credential_of_url(text: &[u8]) -> Option<&[u8]> {
    let scheme = text.windows(3).take(24).position(|it| it == b"://")?;
    let is_scheme = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    if scheme == 0 || !text[..scheme].iter().all(is_scheme) || text.contains(&b'\n') {
        return None;
    }
    let rest = &text[scheme + 3..];
    let host_end = rest
        .iter()
        .position(|byte| b"/?#".contains(byte))
        .unwrap_or(rest.len());
    let at = rest[..host_end].iter().rposition(|byte| *byte == b'@');
    // A password with an unescaped slash: what comes before the first `@` is it.
    let in_path = || {
        let is_early = rest[..host_end].contains(&b':');
        rest.iter()
            .position(|byte| *byte == b'@')
            .filter(|_| is_early)
    };
    let user = &rest[..at.or_else(in_path)?];
    let password = user
        .iter()
        .position(|byte| *byte == b':')
        .map_or(user, |colon| &user[colon + 1..]);
    (!password.is_empty()).then_some(password)
}
