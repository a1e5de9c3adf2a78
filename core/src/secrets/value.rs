//! The value of a secret, in a type that does not show it.
//!
//! Whoever wants the value says so with [`Secret::reveal`]; everything else that can be done with
//! one (print it, debug it, put it into an error) shows its name only. The memory is overwritten
//! when the last clone goes.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use serde_json::Value;
use zeroize::Zeroizing;

use super::fetched::Fetched;
use crate::error::{Error, ErrorKind};
use crate::scrub::REDACTED;

/// Keys of a JSON secret that an error lists.
const LISTED_KEYS: usize = 12;

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Source {
    /// Set by this process with [`super::Secrets::set_override`].
    Override,
    /// The file that `NAME_FILE` names.
    File,
    /// AWS Secrets Manager.
    Aws,
    /// The environment variable `NAME`, in development only.
    Environment,
    /// The sealed cache on disk, at a start during an outage.
    Disk,
}

impl Source {
    /// The stable name: `override`, `file`, `aws`, `environment` or `disk`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Override => "override",
            Self::File => "file",
            Self::Aws => "aws",
            Self::Environment => "environment",
            Self::Disk => "disk",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A secret's value and where it came from. Cheap to clone: clones share one value, which is
/// overwritten when the last goes.
///
/// ```
/// # fn main() -> Result<(), tallylight::Error> {
/// let tally = tallylight::Tallylight::new(tallylight::Config::default())?;
/// tally.secrets().set_override("cineview-gemini-api", "AIza-example");
/// let secret = tally.secrets().get_sync(&tallylight::secrets::Request::new("cineview-gemini-api"))?;
/// assert_eq!(secret.reveal()?, "AIza-example");
/// assert_eq!(format!("{secret:?}"), "Secret(cineview-gemini-api, [redacted])");
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Secret {
    inner: Arc<Inner>,
}

struct Inner {
    bytes: Zeroizing<Vec<u8>>,
    is_binary: bool,
    name: Box<str>,
    origin: Arc<Origin>,
    /// The keys of a JSON object that were asked for, so that a hit parses nothing.
    leaves: ArcSwapOption<Vec<(Box<str>, Secret)>>,
}

/// What is known of a value beside the value.
struct Origin {
    source: Source,
    arn: Option<String>,
    version: Option<String>,
    stages: Vec<String>,
    region: Option<String>,
    fetched_at: SystemTime,
}

impl Secret {
    /// The secret that `fetched` is, under the name it was asked for by.
    pub(crate) fn new(name: &str, fetched: Fetched, fetched_at: SystemTime) -> Self {
        let Fetched {
            bytes,
            binary,
            source,
            arn,
            version,
            stages,
            region,
        } = fetched;
        Self {
            inner: Arc::new(Inner {
                is_binary: binary || std::str::from_utf8(&bytes).is_err(),
                bytes,
                name: name.into(),
                origin: Arc::new(Origin {
                    source,
                    arn,
                    version,
                    stages,
                    region,
                    fetched_at,
                }),
                leaves: ArcSwapOption::empty(),
            }),
        }
    }

    /// The value as text.
    ///
    /// # Errors
    /// `invalid_value` when it is not UTF-8; [`Self::reveal_bytes`] has it.
    pub fn reveal(&self) -> Result<&str, Error> {
        std::str::from_utf8(&self.inner.bytes).map_err(|_| {
            Error::new(
                ErrorKind::InvalidValue,
                format!(
                    "secret {} holds {} bytes that are no UTF-8 text; read them as bytes",
                    self.inner.name,
                    self.len()
                ),
            )
            .with_detail("name", self.name())
        })
    }

    /// The value as bytes.
    #[must_use]
    pub fn reveal_bytes(&self) -> &[u8] {
        &self.inner.bytes
    }

    /// Whether it was stored as binary, or is no UTF-8 text.
    #[must_use]
    pub fn is_binary(&self) -> bool {
        self.inner.is_binary
    }

    /// How many bytes the value has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.bytes.len()
    }

