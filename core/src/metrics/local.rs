//! Each thread's own shard, and what happens off the recording path.
//!
//! A thread takes a shard with its first recording and gives it back, counts in place, when it
//! ends. The tables that [`super::writer`] reads are changed here, under [`BUSY`], so that a signal
//! handler never meets them half changed. A thread that is past its thread-locals' destructors, or
//! that got no shard, records into the shared shard.
//!
//! From a signal handler: recording is safe once the thread has recorded values of that magnitude
//! in that operation before, since nothing then allocates; a recording that meets another in
//! progress, or one of our locks, is a counted drop.

use std::cell::{Cell, RefCell, UnsafeCell};
use std::collections::HashMap;
use std::ptr::{self, NonNull};
use std::rc::Rc;
use std::sync::atomic::{Ordering, compiler_fence};
use std::sync::{Arc, Weak};

use super::arena::{Arena, CellKind, Offset};
use super::block::{self, Block};
use super::drops::{DropReason, Tally};
use super::hot::{BUSY, Hot, HotPage, IDLE, STOPPED};
use super::layout::{self, CELLS_PER_OCTAVE};
use super::registry::Registry;
use super::series::SeriesId;
use super::shared;
use super::writer::{Held, Outcome, SeriesWriter};
use crate::fork::{self, Inside};

/// The shard that a thread's next recording goes to: which registry's it is, and its writers by
/// series number. One registry at a time; a program with several pays a look-up when it changes.
struct Current {
    uid: Cell<u64>,
    writers: Cell<*const *const SeriesWriter>,
    writers_len: Cell<usize>,
}

impl Current {
    /// No shard: recordings take the slow path.
    fn clear(&self) {
        self.uid.set(0);
        compiler_fence(Ordering::SeqCst);
        self.writers_len.set(0);
        compiler_fence(Ordering::SeqCst);
    }
}

thread_local! {
    static CURRENT: Current = const {
        Current { uid: Cell::new(0), writers: Cell::new(ptr::null()), writers_len: Cell::new(0) }
    };
    static LEASES: Leases = const { Leases(RefCell::new(Vec::new())) };
}

/// The shards of one thread, by registry.
struct Leases(RefCell<Vec<Rc<Lease>>>);

impl Drop for Leases {
    fn drop(&mut self) {
        CURRENT.with(Current::clear);
        for lease in self.0.get_mut().drain(..) {
            lease.end();
        }
    }
}

/// Enters, or counts a drop: a signal handler interrupted code that holds our locks, or this is a
/// child that may take none.
pub(crate) fn enter_unless_inside(registry: &Registry) -> Option<Inside> {
    if fork::is_inside() {
        registry.dropped(DropReason::Reentrant);
        return None;
    }
    let inside = fork::enter();
    if inside.is_none() {
        registry.dropped(DropReason::Closed);
    }
    inside
}

/// A shard that this thread writes, with the tables to find its cells.
pub(crate) struct Lease {
    uid: u64,
    registry: Weak<Registry>,
    arena: Arc<Arena>,
    shard: usize,
    page: Arc<HotPage>,
    /// Blocks that the shard's earlier writers left, not taken up yet.
    inherited: RefCell<HashMap<SeriesId, Offset>>,
    /// By series number; the pointers come from `Box::into_raw` and are freed with the lease.
    writers: UnsafeCell<Vec<*const SeriesWriter>>,
    /// Smaller tables that a recording which a signal handler interrupted may still read; together
    /// they are no larger than the present one.
    outgrown: RefCell<Vec<Vec<*const SeriesWriter>>>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        for writer in self.writers.get_mut().drain(..) {
            if !writer.is_null() {
                // SAFETY: made by Box::into_raw, owned by this lease alone, freed once; whoever
                // may use it holds the lease.
                drop(unsafe { Box::from_raw(writer.cast_mut()) });
            }
        }
    }
}

impl Lease {
    fn new(registry: &Arc<Registry>) -> Option<Rc<Self>> {
        fork::in_child(stop_after_fork);
        if registry.is_exhausted(CellKind::Native) {
            return None;
        }
        let page = Arc::new(HotPage::new()?);
        let (arena, shard) = registry.claim(CellKind::Native, Some(&page))?;
        let inherited = block::blocks(&arena, arena.shard(shard))
            .map(|block| (block.series(), block.offset))
            .collect();
        page.hot().state.store(IDLE, Ordering::Relaxed);
        Some(Rc::new(Self {
            uid: registry.uid(),
            registry: Arc::downgrade(registry),
            arena,
            shard,
            page,
            inherited: RefCell::new(inherited),
            writers: UnsafeCell::new(Vec::new()),
            outgrown: RefCell::default(),
        }))
    }

    pub(crate) fn hot(&self) -> &Hot {
        self.page.hot()
    }

    /// Whether recordings may go on here: false in a forked child and after the thread's end.
    fn is_live(&self) -> bool {
        self.hot().state.load(Ordering::Relaxed) != STOPPED
    }

