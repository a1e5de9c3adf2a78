//! A number that moves whenever any answer of the cache may have changed.
//!
//! A binding keeps a value on its own side and compares this number instead of calling: as long as
//! it stands, so does the value.

use std::sync::atomic::{AtomicU32, Ordering};

/// The number; it wraps after 4 billion changes.
#[derive(Debug, Default)]
pub struct Epoch(AtomicU32);

impl Epoch {
    /// The number now.
    #[inline]
    #[must_use]
    pub fn get(&self) -> u32 {
        self.0.load(Ordering::Acquire)
    }

    /// Where it stands in memory, for a language that reads it without a call. Valid as long as the
    /// `Arc` it came from is held.
    #[must_use]
    pub fn as_ptr(&self) -> *const AtomicU32 {
        &raw const self.0
    }

    pub(super) fn advance(&self) {
        self.0.fetch_add(1, Ordering::Release);
    }
}
