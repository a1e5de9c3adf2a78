//! Numbers of payment cards: 13 to 19 digits, grouped by spaces or dashes or not, that begin as an
//! issuer's do and whose check digit is right.

use super::Hits;

pub(super) const RULE: &str = "@creditcard:filter";
const LENGTHS: std::ops::RangeInclusive<usize> = 13..=19;

pub(super) fn numbers(hits: &mut Hits<'_>) {
    let bytes = hits.text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let start = at;
        let mut digits = [0u8; 20];
        let mut count = 0;
        let mut end = at;
        while at < bytes.len() {
            let byte = bytes[at];
            if byte.is_ascii_digit() {
                if count < digits.len() {
                    digits[count] = byte - b'0';
                }
                count += 1;
                end = at + 1;
            } else if !(matches!(byte, b' ' | b'-')
                && bytes.get(at + 1).is_some_and(u8::is_ascii_digit))
            {
                break;
            }
            at += 1;
        }
        // Letters beside it: an id, a hash or a number in another base. A point: a fraction.
        let is_part =
            |byte: Option<&u8>| byte.is_some_and(|it| it.is_ascii_alphanumeric() || *it == b'_');
        let before = start.checked_sub(1).and_then(|before| bytes.get(before));
        let is_in_word = is_part(before) || is_part(bytes.get(end)) || before == Some(&b'.');
        if !is_in_word && LENGTHS.contains(&count) && is_card(&digits[..count]) {
            hits.add(start, end, RULE);
        }
    }
}

/// Whether digits are those of a card: an issuer's prefix with one of its lengths, and Luhn's sum.
/// Source: ISO/IEC 7812-1.
fn is_card(digits: &[u8]) -> bool {
    let prefix = |len: usize| {
        digits[..len]
            .iter()
            .fold(0u32, |number, digit| number * 10 + u32::from(*digit))
    };
    let is_issued = match digits[0] {
        3 => {
            matches!(prefix(2), 34 | 37) && digits.len() == 15
                || matches!(prefix(3), 300..=305) && digits.len() == 14
                || matches!(prefix(2), 36 | 38 | 39) && digits.len() == 14
                || matches!(prefix(4), 3528..=3589) && digits.len() >= 16
        }
        4 => matches!(digits.len(), 13 | 16 | 19),
        5 => matches!(prefix(2), 50..=58) && digits.len() >= 13,
        2 => matches!(prefix(4), 2221..=2720) && digits.len() == 16,
        6 => digits.len() >= 16 || matches!(prefix(2), 60 | 63 | 67) && digits.len() >= 13,
        _ => false,
    };
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let digit = u32::from(*digit);
            match place % 2 {
                0 => digit,
                _ if digit > 4 => digit * 2 - 9,
                _ => digit * 2,
            }
        })
        .sum();
    is_issued && sum.is_multiple_of(10)
}