    /// Gives the shard back. Whoever still holds the lease records into the shared shard from now.
    fn end(&self) {
        let inside = fork::enter();
        let was_live = self.is_live();
        self.hot().stop();
        if let (Some(_), true, Some(registry)) = (&inside, was_live, self.registry.upgrade()) {
            registry.give_back(&self.arena, self.shard);
        }
    }

    /// Runs `f` with the tables marked as in change; `None` when they were already.
    fn while_busy<T>(&self, f: impl FnOnce() -> T) -> Option<T> {
        struct Idle<'a>(&'a Hot);
        impl Drop for Idle<'_> {
            fn drop(&mut self) {
                compiler_fence(Ordering::SeqCst);
                self.0.state.store(IDLE, Ordering::Relaxed);
            }
        }
        let hot = self.hot();
        if hot.state.load(Ordering::Relaxed) != IDLE {
            return None;
        }
        hot.state.store(BUSY, Ordering::Relaxed);
        compiler_fence(Ordering::SeqCst);
        let _idle = Idle(hot);
        Some(f())
    }

    /// The writer of a series, made at its first use on this thread; `octave` is touched too.
    /// Under [`Self::while_busy`] only. `None` when the arena is full.
    fn touch(
        &self,
        series: SeriesId,
        has_octaves: bool,
        octave: Option<usize>,
    ) -> Option<NonNull<SeriesWriter>> {
        let shard = self.arena.shard(self.shard);
        // SAFETY: this thread owns the lease and BUSY keeps every other use of the table out.
        let writers = unsafe { &mut *self.writers.get() };
        let existing = writers.get(series.index()).copied().unwrap_or(ptr::null());
        let block = self.block(series, has_octaves)?;
        let writer = match NonNull::new(existing.cast_mut()) {
            Some(writer) => writer,
            None => {
                let writer = Box::into_raw(Box::new(SeriesWriter::new(self.hot(), &block)));
                if writers.len() <= series.index() {
                    let mut larger = writers.clone();
                    larger.resize((series.index() + 1).next_power_of_two(), ptr::null());
                    let outgrown = std::mem::replace(writers, larger);
                    self.outgrown.borrow_mut().push(outgrown);
                }
                writers[series.index()] = writer;
                self.make_current(writers);
                NonNull::new(writer)?
            }
        };
        if let Some(octave) = octave {
            block.touch_octave(shard, octave)?;
            // SAFETY: the writer is alive as long as the lease.
            unsafe { writer.as_ref() }.adopt_octave(&block, octave);
        }
        Some(writer)
    }

    /// Has this thread's next recordings find these writers at once.
    fn make_current(&self, writers: &[*const SeriesWriter]) {
        CURRENT.with(|current| {
            current.clear();
            current.writers.set(writers.as_ptr());
            current.writers_len.set(writers.len());
            compiler_fence(Ordering::SeqCst);
            current.uid.set(self.uid);
        });
    }

    fn block(&self, series: SeriesId, has_octaves: bool) -> Option<Block<'_>> {
        let known = self.inherited.borrow().get(&series).copied();
        if let Some(offset) = known {
            return Block::at(&self.arena, offset);
        }
        let shard = self.arena.shard(self.shard);
        let block = Block::append(&self.arena, shard, series, has_octaves)?;
        self.inherited.borrow_mut().insert(series, block.offset);
        Some(block)
    }
}

/// A handle on one series in the calling thread's shard.
pub(crate) struct HeldWriter {
    held: Held,
    /// Keeps the writer, the page and the arena.
    _lease: Rc<Lease>,
}

impl HeldWriter {
    #[inline(always)]
    pub(crate) fn record(&self, value: u64) -> Outcome {
        // SAFETY: the lease is held, and being neither Send nor Sync keeps self on its thread;
        // after the thread gave the shard back the state is STOPPED and nothing is written.
        unsafe { self.held.record(value) }
    }
}

/// The calling thread's writer of a series, to hold; `None` when it has no shard of its own.
pub(crate) fn hold(registry: &Arc<Registry>, series: SeriesId) -> Option<HeldWriter> {
    let _inside = enter_unless_inside(registry)?;
    let lease = lease(registry)?;
    let writer = lease.while_busy(|| lease.touch(series, true, None))??;
    Some(HeldWriter {
        // SAFETY: the writer is alive as long as the lease.
        held: unsafe { writer.as_ref() }.hold(),
        _lease: lease,
    })
}

/// Records a value of a distribution in the calling thread's shard; false when it became a drop.
#[inline(always)]
pub(crate) fn record(registry: &Arc<Registry>, series: SeriesId, value: u64) -> bool {
    if with_current(registry, series, |writer| {
        // SAFETY: the writer is of a lease of this thread, which keeps all that it names.
        unsafe { writer.as_ref().record(value) }
    }) == Outcome::Recorded
    {
        return true;
    }
    record_slow(registry, series, value)
}

