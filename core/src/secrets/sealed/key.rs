//! The key of the sealed cache.

use std::fmt;
use std::path::Path;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind};
use crate::secrets::file::{read_regular, shown};

const KEY_BYTES: usize = 32;
/// The whole of what a key's text may be, white space around it aside.
const MAX_TEXT_BYTES: usize = 2 * KEY_BYTES;
const MAKE_ONE: &str = "make a key with `openssl rand -base64 32`";

/// The key of the sealed cache: 32 bytes, overwritten when they go, and never shown.
#[derive(Clone)]
pub struct SealKey {
    /// On the heap, so that a move leaves no copy behind.
    bytes: Zeroizing<Vec<u8>>,
}

impl SealKey {
    /// The key that `text` is: 32 bytes as 64 hexadecimal digits, or in base64, of either alphabet,
    /// padded or not. White space around it does not matter. A passphrase is no key.
    ///
    /// # Errors
    /// `invalid_config`, without the text, with the command that makes a key.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text.is_empty() {
            return Err(invalid(format!(
                "the key of the sealed cache is empty; {MAKE_ONE}"
            )));
        }
        let bytes = match text.len() {
            MAX_TEXT_BYTES => from_hex(text),
            _ => from_base64(text),
        };
        match bytes {
            Some(bytes) if bytes.len() == KEY_BYTES => Ok(Self { bytes }),
            Some(bytes) => Err(invalid(format!(
                "the key of the sealed cache has {} bytes where {KEY_BYTES} are needed; {MAKE_ONE}",
                bytes.len()
            ))),
            None => Err(invalid(format!(
                "the key of the sealed cache is neither {MAX_TEXT_BYTES} hexadecimal digits nor {KEY_BYTES} bytes in \
                 base64 ({} characters, not shown); a passphrase is no key, {MAKE_ONE}",
                text.chars().count()
            ))),
        }
    }

    /// The key in a file, as [`Self::parse`] takes it.
    ///
    /// # Errors
    /// `invalid_config` when the file cannot be read or holds no key.
    pub fn read_file(path: &Path) -> Result<Self, Error> {
        let shown = shown(path).unwrap_or_else(|| "(not shown, it may be a key)".to_owned());
        let fail = |what: String| {
            invalid(format!(
                "the file {shown} with the key of the sealed cache {what}"
            ))
            .with_detail("path", shown.clone())
        };
        let contents = read_regular(path)
            .map_err(|refused| fail(format!("{}; give the path of a key's file", refused.what)))?;
        let text = std::str::from_utf8(&contents.bytes)
            .map_err(|_| fail(format!("is no text; {MAKE_ONE}")))?;
        Self::parse(text).map_err(|error| fail(format!("cannot be used: {error}")))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

fn from_hex(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_BYTES));
    let digit = |byte: u8| char::from(byte).to_digit(16);
    for pair in text.as_bytes().chunks_exact(2) {
        let &[high, low] = pair else { return None };
        bytes.push(u8::try_from(digit(high)? << 4 | digit(low)?).ok()?);
    }
    Some(bytes)
}

fn from_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    const ENGINE: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let mut standard = Zeroizing::new(text.as_bytes().to_vec());
    for byte in standard.iter_mut() {
        *byte = match *byte {
            b'-' => b'+',
            b'_' => b'/',
            other => other,
        };
    }
    let mut bytes = Zeroizing::new(vec![0; standard.len()]);
    let length = ENGINE.decode_slice(&*standard, &mut bytes).ok()?;
    bytes.truncate(length);
    Some(bytes)
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidConfig, message)
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey([redacted])")
    }
}

/// In time that does not depend on where they differ.
impl PartialEq for SealKey {
    fn eq(&self, other: &Self) -> bool {
        let differing = self
            .bytes
            .iter()
            .zip(other.bytes.iter())
            .fold(0, |differing, (a, b)| differing | (a ^ b));
        std::hint::black_box(differing) == 0
    }
}

impl Eq for SealKey {}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
