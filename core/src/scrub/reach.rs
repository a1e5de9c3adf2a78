//! How far a value reaches: a long one is redacted wherever it stands, a word that anyone may
//! write only where it is all that stands there.
//!
//! | value | redacted |
//! |---|---|
//! | under 4 bytes | never: any field may say "1" or "on" |
//! | under 8 bytes; a word or name ("postgres", "us-east-1") under 16; fewer than 4 different bytes | as a whole text or field |
//! | 8 to 15 bytes | with no letter, digit or underscore beside it; in base64 and hex anywhere |
//! | 16 bytes and more | anywhere, also any part of 16 bytes and more |
//! | a text that holds secrets among other things (JSON, a URL with a password) | anywhere, all of it; its secrets by themselves |
//!
//! A part is also redacted in base64 and hex, from 16 characters. Of values longer than 512 bytes
//! every part of 56 characters is found, shorter ones where they hold an anchor. What is common to
//! many values is no part of its own: the first and last line of PEM, the host of a URL, the
//! header of a JWT.

use std::iter;
use std::ops::Range;

use super::value::{MIN_DIFFERENT, MIN_PART, Reach, Value, different};

/// Shorter values are not redacted at all.
pub(super) const MIN_VALUE: usize = 4;
/// Of longer values the beginning is known; AWS keeps none that is longer.
pub(super) const MAX_VALUE: usize = 64 << 10;
/// Shorter ones are redacted only as a whole text or field.
const MIN_TOKEN: usize = 8;

/// The value that these bytes are.
pub(super) fn value(bytes: &[u8]) -> Value {
    let bytes = cut(bytes);
    if bytes.len() < MIN_TOKEN || different(bytes) < MIN_DIFFERENT {
        return field(bytes);
    }
    if bytes.len() < MIN_PART {
        return if is_common(bytes) {
            field(bytes)
        } else {
            found_or_field(Value::new(bytes, Reach::Token, Vec::new()))
        };
    }
    let telling: Vec<_> = telling(bytes)
        .into_iter()
        .filter(|range| range.len() >= MIN_PART)
        .collect();
    if telling.is_empty() {
        whole(bytes)
    } else {
        found_or_field(Value::new(bytes, Reach::Parts, telling))
    }
}

/// A text of which only the whole is secret.
pub(super) fn whole(bytes: &[u8]) -> Value {
    let bytes = cut(bytes);
    if bytes.len() < MIN_TOKEN {
        return field(bytes);
    }
    found_or_field(Value::new(bytes, Reach::Whole, Vec::new()))
}

fn cut(bytes: &[u8]) -> &[u8] {
    bytes.get(..MAX_VALUE).unwrap_or(bytes)
}

fn field(bytes: &[u8]) -> Value {
    Value::new(bytes, Reach::Field, Vec::new())
}

/// One that repeats a few characters from end to end has no anchor.
fn found_or_field(value: Value) -> Value {
    if value.has_anchor() {
        value
    } else {
        field(value.bytes())
    }
}

/// The parts of a value that are its own.
fn telling(bytes: &[u8]) -> Vec<Range<usize>> {
    let find = |what: &[u8], from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        rest.windows(what.len())
            .position(|it| it == what)
            .map(|further| from + further)
    };
    if let Some(scheme) = find(b"://", 0).filter(|at| *at <= 20) {
        let host = scheme + 3;
        let path = bytes[host..].iter().position(|byte| b"/?#".contains(byte));
        return path
            .map(|path| host + path..bytes.len())
            .into_iter()
            .collect();
    }
    if bytes.starts_with(b"eyJ")
        && let Some(dot) = find(b".", 0)
    {
        return iter::once(dot + 1..bytes.len()).collect();
    }
    // PEM: what stands between the lines that begin and end with dashes.
    let mut ranges = Vec::new();
    let mut start = 0;
    while let Some(dashes) = find(b"-----", start) {
        ranges.push(start..dashes);
        let label = dashes + 5;
        start = find(b"-----", label).map_or(bytes.len(), |end| end + 5);
    }
    ranges.push(start..bytes.len());
    ranges
}