/// Adds to a counter in the calling thread's shard.
#[inline(always)]
pub(crate) fn add(registry: &Arc<Registry>, series: SeriesId, n: u64) {
    if with_current(registry, series, |writer| {
        // SAFETY: as in `record`.
        unsafe { writer.as_ref().add(n) }
    }) == Outcome::Slow
    {
        add_slow(registry, series, n);
    }
}

#[inline(always)]
fn with_current(
    registry: &Registry,
    series: SeriesId,
    f: impl FnOnce(NonNull<SeriesWriter>) -> Outcome,
) -> Outcome {
    CURRENT.with(|current| {
        let (writers, len) = (current.writers.get(), current.writers_len.get());
        // A signal handler between the readings may make another registry current; the uid, which
        // is read last and cleared first, then differs.
        compiler_fence(Ordering::SeqCst);
        if current.uid.get() != registry.uid() || series.index() >= len {
            return Outcome::Slow;
        }
        // SAFETY: with the uid set, the table is that of a lease of this thread, which keeps its
        // tables for as long as it lives; the index was just checked.
        let writer = unsafe { *writers.add(series.index()) };
        NonNull::new(writer.cast_mut()).map_or(Outcome::Slow, f)
    })
}

#[cold]
pub(crate) fn record_slow(registry: &Arc<Registry>, series: SeriesId, value: u64) -> bool {
    let Some(_inside) = enter_unless_inside(registry) else {
        return false;
    };
    let kept = value.min(layout::MAX_VALUE);
    let octave = layout::bucket_index(kept) / CELLS_PER_OCTAVE;
    let recorded = in_own_shard(registry, series, true, Some(octave), |writer| {
        // SAFETY: as in `record`.
        unsafe { writer.as_ref().record(kept) }
    });
    match recorded {
        Own::Recorded => {}
        Own::Dropped => return false,
        Own::Nowhere => {
            let done =
                registry.with_shared(series, Some(octave), |block| shared::record(block, kept));
            if done != Some(true) {
                registry.dropped(DropReason::ArenaFull);
                return false;
            }
        }
    }
    if kept < value {
        registry.tally(Tally::Clamped);
    }
    true
}

#[cold]
fn add_slow(registry: &Arc<Registry>, series: SeriesId, n: u64) {
    let Some(_inside) = enter_unless_inside(registry) else {
        return;
    };
    let added = in_own_shard(registry, series, false, None, |writer| {
        // SAFETY: as in `record`.
        unsafe { writer.as_ref().add(n) }
    });
    if added == Own::Nowhere
        && registry
            .with_shared(series, None, |block| shared::add(block, n))
            .is_none()
    {
        registry.dropped(DropReason::ArenaFull);
    }
}

#[derive(PartialEq, Eq)]
enum Own {
    Recorded,
    /// Counted as a drop.
    Dropped,
    /// This thread has no shard, or no memory for the series in it.
    Nowhere,
}

fn in_own_shard(
    registry: &Arc<Registry>,
    series: SeriesId,
    has_octaves: bool,
    octave: Option<usize>,
    f: impl FnOnce(NonNull<SeriesWriter>) -> Outcome,
) -> Own {
    let dropped = |reason| {
        registry.dropped(reason);
        Own::Dropped
    };
    if registry.is_closed() {
        return dropped(DropReason::Closed);
    }
    let Some(lease) = lease(registry) else {
        return Own::Nowhere;
    };
    let Some(touched) = lease.while_busy(|| lease.touch(series, has_octaves, octave)) else {
        return dropped(DropReason::Reentrant);
    };
    match touched.map(f) {
        Some(Outcome::Recorded) => Own::Recorded,
        // Closed since the check above.
        Some(Outcome::Slow) => dropped(DropReason::Closed),
        None => Own::Nowhere,
    }
}

/// This thread's lease of a registry, taken at its first use, and made the current one.
fn lease(registry: &Arc<Registry>) -> Option<Rc<Lease>> {
    LEASES
        .try_with(|leases| {
            let mut leases = leases.0.try_borrow_mut().ok()?;
            let known = leases
                .iter()
                .find(|lease| lease.uid == registry.uid() && lease.is_live())
                .cloned();
            let lease = match known {
                Some(lease) => lease,
                None => {
                    let lease = Lease::new(registry)?;
                    CURRENT.with(Current::clear);
                    // Those of dropped instances, and those that a fork stopped.
                    leases.retain(|lease| {
                        let keep = lease.is_live() && lease.registry.strong_count() > 0;
                        if !keep {
                            lease.hot().stop();
                        }
                        keep
                    });
                    leases.push(Rc::clone(&lease));
                    lease
                }
            };
            // SAFETY: this thread owns the lease, and nothing else uses the table meanwhile.
            lease.make_current(unsafe { &*lease.writers.get() });
            Some(lease)
        })
        .ok()
        .flatten()
}

/// In a forked child: this thread's shards are the parent's.
fn stop_after_fork() {
    let _ = LEASES.try_with(|leases| {
        if let Ok(leases) = leases.0.try_borrow() {
            for lease in leases.iter() {
                lease.hot().stop();
            }
        }
    });
}
