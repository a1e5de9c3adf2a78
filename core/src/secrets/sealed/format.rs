//! The bytes of the sealed cache.
//!
//! A header in plain, then everything else sealed by XChaCha20-Poly1305 under a nonce of its own,
//! with the header bound to it:
//!
//! ```text
//! 8   "TALLSEAL"
//! 4   version
//! 8   length of what follows the header
//! 24  nonce, random
//! ..  records, sealed
//! 16  tag
//! ```
//!
//! Integers are little-endian. A record is: flags (1: a value, 2: stored as binary), time in
//! milliseconds since 1970 (8), key, value, ARN, version, region, each as length (4) and bytes with
//! a length of all ones for none, then the stages with their number (4) before them.
//!
//! Plain bytes live in one buffer of its final size, so that none are left behind by its growth.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{Tag, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::key::SealKey;
use super::{Revoked, SealedEntry, SealedErrorKind};
use crate::secrets::fetched::Fetched;
use crate::secrets::value::Source;

/// The largest file that is read or written.
pub(super) const MAX_FILE_BYTES: usize = 32 << 20;

pub(super) const MAGIC: &[u8; 8] = b"TALLSEAL";
const VERSION: u32 = 1;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
const NONCE_AT: usize = 20;
const HEADER_BYTES: usize = NONCE_AT + NONCE_BYTES;

const IS_VALUE: u8 = 1;
const IS_BINARY: u8 = 2;
const NONE: u32 = u32::MAX;

/// The last word on one secret.
pub(super) struct Record {
    pub(super) key: String,
    pub(super) at_millis: u64,
    /// None when it was revoked then.
    fetched: Option<Fetched>,
}

/// Why bytes are no sealed cache that this key opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Something else than a sealed cache.
    Foreign,
    Version(u32),
    Truncated,
    TooLong,
    /// What the tag says, which cannot tell one from the other.
    KeyOrContents,
    /// Sealed with our key, and yet no records.
    Records,
}

impl Fault {
    pub(super) const fn kind(self) -> SealedErrorKind {
        match self {
            Self::Foreign => SealedErrorKind::Path,
            Self::Version(_) => SealedErrorKind::Version,
            Self::Truncated | Self::TooLong | Self::Records => SealedErrorKind::Damaged,
            Self::KeyOrContents => SealedErrorKind::Key,
        }
    }

    /// What continues "the sealed cache PATH".
    pub(super) fn text(self) -> String {
        match self {
            Self::Foreign => {
                "is another kind of file; give the sealed cache a path of its own".to_owned()
            }
            Self::Version(version) => format!(
                "has version {version} and this Tallylight reads version {VERSION}; the next writing replaces it"
            ),
            Self::Truncated => "ends too early; the next writing replaces it".to_owned(),
            Self::TooLong => {
                format!(
                    "is too long (at most {MAX_FILE_BYTES} bytes); the next writing replaces it"
                )
            }
            Self::KeyOrContents => {
                "is sealed with another key, or was changed; give the key that it was written \
                                    with, or leave it: the next writing replaces it"
                    .to_owned()
            }
            Self::Records => {
                "holds what cannot be read though the key fits; the next writing replaces it"
                    .to_owned()
            }
        }
    }
}

impl Record {
    pub(super) fn of_entry(entry: SealedEntry) -> Self {
        Self {
            key: entry.key,
            at_millis: millis(entry.fetched_at),
            fetched: Some(entry.fetched),
        }
    }

    pub(super) fn of_revoked(revoked: Revoked) -> Self {
        Self {
            key: revoked.key,
            at_millis: millis(revoked.at),
            fetched: None,
        }
    }

    pub(super) fn into_entry(self) -> Option<SealedEntry> {
        Some(SealedEntry {
            fetched: self.fetched?,
            fetched_at: UNIX_EPOCH.checked_add(Duration::from_millis(self.at_millis))?,
            key: self.key,
        })
    }