/// Whether people write this without meaning a secret: a word ("production", "Localhost") or a
/// name put together of words and short numbers ("us-east-1", "billing_db").
fn is_common(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    let is_one_case = |word: &str| {
        let rest = word.get(1..).unwrap_or_default();
        rest.bytes().all(|byte| byte.is_ascii_lowercase())
            || word.bytes().all(|byte| byte.is_ascii_uppercase())
    };
    let is_name = text.split(['-', '_', '.', '/', ' ', ':']).all(|part| {
        let word = part.trim_end_matches(|it: char| it.is_ascii_digit());
        let is_short_number = part.len() - word.len() <= 2 || word.is_empty() && part.len() <= 4;
        // "hunter2" is no word, "db1" is a name.
        is_short_number
            && (word.len() == part.len() || word.len() <= 3)
            && word.bytes().all(|byte| byte.is_ascii_alphabetic())
            && is_one_case(word)
            && is_wordlike(word)
    });
    is_name || COMMON.iter().any(|it| text.eq_ignore_ascii_case(it))
}

/// Words that [`is_wordlike`] misses, and what is made of them.
const COMMON: [&str; 12] = [
    "12345678",
    "123456789",
    "1234567890",
    "changeme123",
    "iloveyou",
    "mysqladmin",
    "p@ssw0rd",
    "passw0rd",
    "password1",
    "password123",
    "postgresql",
    "rabbitmq",
];

/// Which letters follow each letter, from "a" on, in English words: the 240 most frequent pairs
/// of the 8,000 words of technical prose that were counted, 95 in 100 of all pairs.
const FOLLOWERS: [&str; 26] = [
    "bcdgiklmnprstuvy",
    "aeilorsu",
    "acehiklortu",
    "adeilorsu",
    "abcdefglmnpqrstvwx",
    "aefiloru",
    "aehinorsu",
    "aeiort",
    "abcdefglmnoprstvz",
    "",
    "eis",
    "adeilostuy",
    "abeimopsu",
    "acdefgiklnostuv",
    "abcdgiklmnoprstuvw",
    "aehiloprstu",
    "u",
    "acdegiklmnorstuvy",
    "acehilmopstuy",
    "acehilorstuy",
    "abceilmnprst",
    "aeio",
    "aeinor",
    "eipt",
    "ps",
    "e",
];

/// Whether letters look like a word: of 8 to 15 at most one pair is unusual, of fewer none, and 3
/// are too few to tell. Of 100 words of 8 to 15 letters 95 do; of 100 random ones of 8 letters 2, of
/// 12 letters none.
fn is_wordlike(letters: &str) -> bool {
    let letters = letters.as_bytes();
    let is_usual = |pair: &[u8; 2]| {
        let [first, second] = pair.map(|letter| letter.to_ascii_lowercase());
        let followers = FOLLOWERS.get(usize::from(first.wrapping_sub(b'a')));
        followers.is_some_and(|them| them.bytes().any(|it| it == second))
    };
    letters
        .array_windows()
        .filter(|pair| !is_usual(pair))
        .count()
        <= 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(text: &str) -> Reach {
        value(text.as_bytes()).reach()
    }

    #[test]
    fn words_and_names_are_redacted_only_as_a_whole() {
        for text in [
            "postgres",
            "password",
            "production",
            "Production",
            "LOCALHOST",
            "localhost",
            "true",
            "us-east-1",
            "cineview",
            "cineview-prod",
            "billing_db",
            "db.t3.medium",
            "12345678",
            "admin",
            "short",
            "00000000000000000000",
            "abababababababababab",
            "127.0.0.1:80",
        ] {
            assert_eq!(reach(text), Reach::Field, "{text}");
        }
    }

    #[test]
    fn passwords_are_redacted_as_tokens() {
        for text in [
            "hunter22",
            "Summer2024!",
            "qxvkzjwp",
            "s3cr3t-pw",
            "CorrectHorse",
            "!v8#qL2p",
            "48151623",
            "zqxjkvbnmwrt",
        ] {
            assert_eq!(reach(text), Reach::Token, "{text}");
        }
    }

    #[test]
    fn long_values_are_redacted_in_parts_but_for_what_many_share() {
        for (text, own) in [
            (
                "correct horse battery staple",
                "correct horse battery staple",
            ),
            (
                "https://hooks.example.com/services/T0/B0/abcdef123456",
                "/services/T0/B0/abcdef123456",
            ),
            (
                "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZSJ9.c2lnbmF0dXJl",
                "eyJyb2xlIjoic2VydmljZSJ9.c2lnbmF0dXJl",
            ),
            (
                "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\n-----END KEY-----",
                "\nMIIEvQIBADANBgkqhkiG\n",
            ),
        ] {
            let value = value(text.as_bytes());
            assert_eq!(value.reach(), Reach::Parts, "{text}");
            let at = text.find(own).unwrap();
            assert_eq!(
                value.telling_around(super::super::forms::Form::Raw, at + 2),
                Some(at..at + own.len())
            );
        }
        assert_eq!(reach("https://db-prod.example.com/x"), Reach::Whole);
    }
}
