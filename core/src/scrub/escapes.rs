//! Undoes escaping, so that a value is found however it was quoted: JSON's `\u00e9` and `\/`,
//! Rust's `\u{e9}`, Python's `\xe9`, the percent signs of a URL, the plus signs of a form.
//!
//! A [`View`] is what a text says once its escapes are undone, and where in the text each byte of
//! it came from. [`super::search`] looks through views as it looks through the text itself; no
//! list of encodings per value is needed, and it does not matter which characters a writer chose
//! to escape. Undoing is total: what is no escape stays as it is.

use std::ops::Range;

use zeroize::Zeroizing;

use super::forms::hex_digit;

/// Which escapes are undone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Rules {
    /// Those that begin with a backslash.
    pub(super) backslash: bool,
    /// `%2F`.
    pub(super) percent: bool,
    /// `+` for a blank.
    pub(super) plus: bool,
    /// `\xe9` is the character of that number (Python's text), not the byte (Python's bytes).
    pub(super) high_x_is_a_character: bool,
}

impl Rules {
    /// The first place from there on where an escape may begin.
    fn next(self, text: &[u8], from: usize) -> Option<usize> {
        /// Looked at together, which compiles to vector instructions.
        const BLOCK: usize = 32;
        let one_of = [
            (self.backslash, b'\\'),
            (self.percent, b'%'),
            (self.plus, b'+'),
        ];
        let first = one_of
            .into_iter()
            .find_map(|(is_on, byte)| is_on.then_some(byte))?;
        let [one, two, three] = one_of.map(|(is_on, byte)| if is_on { byte } else { first });
        let begins = |byte: &u8| (*byte == one) | (*byte == two) | (*byte == three);
        let rest = text.get(from..)?;
        // The next is often near, and else often far.
        if let Some(further) = rest.iter().take(BLOCK).position(begins) {
            return Some(from + further);
        }
        let blocks = rest.chunks_exact(BLOCK);
        let without =
            blocks.take_while(|block| !block.iter().fold(false, |any, it| any | begins(it)));
        let skipped = without.count() * BLOCK;
        let further = rest.get(skipped..)?.iter().position(begins)?;
        Some(from + skipped + further)
    }
}

/// One escape: so many bytes of the view came from so many of the text.
#[derive(Debug, Clone, Copy)]
struct Mark {
    view_start: u32,
    text_start: u32,
    view_len: u8,
    text_len: u8,
}

/// A text with its escapes undone.
#[derive(Debug)]
pub(super) struct View {
    bytes: Zeroizing<Vec<u8>>,
    marks: Vec<Mark>,
    has_high_x: bool,
}

/// What stands at an escape.
struct Escape {
    len: usize,
    bytes: [u8; 4],
    bytes_len: usize,
    is_high_x: bool,
}

impl View {
    /// The text with its escapes undone, or nothing when it has none. A text must be shorter than
    /// 4 GiB.
    pub(super) fn of(text: &[u8], rules: Rules) -> Option<Self> {
        let next = |from: usize| rules.next(text, from);
        let mut candidate = Some(next(0)?);
        // No escape is shorter than what it stands for, so this never grows (and leaves a copy).
        let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
        let mut marks = Vec::new();
        let mut has_high_x = false;
        let mut copied = 0;
        while let Some(place) = candidate {
            let Some(escape) = escape_at(&text[place..], rules) else {
                candidate = next(place + 1);
                continue;
            };
            bytes.extend_from_slice(&text[copied..place]);
            marks.push(Mark {
                view_start: u32::try_from(bytes.len()).ok()?,
                text_start: u32::try_from(place).ok()?,
                view_len: escape.bytes_len as u8,
                text_len: escape.len as u8,
            });
            bytes.extend_from_slice(&escape.bytes[..escape.bytes_len]);
            has_high_x |= escape.is_high_x;
            copied = place + escape.len;
            candidate = next(copied);
        }
        bytes.extend_from_slice(&text[copied..]);
        (!marks.is_empty()).then_some(Self {
            bytes,
            marks,
            has_high_x,
        })
    }

    /// What the text says.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether it had an escape that [`Rules::high_x_is_a_character`] reads otherwise.
    pub(super) fn has_high_x(&self) -> bool {
        self.has_high_x
    }

    /// The part of the text that these bytes of the view came from, each escape whole.
    pub(super) fn origin(&self, view: Range<usize>) -> Range<usize> {
        self.place(view.start, false)..self.place(view.end, true)
    }

    fn place(&self, view: usize, is_end: bool) -> usize {
        let after = self
            .marks
            .partition_point(|mark| mark.view_start as usize <= view);
        let Some(mark) = after.checked_sub(1).and_then(|last| self.marks.get(last)) else {
            return view;
        };
        let (text_start, text_len) = (mark.text_start as usize, usize::from(mark.text_len));
        let into = view - mark.view_start as usize;
        if into >= usize::from(mark.view_len) {
            text_start + text_len + into - usize::from(mark.view_len)
        } else if is_end && into > 0 {
            text_start + text_len
        } else {
            text_start
        }
    }
}

