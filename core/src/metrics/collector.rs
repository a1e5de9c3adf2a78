//! The reader: sums the shards up, and keeps what each tick added for the windows.
//!
//! Called by the ticker once a second and by every snapshot. Readers exclude each other here;
//! writers are never waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::arena::{Arena, CellKind};
use super::block::{Block, blocks, cell_value};
use super::distribution::Distribution;
use super::layout::{CELLS_PER_OCTAVE, OCTAVES};
use super::protocol::Watch;
use super::series::Instrument;
use super::shared::gauge;
use super::view::View;
use super::window::{Increase, SeriesWindow};

/// All that is known of one series.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    watch: Watch<Signature>,
    /// Of operations and histograms; shared with the snapshots that were taken of it.
    pub(crate) distribution: Arc<Distribution>,
    /// Of counters and error counters.
    pub(crate) value: u128,
    /// Of gauges.
    pub(crate) level: f64,
    pub(crate) window: SeriesWindow,
}

/// Changes with every recording: the sum grows with any value but zero, and the zeros have a
/// bucket of their own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Signature {
    sum: u128,
    zeros: u64,
}

/// Totals and windows of every series of a registry.
pub(crate) struct Collector {
    cap_bytes: usize,
    window_bytes: usize,
    /// The arena the totals are of; another one (after a fork) starts them over.
    arena: Option<Arc<Arena>>,
    pub(crate) series: Vec<Collected>,
}

impl Collector {
    pub(crate) const fn new(cap_bytes: usize) -> Self {
        Self {
            cap_bytes,
            window_bytes: 0,
            arena: None,
            series: Vec::new(),
        }
    }

    pub(crate) const fn set_cap(&mut self, bytes: usize) {
        self.cap_bytes = bytes;
    }

    /// Bytes that the windows hold.
    pub(crate) const fn window_bytes(&self) -> usize {
        self.window_bytes
    }

    /// Reads all shards; what is new since the last call goes to second `now`.
    pub(crate) fn collect(&mut self, view: &View, now: u64) {
        if self
            .arena
            .as_ref()
            .is_none_or(|known| !Arc::ptr_eq(known, &view.arena))
        {
            self.series.clear();
            self.arena = Some(Arc::clone(&view.arena));
        }
        self.series
            .resize_with(view.series.len().max(self.series.len()), Collected::default);
        let mut found = self.find(view);
        // Error counters have higher numbers than their operation and are counted after its
        // duration: read first, they never show a failure whose request is not seen.
        found.sort_unstable_by_key(|found| std::cmp::Reverse(found.series));
        for blocks in found.chunk_by(|a, b| a.series == b.series) {
            self.take_increase(blocks, view, now);
        }
        for collected in &mut self.series {
            collected.window.age(now);
        }
        self.bound_windows(now);
    }

    /// Every block of counts; gauges are read at once.
    fn find<'a>(&mut self, view: &'a View) -> Vec<Found<'a>> {
        let mut found = Vec::new();
        for index in 0..view.shards {
            let shard = view.arena.shard(index);
            let kind = shard.cell_kind();
            for block in blocks(&view.arena, shard) {
                let series = block.series().index();
                match view.series.get(series).map(|series| series.instrument) {
                    Some(Instrument::Gauge) => {
                        let bits = gauge(&block).load(Ordering::Relaxed);
                        self.series[series].level = f64::from_bits(bits);
                    }
                    Some(_) => found.push(Found {
                        series,
                        kind,
                        block,
                    }),
                    // Registered after the view was taken; the next one has it.
                    None => {}
                }
            }
        }
        found
    }

    /// Adds up the blocks of one series, if it was recorded since the last call.
    fn take_increase(&mut self, blocks: &[Found<'_>], view: &View, now: u64) {
        let mut signature = Signature::default();
        for found in blocks {
            signature.sum += found.block.sum(found.kind);
            signature.zeros += found.block.zeros(found.kind);
        }
        let Some(at) = blocks.first().map(|found| found.series) else {
            return;
        };
        let collected = &mut self.series[at];
        if !collected.watch.must_read(signature) {
            return;
        }
        let increase = if view.series[at].instrument.has_octaves() {
            raise(&mut collected.distribution, blocks)
        } else {
            let grown = signature.sum.saturating_sub(collected.value);
            collected.value += grown;
            Increase::of_counter(grown)
        };
        if !increase.is_empty() {
            collected.window.push(now, increase);
        }
    }

    /// Keeps the windows under their cap: first by coarser slots, which loses no count, then by
    /// shorter memory of the series that hold most.
    fn bound_windows(&mut self, now: u64) {
        self.window_bytes = self.series.iter().map(|known| known.window.bytes()).sum();
        if self.window_bytes <= self.cap_bytes {
            return;
        }
        for collected in &mut self.series {
            collected.window.squeeze(now);
        }
        self.window_bytes = self.series.iter().map(|known| known.window.bytes()).sum();
        if self.window_bytes <= self.cap_bytes {
            return;
        }
        let mut largest: Vec<usize> = (0..self.series.len()).collect();
        largest.sort_unstable_by_key(|at| std::cmp::Reverse(self.series[*at].window.bytes()));
        for at in largest {
            self.window_bytes -= self.series[at].window.bytes();
            self.series[at].window = SeriesWindow::default();
            if self.window_bytes <= self.cap_bytes {
                return;
            }
        }
    }
}

/// A block of a series.
struct Found<'a> {
    series: usize,
    kind: CellKind,
    block: Block<'a>,
}

/// Raises a distribution to the sum of these blocks, and answers what it gained.
fn raise(distribution: &mut Arc<Distribution>, blocks: &[Found<'_>]) -> Increase {
    // A copy only if a snapshot still holds the last state.
    let distribution = Arc::make_mut(distribution);
    let mut increase = Increase::default();
    for octave in 0..OCTAVES {
        let gained = |bucket, n| increase.add(bucket, n);
        if let [found] = blocks {
            let (Some(cells), kind) = (found.block.octave(octave), found.kind) else {
                continue;
            };
            // One loop for each way of reading, or the choice would be made for every cell.
            let bits = |cell: &AtomicU64| cell.load(Ordering::Relaxed);
            match kind {
                CellKind::Float => {
                    distribution.raise_octave(
                        octave,
                        cells,
                        |cell| cell_value(kind, bits(cell)),
                        gained,
                    );
                }
                CellKind::Native | CellKind::Shared => {
                    distribution.raise_octave(octave, cells, bits, gained);
                }
            }
            continue;
        }
        let mut sums = [0; CELLS_PER_OCTAVE];
        let mut is_touched = false;
        for found in blocks {
            if let Some(cells) = found.block.octave(octave) {
                is_touched = true;
                for (sum, cell) in sums.iter_mut().zip(cells) {
                    *sum += cell_value(found.kind, cell.load(Ordering::Relaxed));
                }
            }
        }
        if is_touched {
            distribution.raise_octave(octave, &sums, |sum| *sum, gained);
        }
    }
    // Read after the buckets, so never less than they hold of what was there before.
    let sum = blocks.iter().map(|found| found.block.sum(found.kind)).sum();
    let max = blocks.iter().map(|found| found.block.max(found.kind)).max();
    increase.set_sum(u128::saturating_sub(sum, distribution.sum()));
    distribution.raise_totals(sum, max.unwrap_or(0));
    increase
}
