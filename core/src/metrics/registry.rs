//! Which series exist, who writes them, and where: the metrics of one instance.
//!
//! Everything here is off the hot path and may lock, inside [`fork::enter`]. Lock order:
//! `collector`, then `state`; the arena's own lock comes last. Recorders take none of them once a
//! series and octave are touched.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use super::arena::{Arena, CellKind, MAX_SHARDS};
use super::collector::Collector;
use super::directory::DirectoryWriter;
use super::drops::{DropReason, Drops, Tally};
use super::error_types::ErrorTypes;
use super::exemplars::Exemplars;
use super::hot::HotPage;
use super::labels::{self, Labels};
use super::protocol;
use super::series::{Instrument, InstrumentOptions, Series, SeriesId};
use super::shared::SharedBlocks;
use super::view::View;
use crate::error::{Error, ErrorKind};
use crate::fork;
use parking_lot::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The name of the series that takes what goes past the cap, as OpenTelemetry names it
/// (<https://opentelemetry.io/docs/specs/otel/metrics/sdk/#overflow-attribute>).
pub const OVERFLOW_SERIES: &str = "otel.metric.overflow";

/// The shard that all writers without one of their own share.
const SHARED_SHARD: usize = 0;

/// What bounds the memory of the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) max_series: usize,
    pub(crate) max_memory_bytes: usize,
    pub(crate) max_window_bytes: usize,
}

#[derive(PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) name: Box<str>,
    pub(super) labels: Labels,
}

/// What the registry's lock guards.
pub(super) struct State {
    /// Fork generation that the arena belongs to.
    fork: u32,
    arena: Arc<Arena>,
    /// Entries of the shard directory in use.
    shards: usize,
    series: Vec<Arc<Series>>,
    by_key: HashMap<Key, SeriesId>,
    /// Series that count against the cap.
    counted: usize,
    pub(super) error_types: ErrorTypes,
    directory: DirectoryWriter,
    shared: SharedBlocks,
    /// Pages of the threads that hold a shard, to close them.
    hot_pages: Vec<std::sync::Weak<HotPage>>,
}

/// The metrics of one instance.
pub struct Registry {
    uid: u64,
    closed: AtomicBool,
    /// All shards are taken, by kind of cell; cleared when one is given back.
    exhausted: [AtomicBool; 3],
    /// Fork generation that the counts are of.
    generation: AtomicU32,
    max_series: AtomicUsize,
    max_memory_bytes: AtomicUsize,
    /// By [`Tally::cell`]; never behind a lock, since a signal handler counts here too.
    tallies: [AtomicU64; Tally::CELLS],
    state: RwLock<State>,
    pub(crate) collector: Mutex<Collector>,
    /// Taken last of all.
    pub(super) exemplars: Exemplars,
}

/// How large a registry is.
#[derive(Default)]
pub(crate) struct Size {
    pub(crate) series: usize,
    pub(crate) shards: usize,
    pub(crate) arena_bytes: usize,
    pub(crate) window_bytes: usize,
}

impl Registry {
    pub(crate) fn new(limits: Limits) -> Result<Arc<Self>, Error> {
        static NEXT_UID: AtomicU64 = AtomicU64::new(1);
        Ok(Arc::new(Self {
            uid: NEXT_UID.fetch_add(1, Ordering::Relaxed),
            closed: AtomicBool::new(false),
            exhausted: [const { AtomicBool::new(false) }; 3],
            generation: AtomicU32::new(fork::generation()),
            max_series: AtomicUsize::new(limits.max_series),
            max_memory_bytes: AtomicUsize::new(limits.max_memory_bytes),
            tallies: [const { AtomicU64::new(0) }; Tally::CELLS],
            state: RwLock::new(State {
                fork: fork::generation(),
                arena: new_arena(limits.max_memory_bytes)?,
                shards: SHARED_SHARD + 1,
                series: Vec::new(),
                by_key: HashMap::new(),
                counted: 0,
                error_types: ErrorTypes::default(),
                directory: DirectoryWriter::default(),
                shared: SharedBlocks::default(),
                hot_pages: Vec::new(),
            }),
            collector: Mutex::new(Collector::new(limits.max_window_bytes)),
            exemplars: Exemplars::default(),
        }))
    }

