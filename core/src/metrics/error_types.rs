//! Error types: which series counts an operation's failures of one type.
//!
//! Asked by [`super::Operation`] at each failure and by the bindings once a type. An operation has
//! at most [`MAX_ERROR_TYPES`] of them, and all operations together as many as there may be series:
//! what comes after that counts as [`OTHER_ERROR`], so an error message in place of a type costs
//! neither memory nor a failure.

use std::collections::HashMap;
use std::sync::Arc;

use super::drops::Tally;
use super::labels::{self, Labels};
use super::local;
use super::registry::{Key, Registry};
use super::series::{Instrument, InstrumentOptions, SeriesId};
use crate::fork;

/// The error type for those past the cap, as OpenTelemetry's `error.type` names it.
pub const OTHER_ERROR: &str = "_OTHER";
/// Distinct error types of one operation; further ones count as [`OTHER_ERROR`].
pub const MAX_ERROR_TYPES: usize = 32;

/// The number that stands for no series: nothing is ever registered under it.
const NO_SERIES: u32 = u32::MAX;

/// The error series of every operation, by type.
#[derive(Default)]
pub(super) struct ErrorTypes {
    by_operation: HashMap<SeriesId, Vec<(Box<str>, SeriesId)>>,
    series: usize,
}

impl ErrorTypes {
    fn find(&self, operation: SeriesId, error_type: &str) -> Option<SeriesId> {
        let types = self.by_operation.get(&operation)?;
        let of = |wanted: &str| {
            let known = types.iter().find(|(known, _)| **known == *wanted);
            known.map(|(_, id)| *id)
        };
        // Past the limit every further type is the same one, found under the read lock too.
        of(error_type).or_else(|| {
            (types.len() > MAX_ERROR_TYPES)
                .then(|| of(OTHER_ERROR))
                .flatten()
        })
    }

    fn is_full(&self, operation: SeriesId, max_series: usize) -> bool {
        let types = self.by_operation.get(&operation).map_or(0, Vec::len);
        types >= MAX_ERROR_TYPES || self.series >= max_series
    }

    fn add(&mut self, operation: SeriesId, error_type: &str, series: SeriesId) {
        self.series += 1;
        let types = self.by_operation.entry(operation).or_default();
        types.push((error_type.into(), series));
    }
}

impl Registry {
    /// Finds or registers the series that counts an operation's failures of one type; `None` in a
    /// child that may take no lock.
    pub(crate) fn error_series(&self, operation: SeriesId, given: &str) -> Option<SeriesId> {
        let cut = labels::cut(given, labels::MAX_ERROR_TYPE_BYTES);
        let error_type = if cut.is_empty() || cut.chars().any(char::is_control) {
            OTHER_ERROR
        } else {
            cut
        };
        let _inside = fork::enter()?;
        if let Some(known) = self.read().error_types.find(operation, error_type) {
            return Some(known);
        }
        let mut state = self.write();
        if cut.len() < given.len() {
            self.tally(Tally::Truncated);
        }
        let error_type = match state.error_types.is_full(operation, self.max_series()) {
            true => OTHER_ERROR,
            false => error_type,
        };
        if let Some(known) = state.error_types.find(operation, error_type) {
            return Some(known);
        }
        let key = Key {
            name: error_type.into(),
            labels: Labels::new(),
        };
        let options = InstrumentOptions::default();
        let series = state.add(key, Instrument::Errors, &options, Some(operation));
        state.error_types.add(operation, error_type, series.id);
        Some(series.id)
    }

    /// As [`Self::error_series`], for a binding that knows the operation by number.
    pub(crate) fn error_series_by_number(&self, operation: u32, error_type: &str) -> u32 {
        self.error_series(SeriesId(operation), error_type)
            .map_or(NO_SERIES, |series| series.0)
    }

    /// Adds failures to an error series; false when `series` is none.
    pub(crate) fn add_failures(self: &Arc<Self>, series: u32, n: u64) -> bool {
        let id = SeriesId(series);
        let known = {
            let inside = fork::enter();
            inside.and_then(|_inside| self.series(id))
        };
        let is_known = known.is_some_and(|series| series.instrument == Instrument::Errors);
        if is_known {
            local::add(self, id, n);
        }
        is_known
    }
}
