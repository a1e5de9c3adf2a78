//! The words that a recording thread checks on every recording, in memory that a fork wipes.
//!
//! One page per recording thread, mapped with `MADV_WIPEONFORK`: in a forked child it reads as
//! zeros, so the state is [`STOPPED`] and the child's first recording takes the slow path and gets
//! a shard of its own. The check costs what the check for re-entrance costs anyway. Where the
//! system has no such pages, the fork handler of [`crate::fork`] clears them.

use std::sync::atomic::{AtomicU32, Ordering};

use memmap2::{MmapMut, MmapRaw};

/// Not recording: wiped by a fork, or the thread's shard was given back.
pub(crate) const STOPPED: u32 = 0;
/// Ready for the next recording.
pub(crate) const IDLE: u32 = 1;
/// A recording, or a change of the tables it reads, is under way on this thread.
pub(crate) const BUSY: u32 = 2;

/// What a recording thread checks.
#[repr(C, align(64))]
pub(crate) struct Hot {
    /// Written by the owner only.
    pub(crate) state: AtomicU32,
    /// Not 0 once recording was closed; written by `shutdown`.
    pub(crate) closed: AtomicU32,
}

impl Hot {
    /// Makes every further recording of this thread take the slow path.
    pub(crate) fn stop(&self) {
        self.state.store(STOPPED, Ordering::Relaxed);
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
            libc::madvise(map.as_mut_ptr().cast(), Self::BYTES, libc::MADV_WIPEONFORK);
        }
        Some(Self { map })
    }

    pub(crate) fn hot(&self) -> &Hot {
        // SAFETY: the page is zero-initialised, page-aligned, longer than a Hot, made of atomics
        // only, and lives as long as self.
        unsafe { &*self.map.as_ptr().cast::<Hot>() }
    }
}
