//! A value is found however it is written.

use std::fmt::Write;

use proptest::prelude::*;

use crate::scrub::reach;
use crate::scrub::value::Reach;

use super::{assert_gone, known, long_value, ordinary, scrub};

/// Standard, with padding; of the URL's alphabet when asked.
fn base64(bytes: &[u8], is_url: bool) -> String {
    let last = if is_url { "-_" } else { "+/" };
    let alphabet: Vec<char> = ('A'..='Z')
        .chain('a'..='z')
        .chain('0'..='9')
        .chain(last.chars())
        .collect();
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group
            .iter()
            .chain([&0, &0])
            .take(3)
            .fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        for place in 0..=group.len() {
            text.push(alphabet[bits >> (18 - 6 * place) & 63]);
        }
        if !is_url {
            text.extend(std::iter::repeat_n('=', 3 - group.len()));
        }
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// `encodeURIComponent`, or a form's fields.
fn percent(text: &str, is_form: bool, is_lower: bool) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b' ' if is_form => out.push('+'),
            b'-' | b'_' | b'.' | b'*' => out.push(char::from(byte)),
            b'!' | b'~' | b'\'' | b'(' | b')' if !is_form => out.push(char::from(byte)),
            _ if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            _ if is_lower => write!(out, "%{byte:02x}").unwrap(),
            _ => write!(out, "%{byte:02X}").unwrap(),
        }
    }
    out
}

/// `json.dumps`, which leaves ASCII only.
fn python_json(text: &str) -> String {
    let json = serde_json::to_string(text).unwrap();
    let mut out = String::new();
    for character in json.chars() {
        if (' '..='~').contains(&character) {
            out.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}").unwrap();
            }
        }
    }
    out
}

/// `repr` of text.
fn python_repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut out = String::from(quote);
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\\' => out.push_str("\\\\"),
            _ if character == quote => write!(out, "\\{quote}").unwrap(),
            '\0'..=' ' | '\u{7f}'..='\u{a0}' if character != ' ' => {
                write!(out, "\\x{:02x}", character as u32).unwrap();
            }
            _ => out.push(character),
        }
    }
    out.push(quote);
    out
}

/// `repr` of bytes.
fn python_bytes(text: &[u8]) -> String {
    format!("b\"{}\"", text.escape_ascii())
}

/// `util.inspect`: single quotes, else double, else backticks.
fn javascript_inspect(text: &str) -> String {
    let quote = ['\'', '"', '`']
        .into_iter()
        .find(|it| !text.contains(*it))
        .unwrap_or('\'');
    let mut out = String::from(quote);
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            _ if character == quote => write!(out, "\\{quote}").unwrap(),
            '\0'..'\u{20}' | '\u{7f}'..='\u{9f}' => {
                write!(out, "\\x{:02X}", character as u32).unwrap()
            }
            _ => out.push(character),
        }
    }
    out.push(quote);
    out
}

fn everything_escaped(text: &str) -> String {
    text.encode_utf16()
        .fold(String::new(), |out, unit| out + &format!("\\u{unit:04X}"))
}

/// Ways to write a text such that all of it can be told back. Two at once undo more than they
/// should where the text itself looks escaped.
fn spellings(text: &str) -> Vec<String> {
    let inner = |quoted: String| quoted[1..quoted.len() - 1].to_owned();
    let json = |text: &str| inner(serde_json::to_string(text).unwrap());
    let python_json = |text: &str| inner(python_json(text));
    let mut spellings = vec![
        text.to_owned(),
        json(text),
        json(text).replace('/', "\\/"),
        python_json(text),
        json(&python_json(text)),
        json(&json(&json(text))),
        inner(python_repr(text)),
        inner(format!("{text:?}")),
        text.escape_unicode().to_string(),
        inner(javascript_inspect(text)),
        everything_escaped(text),
        percent(text, false, false),
        percent(text, false, true),
        percent(text, true, false),
        percent(&percent(text, false, false), false, false),
        hex(text.as_bytes()),
        hex(text.as_bytes()).to_uppercase(),
    ];
    if !text.contains('%') {
        spellings.push(percent(&json(text), false, false));
        spellings.push(python_json(&percent(text, true, true)));
    }
    spellings
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn each_spelling_is_replaced_as_one(
        value in long_value(),
        before in ordinary(),
        after in ordinary(),
    ) {
        let known = known(&[&value]);
        for spelling in spellings(&value) {
            let text = format!("{before}{spelling}{after}");
            let clean = format!("{before}[redacted]{after}");
            prop_assert_eq!(scrub(&known, &text), clean, "{}", spelling);
        }
        let bytes = python_bytes(value.as_bytes());
        let text = format!("{before}{bytes}{after}");
        prop_assert_eq!(scrub(&known, &text), format!("{before}b\"[redacted]\"{after}"));
    }

    #[test]
    fn base64_of_anything_around_a_value_tells_nothing_of_it(
        value in long_value(),
        before in "[a-z:]{0,7}",
        after in "[a-z:]{0,7}",
        is_url: bool,
    ) {
        let known = known(&[&value]);
        let whole = base64(format!("{before}{value}{after}").as_bytes(), is_url);
        let text = format!("Authorization: Basic {whole}, and more");
        let scrubbed = scrub(&known, &text);
        assert_gone(&scrubbed, &whole);
        // At either end a character may be left that is made of other bits too.
        let rest = text.len() - whole.len() + "[redacted]".len();
        let around = (before.len() + after.len()).div_ceil(3) * 4 + 8;
        prop_assert!(scrubbed.len() <= rest + around, "{}", scrubbed);
    }

    #[test]
    fn a_part_of_sixteen_bytes_is_replaced(
        value in long_value().prop_filter("short", |value| value.len() <= 512),
        start: prop::sample::Index,
        length in 16_usize..80,
        before in ordinary(),
        after in ordinary(),
    ) {
        let known = known(&[&value]);
        let mut start = start.index(value.len() - 15);
        let mut end = (start + length).min(value.len());
        while !value.is_char_boundary(start) { start -= 1; }
        while !value.is_char_boundary(end) { end += 1; }
        let part = &value[start..end];
        // One that looks escaped itself may be shorter once all has been undone.
        if part.contains(['%', '\\']) {
            return Ok(());
        }
        for spelling in spellings(part) {
            let text = format!("{before}.{spelling}.{after}");
            let scrubbed = scrub(&known, &text);
            // What stands beside the part may be what stands beside it in the value.
            let clean = format!("{before}.[redacted].{after}");
            prop_assert!(
                scrubbed == clean || (scrubbed.contains("[redacted]") && scrubbed.len() <= clean.len()),
                "{} of {}", scrubbed, spelling
            );
            assert_gone(&scrubbed, &spelling);
        }
    }

    #[test]
    fn a_short_value_is_replaced_between_others_than_letters(
        value in "[A-Z][!-~]{6,13}[0-9]".prop_filter("a token", |value| {
            reach::value(value.as_bytes()).reach() == Reach::Token && !value.contains(['%', '\\'])
        }),
        before in "[ \"'(,:=@;é]",
        after in "[ \"'),:@;.é]",
    ) {
        let known = known(&[&value]);
        for spelling in spellings(&value) {
            let text = format!("x{before}{spelling}{after}y");
            prop_assert_eq!(scrub(&known, &text), format!("x{before}[redacted]{after}y"), "{}", spelling);
        }
        let inside = format!("x{value}y {value}_ a{value}");
        prop_assert_eq!(&*scrub(&known, &inside), &inside);
        let whole = base64(format!("user:{value}").as_bytes(), false);
        let text = format!("Basic {whole}");
        prop_assert!(scrub(&known, &text).contains("[redacted]"), "{}", text);
    }
}