    fn encoded_bytes(&self) -> usize {
        let text = |text: Option<&String>| 4 + text.map_or(0, String::len);
        let fetched = self.fetched.as_ref();
        1 + 8
            + text(Some(&self.key))
            + (4 + fetched.map_or(0, |fetched| fetched.bytes.len()))
            + text(fetched.and_then(|fetched| fetched.arn.as_ref()))
            + text(fetched.and_then(|fetched| fetched.version.as_ref()))
            + text(fetched.and_then(|fetched| fetched.region.as_ref()))
            + 4
            + fetched.map_or(0, |fetched| {
                fetched.stages.iter().map(|stage| text(Some(stage))).sum()
            })
    }

    fn encode(&self, into: &mut Vec<u8>) {
        let fetched = self.fetched.as_ref();
        let binary = fetched.is_some_and(|fetched| fetched.binary);
        into.push(u8::from(fetched.is_some()) * IS_VALUE + u8::from(binary) * IS_BINARY);
        into.extend_from_slice(&self.at_millis.to_le_bytes());
        put(into, Some(self.key.as_bytes()));
        put(into, fetched.map(|fetched| fetched.bytes.as_slice()));
        for part in [
            fetched.and_then(|fetched| fetched.arn.as_deref()),
            fetched.and_then(|fetched| fetched.version.as_deref()),
            fetched.and_then(|fetched| fetched.region.as_deref()),
        ] {
            put(into, part.map(str::as_bytes));
        }
        let stages = fetched.map_or(&[][..], |fetched| &fetched.stages);
        into.extend_from_slice(&length(stages.len()));
        for stage in stages {
            put(into, Some(stage.as_bytes()));
        }
    }

    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        let flags = from.array::<1>()?[0];
        let at_millis = u64::from_le_bytes(from.array()?);
        let key = from.text()??;
        let bytes = from.bytes()?.map(|bytes| Zeroizing::new(bytes.to_vec()));
        let (arn, version, region) = (from.text()?, from.text()?, from.text()?);
        let count = from.number()?;
        let mut stages = Vec::new();
        for _ in 0..count {
            stages.push(from.text()??);
        }
        let fetched = match bytes {
            Some(bytes) if flags & IS_VALUE != 0 => Some(Fetched {
                bytes,
                binary: flags & IS_BINARY != 0,
                source: Source::Disk,
                arn,
                version,
                stages,
                region,
            }),
            None if flags == 0 => None,
            _ => return None,
        };
        Some(Self {
            key,
            at_millis,
            fetched,
        })
    }
}

/// Bytes with their length before them.
fn put(into: &mut Vec<u8>, bytes: Option<&[u8]>) {
    into.extend_from_slice(&bytes.map_or(NONE.to_le_bytes(), |bytes| length(bytes.len())));
    into.extend_from_slice(bytes.unwrap_or_default());
}

/// Nothing that is encoded is longer than a file: see [`cut_to_fit`].
fn length(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(NONE).to_le_bytes()
}

/// How many of the records are values.
pub(super) fn values(records: &[Record]) -> usize {
    records
        .iter()
        .filter(|record| record.fetched.is_some())
        .count()
}

/// Drops what does not fit into a file beside the records before it.
pub(super) fn cut_to_fit(records: &mut Vec<Record>) {
    let mut total = HEADER_BYTES + TAG_BYTES;
    records.retain(|record| {
        let bytes = record.encoded_bytes();
        let fits = total.saturating_add(bytes) <= MAX_FILE_BYTES;
        if fits {
            total += bytes;
        }
        fits
    });
}

