//! The forms in which a value may stand in a text without being spelt out: base64 at each of its
//! three alignments, and hexadecimal. Nothing is encoded ahead: a form tells, for each place,
//! which character the value would have there, and [`super::search`] compares.
//!
//! What is escaped (JSON, URLs, quoted literals) is no form of its own: [`super::escapes`] undoes it.

use std::ops::Range;

/// How a value may be spelt; a *character* is one byte of that spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is: a character is a byte.
    Raw,
    /// Within base64 of anything, of either alphabet, by how many bits of the value belong to a
    /// character that begins before it. Only characters made of the value's bits alone count.
    Base64 { skipped_bits: u8 },
    /// Two digits a byte, in either case.
    Hex,
}

/// Every form. What [`Form::code`] counts.
pub(super) const FORMS: [Form; 5] = [
    Form::Raw,
    Form::Base64 { skipped_bits: 0 },
    Form::Base64 { skipped_bits: 4 },
    Form::Base64 { skipped_bits: 2 },
    Form::Hex,
];

/// In how many alphabets a form is written; those of [`Form::Raw`] are one.
pub(super) const ALPHABETS: usize = 2;

const BASE64: [[u8; 64]; ALPHABETS] = [
    *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    *b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
];
const HEX: [[u8; 16]; ALPHABETS] = [*b"0123456789abcdef", *b"0123456789ABCDEF"];

/// What a character that is no digit reads as.
const NO_DIGIT: u8 = 0xFF;
const BASE64_DIGITS: [u8; 256] = digits(&BASE64);
const HEX_DIGITS: [u8; 256] = digits(&HEX);

const fn digits<const N: usize>(alphabets: &[[u8; N]; ALPHABETS]) -> [u8; 256] {
    let mut table = [NO_DIGIT; 256];
    let mut alphabet = 0;
    while alphabet < ALPHABETS {
        let mut digit = 0;
        while digit < N {
            table[alphabets[alphabet][digit] as usize] = digit as u8;
            digit += 1;
        }
        alphabet += 1;
    }
    table
}

/// The value of a hexadecimal digit.
pub(super) fn hex_digit(character: u8) -> Option<u8> {
    Some(HEX_DIGITS[usize::from(character)]).filter(|digit| *digit != NO_DIGIT)
}

impl Form {
    /// The place in [`FORMS`].
    pub(super) fn code(self) -> usize {
        match self {
            Self::Raw => 0,
            Self::Base64 { skipped_bits: 0 } => 1,
            Self::Base64 { skipped_bits: 4 } => 2,
            Self::Base64 { .. } => 3,
            Self::Hex => 4,
        }
    }

    /// How many characters so many bytes have.
    pub(super) fn len(self, bytes: usize) -> usize {
        self.range(0..bytes).len()
    }

    /// The characters that are made of these bytes alone.
    pub(super) fn range(self, bytes: Range<usize>) -> Range<usize> {
        match self {
            Self::Raw => bytes,
            Self::Hex => bytes.start * 2..bytes.end * 2,
            Self::Base64 { skipped_bits } => {
                let skipped = usize::from(skipped_bits);
                let first = (bytes.start * 8).saturating_sub(skipped).div_ceil(6);
                let end = (bytes.end * 8).saturating_sub(skipped) / 6;
                first..end.max(first)
            }
        }
    }

    /// Whether this text character is the one that the value has at that place, in any alphabet.
    pub(super) fn agrees(self, value: &[u8], place: usize, character: u8) -> bool {
        let digit = self.digit(value, place);
        digit.is_some()
            && digit
                == match self {
                    Self::Raw => Some(character),
                    Self::Base64 { .. } => Some(BASE64_DIGITS[usize::from(character)]),
                    Self::Hex => Some(HEX_DIGITS[usize::from(character)]),
                }
    }

    /// The character that the value has at that place; zero beyond its end.
    pub(super) fn character(self, value: &[u8], place: usize, alphabet: usize) -> u8 {
        let digit = self.digit(value, place).unwrap_or(0);
        match self {
            Self::Raw => digit,
            Self::Base64 { .. } => BASE64[alphabet % ALPHABETS][usize::from(digit & 63)],
            Self::Hex => HEX[alphabet % ALPHABETS][usize::from(digit & 15)],
        }
    }

    /// What the character at that place stands for.
    fn digit(self, value: &[u8], place: usize) -> Option<u8> {
        match self {
            Self::Raw => value.get(place).copied(),
            Self::Hex => {
                let byte = *value.get(place / 2)?;
                Some(if place.is_multiple_of(2) {
                    byte >> 4
                } else {
                    byte & 15
                })
            }
            Self::Base64 { skipped_bits } => {
                let bit = usize::from(skipped_bits) + place * 6;
                let first = u16::from(*value.get(bit / 8)?);
                let next = u16::from(value.get(bit / 8 + 1).copied().unwrap_or(0));
                Some(((first << 8 | next) >> (10 - bit % 8) & 63) as u8)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn base64(bytes: &[u8], alphabet: usize) -> Vec<u8> {
        let form = Form::Base64 { skipped_bits: 0 };
        let mut padded = bytes.to_vec();
        padded.extend([0; 3]);
        (0..(bytes.len() * 8).div_ceil(6))
            .map(|place| form.character(&padded, place, alphabet))
            .collect()
    }

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (bytes, text) in [
            ("f", "Zg"),
            ("fo", "Zm8"),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes(), 0), text.as_bytes());
        }
        assert_eq!(base64(&[0xFB, 0xEF, 0xFF], 0), b"++//");
        assert_eq!(base64(&[0xFB, 0xEF, 0xFF], 1), b"--__");
    }

    proptest! {
        #[test]
        fn each_alignment_is_what_stands_in_base64_of_the_whole(
            value in prop::collection::vec(any::<u8>(), 4..40),
            before in prop::collection::vec(any::<u8>(), 0..7),
            after in prop::collection::vec(any::<u8>(), 0..7),
            alphabet in 0..ALPHABETS,
        ) {
            let whole = base64(&[&before[..], &value, &after].concat(), alphabet);
            let form = FORMS[1 + before.len() % 3];
            let first = (before.len() * 8).div_ceil(6);
            let length = form.len(value.len());
            prop_assert!(length >= (value.len() * 8 - 10) / 6);
            for place in 0..length {
                prop_assert_eq!(form.character(&value, place, alphabet), whole[first + place]);
                prop_assert!(form.agrees(&value, place, whole[first + place]));
            }
            prop_assert!(!form.agrees(&value, length + 2, b'A'));
        }
    }
}