#[test]
fn every_sixteen_bytes_of_a_value_are_redacted() {
    let value: String = (b'!'..=b'~')
        .filter(|byte| !b"%\\".contains(byte))
        .map(char::from)
        .collect();
    let known = known(&[&value]);
    for start in 0..value.len() - 15 {
        let part = &value[start..start + 16];
        for before in ["", " "] {
            for after in ["", " "] {
                assert_eq!(
                    scrub(&known, &format!("{before}{part}{after}")),
                    format!("{before}[redacted]{after}")
                );
            }
        }
        let shorter = &value[start..start + 15];
        assert_eq!(scrub(&known, shorter), shorter);
    }
    let long = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-.".repeat(10);
    let known = super::known(&[&long]);
    for start in 0..long.len() - 55 {
        assert_eq!(
            scrub(&known, &long[start..start + 56]),
            "[redacted]",
            "{start}"
        );
    }
}

#[test]
fn a_value_that_begins_within_another_is_redacted_from_its_beginning() {
    let known = known(&[
        "correct horse battery staple",
        "1234-correct horse battery staple",
    ]);
    for text in [
        "1234-correct horse",
        "34-correct horse battery",
        "4-correct horse battery staple",
    ] {
        assert_eq!(scrub(&known, text), "[redacted]");
        assert_eq!(scrub(&known, &format!(" {text}|")), " [redacted]|");
    }
}

#[test]
fn lines_of_a_key_are_redacted_each_by_itself() {
    let line = |seed: u64| -> String {
        let mut state = seed;
        (0..64)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                char::from(
                    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
                        [(state >> 58) as usize],
                )
            })
            .collect()
    };
    let lines: Vec<_> = (1..=25).map(line).collect();
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\nc2hvcnQx==\n-----END PRIVATE KEY-----\n",
        lines.join("\n")
    );
    let known = known(&[&pem]);
    assert_eq!(scrub(&known, &format!("key: {pem}")), "key: [redacted]\n");
    assert_eq!(
        scrub(&known, &format!("{:?}", pem.trim_end())),
        "\"[redacted]\""
    );
    for line in &lines {
        assert_eq!(
            scrub(&known, &format!("{}|{line}|", &line[..3])),
            format!("{}|[redacted]|", &line[..3])
        );
    }
    let indented = format!("key: |\n  {}\n", pem.trim_end().replace('\n', "\n  "));
    assert_eq!(
        scrub(&known, &indented),
        format!(
            "key: |\n  -----BEGIN PRIVATE KEY-----\n{}\n  -----END PRIVATE KEY-----\n",
            "  [redacted]".repeat(26)
        )
    );
    let other = "-----BEGIN PRIVATE KEY-----\nnot this one\n-----END PRIVATE KEY-----\n";
    assert_eq!(scrub(&known, other), other);
}

#[test]
fn base64_with_line_ends_is_redacted_line_by_line() {
    let value = "Zk3!9fJq_0aLwP7$".repeat(12);
    let known = known(&[&value]);
    let whole = base64(value.as_bytes(), false);
    let lines: Vec<_> = whole
        .as_bytes()
        .chunks(76)
        .map(|line| String::from_utf8_lossy(line))
        .collect();
    let scrubbed = scrub(&known, &lines.join("\n")).into_owned();
    assert_gone(&scrubbed, &whole);
    assert!(scrubbed.len() < lines.len() * 12, "{scrubbed}");
}
