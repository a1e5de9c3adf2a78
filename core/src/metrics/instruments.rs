//! Counters, gauges and plain histograms.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::drops::DropReason;
use super::local;
use super::number::checked;
use super::registry::Registry;
use super::series::Series;
use super::shared;

/// A sum that only grows: requests, bytes, tokens, dollars.
#[derive(Clone)]
pub struct Counter {
    registry: Arc<Registry>,
    series: Arc<Series>,
}

impl Counter {
    pub(crate) const fn new(registry: Arc<Registry>, series: Arc<Series>) -> Self {
        Self { registry, series }
    }

    /// The number of this counter's series in its instance.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.series.id.0
    }

    /// The scale its values are kept at.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.series.scale
    }

    /// Adds `n`, kept as `round(n * scale)`. NaN, negative and infinite amounts are counted drops.
    #[inline]
    pub fn add(&self, n: f64) {
        match checked(n, self.series.scale) {
            Ok(amount) => {
                let kept = amount.min(super::layout::MAX_VALUE);
                local::add(&self.registry, self.series.id, kept);
                if kept < amount {
                    self.registry.tally(super::drops::Tally::Clamped);
                }
            }
            Err(reason) => self.registry.dropped(reason),
        }
    }

    /// Adds 1.
    #[inline]
    pub fn increment(&self) {
        // The usual scale, without a float's checks.
        if self.series.scale == 1.0 {
            local::add(&self.registry, self.series.id, 1);
        } else {
            self.add(1.0);
        }
    }

    /// Counts a call that had no number to record.
    pub fn drop_one(&self, reason: DropReason) {
        self.registry.dropped(reason);
    }
}

/// A level that goes up and down: a queue's length, connections open. One value a process; the
/// last write stands.
#[derive(Clone)]
pub struct Gauge {
    registry: Arc<Registry>,
    series: Arc<Series>,
}

impl Gauge {
    pub(crate) const fn new(registry: Arc<Registry>, series: Arc<Series>) -> Self {
        Self { registry, series }
    }

    /// The number of this gauge's series in its instance.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.series.id.0
    }

    /// Sets the level. NaN and infinite values are counted drops.
    pub fn set(&self, value: f64) {
        self.update(value, |_, value| value);
    }

    /// Moves the level up or, with a negative number, down.
    pub fn add(&self, delta: f64) {
        self.update(delta, |level, delta| level + delta);
    }

    fn update(&self, operand: f64, f: impl Fn(f64, f64) -> f64) {
        if operand.is_nan() {
            return self.registry.dropped(DropReason::Nan);
        }
        if operand.is_infinite() {
            return self.registry.dropped(DropReason::Infinite);
        }
        if self.registry.is_closed() {
            return self.registry.dropped(DropReason::Closed);
        }
        let Some(_inside) = local::enter_unless_inside(&self.registry) else {
            return;
        };
        let done = self.registry.with_shared(self.series.id, None, |block| {
            // A level stays a number: what would take it past the largest is refused.
            let moved = |bits| {
                let level = f(f64::from_bits(bits), operand);
                level.is_finite().then(|| level.to_bits())
            };
            shared::gauge(block).fetch_update(Ordering::Relaxed, Ordering::Relaxed, moved)
        });
        match done {
            Some(Ok(_)) => {}
            Some(Err(_)) => self.registry.dropped(DropReason::Infinite),
            None => self.registry.dropped(DropReason::ArenaFull),
        }
    }

    /// Counts a call that had no number to record.
    pub fn drop_one(&self, reason: DropReason) {
        self.registry.dropped(reason);
    }
}

/// The distribution of a quantity: sizes, tokens, scores.
#[derive(Clone)]
pub struct Histogram {
    registry: Arc<Registry>,
    series: Arc<Series>,
}

impl Histogram {
    pub(crate) const fn new(registry: Arc<Registry>, series: Arc<Series>) -> Self {
        Self { registry, series }
    }

    /// The number of this histogram's series in its instance.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.series.id.0
    }

    /// The scale its values are kept at.
    #[must_use]
    pub fn scale(&self) -> f64 {
        self.series.scale
    }

    /// Records a value, kept as `round(value * scale)`. NaN, negative and infinite values are
    /// counted drops.
    #[inline]
    pub fn record(&self, value: f64) {
        match checked(value, self.series.scale) {
            Ok(scaled) => {
                local::record(&self.registry, self.series.id, scaled);
            }
            Err(reason) => self.registry.dropped(reason),
        }
    }

    /// Counts a call that had no number to record.
    pub fn drop_one(&self, reason: DropReason) {
        self.registry.dropped(reason);
    }
}

macro_rules! debug_by_id {
    ($($name:ident)*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.series.name).finish()
            }
        }
    )*};
}
debug_by_id!(Counter Gauge Histogram);