    pub(crate) const fn uid(&self) -> u64 {
        self.uid
    }

    /// How many series may be registered.
    pub(super) fn max_series(&self) -> usize {
        self.max_series.load(Ordering::Relaxed)
    }

    pub(crate) fn set_limits(&self, limits: Limits) {
        let Some(_inside) = fork::enter() else {
            return;
        };
        self.max_series.store(limits.max_series, Ordering::Relaxed);
        self.max_memory_bytes
            .store(limits.max_memory_bytes, Ordering::Relaxed);
        self.write().arena.set_cap(limits.max_memory_bytes);
        self.collector.lock().set_cap(limits.max_window_bytes);
    }

    /// The state, in an arena of this process: the first access in a forked child replaces the
    /// parent's.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, State> {
        let state = self.state.read();
        if state.fork == fork::generation() {
            return state;
        }
        drop(state);
        RwLockWriteGuard::downgrade(self.write())
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, State> {
        let mut state = self.state.write();
        if state.fork != fork::generation() {
            // Without memory for an arena of its own the child goes on in its copy of the parent's.
            state.fork = fork::generation();
            if let Ok(arena) = new_arena(self.max_memory_bytes.load(Ordering::Relaxed)) {
                state.start_over(arena);
            }
            self.open_all_kinds();
            self.start_tallies_over();
        }
        state
    }

    /// Runs `f` with both locks held, for a test of who waits for them.
    #[cfg(test)]
    pub(crate) fn while_locked(&self, f: impl FnOnce()) {
        let _collector = self.collector.lock();
        let _state = self.write();
        f();
    }

