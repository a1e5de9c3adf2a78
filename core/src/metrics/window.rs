//! Rolling windows, made by the reader: what each tick found added, kept for an hour.
//!
//! Writers only ever add; a tick takes the increase of each active series and keeps it sparse, in
//! slots of 1 s for a minute, 10 s for ten minutes and 1 min for an hour. Each increase is in
//! exactly one slot, which moves to the next coarser tier as it ages; a window is the sum of the
//! slots that begin inside it, so a longer one may miss up to one slot at its far end.

use std::collections::VecDeque;

use super::distribution::Distribution;
use super::layout;

/// Seconds a slot of a tier spans, and seconds after which it moves to the next.
const TIERS: [(u64, u64); 3] = [(1, 60), (10, 600), (60, 3600)];

/// What was added in a slot's time: by bucket for distributions, and in sum.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Increase {
    /// Ascending by bucket; a count past u32 takes several entries.
    cells: Vec<(u16, u32)>,
    sum: u64,
}

impl Increase {
    /// Counts a bucket's gain; buckets come in ascending order.
    pub(crate) fn add(&mut self, bucket: usize, mut count: u64) {
        while count > u64::from(u32::MAX) {
            self.cells.push((bucket as u16, u32::MAX));
            count -= u64::from(u32::MAX);
        }
        self.cells.push((bucket as u16, count as u32));
    }

    pub(crate) fn set_sum(&mut self, sum: u128) {
        self.sum = u64::try_from(sum).unwrap_or(u64::MAX);
    }

    #[cfg(test)]
    fn of_distribution(cells: &[(u16, u64)], sum: u128) -> Self {
        let mut increase = Self::default();
        for (bucket, count) in cells {
            increase.add(usize::from(*bucket), *count);
        }
        increase.set_sum(sum);
        increase
    }

    pub(crate) fn of_counter(sum: u128) -> Self {
        let mut increase = Self::default();
        increase.set_sum(sum);
        increase
    }

    pub(crate) fn sum(&self) -> u64 {
        self.sum
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sum == 0 && self.cells.is_empty()
    }

    fn bytes(&self) -> usize {
        size_of::<Slot>() + self.cells.len() * size_of::<(u16, u32)>()
    }

    fn merge(&mut self, other: &Self) {
        self.sum = self.sum.saturating_add(other.sum);
        if !self.merge_in_place(other) {
            self.merge_anew(other);
        }
    }

    /// Adds counts of buckets that are here already, which is all that a series under way has. False
    /// at the first other one, with nothing changed.
    fn merge_in_place(&mut self, other: &Self) -> bool {
        let fits = |cells: &mut [(u16, u32)], apply: bool| {
            let mut cells = cells.iter_mut();
            other.cells.iter().all(|(bucket, count)| {
                let Some(cell) = cells.find(|cell| cell.0 == *bucket) else {
                    return false;
                };
                let Some(sum) = cell.1.checked_add(*count) else {
                    return false;
                };
                if apply {
                    cell.1 = sum;
                }
                true
            })
        };
        fits(&mut self.cells, false) && fits(&mut self.cells, true)
    }

    fn merge_anew(&mut self, other: &Self) {
        let mut merged: Vec<(u16, u32)> = Vec::with_capacity(self.cells.len() + other.cells.len());
        let (mut left, mut right) = (self.cells.iter().peekable(), other.cells.iter().peekable());
        while let Some(&(bucket, count)) = match (left.peek(), right.peek()) {
            (Some(a), Some(b)) if a.0 <= b.0 => left.next(),
            (_, Some(_)) => right.next(),
            (_, None) => left.next(),
        } {
            match merged.last_mut() {
                Some(last) if last.0 == bucket && last.1.checked_add(count).is_some() => {
                    last.1 += count;
                }
                _ => merged.push((bucket, count)),
            }
        }
        merged.shrink_to_fit();
        self.cells = merged;
    }

