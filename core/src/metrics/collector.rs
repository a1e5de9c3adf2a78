//! The reader: sums the shards up, and keeps what each tick added for the windows.
//!
//! Called by the ticker once a second and by every snapshot. Readers exclude each other here;
//! writers are never waited for.

use std::sync::Arc;

use super::arena::Arena;
use super::block::blocks;
use super::distribution::Distribution;
use super::registry::View;
use super::series::Instrument;
use super::window::{Increase, SeriesWindow};

/// All that is known of one series.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    signature: Signature,
    /// Of operations and histograms.
    pub(crate) distribution: Distribution,
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
        let changed = self.find_changed(view);
        self.take_increases(view, &changed, now);
        for collected in &mut self.series {
            collected.window.age(now);
        }
        self.bound_windows(now);
    }

    /// The new signature of every series that was recorded since the last call.
    fn find_changed(&mut self, view: &View) -> Vec<Option<Signature>> {
        let mut signatures = vec![Signature::default(); self.series.len()];
        for_each_block(view, |block, kind| {
            let at = block.series().index();
            match view.series.get(at).map(|series| series.instrument) {
                Some(Instrument::Gauge) => {
                    let bits =
                        super::shared::gauge(&block).load(std::sync::atomic::Ordering::Relaxed);
                    self.series[at].level = f64::from_bits(bits);
                }
                Some(_) => {
                    signatures[at].sum += block.sum(kind);
                    signatures[at].zeros += block.zeros(kind);
                }
                None => {}
            }
        });
        signatures
            .into_iter()
            .zip(&self.series)
            .map(|(now, known)| (now != known.signature).then_some(now))
            .collect()
    }

    fn take_increases(&mut self, view: &View, changed: &[Option<Signature>], now: u64) {
        let mut totals: Vec<Option<Distribution>> = changed
            .iter()
            .zip(&view.series)
            .map(|(changed, series)| {
                (changed.is_some() && series.instrument.has_octaves()).then(Distribution::new)
            })
            .collect();
        for_each_block(view, |block, kind| {
            if let Some(Some(total)) = totals.get_mut(block.series().index()) {
                block.add_to(kind, total);
            }
        });
        for (at, signature) in changed.iter().enumerate() {
            let (Some(signature), Some(collected)) = (signature, self.series.get_mut(at)) else {
                continue;
            };
            collected.signature = *signature;
            let increase = match totals.get_mut(at).and_then(Option::take) {
                Some(total) => {
                    let cells = total.increase_since(&collected.distribution);
                    let sum = total.sum().saturating_sub(collected.distribution.sum());
                    collected.distribution = total;
                    Increase::of_distribution(&cells, sum)
                }
                None => {
                    let grown = signature.sum.saturating_sub(collected.value);
                    collected.value = signature.sum;
                    Increase::of_counter(grown)
                }
            };
            collected.window.push(now, &increase);
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

fn for_each_block(view: &View, mut f: impl FnMut(super::block::Block<'_>, super::arena::CellKind)) {
    for index in 0..view.shards {
        let shard = view.arena.shard(index);
        let kind = shard.cell_kind();
        for block in blocks(&view.arena, shard) {
            // A series that was registered after the view was taken waits for the next.
            if block.series().index() < view.series.len() {
                f(block, kind);
            }
        }
    }
}
