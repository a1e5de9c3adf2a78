//! JSON's smallest parts: strings, numbers, and what is passed over.

use std::borrow::Cow;

use super::text::Hints;

/// Why a text is not read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// It is no JSON.
    Invalid,
    /// It is what some languages write for JSON: half a surrogate pair, a bare line break, `NaN`.
    Loose,
}

/// A string as it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Literal<'t> {
    /// Between its quotes.
    pub(super) raw: &'t str,
    pub(super) is_escaped: bool,
    pub(super) hints: Hints,
}

impl<'t> Literal<'t> {
    /// What it says.
    pub(super) fn decode(&self) -> Result<Cow<'t, str>, Stop> {
        if !self.is_escaped {
            return Ok(Cow::Borrowed(self.raw));
        }
        let mut text = String::with_capacity(self.raw.len());
        let mut rest = self.raw;
        while let Some(at) = rest.find('\\') {
            text.push_str(&rest[..at]);
            let (character, len) = unescape(&rest.as_bytes()[at..])?;
            text.push(character);
            rest = rest.get(at + len..).ok_or(Stop::Invalid)?;
        }
        text.push_str(rest);
        Ok(Cow::Owned(text))
    }
}

/// Reads the string whose opening quote stands at `at`; also where it ends, behind its quote.
pub(super) fn string(text: &str, at: usize) -> Result<(Literal<'_>, usize), Stop> {
    let bytes = text.as_bytes();
    if bytes.get(at) != Some(&b'"') {
        return Err(Stop::Invalid);
    }
    let start = at + 1;
    let mut place = start;
    let mut bits = 0;
    let mut is_escaped = false;
    loop {
        let byte = *bytes.get(place).ok_or(Stop::Invalid)?;
        let hint = Hints::TABLE[usize::from(byte)];
        bits |= hint;
        if hint & (Hints::STOP | Hints::CONTROL) == 0 {
            place += 1;
            continue;
        }
        match byte {
            b'"' => break,
            b'\\' => {
                is_escaped = true;
                let (character, len) = unescape(&bytes[place..])?;
                // What is escaped may hint at something too: `\u0040` is an @.
                if let Ok(ascii) = u8::try_from(u32::from(character))
                    && ascii.is_ascii()
                {
                    bits |= Hints::TABLE[usize::from(ascii)];
                }
                place += len;
            }
            _ => return Err(Stop::Loose),
        }
    }
    let literal = Literal {
        raw: &text[start..place],
        is_escaped,
        hints: Hints::from_bits(bits),
    };
    Ok((literal, place + 1))
}

/// The character that an escape stands for, and the escape's length.
fn unescape(bytes: &[u8]) -> Result<(char, usize), Stop> {
    let character = match bytes.get(1).ok_or(Stop::Invalid)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => {
            let unit = hex(bytes, 2)?;
            if let Some(character) = char::from_u32(unit) {
                return Ok((character, 6));
            }
            if unit >= 0xdc00 || bytes.get(6..8) != Some(b"\\u") {
                return Err(Stop::Loose);
            }
            let low = hex(bytes, 8)?;
            if !(0xdc00..0xe000).contains(&low) {
                return Err(Stop::Loose);
            }
            let code = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            return char::from_u32(code).map(|it| (it, 12)).ok_or(Stop::Loose);
        }
        _ => return Err(Stop::Invalid),
    };
    Ok((character, 2))
}

fn hex(bytes: &[u8], at: usize) -> Result<u32, Stop> {
    bytes
        .get(at..at + 4)
        .ok_or(Stop::Invalid)?
        .iter()
        .try_fold(0, |unit, byte| {
            char::from(*byte)
                .to_digit(16)
                .map(|digit| unit << 4 | digit)
                .ok_or(Stop::Invalid)
        })
}

