//! Latency metrics: recorded in nanoseconds, read without stopping anybody.
//!
//! A *series* is a name with labels; a *writer* is a thread or a JavaScript isolate; each writer
//! has a *shard*, in which every series it records has a *block* of cells that nobody else writes.
//! A reader adds the shards up. The life of a recording:
//! [`Operation::record`] → `local` finds the thread's writer → `writer` adds to three cells in
//! the `arena`; later the `collector` sums all shards, keeps what is new in `window`s, and
//! `snapshot` reads quantiles off the result.

mod arena;
mod block;
mod collector;
mod directory;
mod distribution;
mod drops;
mod error_types;
#[cfg_attr(
    not(feature = "sentry"),
    allow(dead_code, reason = "traces alone add exemplars")
)]
mod exemplars;
mod hot;
mod instruments;
pub mod isolate;
mod labels;
pub mod layout;
pub(crate) mod local;
mod number;
mod operation;
mod registry;
mod series;
mod shared;
mod snapshot;
mod view;
mod window;
mod writer;

mod atomic;
mod protocol;

#[cfg(feature = "hdr")]
pub mod hdr;

pub use distribution::Distribution;
pub use drops::{DropReason, Drops};
pub use error_types::{MAX_ERROR_TYPES, OTHER_ERROR};
pub use exemplars::Exemplar;
pub use instruments::{Counter, Gauge, Histogram};
pub use labels::{
    Labels, MAX_ERROR_TYPE_BYTES, MAX_LABEL_KEY_BYTES, MAX_LABEL_VALUE_BYTES, MAX_LABELS,
    MAX_NAME_BYTES, number_text,
};
pub use operation::{Instrumented, Operation, Recorder, Timer};
pub use registry::{OVERFLOW_SERIES, Registry};
pub use series::{InstrumentOptions, Kind};
pub use snapshot::{Quantiles, SeriesSnapshot, Snapshot};

pub(crate) use drops::Tally;
#[cfg(feature = "sentry")]
pub(crate) use operation::short_type_name;
pub(crate) use registry::Limits;
pub(crate) use series::Instrument;
pub(crate) use snapshot::{Reading, Steps, WINDOWS, collect, read, totals};
