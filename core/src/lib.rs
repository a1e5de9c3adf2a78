//! Tallylight: production readiness in one native core.
//!
//! Latency metrics that cost nanoseconds, and one live status document. The same core serves
//! Node services (npm `tallylight`) and Python (`tallylight` on PyPI).
//!
//! ```
//! # fn main() -> Result<(), tallylight::Error> {
//! use std::time::Duration;
//! use tallylight::{Config, Kind, Labels};
//!
//! let tally = tallylight::init(Config::from_env()?)?;
//! let analyze = tally.operation("POST /analyze", &Labels::new(), Kind::Server)?;
//!
//! analyze.record(Duration::from_millis(240));
//! let timer = analyze.start();
//! // ... the work ...
//! timer.fail("TimeoutError");
//!
//! let status = tally.status();
//! assert_eq!(status.metrics.total_requests, 2);
//! assert_eq!(status.metrics.error_rate, 50.0);
//! println!("{}", status.to_json());
//! tally.shutdown();
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//! `metrics` (default) is all of this page. `hdr` exchanges with HdrHistogram, `metrics-bridge` and
//! `tracing-bridge` record what those facades already tell, `cli` is the command line, `full` is
//! everything.

#[cfg(any(feature = "secrets-aws", feature = "sentry"))]
mod block_on;
#[cfg(any(feature = "metrics-bridge", feature = "tracing-bridge"))]
pub mod bridge;
#[cfg(feature = "metrics")]
mod client;
#[cfg(feature = "metrics")]
pub mod clock;
#[cfg(feature = "secrets-aws")]
mod coarse;
pub mod config;
mod error;
#[cfg(feature = "sentry")]
pub mod errors;
#[cfg(feature = "metrics")]
mod fork;
#[cfg(any(feature = "secrets-aws", feature = "sentry"))]
mod io;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(feature = "metrics")]
mod runtime;
#[cfg(feature = "metrics")]
#[cfg_attr(
    not(all(feature = "cli", feature = "secrets-aws")),
    allow(
        dead_code,
        unreachable_pub,
        unused_imports,
        reason = "secrets and their commands register values and scrub more than text"
    )
)]
mod scrub;
#[cfg(feature = "secrets-aws")]
#[cfg_attr(
    not(feature = "cli"),
    allow(dead_code, reason = "some of it is for the command line alone")
)]
pub mod secrets;
#[cfg(feature = "metrics")]
pub mod status;
#[cfg(feature = "metrics")]
pub mod stopwatch;
#[cfg(feature = "sentry")]
pub mod trace;

#[cfg(feature = "cli")]
pub mod cli;

#[cfg(feature = "metrics")]
pub use client::{Tallylight, global, init};
pub use config::Config;
pub use error::{Error, ErrorKind};
#[cfg(feature = "sentry")]
pub use errors::{Errors, ErrorsConfig};
#[cfg(feature = "metrics")]
pub use metrics::{
    Counter, DropReason, Drops, Gauge, Histogram, InstrumentOptions, Kind, Labels, Operation,
    Recorder, Snapshot, Timer,
};
#[cfg(feature = "metrics")]
pub use scrub::scrub;
#[cfg(feature = "secrets-aws")]
pub use secrets::{Secret, Secrets, SecretsConfig};
#[cfg(feature = "metrics")]
pub use status::Status;
