//! What a series is: a name, labels, and how its numbers are read.

use serde::Serialize;

use super::labels::Labels;
use crate::error::{Error, ErrorKind};

/// The number of a series in its registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SeriesId(pub(crate) u32);

impl SeriesId {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What an operation is to the service. The status document's `metrics` are the server
/// operations; model calls have a block of their own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A request that this service answers.
    Server,
    /// A request that this service makes.
    Client,
    /// A call to an AI model.
    Model,
    /// A job or script.
    Job,
    /// Anything else.
    #[default]
    Internal,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Server,
        Self::Client,
        Self::Model,
        Self::Job,
        Self::Internal,
    ];

    /// The name of this kind.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
            Self::Model => "model",
            Self::Job => "job",
            Self::Internal => "internal",
        }
    }

    /// The kind of that name.
    ///
    /// # Errors
    /// `invalid_value` for any other text.
    pub fn parse(name: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidValue,
                    format!(
                        "{:?} is no kind of operation; use server, client, model, job or internal",
                        super::labels::cut(name, 40)
                    ),
                )
            })
    }
}

/// How a counter, gauge or histogram counts.
#[derive(Debug, Clone, PartialEq)]
pub struct InstrumentOptions {
    /// The unit, as UCUM writes it (`By`, `{token}`, `s`); shown, not interpreted.
    pub unit: Option<String>,
    /// Values are kept as `round(value * scale)`: 1 for whole units, 1,000,000 for fractions such
    /// as a cost in dollars.
    pub scale: f64,
    /// One line on what is counted.
    pub description: Option<String>,
}

impl Default for InstrumentOptions {
    fn default() -> Self {
        Self {
            unit: None,
            scale: 1.0,
            description: None,
        }
    }
}

/// What a series is recorded by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Instrument {
    /// Durations in nanoseconds, of one kind.
    Operation(Kind),
    /// Failures of one type of the parent operation.
    Errors,
    Counter,
    Gauge,
    Histogram,
}

impl Instrument {
    pub(crate) const fn has_octaves(self) -> bool {
        matches!(self, Self::Operation(_) | Self::Histogram)
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Operation(_) => "operation",
            Self::Errors => "error counter",
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A registered series.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) id: SeriesId,
    pub(crate) name: Box<str>,
    pub(crate) labels: Labels,
    pub(crate) instrument: Instrument,
    pub(crate) unit: Option<Box<str>>,
    pub(crate) scale: f64,
    pub(crate) description: Option<Box<str>>,
    /// The operation that an [`Instrument::Errors`] series counts the failures of; its name is
    /// then the error type.
    pub(crate) parent: Option<SeriesId>,
}