/// The file of these records.
///
/// # Errors
/// What continues "the sealed cache PATH", when the system has no random bytes.
pub(super) fn seal(key: &SealKey, records: &[Record]) -> Result<Vec<u8>, String> {
    let plain: usize = records.iter().map(Record::encoded_bytes).sum();
    let mut nonce = [0; NONCE_BYTES];
    getrandom::getrandom(&mut nonce)
        .map_err(|error| format!("cannot be written without random bytes: {error}"))?;
    let mut file = Zeroizing::new(Vec::with_capacity(HEADER_BYTES + plain + TAG_BYTES));
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&VERSION.to_le_bytes());
    file.extend_from_slice(&((plain + TAG_BYTES) as u64).to_le_bytes());
    file.extend_from_slice(&nonce);
    for record in records {
        record.encode(&mut file);
    }
    let too_long = || "cannot be sealed: it is too long".to_owned();
    let (header, body) = file
        .split_at_mut_checked(HEADER_BYTES)
        .ok_or_else(too_long)?;
    let tag = cipher(key)
        .and_then(|cipher| {
            cipher
                .encrypt_inout_detached(&XNonce::from(nonce), header, body.into())
                .ok()
        })
        .ok_or_else(too_long)?;
    file.extend_from_slice(&tag);
    // Nothing in it is plain any more.
    Ok(std::mem::take(&mut *file))
}

/// The records of a file.
pub(super) fn open(key: &SealKey, mut file: Zeroizing<Vec<u8>>) -> Result<Vec<Record>, Fault> {
    if file.len() > MAX_FILE_BYTES && file.starts_with(MAGIC) {
        return Err(Fault::TooLong);
    }
    if !file.starts_with(MAGIC) {
        // A file that its writer had no time to fill is nobody's.
        return if file.is_empty() {
            Err(Fault::Truncated)
        } else {
            Err(Fault::Foreign)
        };
    }
    let mut header = Reader(file.get(MAGIC.len()..).unwrap_or_default());
    let version = header.number().ok_or(Fault::Truncated)?;
    if version != VERSION {
        return Err(Fault::Version(version));
    }
    let length = u64::from_le_bytes(header.array().ok_or(Fault::Truncated)?);
    let nonce: [u8; NONCE_BYTES] = header.array().ok_or(Fault::Truncated)?;
    match (header.0.len() as u64).cmp(&length) {
        std::cmp::Ordering::Less => return Err(Fault::Truncated),
        std::cmp::Ordering::Greater => return Err(Fault::TooLong),
        std::cmp::Ordering::Equal => {}
    }
    let (header, sealed) = file
        .split_at_mut_checked(HEADER_BYTES)
        .ok_or(Fault::Truncated)?;
    let (body, tag) = sealed
        .split_last_chunk_mut::<TAG_BYTES>()
        .ok_or(Fault::Truncated)?;
    cipher(key)
        .and_then(|cipher| {
            cipher
                .decrypt_inout_detached(
                    &XNonce::from(nonce),
                    header,
                    (&mut *body).into(),
                    &Tag::from(*tag),
                )
                .ok()
        })
        .ok_or(Fault::KeyOrContents)?;
    decode(body).ok_or(Fault::Records)
}

fn decode(plain: &[u8]) -> Option<Vec<Record>> {
    let mut reader = Reader(plain);
    let mut records = Vec::new();
    while !reader.0.is_empty() {
        records.push(Record::decode(&mut reader)?);
    }
    Some(records)
}

fn cipher(key: &SealKey) -> Option<XChaCha20Poly1305> {
    XChaCha20Poly1305::new_from_slice(key.bytes()).ok()
}

/// Milliseconds since 1970; zero before.
pub(super) fn millis(moment: SystemTime) -> u64 {
    moment.duration_since(UNIX_EPOCH).map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// What is still to be read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*array)
    }

    fn number(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// Bytes with their length before them: outer none for an end too early, inner none for none.
    #[allow(
        clippy::option_option,
        reason = "the outer one is the end of the input"
    )]
    fn bytes(&mut self) -> Option<Option<&'a [u8]>> {
        let length = self.number()?;
        if length == NONE {
            return Some(None);
        }
        let (bytes, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(Some(bytes))
    }

    #[allow(clippy::option_option, reason = "as `bytes`")]
    fn text(&mut self) -> Option<Option<String>> {
        match self.bytes()? {
            Some(bytes) => Some(Some(std::str::from_utf8(bytes).ok()?.to_owned())),
            None => Some(None),
        }
    }
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
