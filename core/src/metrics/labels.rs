//! Names and labels of series, checked once when a series is registered.

use crate::error::{Error, ErrorKind};

/// Longest metric name in bytes.
pub const MAX_NAME_BYTES: usize = 200;
/// Most labels on one series.
pub const MAX_LABELS: usize = 32;
/// Longest label key in bytes.
pub const MAX_LABEL_KEY_BYTES: usize = 100;
/// Longest label value in bytes; a longer one is cut and counted as truncated, since values are
/// data and a service must not fail on its data.
pub const MAX_LABEL_VALUE_BYTES: usize = 256;
/// Longest error type in bytes; a longer one is cut and counted.
pub const MAX_ERROR_TYPE_BYTES: usize = 100;

/// The labels of a series, sorted by key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Labels {
    pairs: Vec<(Box<str>, Box<str>)>,
    truncated: u32,
}

impl Labels {
    /// No labels.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            pairs: Vec::new(),
            truncated: 0,
        }
    }

    /// Labels from keys and values.
    ///
    /// # Errors
    /// `invalid_label` when there are more than [`MAX_LABELS`], or a key is empty, longer than
    /// [`MAX_LABEL_KEY_BYTES`], holds a control character or comes twice.
    pub fn from_pairs<K: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, Error> {
        let mut labels = Self::new();
        for (key, value) in pairs {
            let key = key.as_ref();
            if labels.pairs.len() == MAX_LABELS {
                return Err(Error::new(
                    ErrorKind::InvalidLabel,
                    format!(
                        "more than {MAX_LABELS} labels on one metric; keep those with few distinct values"
                    ),
                ));
            }
            check_text(
                key,
                MAX_LABEL_KEY_BYTES,
                "label key",
                ErrorKind::InvalidLabel,
            )?;
            let value = value.as_ref();
            let kept = cut(value, MAX_LABEL_VALUE_BYTES);
            labels.truncated += u32::from(kept.len() < value.len());
            labels.pairs.push((key.into(), kept.into()));
        }
        labels.pairs.sort_unstable();
        if let Some(twice) = labels.pairs.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(Error::new(
                ErrorKind::InvalidLabel,
                format!(
                    "the label key {:?} comes twice; give each key once",
                    twice[0].0
                ),
            ));
        }
        Ok(labels)
    }

    /// Keys and values, ascending by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(key, value)| (&**key, &**value))
    }

    /// How many labels.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    pub(crate) const fn truncated(&self) -> u32 {
        self.truncated
    }
}

/// A number as the text of a label's value, the same in every language: JavaScript's
/// `Number.prototype.toString` (ECMA-262, `Number::toString`), so 1.0 is `1` and 1e21 is `1e+21`.
#[must_use]
pub fn number_text(value: f64) -> String {
    /// Decimal points between these places are written out, others as an exponent.
    const PLAIN: std::ops::RangeInclusive<i32> = -5..=21;
    if value.is_nan() {
        return "NaN".to_owned();
    }
    let sign = if value < 0.0 { "-" } else { "" };
    if value.is_infinite() {
        return format!("{sign}Infinity");
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    // Both languages write the shortest digits that read back as the same number.
    let scientific = format!("{:e}", value.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits = mantissa.replace('.', "");
    // The decimal point stands after this many digits.
    let point = exponent.parse::<i32>().unwrap_or(0) + 1;
    let count = digits.len() as i32;
    let zeros = |n: i32| "0".repeat(usize::try_from(n).unwrap_or(0));
    if !PLAIN.contains(&point) {
        let (first, rest) = digits.split_at(1);
        let fraction = if rest.is_empty() { "" } else { "." };
        return format!("{sign}{first}{fraction}{rest}e{:+}", point - 1);
    }
    if point >= count {
        return format!("{sign}{digits}{}", zeros(point - count));
    }
    if point <= 0 {
        return format!("{sign}0.{}{digits}", zeros(-point));
    }
    let (whole, fraction) = digits.split_at(point as usize);
    format!("{sign}{whole}.{fraction}")
}

impl serde::Serialize for Labels {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// Checks a metric name.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    check_text(name, MAX_NAME_BYTES, "metric name", ErrorKind::InvalidName)
}

/// The longest prefix of `text` within `bytes` bytes that ends between characters.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

fn check_text(text: &str, limit: usize, what: &str, kind: ErrorKind) -> Result<(), Error> {
    if text.is_empty() {
        return Err(Error::new(
            kind,
            format!("the {what} is empty; give it 1 to {limit} bytes"),
        ));
    }
    if text.len() > limit {
        return Err(Error::new(
            kind,
            format!(
                "the {what} {:?}... has {} bytes; at most {limit} are allowed",
                cut(text, 40),
                text.len()
            ),
        ));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::new(
            kind,
            format!(
                "the {what} {:?} holds a control character; use printable text",
                cut(text, 40)
            ),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_and_checked() {
        let labels = Labels::from_pairs([("b", "2"), ("a", "1")]).unwrap();
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "2")]);
        for bad in [
            vec![("".to_owned(), "x".to_owned())],
            vec![("k".repeat(101), "x".to_owned())],
            vec![("a\n".to_owned(), "x".to_owned())],
            vec![
                ("a".to_owned(), "x".to_owned()),
                ("a".to_owned(), "y".to_owned()),
            ],
            (0..33).map(|i| (format!("k{i}"), String::new())).collect(),
        ] {
            let error = Labels::from_pairs(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidLabel);
        }
    }

    #[test]
    fn a_long_value_is_cut_between_characters_and_counted() {
        let labels = Labels::from_pairs([("k", "é".repeat(200))]).unwrap();
        assert_eq!(labels.iter().next().unwrap().1.len(), 256);
        let labels = Labels::from_pairs([("k", format!("x{}", "é".repeat(200)))]).unwrap();
        assert_eq!(labels.iter().next().unwrap().1.len(), 255);
        assert_eq!(labels.truncated(), 1);
    }
}
