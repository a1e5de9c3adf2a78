//! What could not be recorded, counted by reason: the recording path never throws and loses
//! nothing in silence (the habit of Mozilla Glean's `error_recording`).

use serde::Serialize;

/// Why a recording was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The value was NaN.
    Nan,
    /// The value was below zero.
    Negative,
    /// The value was infinite.
    Infinite,
    /// The value was no number at all (JavaScript, Python).
    NotANumber,
    /// Recording was closed by `shutdown`, or this process is a child that was forked in the middle
    /// of another thread's work with the core and may touch nothing of it.
    Closed,
    /// A signal handler recorded into a recording of the same thread.
    Reentrant,
    /// The memory cap was reached.
    ArenaFull,
    /// The metric could not be registered: a facade's name or labels are not ours to refuse aloud.
    Refused,
}

impl DropReason {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::Nan,
        Self::Negative,
        Self::Infinite,
        Self::NotANumber,
        Self::Closed,
        Self::Reentrant,
        Self::ArenaFull,
        Self::Refused,
    ];

    /// The stable name of this reason.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nan => "nan",
            Self::Negative => "negative",
            Self::Infinite => "infinite",
            Self::NotANumber => "not_a_number",
            Self::Closed => "closed",
            Self::Reentrant => "reentrant",
            Self::ArenaFull => "arena_full",
            Self::Refused => "refused",
        }
    }

    /// The reason of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

/// A counter of the registry: the drops by reason first, then what is not a drop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tally {
    Drop(DropReason),
    Clamped,
    Overflowed,
    Truncated,
}

impl Tally {
    pub(crate) const fn cell(self) -> usize {
        match self {
            Self::Drop(reason) => reason as usize,
            Self::Clamped => DropReason::ALL.len(),
            Self::Overflowed => DropReason::ALL.len() + 1,
            Self::Truncated => DropReason::ALL.len() + 2,
        }
    }

    pub(crate) const CELLS: usize = DropReason::ALL.len() + 3;
}

/// How many recordings were dropped, and what else was bent to fit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Drops {
    /// Recordings of NaN.
    pub nan: u64,
    /// Recordings of a value below zero.
    pub negative: u64,
    /// Recordings of an infinite value.
    pub infinite: u64,
    /// Recordings of something that is no number.
    pub not_a_number: u64,
    /// Recordings after `shutdown`, or in a child that a fork left unfit.
    pub closed: u64,
    /// Recordings of a signal handler that interrupted a recording.
    pub reentrant: u64,
    /// Recordings past the memory cap.
    pub arena_full: u64,
    /// Recordings through a facade whose metric could not be registered.
    pub refused: u64,
    /// Values above the maximum, recorded as the maximum. Not a drop.
    pub clamped: u64,
    /// Registrations past the series cap; they record into the overflow series. Not a drop.
    pub overflowed: u64,
    /// Label values and error types that were cut to length. Not a drop.
    pub truncated: u64,
}

impl Drops {
    pub(crate) fn read(cell: impl Fn(Tally) -> u64) -> Self {
        let reason = |reason| cell(Tally::Drop(reason));
        Self {
            nan: reason(DropReason::Nan),
            negative: reason(DropReason::Negative),
            infinite: reason(DropReason::Infinite),
            not_a_number: reason(DropReason::NotANumber),
            closed: reason(DropReason::Closed),
            reentrant: reason(DropReason::Reentrant),
            arena_full: reason(DropReason::ArenaFull),
            refused: reason(DropReason::Refused),
            clamped: cell(Tally::Clamped),
            overflowed: cell(Tally::Overflowed),
            truncated: cell(Tally::Truncated),
        }
    }

    /// All recordings that are in no series.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.nan
            + self.negative
            + self.infinite
            + self.not_a_number
            + self.closed
            + self.reentrant
            + self.arena_full
            + self.refused
    }
}