/// Where the number ends that begins at `at`.
pub(super) fn number(bytes: &[u8], at: usize) -> Result<usize, Stop> {
    let digits = |from: usize| {
        let len = bytes[from.min(bytes.len())..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if len == 0 {
            Err(Stop::Invalid)
        } else {
            Ok(from + len)
        }
    };
    let start = at + usize::from(bytes.get(at) == Some(&b'-'));
    if bytes.get(start) == Some(&b'I') {
        return Err(Stop::Loose);
    }
    let mut end = digits(start)?;
    if bytes[start] == b'0' && end > start + 1 {
        return Err(Stop::Invalid);
    }
    if bytes.get(end) == Some(&b'.') {
        end = digits(end + 1)?;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        end = digits(end + 1 + sign)?;
    }
    Ok(end)
}

/// Where the value ends that begins at `at`, which nobody reads: only its strings and brackets are
/// looked at, however deep it is.
pub(super) fn pass_over(text: &str, at: usize) -> Result<usize, Stop> {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut place = at;
    loop {
        match bytes.get(place).ok_or(Stop::Invalid)? {
            b'"' => {
                place = string_end(bytes, place)?;
                if depth == 0 {
                    return Ok(place);
                }
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => match depth {
                0 => return Ok(place),
                1 => return Ok(place + 1),
                _ => depth -= 1,
            },
            b',' if depth == 0 => return Ok(place),
            byte if depth == 0 && byte.is_ascii_whitespace() => return Ok(place),
            _ => {}
        }
        place += 1;
    }
}

fn string_end(bytes: &[u8], at: usize) -> Result<usize, Stop> {
    let mut place = at + 1;
    loop {
        match bytes.get(place).ok_or(Stop::Invalid)? {
            b'"' => return Ok(place + 1),
            b'\\' => place += 2,
            _ => place += 1,
        }
    }
}

/// Where the next byte stands that is no white space.
pub(super) fn blank(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// The text as JSON proper: half surrogates become `\ufffd`, bare control characters escapes, and
/// numbers that are none `null`.
pub(super) fn tighten(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut tight = String::with_capacity(text.len() + 16);
    let mut is_in_string = false;
    let mut place = 0;
    let mut copied = 0;
    while let Some(&byte) = bytes.get(place) {
        let mut len = 1;
        let mut instead = None;
        match byte {
            b'"' => is_in_string = !is_in_string,
            b'\\' if is_in_string => match unescape(&bytes[place..]) {
                Ok((_, known)) => len = known,
                Err(Stop::Loose) => {
                    len = 6;
                    instead = Some("\\ufffd".to_owned());
                }
                Err(Stop::Invalid) => len = 2,
            },
            0..=31 if is_in_string => instead = Some(format!("\\u{byte:04x}")),
            b'N' | b'I' | b'-' if !is_in_string => {
                let rest = &text[place..];
                if let Some(it) = ["NaN", "Infinity", "-Infinity"]
                    .iter()
                    .find(|it| rest.starts_with(**it))
                {
                    len = it.len();
                    instead = Some("null".to_owned());
                }
            }
            _ => {}
        }
        if let Some(instead) = instead {
            tight.push_str(text.get(copied..place).unwrap_or_default());
            tight.push_str(&instead);
            copied = place + len;
        }
        place += len;
    }
    tight.push_str(text.get(copied..).unwrap_or_default());
    tight
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_read_as_json_has_it() {
        let text = r#""a\n\"é\u0040\ud83d\ude00 ","#;
        let (literal, end) = string(text, 0).unwrap();
        assert_eq!(literal.decode().unwrap(), "a\n\"é@😀 ");
        assert_eq!(&text[end..], ",");
        for loose in [
            r#""\ud800""#,
            r#""\udc00""#,
            r#""\ud800\u0041""#,
            "\"a\nb\"",
        ] {
            assert_eq!(string(loose, 0).unwrap_err(), Stop::Loose, "{loose}");
        }
        for invalid in ["\"", "\"\\", "\"\\x\"", "\"\\u12\"", "a", ""] {
            assert_eq!(string(invalid, 0).unwrap_err(), Stop::Invalid, "{invalid}");
        }
    }

    #[test]
    fn a_number_is_read_as_json_has_it() {
        for text in ["0", "-1", "12.5", "1e9", "1E-9", "-0.0e+1"] {
            assert_eq!(number(text.as_bytes(), 0), Ok(text.len()), "{text}");
        }
        for text in ["", "-", "01", "1.", ".5", "1e", "+1"] {
            assert_eq!(number(text.as_bytes(), 0), Err(Stop::Invalid), "{text}");
        }
        assert_eq!(number(b"-Infinity", 0), Err(Stop::Loose));
    }

    #[test]
    fn what_other_languages_write_becomes_json() {
        let text = "{\"a\":[NaN,-Infinity,Infinity,-1],\"NaN\":\"\\ud800 \\ud83d\\ude00\u{1}é\"}";
        assert_eq!(
            tighten(text),
            "{\"a\":[null,null,null,-1],\"NaN\":\"\\ufffd \\ud83d\\ude00\\u0001é\"}"
        );
        assert_eq!(tighten("\"\\"), "\"\\");
    }

    #[test]
    fn what_nobody_reads_is_passed_over_however_deep() {
        let deep = format!("{}{},1", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(pass_over(&deep, 0), Ok(200_000));
        assert_eq!(pass_over(r#"{"a":"}\""},2"#, 0), Ok(11));
        assert_eq!(pass_over("[[", 0), Err(Stop::Invalid));
    }
}
