//! Whatever a text holds, it is scrubbed in time, and stays what it was: text, JSON, UTF-8.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::{assert_gone, known, long_value, ordinary, scrub};

/// Values of few characters, with much in common, and texts of their pieces.
fn kin() -> impl Strategy<Value = (Vec<String>, String)> {
    let value = "[ab\\\\\\[\\]\"]{3}[a-fn0-3\\\\\\[\\]]{6,30}[0-3a-f]";
    (prop::collection::vec(value, 1..4), any::<u64>()).prop_flat_map(|(values, _)| {
        let piece = prop_oneof![
            (
                prop::sample::select(values.clone()),
                any::<prop::sample::Index>(),
                0_usize..40
            )
                .prop_map(|(value, start, length)| {
                    let start = start.index(value.len());
                    value[start..value.len().min(start + length)].to_owned()
                }),
            prop::sample::select(values.clone()),
            prop::sample::select(values.clone())
                .prop_map(|value| serde_json::to_string(&value).unwrap()),
            "[ \\\\n\"%4+u0a\\[\\]]{0,3}",
        ];
        let text = prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat());
        (Just(values), text)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn scrubbing_twice_is_scrubbing_once((values, text) in kin()) {
        let known = known(&values);
        let once = scrub(&known, &text);
        prop_assert_eq!(&*scrub(&known, &once), &*once);
    }

    #[test]
    fn a_document_scrubbed_as_text_still_parses((values, text) in kin(), ascii: bool) {
        let known = known(&values);
        let mut document = serde_json::json!({"a": text, "b": [text, 1]}).to_string();
        if ascii {
            document = document.replace('a', "\\u0061");
        }
        let scrubbed = scrub(&known, &document);
        // Where a value spans the quotes of a field, nothing can be told of what is left.
        if !values.iter().any(|value| value.contains('"')) {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&scrubbed).is_ok(), "{} of {}", scrubbed, document);
        }
    }

    #[test]
    fn text_without_a_value_is_borrowed(value in long_value(), text in any::<String>(), words in ordinary()) {
        let known = known(&[&value]);
        for text in [text, words, format!("{value:?}").chars().step_by(2).collect()] {
            prop_assert!(matches!(scrub(&known, &text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn nothing_is_left_between_any_neighbours(value in long_value(), before: String, after: String) {
        let known = known(&[&value]);
        let scrubbed = scrub(&known, &format!("{before}{value}{after}")).into_owned();
        assert_gone(&scrubbed, &value);
        prop_assert!(scrubbed.contains("[redacted]"));
    }

    #[test]
    fn half_a_character_is_never_left(
        value in prop::collection::vec(prop_oneof![any::<u8>(), 0x80..=0xBF_u8, 0xC3..=0xF0_u8], 8..40),
        before in "[é😀a]{0,3}",
        after in "[é😀a]{0,3}",
        start in 0_usize..20,
        length in 0_usize..40,
    ) {
        let known = known(&[&value]);
        let end = value.len().min(start + length);
        let middle = value.get(start..end).unwrap_or_default();
        let bytes = [before.as_bytes(), middle, after.as_bytes()].concat();
        if let Ok(text) = std::str::from_utf8(&bytes) {
            let scrubbed = super::super::redact(&known, text.as_bytes());
            prop_assert!(scrubbed.is_none_or(|bytes| std::str::from_utf8(&bytes).is_ok()));
        }
        let text = String::from_utf8_lossy(&bytes);
        let scrubbed = super::super::redact(&known, text.as_bytes());
        prop_assert!(scrubbed.is_none_or(|bytes| std::str::from_utf8(&bytes).is_ok()));
    }
}

#[test]
fn what_is_left_beside_a_value_is_no_half_escape() {
    let known = known(&[
        "name-of-the-secret-1",
        "0041bcdefghijklmno",
        "qrstuvwxyz012345\\",
    ]);
    for (json, clean) in [
        (r#""foo\name-of-the-secret-1""#, r#""foo[redacted]""#),
        (r#""foo\\name-of-the-secret-1""#, r#""foo\\[redacted]""#),
        (r#""\u0041bcdefghijklmno""#, r#""[redacted]""#),
        (r#""\\u0041bcdefghijklmno""#, r#""\\u[redacted]""#),
        (r#""qrstuvwxyz012345\"!""#, r#""[redacted]!""#),
        (r#""qrstuvwxyz012345\\!""#, r#""[redacted]!""#),
        (r#""qrstuvwxyz012345\n!""#, r#""[redacted]n!""#),
    ] {
        assert_eq!(scrub(&known, json), clean);
        for json in [json, clean] {
            assert!(serde_json::from_str::<String>(json).is_ok(), "{json}");
        }
    }
}

#[test]
fn what_is_left_beside_a_binary_value_is_no_half_character() {
    let value = [b"\xA9", &b"sixteen bytes of"[..], b"\xF0\x9F"].concat();
    let known = known(&[&value]);
    assert_eq!(scrub(&known, "aésixteen bytes of😀b"), "a[redacted]b");
}

#[test]
fn what_the_placeholder_completes_is_redacted_too() {
    let known = known(&["abcdefghijklmn[r", "correct horse battery"]);
    let once = scrub(&known, "abcdefghijklmncorrect horse battery").into_owned();
    assert_eq!(once, "[redacted]edacted]");
    assert_eq!(scrub(&known, &once), once);
}

#[test]
fn a_binary_value_is_redacted_among_bytes() {
    let value: Vec<u8> = (100..200).map(|byte: u8| byte.wrapping_mul(37)).collect();
    let known = known(&[&value]);
    let text = [b"\x00\xFF<", &value[10..40], b">\xFF"].concat();
    let scrubbed = super::super::redact(&known, &text).unwrap();
    assert_eq!(scrubbed, b"\x00\xFF<[redacted]>\xFF");
    let repr = format!("b'{}'", value.escape_ascii());
    assert_eq!(scrub(&known, &repr), "b'[redacted]'");
}

/// Generous: linear work takes a few seconds at most in a debug build, and quadratic work hours.
const DEADLINE: Duration = Duration::from_secs(120);

#[test]
fn a_large_text_of_partial_matches_is_scrubbed_in_linear_time() {
    const SIZE: usize = 256 << 10;
    let alike: Vec<_> = (0..200)
        .map(|number: u64| {
            format!(
                "sk-proj-{:016x}{:016x}",
                number.wrapping_mul(0x9E37_79B9_7F4A_7C15),
                number + 7
            )
        })
        .collect();
    let periodic = "abcdefgh".repeat(8 << 10);
    let periodic_with_end = format!("{{\"a\":\"{}\",\"b\":1}}", "abcdefgh".repeat(4 << 10));
    let prefixed = format!("https://u:p@{}/x", "h0st.".repeat(2000));
    let mut secrets = alike.clone();
    secrets.extend([periodic, periodic_with_end, prefixed]);
    let known = known(&secrets);
    let started = Instant::now();
    for unit in [
        "sk-proj-",
        "abcdefgh",
        "{\"a\":\"abcdefghabcdefgh",
        "https://u:p@h0st.h0st.h0st.",
        &alike[0][..15],
        &alike[0][..17],
        &alike[0],
        "\\",
        "\\n",
        "%41",
        "+%5C",
        "\\u0041",
        "\\%",
        "é",
        "00000000",
    ] {
        let text = unit.repeat(SIZE / unit.len());
        let scrubbed = scrub(&known, &text);
        assert!(scrubbed.len() <= text.len());
        assert!(started.elapsed() < DEADLINE, "{unit}");
    }
}

#[test]
fn values_are_found_across_the_edges_of_segments() {
    let value = "correct\thorse\tbattery\tstaple";
    let known = known(&[value]);
    let spelling = "correct\\thorse\\tbattery\\tstaple";
    for place in (0..60).chain([500]) {
        for edge in [1 << 20, (1 << 20) + (128 << 10)] {
            let text = format!(
                "{}|{spelling}|{}",
                ".".repeat(edge - place),
                ".".repeat(100)
            );
            assert!(scrub(&known, &text).contains(".|[redacted]|."), "{place}");
        }
    }
}
