//! Mapped memory, read and written by copies within its bounds.
//!
//! Only [`super::segment`] uses it. Invariant: nobody holds a reference to its bytes but to single
//! words, which are atomic; so another process that writes the same file breaks no rule of ours.

use std::fs::File;
use std::io;
use std::sync::atomic::AtomicU32;

use memmap2::{MmapMut, MmapRaw};

pub(super) struct Map {
    raw: MmapRaw,
}

impl Map {
    /// Memory of this process; zeros.
    pub(super) fn anonymous(bytes: usize) -> io::Result<Self> {
        let raw = MmapMut::map_anon(bytes)?.into();
        Ok(Self { raw })
    }

    /// The whole file, shared: what is written is the kernel's at once, and outlives the process.
    pub(super) fn shared(file: &File) -> io::Result<Self> {
        let raw = MmapRaw::map_raw(file)?;
        Ok(Self { raw })
    }

    pub(super) fn len(&self) -> usize {
        self.raw.len()
    }

    fn holds(&self, at: usize, bytes: usize) -> bool {
        at.checked_add(bytes).is_some_and(|end| end <= self.len())
    }

    /// A copy of some bytes; `None` past the end.
    pub(super) fn read(&self, at: usize, bytes: usize) -> Option<Vec<u8>> {
        if !self.holds(at, bytes) {
            return None;
        }
        let mut copy = Vec::with_capacity(bytes);
        // SAFETY: the source is `bytes` mapped bytes (checked), the target as much capacity, and
        // the two are apart. A writer of the same bytes at this moment can only be another process
        // on its file, and what comes of that is checked by its sum.
        unsafe {
            std::ptr::copy_nonoverlapping(self.raw.as_ptr().add(at), copy.as_mut_ptr(), bytes);
            copy.set_len(bytes);
        }
        Some(copy)
    }

    /// As [`Self::read`], of a fixed length.
    pub(super) fn read_array<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        if !self.holds(at, N) {
            return None;
        }
        let mut copy = [0; N];
        // SAFETY: as in `read`; the target is an array of that length.
        unsafe {
            std::ptr::copy_nonoverlapping(self.raw.as_ptr().add(at), copy.as_mut_ptr(), N);
        }
        Some(copy)
    }

    /// Copies bytes in; whether they fit.
    pub(super) fn write(&self, at: usize, bytes: &[u8]) -> bool {
        if !self.holds(at, bytes.len()) {
            return false;
        }
        // SAFETY: the target is mapped for writing (checked), and apart from the source. Whoever
        // writes holds the pipeline's lock, and readers look at a record after its state says so.
        unsafe {
            std::ptr::copy_nonoverlapping(
                bytes.as_ptr(),
                self.raw.as_mut_ptr().add(at),
                bytes.len(),
            );
        }
        true
    }

    /// A word that several threads and processes may change.
    pub(super) fn word(&self, at: usize) -> Option<&AtomicU32> {
        if !self.holds(at, 4) || !at.is_multiple_of(4) {
            return None;
        }
        // SAFETY: mapped for reading and writing as long as `self`, aligned (a mapping begins at a
        // page), and words that are atomic are never read or written in another way once they are
        // published.
        Some(unsafe { AtomicU32::from_ptr(self.raw.as_mut_ptr().add(at).cast()) })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn nothing_is_read_or_written_past_the_end() {
        let map = Map::anonymous(4096).unwrap();
        assert!(map.write(4090, b"abcdef"));
        assert!(!map.write(4091, b"abcdef"));
        assert!(!map.write(usize::MAX, b"a"));
        assert_eq!(map.read(4090, 6).unwrap(), b"abcdef");
        assert_eq!(map.read_array(4092), Some(*b"cdef"));
        assert!(map.read(4090, 7).is_none());
        assert!(map.read(usize::MAX, 2).is_none());
        assert!(map.word(4093).is_none() && map.word(4096).is_none());
        map.word(4092).unwrap().store(7, Ordering::Relaxed);
        assert_eq!(map.read_array(4092), Some(7u32.to_ne_bytes()));
    }
}