    /// Whether the value is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.bytes.is_empty()
    }

    /// The name it was asked for by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Which source answered.
    #[must_use]
    pub fn source(&self) -> Source {
        self.inner.origin.source
    }

    /// The version's id, where the source has versions.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.inner.origin.version.as_deref()
    }

    /// The stages attached to that version when it was read, such as `AWSCURRENT`.
    #[must_use]
    pub fn stages(&self) -> &[String] {
        &self.inner.origin.stages
    }

    /// The ARN, where it comes from AWS.
    #[must_use]
    pub fn arn(&self) -> Option<&str> {
        self.inner.origin.arn.as_deref()
    }

    /// The region that answered, where it comes from AWS.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.inner.origin.region.as_deref()
    }

    /// When the source answered it.
    #[must_use]
    pub fn fetched_at(&self) -> SystemTime {
        self.inner.origin.fetched_at
    }

    /// How long ago the source answered it; zero when the wall clock was set back since.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.fetched_at().elapsed().unwrap_or_default()
    }

    /// Whether both have the same value, in time that depends on the lengths only.
    #[must_use]
    pub fn same_value(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.reveal_bytes(), other.reveal_bytes());
        ours.len() == theirs.len()
            && std::hint::black_box(
                ours.iter()
                    .zip(theirs)
                    .fold(0u8, |differing, (a, b)| differing | (a ^ b)),
            ) == 0
    }

    /// One key of a JSON secret: of its top level, or, for a key that starts with `/`, by JSON
    /// Pointer (RFC 6901). A text comes without quotes, anything else as JSON.
    ///
    /// # Errors
    /// `invalid_value` when the secret is no JSON object, `not_found` when it has no such key,
    /// with the keys it has.
    pub fn json_key(&self, key: &str) -> Result<Self, Error> {
        if let Some(known) = self.known_leaf(key) {
            return Ok(known);
        }
        let leaf = self.parse_leaf(key)?;
        let mut leaves = match &*self.inner.leaves.load() {
            Some(known) => Vec::clone(known),
            None => Vec::new(),
        };
        // Bounded, since keys may come from outside.
        if leaves.len() < 64 {
            leaves.push((key.into(), leaf.clone()));
            self.inner.leaves.store(Some(Arc::new(leaves)));
        }
        Ok(leaf)
    }

    /// The leaf of an earlier [`Self::json_key`].
    pub(crate) fn known_leaf(&self, key: &str) -> Option<Self> {
        let leaves = self.inner.leaves.load();
        let (_, leaf) = leaves.as_ref()?.iter().find(|(known, _)| &**known == key)?;
        Some(leaf.clone())
    }

    fn parse_leaf(&self, key: &str) -> Result<Self, Error> {
        let error =
            |kind, text: String| Err(Error::new(kind, text).with_detail("name", self.name()));
        let name = self.name();
        // Never the parser's own message: it may quote the value.
        let Ok(Value::Object(object)) = serde_json::from_slice(self.reveal_bytes()) else {
            return error(
                ErrorKind::InvalidValue,
                format!(
                    "secret {name} is no JSON object, so it has no key {key:?}; ask for it without a key"
                ),
            );
        };
        let mut document = Value::Object(object);
        let found = match document.get(key) {
            Some(found) => Some(found),
            None if key.starts_with('/') => document.pointer(key),
            None => None,
        };
        let bytes = match found {
            Some(Value::String(text)) => Some(text.clone().into_bytes()),
            Some(Value::Null) | None => None,
            Some(other) => Some(other.to_string().into_bytes()),
        };
        let keys: Vec<String> = match &document {
            Value::Object(object) => object.keys().take(LISTED_KEYS).cloned().collect(),
            _ => Vec::new(),
        };
        let is_null = matches!(found, Some(Value::Null));
        wipe(&mut document);
        match bytes {
            Some(bytes) => Ok(self.leaf(Zeroizing::new(bytes))),
            None if is_null => error(
                ErrorKind::InvalidValue,
                format!("key {key:?} of secret {name} is null; store a text under it"),
            ),
            None => error(
                ErrorKind::NotFound,
                format!(
                    "secret {name} has no key {key:?}; its keys are {}",
                    if keys.is_empty() {
                        "none".to_owned()
                    } else {
                        keys.join(", ")
                    }
                ),
            ),
        }
    }

    fn leaf(&self, bytes: Zeroizing<Vec<u8>>) -> Self {
        Self {
            inner: Arc::new(Inner {
                bytes,
                is_binary: false,
                name: self.inner.name.clone(),
                origin: Arc::clone(&self.inner.origin),
                leaves: ArcSwapOption::empty(),
            }),
        }
    }
}

/// Overwrites the texts of a parsed document, which is a copy of the value.
fn wipe(document: &mut Value) {
    use zeroize::Zeroize;
    match document {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(object) => object.values_mut().for_each(wipe),
        _ => {}
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({}, {REDACTED})", self.inner.name)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
