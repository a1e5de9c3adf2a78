//! The ids of traces and spans.

use std::fmt;

/// The id of a trace: 32 hexadecimal digits, never all zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceId(u128);

/// The id of a span: 16 hexadecimal digits, never all zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanId(u64);

impl TraceId {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        Self(u128::from_ne_bytes(random()).max(1))
    }

    /// Reads 32 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        hex(text, 32).filter(|id| *id != 0).map(Self)
    }

    /// Its number.
    #[must_use]
    pub const fn value(self) -> u128 {
        self.0
    }
}

impl SpanId {
    /// A new one.
    #[must_use]
    pub fn random() -> Self {
        Self(u64::from_ne_bytes(random()).max(1))
    }

    /// Reads 16 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let id = u64::try_from(hex(text, 16)?).ok()?;
        (id != 0).then_some(Self(id))
    }
}

/// Digits of a fixed number, of any case. `from_str_radix` alone would take a sign.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let is_hex = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex
        .then(|| u128::from_str_radix(text, 16).ok())
        .flatten()
}

/// From the system, not from a generator in memory: a forked child would repeat its parent's ids.
pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if getrandom::getrandom(&mut bytes).is_err() {
        // No source of randomness: an id that is unlikely to be another's is enough.
        let time = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default()
            .as_nanos();
        let seed = (time << 32) ^ u128::from(std::process::id());
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = (seed >> (8 * (at % 16))) as u8;
        }
    }
    bytes
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written() {
        let trace = TraceId::random();
        assert_eq!(TraceId::parse(&trace.to_string()), Some(trace));
        let span = SpanId::random();
        assert_eq!(SpanId::parse(&span.to_string()), Some(span));
        assert_ne!(TraceId::random(), trace);
        for text in [
            "",
            "0",
            "00000000000000000000000000000000",
            "+bcdef0123456789abcdef0123456789",
        ] {
            assert_eq!(TraceId::parse(text), None, "{text}");
        }
        assert_eq!(SpanId::parse("0000000000000000"), None);
        assert_eq!(SpanId::parse("00000000000000é"), None);
    }
}