    /// In a forked child, once: the parent's tallies are not its own.
    fn start_tallies_over(&self) {
        let here = fork::generation();
        if self.generation.swap(here, Ordering::Relaxed) != here {
            for tally in &self.tallies {
                tally.store(0, Ordering::Relaxed);
            }
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Closes or opens recording on every thread and isolate.
    pub(crate) fn set_closed(&self, closed: bool) {
        let Some(_inside) = fork::enter() else {
            return;
        };
        let mut state = self.write();
        self.closed.store(closed, Ordering::Relaxed);
        state.hot_pages.retain(|page| page.strong_count() > 0);
        for page in state.hot_pages.iter().filter_map(std::sync::Weak::upgrade) {
            page.hot()
                .closed
                .store(u32::from(closed), Ordering::Relaxed);
        }
        for index in 0..state.shards {
            state.arena.set_gate(state.arena.shard(index), closed);
        }
    }

    /// Counts something that did not go as asked.
    pub(crate) fn tally(&self, tally: Tally) {
        self.tally_n(tally, 1);
    }

    fn tally_n(&self, tally: Tally, n: u64) {
        if self.generation.load(Ordering::Relaxed) != fork::generation() && !fork::is_inside() {
            self.notice_fork();
        }
        self.tallies[tally.cell()].fetch_add(n, Ordering::Relaxed);
    }

    /// In a forked child the first access starts the counts over; one that may take no lock can do
    /// so for the tallies at least.
    fn notice_fork(&self) {
        match fork::enter() {
            Some(_inside) => drop(self.read()),
            None => self.start_tallies_over(),
        }
    }

    pub(crate) fn dropped(&self, reason: DropReason) {
        self.tally(Tally::Drop(reason));
    }

    pub(crate) fn drops(&self) -> Drops {
        self.notice_fork();
        Drops::read(|tally| self.tallies[tally.cell()].load(Ordering::Relaxed))
    }

    /// Finds or registers a series. Past the cap it answers the overflow series.
    pub(crate) fn register(
        &self,
        name: &str,
        labels: &Labels,
        instrument: Instrument,
        options: &InstrumentOptions,
    ) -> Result<Arc<Series>, Error> {
        labels::check_name(name)?;
        if !(1e-9..=1e12).contains(&options.scale) {
            return Err(Error::new(
                ErrorKind::InvalidValue,
                format!(
                    "the scale of {name:?} is {}; give a number from 1e-9 to 1e12, such as 1000000 to keep six decimals",
                    options.scale
                ),
            ));
        }
        let _inside = fork::enter().ok_or_else(fork::unfit)?;
        let key = Key {
            name: name.into(),
            labels: labels.clone(),
        };
        if let Some(known) = self.read().find(&key) {
            return same(&known, instrument, options).map(|()| known);
        }
        let mut state = self.write();
        if let Some(known) = state.find(&key) {
            return same(&known, instrument, options).map(|()| known);
        }
        self.tally_n(Tally::Truncated, u64::from(labels.truncated()));
        if state.counted >= self.max_series() {
            self.tally(Tally::Overflowed);
            return Ok(state.overflow(instrument));
        }
        state.counted += 1;
        Ok(state.add(key, instrument, options, None))
    }

    /// How large the metrics are.
    pub(crate) fn size(&self) -> Size {
        let Some(_inside) = fork::enter() else {
            return Size::default();
        };
        let window_bytes = self.collector.lock().window_bytes();
        let state = self.read();
        Size {
            series: state.series.len(),
            shards: state.shards,
            arena_bytes: state.arena.used_bytes(),
            window_bytes,
        }
    }

    /// The operation of that name without labels, if it is registered.
    #[cfg(feature = "sentry")]
    pub(crate) fn operation_named(&self, name: &str) -> Option<u32> {
        let _inside = fork::enter()?;
        let key = Key {
            name: name.into(),
            labels: Labels::new(),
        };
        let found = self.read().find(&key)?;
        matches!(found.instrument, Instrument::Operation(_)).then_some(found.id.0)
    }

    pub(crate) fn series(&self, id: SeriesId) -> Option<Arc<Series>> {
        self.read().series.get(id.index()).cloned()
    }

    pub(crate) fn view(&self) -> View {
        let state = self.read();
        View {
            arena: Arc::clone(&state.arena),
            shards: state.shards,
            series: state.series.clone(),
        }
    }

    /// Takes a shard for a new writer, with the counts of its last one in place. `None` when no
    /// shard is left; the shared shard is then the place.
    pub(crate) fn claim(
        &self,
        kind: CellKind,
        page: Option<&Arc<HotPage>>,
    ) -> Option<(Arc<Arena>, usize)> {
        if self.is_exhausted(kind) {
            return None;
        }
        let mut state = self.write();
        let reused = (0..state.shards).find(|index| {
            let shard = state.arena.shard(*index);
            shard.cell_kind() == kind && protocol::claim(&shard.state, protocol::FREE)
        });
        let index = match reused {
            Some(index) => index,
            None if state.shards < MAX_SHARDS => {
                let index = state.shards;
                let shard = state.arena.shard(index);
                shard.set_cell_kind(kind);
                if !protocol::claim(&shard.state, protocol::UNUSED) {
                    return None;
                }
                state.shards += 1;
                index
            }
            None => {
                self.exhausted[kind as usize].store(true, Ordering::Relaxed);
                return None;
            }
        };
        if let Some(page) = page {
            let closed = u32::from(self.is_closed());
            page.hot().closed.store(closed, Ordering::Relaxed);
            state.hot_pages.retain(|page| page.strong_count() > 0);
            state.hot_pages.push(Arc::downgrade(page));
        }
        Some((Arc::clone(&state.arena), index))
    }

    /// Gives a shard back. `arena` is the one it was claimed in: after a fork it is the parent's,
    /// and not ours to touch.
    pub(crate) fn give_back(&self, arena: &Arc<Arena>, index: usize) {
        let state = self.read();
        if Arc::ptr_eq(arena, &state.arena) {
            protocol::release(&arena.shard(index).state);
            self.open_all_kinds();
        }
    }

    /// Whether no shard is left for a writer of this kind.
    pub(crate) fn is_exhausted(&self, kind: CellKind) -> bool {
        // A forked child has all of them.
        self.generation.load(Ordering::Relaxed) == fork::generation()
            && self.exhausted[kind as usize].load(Ordering::Relaxed)
    }

    fn open_all_kinds(&self) {
        for exhausted in &self.exhausted {
            exhausted.store(false, Ordering::Relaxed);
        }
    }

    /// Runs `f` on the block of `series` in the shared shard, allocating what it needs.
    pub(crate) fn with_shared<T>(
        &self,
        series: SeriesId,
        octave: Option<usize>,
        f: impl FnOnce(&super::block::Block<'_>) -> T,
    ) -> Option<T> {
        {
            let state = self.read();
            if let Some(block) = state.shared.find(&state.arena, series, octave) {
                return Some(f(&block));
            }
        }
        let mut state = self.write();
        let arena = Arc::clone(&state.arena);
        let has_octaves = state.series.get(series.index())?.instrument.has_octaves();
        let shard = arena.shard(SHARED_SHARD);
        let block = state
            .shared
            .touch(&arena, shard, series, has_octaves, octave)?;
        Some(f(&block))
    }
}

impl State {
    fn find(&self, key: &Key) -> Option<Arc<Series>> {
        let id = self.by_key.get(key)?;
        self.series.get(id.index()).cloned()
    }

    /// Registers a series under the next number.
    pub(super) fn add(
        &mut self,
        key: Key,
        instrument: Instrument,
        options: &InstrumentOptions,
        parent: Option<SeriesId>,
    ) -> Arc<Series> {
        let series = Arc::new(Series {
            id: SeriesId(self.series.len() as u32),
            name: key.name.clone(),
            labels: key.labels.clone(),
            instrument,
            unit: options.unit.as_deref().map(Box::from),
            scale: options.scale,
            description: options.description.as_deref().map(Box::from),
            parent,
        });
        let arena = Arc::clone(&self.arena);
        // A full arena keeps the series out of its own directory, not out of this process.
        let _ = self.directory.append(&arena, &series);
        if parent.is_none() {
            self.by_key.insert(key, series.id);
        }
        self.series.push(Arc::clone(&series));
        series
    }

    /// The overflow series of this instrument (and kind); it does not count against the cap.
    fn overflow(&mut self, instrument: Instrument) -> Arc<Series> {
        let what = match instrument {
            Instrument::Operation(kind) => kind.as_str(),
            other => other.as_str(),
        };
        let pairs = [(OVERFLOW_SERIES, "true"), ("instrument", what)];
        let key = Key {
            name: OVERFLOW_SERIES.into(),
            labels: Labels::from_pairs(pairs).unwrap_or_default(),
        };
        self.find(&key)
            .unwrap_or_else(|| self.add(key, instrument, &InstrumentOptions::default(), None))
    }

    /// The same series, nothing recorded: what a forked child begins with.
    fn start_over(&mut self, arena: Arc<Arena>) {
        self.arena = arena;
        self.shards = SHARED_SHARD + 1;
        self.directory = DirectoryWriter::default();
        self.shared = SharedBlocks::default();
        self.hot_pages.clear();
        let (arena, series) = (Arc::clone(&self.arena), self.series.clone());
        for series in &series {
            let _ = self.directory.append(&arena, series);
        }
    }
}

fn new_arena(cap_bytes: usize) -> Result<Arc<Arena>, Error> {
    let arena = Arena::new(cap_bytes)?;
    let shared = arena.shard(SHARED_SHARD);
    shared.set_cell_kind(CellKind::Shared);
    shared.state.store(protocol::SHARED, Ordering::Release);
    Ok(Arc::new(arena))
}

fn same(known: &Series, instrument: Instrument, options: &InstrumentOptions) -> Result<(), Error> {
    let conflict = |is: String, asked: String| {
        Err(Error::new(
            ErrorKind::Conflict,
            format!(
                "{:?} is registered as {is} and was now asked for as {asked}; use another name or label, or the same everywhere",
                known.name
            ),
        ))
    };
    if known.instrument != instrument {
        return conflict(describe(known.instrument), describe(instrument));
    }
    if known.scale != options.scale {
        return conflict(
            format!("scale {}", known.scale),
            format!("scale {}", options.scale),
        );
    }
    if options.unit.is_some() && known.unit.as_deref() != options.unit.as_deref() {
        return conflict(
            format!("unit {:?}", known.unit.as_deref().unwrap_or("none")),
            format!("unit {:?}", options.unit.as_deref().unwrap_or("none")),
        );
    }
    Ok(())
}

fn describe(instrument: Instrument) -> String {
    match instrument {
        Instrument::Operation(kind) => format!("operation of kind {}", kind.as_str()),
        other => other.as_str().to_owned(),
    }
}
