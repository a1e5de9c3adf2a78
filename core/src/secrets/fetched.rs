//! What a source answers.

use zeroize::Zeroizing;

use super::value::Source;

/// A value as it came from a source.
pub(crate) struct Fetched {
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    /// Stored as binary, whatever the bytes are.
    pub(crate) binary: bool,
    pub(crate) source: Source,
    pub(crate) arn: Option<String>,
    pub(crate) version: Option<String>,
    pub(crate) stages: Vec<String>,
    pub(crate) region: Option<String>,
}

impl Fetched {
    /// A value of a source that knows neither versions nor regions.
    pub(crate) fn plain(bytes: Zeroizing<Vec<u8>>, source: Source) -> Self {
        Self {
            bytes,
            binary: false,
            source,
            arn: None,
            version: None,
            stages: Vec::new(),
            region: None,
        }
    }
}
