//! A distribution as a value: counts by bucket, an exact sum and an exact maximum.
//!
//! What a snapshot holds of each operation and histogram. Merging is adding, so distributions of
//! shards, processes, hosts or windows add up to the distribution of the whole.

use super::layout::{self, CELLS_PER_OCTAVE, OCTAVES};

type Octave = Box<[u64; CELLS_PER_OCTAVE]>;

/// Cells that are looked at together.
const CHUNK: usize = 8;

/// Counts by bucket of [`layout`], with exact sum and maximum.
#[derive(Clone, PartialEq, Eq)]
pub struct Distribution {
    octaves: [Option<Octave>; OCTAVES],
    /// Always the sum of the buckets.
    count: u64,
    sum: u128,
    max: u64,
}

impl Default for Distribution {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Distribution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Distribution")
            .field("count", &self.count())
            .field("sum", &self.sum)
            .field("max", &self.max)
            .finish_non_exhaustive()
    }
}

impl Distribution {
    /// An empty distribution.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            octaves: [const { None }; OCTAVES],
            count: 0,
            sum: 0,
            max: 0,
        }
    }

    /// Adds one value; above [`layout::MAX_VALUE`] it is recorded as that.
    pub fn record(&mut self, value: u64) {
        self.record_n(value, 1);
    }

    /// Adds one value `n` times.
    pub fn record_n(&mut self, value: u64, n: u64) {
        if n == 0 {
            return;
        }
        let value = value.min(layout::MAX_VALUE);
        self.add_to_bucket(layout::bucket_index(value), n);
        self.sum += u128::from(value) * u128::from(n);
        self.max = self.max.max(value);
    }

    /// How many values.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The exact sum of all values, in their unit.
    #[must_use]
    pub const fn sum(&self) -> u128 {
        self.sum
    }

    /// The exact largest value; 0 when empty. A window's maximum is its highest bucket's.
    #[must_use]
    pub const fn max(&self) -> u64 {
        self.max
    }

    /// The mean of all values; 0 when empty.
    #[must_use]
    pub fn mean(&self) -> f64 {
        let count = self.count();
        if count == 0 {
            0.0
        } else {
            self.sum as f64 / count as f64
        }
    }

    /// Whether nothing was recorded.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The value at `quantile` (0 to 1), by HdrHistogram's rule: the highest value of the bucket
    /// in which the `ceil(quantile * count)`-th smallest value lies, and for quantile 0 the lowest
    /// of the first bucket. 0 when empty; a quantile out of range or NaN counts as the nearest end.
    #[must_use]
    pub fn value_at_quantile(&self, quantile: f64) -> u64 {
        self.values_at_quantiles(&[quantile])
            .first()
            .copied()
            .unwrap_or(0)
    }

    /// The values at several quantiles in one pass.
    #[must_use]
    pub fn values_at_quantiles(&self, quantiles: &[f64]) -> Vec<u64> {
        let total = self.count();
        let mut answers = vec![0; quantiles.len()];
        if total == 0 {
            return answers;
        }
        let mut ranks: Vec<(u64, usize)> = quantiles
            .iter()
            .enumerate()
            .map(|(at, quantile)| (rank(*quantile, total), at))
            .collect();
        ranks.sort_unstable();
        let mut ranks = ranks.into_iter().peekable();
        let mut seen = 0;
        let chunks = self.octaves.iter().enumerate().flat_map(|(octave, cells)| {
            let chunks = cells.iter().flat_map(|cells| cells.chunks_exact(CHUNK));
            chunks
                .enumerate()
                .map(move |(at, chunk)| (octave * CELLS_PER_OCTAVE + at * CHUNK, chunk))
        });
        for (first, chunk) in chunks {
            // Whole chunks first: their sums take a fraction of the time of looking at each cell.
            let after = seen + chunk.iter().sum::<u64>();
            if ranks.peek().is_none_or(|(rank, _)| *rank > after) {
                seen = after;
                continue;
            }
            for (cell, count) in chunk.iter().enumerate().filter(|(_, count)| **count > 0) {
                seen += count;
                while let Some((_, at)) = ranks.next_if(|(rank, _)| *rank <= seen) {
                    let index = first + cell;
                    answers[at] = if quantiles[at] > 0.0 {
                        layout::highest_of(index)
                    } else {
                        layout::lowest_of(index)
                    };
                }
            }
        }
        answers
    }

    /// Each bucket that holds something: `(bucket index, count)`, ascending.
    pub fn buckets(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        self.octaves
            .iter()
            .enumerate()
            .filter_map(|(octave, cells)| Some((octave, cells.as_ref()?)))
            .flat_map(|(octave, cells)| {
                cells
                    .iter()
                    .enumerate()
                    .map(move |(cell, count)| (octave * CELLS_PER_OCTAVE + cell, *count))
            })
            .filter(|(_, count)| *count > 0)
    }

    /// Adds all that `other` holds.
    pub fn merge(&mut self, other: &Self) {
        for (octave, cells) in other.octaves.iter().enumerate() {
            if let Some(cells) = cells {
                let target = self.octave_mut(octave);
                for (total, count) in target.iter_mut().zip(cells.iter()) {
                    *total += count;
                }
            }
        }
        self.count += other.count;
        self.add_totals(other.sum, other.max);
    }

    fn octave_mut(&mut self, octave: usize) -> &mut [u64; CELLS_PER_OCTAVE] {
        self.octaves[octave].get_or_insert_with(|| Box::new([0; CELLS_PER_OCTAVE]))
    }

    pub(crate) fn add_to_bucket(&mut self, index: usize, n: u64) {
        self.octave_mut(index / CELLS_PER_OCTAVE)[index % CELLS_PER_OCTAVE] += n;
        self.count += n;
    }

    /// Raises an octave to these cells, each read by `read`, and tells what each bucket gained. A
    /// bucket never falls.
    pub(crate) fn raise_octave<Cell>(
        &mut self,
        octave: usize,
        cells: &[Cell; CELLS_PER_OCTAVE],
        read: impl Fn(&Cell) -> u64,
        mut gained: impl FnMut(usize, u64),
    ) {
        let mut total = 0;
        // Read first and looked at afterwards: another core may just have written every line, and
        // waiting for all of them at once takes a fraction of waiting for one after the other.
        let now = cells.each_ref().map(read);
        let (now, _) = now.as_chunks::<CHUNK>();
        let (known, _) = self.octave_mut(octave).as_chunks_mut::<CHUNK>();
        for (at, (known, now)) in known.iter_mut().zip(now).enumerate() {
            // Most chunks did not change since the last tick, which is told without a branch each.
            let changed = now
                .iter()
                .zip(&*known)
                .fold(0, |bits, (a, b)| bits | (a ^ b));
            if changed == 0 {
                continue;
            }
            for (cell, (now, known)) in now.iter().zip(known).enumerate() {
                if *now > *known {
                    let bucket = octave * CELLS_PER_OCTAVE + at * CHUNK + cell;
                    gained(bucket, *now - *known);
                    total += *now - *known;
                    *known = *now;
                }
            }
        }
        self.count += total;
    }

    /// Raises sum and maximum to these.
    pub(crate) fn raise_totals(&mut self, sum: u128, max: u64) {
        self.sum = self.sum.max(sum);
        self.max = self.max.max(max);
    }

    pub(crate) fn add_totals(&mut self, sum: u128, max: u64) {
        self.sum += sum;
        self.max = self.max.max(max);
    }

    /// Lowers the maximum to `max`, when it is known only as a bucket's highest value.
    pub(crate) fn bound_max(&mut self, max: u64) {
        self.max = self.max.min(max);
    }
}

/// HdrHistogram's rank of a quantile: at least the first value, at most the last.
fn rank(quantile: f64, total: u64) -> u64 {
    let quantile = if quantile.is_nan() {
        0.0
    } else {
        quantile.clamp(0.0, 1.0)
    };
    ((quantile * total as f64).ceil() as u64).clamp(1, total)
}
