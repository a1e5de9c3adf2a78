//! The words that a recording thread checks on every recording, in memory that a fork wipes.
//!
//! One page per recording thread, mapped with `MADV_WIPEONFORK`: in a forked child it reads as
//! zeros, so the state is [`STOPPED`] and the child's first recording takes the slow path and gets
//! a shard of its own. The check costs what the check for re-entrance costs anyway. Where the
//! system has no such pages, the fork handler of [`crate::fork`] clears them.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering, compiler_fence};

use memmap2::{MmapMut, MmapRaw};

use super::writer::SeriesWriter;

/// Not recording: wiped by a fork, or the thread's shard was given back.
pub(crate) const STOPPED: u32 = 0;
/// Ready for the next recording.
pub(crate) const IDLE: u32 = 1;
/// A recording, or a change of the tables it reads, is under way on this thread.
pub(crate) const BUSY: u32 = 2;

/// What a recording thread checks and where it finds its writers.
#[repr(C, align(64))]
pub(crate) struct Hot {
    /// Written by the owner only.
    pub(crate) state: AtomicU32,
    /// Not 0 once recording was closed; written by `shutdown`.
    pub(crate) closed: AtomicU32,
    /// The table of writers by series number; replaced by the owner under [`BUSY`].
    writers: AtomicPtr<*const SeriesWriter>,
    writers_len: AtomicUsize,
}

impl Hot {
    /// The writer of series `index`, if this thread has one.
    ///
    /// # Safety
    /// Only the owning thread may call it, and the table it last published must be alive.
    #[inline(always)]
    pub(crate) unsafe fn writer(&self, index: usize) -> Option<NonNull<SeriesWriter>> {
        if index >= self.writers_len.load(Ordering::Relaxed) {
            return None;
        }
        let table = self.writers.load(Ordering::Relaxed);
        // SAFETY: index is within the table that the owner, which is the caller, published.
        NonNull::new(unsafe { *table.add(index) }.cast_mut())
    }

    /// Publishes a table. Only the owner may call it, under [`BUSY`].
    pub(crate) fn publish(&self, table: &mut [*const SeriesWriter]) {
        self.writers_len.store(0, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        self.writers.store(table.as_mut_ptr(), Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        self.writers_len.store(table.len(), Ordering::Relaxed);
    }

    /// Makes every further recording of this thread take the slow path.
    pub(crate) fn stop(&self) {
        self.state.store(STOPPED, Ordering::Relaxed);
        self.writers_len.store(0, Ordering::Relaxed);
    }
}

/// A mapped page that holds one [`Hot`].
pub(crate) struct HotPage {
    map: MmapRaw,
}

impl HotPage {
    const BYTES: usize = 4096;

    pub(crate) fn new() -> Option<Self> {
        let map: MmapRaw = MmapMut::map_anon(Self::BYTES).ok()?.into();
        #[cfg(target_os = "linux")]
        // SAFETY: the range is the private anonymous mapping just made; the advice changes nothing
        // but what a child sees. A kernel before 4.14 answers an error, and the fork handler
        // clears the page instead.
        unsafe {
            libc::madvise(
                map.as_mut_ptr().cast(),
                Self::BYTES,
                libc::MADV_WIPEONFORK,
            );
        }
        Some(Self { map })
    }

    pub(crate) fn hot(&self) -> &Hot {
        // SAFETY: the page is zero-initialised, page-aligned, longer than a Hot, made of atomics
        // only, and lives as long as self.
        unsafe { &*self.map.as_ptr().cast::<Hot>() }
    }
}