    /// Adds the counts to a distribution; the maximum is the highest bucket's.
    pub(crate) fn add_to(&self, into: &mut Distribution) {
        for (bucket, count) in &self.cells {
            into.add_to_bucket(usize::from(*bucket), u64::from(*count));
        }
        let max = self
            .cells
            .last()
            .map_or(0, |(bucket, _)| layout::highest_of(usize::from(*bucket)));
        into.add_totals(u128::from(self.sum), max);
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Slot {
    /// The first second it covers.
    start: u64,
    increase: Increase,
}

/// The recent past of one series.
#[derive(Debug, Default)]
pub(crate) struct SeriesWindow {
    tiers: [VecDeque<Slot>; TIERS.len()],
    bytes: usize,
}

impl SeriesWindow {
    /// Adds what happened since the last call, as of second `now`.
    pub(crate) fn push(&mut self, now: u64, increase: Increase) {
        self.put(0, now, increase);
    }

    /// Moves slots to coarser tiers, or out, as of second `now`.
    pub(crate) fn age(&mut self, now: u64) {
        for (tier, (_, keep)) in TIERS.into_iter().enumerate() {
            self.age_tier(tier, now, keep);
        }
    }

    /// As [`Self::age`], but keeps each tier only a sixth as long: the same counts in fewer slots,
    /// for when memory is short.
    pub(crate) fn squeeze(&mut self, now: u64) {
        for (tier, (_, keep)) in TIERS.into_iter().enumerate() {
            self.age_tier(tier, now, keep / 6);
        }
    }

    fn age_tier(&mut self, tier: usize, now: u64, keep: u64) {
        while let Some(slot) = self.tiers[tier].front() {
            if slot.start + TIERS[tier].0 + keep > now {
                return;
            }
            let Some(slot) = self.tiers[tier].pop_front() else {
                return;
            };
            self.bytes -= slot.increase.bytes();
            if tier + 1 < TIERS.len() {
                self.put(tier + 1, slot.start, slot.increase);
            }
        }
    }

    fn put(&mut self, tier: usize, second: u64, increase: Increase) {
        let start = second - second % TIERS[tier].0;
        let slots = &mut self.tiers[tier];
        match slots.back_mut() {
            // A clock that went back adds to the newest slot.
            Some(last) if last.start >= start => {
                self.bytes -= last.increase.bytes();
                last.increase.merge(&increase);
                self.bytes += last.increase.bytes();
            }
            _ => {
                self.bytes += increase.bytes();
                slots.push_back(Slot { start, increase });
            }
        }
    }

    /// Every increase that began at or after second `since`, oldest tier first: `(second, what)`.
    pub(crate) fn since(&self, since: u64) -> impl Iterator<Item = (u64, &Increase)> {
        self.tiers
            .iter()
            .rev()
            .flatten()
            .filter(move |slot| slot.start >= since)
            .map(|slot| (slot.start, &slot.increase))
    }

    /// Bytes held.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counter(n: u64) -> Increase {
        Increase::of_counter(u128::from(n))
    }

    fn sum_since(window: &SeriesWindow, since: u64) -> u64 {
        window
            .since(since)
            .map(|(_, increase)| increase.sum())
            .sum()
    }

    #[test]
    fn a_minute_is_exact_to_the_second() {
        let mut window = SeriesWindow::default();
        for second in 1000..1100 {
            window.push(second, counter(1));
            window.age(second);
        }
        assert_eq!(sum_since(&window, 1100 - 60), 60);
        assert_eq!(sum_since(&window, 0), 100);
    }

    #[test]
    fn an_hour_later_nothing_is_left() {
        let mut window = SeriesWindow::default();
        window.push(10, counter(5));
        window.age(10 + 3600);
        assert_eq!(sum_since(&window, 0), 5);
        window.age(10 + 3600 + 120);
        assert_eq!(sum_since(&window, 0), 0);
        assert_eq!(window.bytes(), 0);
    }

    #[test]
    fn counts_past_u32_are_kept() {
        let many = 3 * u64::from(u32::MAX) + 7;
        let increase = Increase::of_distribution(&[(5, many)], 0);
        let mut total = Distribution::new();
        increase.add_to(&mut total);
        assert_eq!(total.count(), many);
    }

    fn by_bucket(increase: &Increase) -> std::collections::BTreeMap<u16, u64> {
        let mut counts = std::collections::BTreeMap::new();
        for (bucket, count) in &increase.cells {
            *counts.entry(*bucket).or_default() += u64::from(*count);
        }
        counts
    }

    proptest! {
        #[test]
        fn merging_in_place_is_merging(
            here in prop::collection::btree_map(0u16..30, 1u64..10_000_000_000, 0..20),
            more in prop::collection::btree_map(0u16..30, 1u64..10_000_000_000, 0..20),
        ) {
            let of = |counts: &std::collections::BTreeMap<u16, u64>| {
                let cells: Vec<_> = counts.iter().map(|(bucket, count)| (*bucket, *count)).collect();
                Increase::of_distribution(&cells, 7)
            };
            let (mut anew, mut in_place) = (of(&here), of(&here));
            anew.merge_anew(&of(&more));
            if in_place.merge_in_place(&of(&more)) {
                prop_assert_eq!(by_bucket(&in_place), by_bucket(&anew));
            } else {
                prop_assert_eq!(in_place, of(&here));
            }
            let mut merged = of(&here);
            merged.merge(&of(&more));
            prop_assert_eq!(by_bucket(&merged), by_bucket(&anew));
            prop_assert_eq!(merged.sum, 14);
            prop_assert!(merged.cells.is_sorted_by_key(|cell| cell.0));
        }

        #[test]
        fn every_increase_is_in_exactly_one_slot(
            steps in proptest::collection::vec((0u64..50, 0u16..600, 1u64..1000), 1..200)
        ) {
            let mut window = SeriesWindow::default();
            let mut now = 5000;
            let mut events = Vec::new();
            for (pause, bucket, n) in steps {
                now += pause;
                let value = layout::lowest_of(usize::from(bucket));
                window.push(now, Increase::of_distribution(&[(bucket, n)], u128::from(value * n)));
                window.age(now);
                events.push((now, bucket, n));
            }
            // Within the first tier a window is exact; beyond, it misses at most one slot.
            let exact = |since: u64| -> u64 {
                events.iter().filter(|event| event.0 >= since).map(|event| event.2).sum()
            };
            let read = |since: u64| {
                let mut total = Distribution::new();
                for (_, increase) in window.since(since) { increase.add_to(&mut total); }
                total.count()
            };
            prop_assert_eq!(read(now - 59), exact(now - 59));
            let five = read(now - 300);
            prop_assert!(exact(now - 290) <= five && five <= exact(now - 300));
            let bytes: usize = window.tiers.iter().flatten().map(|slot| slot.increase.bytes()).sum();
            prop_assert_eq!(bytes, window.bytes());
        }

        #[test]
        fn squeezing_loses_no_count_of_the_last_ten_minutes(pushes in 1u64..2000) {
            let mut window = SeriesWindow::default();
            let mut before = 0;
            for second in 0..pushes.min(540) {
                window.push(10_000 + second, counter(2));
                before += 2;
            }
            window.squeeze(10_000 + pushes.min(540));
            prop_assert_eq!(sum_since(&window, 0), before);
        }
    }
}
