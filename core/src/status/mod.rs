//! The one status document: what the HTTP routes, the dashboard, the command line and the go-live
//! verdict show. Its fields are fixed by `docs/reference/status.schema.json`.
//!
//! Durations are milliseconds to three decimals, rates percentages to two. `metrics` and `windows`
//! cover the server operations only: the ordinary seconds of a model call never redden a
//! service's P95, so those stand under `models`.

mod build;
mod document;

pub(crate) use build::{Sources, build};
pub use document::{
    CounterRow, DropFigures, Durations, ErrorRow, ExemplarRow, GaugeRow, HistogramRow, History,
    HistoryPoint, Models, OperationRow, Process, RequestFigures, SCHEMA_VERSION, Sentry, Service,
    Status, Telemetry, WindowFigures, Windows,
};
