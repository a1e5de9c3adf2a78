//! Base64 with the standard alphabet and padding (RFC 4648), as interval logs use it.
//!
//! Only the one canonical text of some bytes is accepted, so that reading and writing a payload
//! cannot change it.

use super::Fault;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().enumerate().fold(0_u32, |group, (at, byte)| {
            group | u32::from(*byte) << (16 - 8 * at)
        });
        for digit in 0..4 {
            if digit <= chunk.len() {
                let sextet = group >> (18 - 6 * digit) & 63;
                text.push(char::from(ALPHABET[sextet as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

pub(super) fn decode(text: &str) -> Result<Vec<u8>, Fault> {
    let fault = |at: usize, what: &str| Fault::new(format!("character {at} of its base64"), what);
    let text = text.as_bytes();
    if !text.len().is_multiple_of(4) {
        return Err(fault(text.len(), "the base64 text is cut or too long"));
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for (group_at, group) in text.chunks_exact(4).enumerate() {
        let at = group_at * 4;
        let is_last = at + 4 == text.len();
        let padding = if is_last {
            group.iter().rev().take_while(|byte| **byte == b'=').count()
        } else {
            0
        };
        let digits = 4 - padding;
        if digits < 2 {
            return Err(fault(at, "misplaced base64 padding"));
        }
        let mut bits = 0_u32;
        for (digit, byte) in group.iter().take(digits).enumerate() {
            let sextet =
                sextet(*byte).ok_or_else(|| fault(at + digit, "a character that is no base64"))?;
            bits |= sextet << (18 - 6 * digit);
        }
        let kept = digits - 1;
        if bits & ((1 << (24 - 8 * kept)) - 1) != 0 {
            return Err(fault(at + digits - 1, "bits after the end of the base64"));
        }
        bytes.extend_from_slice(&bits.to_be_bytes()[1..=kept]);
    }
    Ok(bytes)
}

fn sextet(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_vectors_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text).unwrap(), bytes.as_bytes());
        }
        for bad in [
            "Z", "Zg=", "Zg==Zg==", "====", "Zh==", "Zm9=", "Zm9v\n", "Zü==",
        ] {
            assert!(decode(bad).is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn text_that_is_accepted_is_written_back(text in "[A-Za-z0-9+/]{0,8}={0,3}") {
            if let Ok(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }
    }
}