fn escape_at(text: &[u8], rules: Rules) -> Option<Escape> {
    match *text.first()? {
        b'+' if rules.plus => Some(Escape::byte(1, b' ')),
        b'%' if rules.percent => Some(Escape::byte(3, number(text, 1, 2)? as u8)),
        b'\\' if rules.backslash => backslash(text, rules),
        _ => None,
    }
}

/// The escapes of JSON, JavaScript, Python and Rust, which agree wherever they overlap, but for
/// `\x80` and up.
fn backslash(text: &[u8], rules: Rules) -> Option<Escape> {
    let byte = match *text.get(1)? {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'0' if !text.get(2).is_some_and(u8::is_ascii_digit) => 0,
        b'a' => 0x07,
        b'b' => 0x08,
        b'v' => 0x0B,
        b'f' => 0x0C,
        quoted @ (b'\\' | b'"' | b'\'' | b'`' | b'/') => quoted,
        b'x' => {
            let code = number(text, 2, 2)?;
            if code < 0x80 || !rules.high_x_is_a_character {
                return Some(Escape {
                    is_high_x: code >= 0x80,
                    ..Escape::byte(4, code as u8)
                });
            }
            return Some(Escape {
                is_high_x: true,
                ..Escape::character(4, code)?
            });
        }
        b'U' => return Escape::character(10, number(text, 2, 8)?),
        b'u' if text.get(2) == Some(&b'{') => {
            let digits = text
                .get(3..)?
                .iter()
                .take(7)
                .position(|byte| *byte == b'}')?;
            return Escape::character(digits + 4, number(text, 3, digits)?);
        }
        b'u' => {
            let code = number(text, 2, 4)?;
            if !(0xD800..0xDC00).contains(&code) {
                return Escape::character(6, code);
            }
            let second = text.get(6..).filter(|rest| rest.starts_with(b"\\u"))?;
            let second = number(second, 2, 4)?
                .checked_sub(0xDC00)
                .filter(|low| *low < 0x400)?;
            return Escape::character(12, 0x10000 + ((code - 0xD800) << 10) + second);
        }
        _ => return None,
    };
    Some(Escape::byte(2, byte))
}

/// The number that so many hexadecimal digits say; at least one, at most eight.
fn number(text: &[u8], start: usize, digits: usize) -> Option<u32> {
    let digits = text
        .get(start..start + digits)
        .filter(|it| !it.is_empty())?;
    digits.iter().try_fold(0_u32, |number, digit| {
        Some(number << 4 | u32::from(hex_digit(*digit)?))
    })
}

impl Escape {
    fn byte(len: usize, byte: u8) -> Self {
        Self {
            len,
            bytes: [byte, 0, 0, 0],
            bytes_len: 1,
            is_high_x: false,
        }
    }

    fn character(len: usize, code: u32) -> Option<Self> {
        let mut bytes = [0; 4];
        let bytes_len = char::from_u32(code)?.encode_utf8(&mut bytes).len();
        Some(Self {
            len,
            bytes,
            bytes_len,
            is_high_x: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Rules = Rules {
        backslash: true,
        percent: true,
        plus: true,
        high_x_is_a_character: false,
    };

    fn undone(text: &str, rules: Rules) -> Vec<u8> {
        View::of(text.as_bytes(), rules)
            .map_or_else(|| text.as_bytes().to_vec(), |view| view.bytes().to_vec())
    }

    #[test]
    fn every_language_s_escapes_are_undone() {
        for (text, says) in [
            (r#"a\"b\\c\/d\n\r\t\b\f"#, "a\"b\\c/d\n\r\t\u{8}\u{c}"),
            (r"\u00e9\u0041\ud83d\ude00", "éA😀"),
            (r"\u{e9}\u{1f600}\'\0", "é😀'\0"),
            (r"\x41\x1b\U0001f600", "A\u{1b}😀"),
            ("%41%c3%A9%2f+x", "Aé/ x"),
            (r"\xc3\xa9", "é"),
            // No escapes.
            (
                r"C:\path \q \u12 \ud800x \x4 \u{} \u{1234567} 5% %4g \",
                r"C:\path \q \u12 \ud800x \x4 \u{} \u{1234567} 5% %4g \",
            ),
        ] {
            let says = says.to_owned();
            assert_eq!(undone(text, ALL), says.as_bytes(), "{text}");
        }
        let as_text = Rules {
            high_x_is_a_character: true,
            ..ALL
        };
        assert_eq!(undone(r"caf\xe9", as_text), "café".as_bytes());
        assert!(
            View::of(
                b"%41+",
                Rules {
                    backslash: true,
                    ..Rules::default()
                }
            )
            .is_none()
        );
    }

    #[test]
    fn a_place_in_a_view_leads_back_to_whole_escapes() {
        let text = r"ab\u00e9cd%41\n";
        let view = View::of(text.as_bytes(), ALL).unwrap();
        assert_eq!(view.bytes(), "abécdA\n".as_bytes());
        let of = |range: Range<usize>| &text[view.origin(range)];
        assert_eq!(of(0..2), "ab");
        assert_eq!(of(1..3), r"b\u00e9");
        assert_eq!(of(3..5), r"\u00e9c");
        assert_eq!(of(2..4), r"\u00e9");
        assert_eq!(of(4..8), r"cd%41\n");
        assert_eq!(of(7..8), r"\n");
        assert_eq!(of(0..8), text);
    }
}
