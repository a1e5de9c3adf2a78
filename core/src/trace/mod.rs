//! Traces: what connects the work that one request causes, in this process and in others.
//!
//! Called by the bindings, which keep spans as objects of their language, and by Rust services. Here is
//! what must be the same in all of them: who is traced ([`sampling`]), how a trace goes on in the next
//! process ([`propagation`], [`baggage`]), what a model call is measured by ([`ModelCall`], its names in
//! [`genai`]), and what check-ins, sessions and authentication failures look like. Everything leaves
//! through [`crate::errors`]. Invariant: a transaction is measured once, whether or not it is sent, and a
//! transaction that was not sent is nobody's exemplar.

mod authentication;
pub mod baggage;
mod check_in;
pub mod genai;
mod ids;
mod model_call;
pub mod propagation;
pub mod sampling;
mod session;
mod transaction;

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::errors::Errors;
use crate::metrics::Registry;

pub use authentication::FailureReport;
use authentication::Failures;
pub use check_in::{CheckIn, CheckInStatus, MAX_SLUG_BYTES, Monitor, Schedule};
pub use ids::{SpanId, TraceId};
pub use model_call::{ModelCall, ModelCallSpec, ModelOutcome};
use session::Session;
pub use session::SessionEnd;
pub use transaction::{Measured, Start, Started, Transaction};

/// Spans that a transaction carries; further ones are counted.
pub const MAX_SPANS: usize = 1_000;

/// The traces of an instance. Starts nothing, and takes no lock but for sessions and authentication
/// failures.
#[derive(Clone)]
pub struct Traces {
    shared: Arc<Shared>,
}

struct Shared {
    registry: Arc<Registry>,
    errors: Errors,
    clock: Clock,
    facts: ArcSwap<Facts>,
    session: parking_lot::Mutex<Option<Session>>,
    failures: parking_lot::Mutex<Failures>,
}

/// What traces say of their process, and how much of them is captured.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Facts {
    pub(crate) traces_sample_rate: f64,
    pub(crate) profiles_sample_rate: f64,
    pub(crate) capture_prompts: bool,
    pub(crate) public_key: Option<String>,
    /// The organisation at Sentry, where the DSN names it.
    pub(crate) org_id: Option<String>,
    pub(crate) release: Option<String>,
    pub(crate) environment: String,
}

impl Facts {
    fn of(config: &Config, environment: &Environment) -> Self {
        let errors = &config.errors;
        Self {
            traces_sample_rate: errors.traces_sample_rate,
            profiles_sample_rate: errors.profiles_sample_rate,
            capture_prompts: errors.capture_prompts,
            public_key: errors.dsn.as_ref().map(|dsn| dsn.public_key().to_owned()),
            org_id: errors
                .dsn
                .as_ref()
                .and_then(|dsn| org_id(&dsn.origin()).map(str::to_owned)),
            release: config.release.clone(),
            environment: environment.name.clone(),
        }
    }
}

/// The number in `https://o123.ingest.sentry.io`.
/// Source: <https://develop.sentry.dev/sdk/telemetry/traces/#stricttracecontinuation>.
fn org_id(origin: &str) -> Option<&str> {
    let host = origin.split("://").nth(1)?;
    let (label, _) = host.split_once('.')?;
    let number = label.strip_prefix('o')?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(number)
}

impl Traces {
    pub(crate) fn new(
        config: &Config,
        environment: &Environment,
        registry: Arc<Registry>,
        clock: Clock,
        errors: Errors,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                registry,
                errors,
                clock,
                facts: ArcSwap::from_pointee(Facts::of(config, environment)),
                session: parking_lot::Mutex::new(None),
                failures: parking_lot::Mutex::new(Failures::default()),
            }),
        }
    }

    pub(crate) fn configure(&self, config: &Config, environment: &Environment) {
        let facts = Facts::of(config, environment);
        self.shared.facts.store(Arc::new(facts));
    }

    /// Once a tick: reports authentication failures that waited for their minute to end.
    pub(crate) fn tick(&self) {
        self.report_waiting_failures();
    }

    /// Whether the prompts and answers of model calls may be captured.
    #[must_use]
    pub fn captures_prompts(&self) -> bool {
        self.shared.facts.load().capture_prompts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_organisation_is_the_number_in_the_host() {
        assert_eq!(org_id("https://o123.ingest.us.sentry.io"), Some("123"));
        for origin in [
            "https://sentry.example.com",
            "https://o.ingest.sentry.io",
            "https://o1x.example.com",
            "http://127.0.0.1:9000",
            "http://localhost",
        ] {
            assert_eq!(org_id(origin), None, "{origin}");
        }
    }
}
