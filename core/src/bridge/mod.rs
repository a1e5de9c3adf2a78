//! Bridges from facades that code already uses, so that it is recorded without a change:
//! [`MetricsRecorder`] for the `metrics` crate, [`TracingLayer`] for `tracing`.
//!
//! Both register series when they first meet a metric or callsite, keep the handles, and record
//! by those. Nothing in here panics or fails towards the code that records.

mod hash;
#[cfg(feature = "metrics-bridge")]
mod metrics;
#[cfg(feature = "tracing-bridge")]
mod tracing;

#[cfg(feature = "metrics-bridge")]
pub use metrics::MetricsRecorder;
#[cfg(feature = "tracing-bridge")]
pub use tracing::TracingLayer;

use crate::error::{Error, ErrorKind};
use crate::metrics::Labels;

/// Registers a series; one whose name and labels are taken by another instrument or kind gets a
/// label more that tells them apart. Facades know one namespace an instrument; here there is one.
fn register<T>(
    labels: &Labels,
    apart: (&str, &str),
    register: impl Fn(&Labels) -> Result<T, Error>,
) -> Result<T, Error> {
    match register(labels) {
        Err(error) if error.kind() == ErrorKind::Conflict => {
            register(&Labels::from_pairs(labels.iter().chain([apart]))?)
        }
        registered => registered,
    }
}
