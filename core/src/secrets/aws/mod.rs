//! AWS Secrets Manager as a source.
//!
//! The keeper of the cache and the command line call it, on the I/O thread. It caches no value and
//! decides nothing about what is served: it asks, and says what came of it. The invariants: no call
//! outlives its deadline; a failed reading costs a bounded number of calls; only an outage is tried
//! again or elsewhere, and no write is ever sent to another region than the first; a value is in no
//! error and no log of ours.

mod attempt;
mod batch;
mod classify;
mod client;
mod clock;
mod credentials;
#[cfg(any(feature = "cli", test))]
mod doctor;
mod endpoint;
mod http;
mod limit;
#[cfg(any(feature = "cli", test))]
mod list;
#[cfg(any(feature = "cli", test))]
mod manage;
#[cfg(any(feature = "cli", test))]
mod policy;
mod read;
mod resource;
mod throttle;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

#[cfg(feature = "cli")]
pub(crate) use doctor::{CallCheck, DoctorReport, Verdict};
#[cfg(feature = "cli")]
pub(crate) use list::{Listed, Wanted};
#[cfg(feature = "cli")]
pub(crate) use manage::{NewSecret, NewValue, PENDING, Written, new_token};
#[cfg(feature = "cli")]
pub(crate) use policy::{minimal_policy, operator_policy};

use client::Sessions;
use throttle::Throttle;

/// What a client is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AwsSettings {
    /// The region; without it the SDK's chain finds one.
    pub(crate) region: Option<String>,
    /// Where a replica is read during an outage of the first region.
    pub(crate) second_region: Option<String>,
    /// What stands in for AWS's own endpoints; without it as the SDK finds one. `{region}` in it is
    /// replaced by the region that is asked. A private endpoint of Secrets Manager is used for that
    /// service alone, any other for the assuming of roles too.
    pub(crate) endpoint: Option<String>,
    /// A role to assume, in another account for example.
    pub(crate) role_arn: Option<String>,
    /// What that role's owner asks for besides.
    pub(crate) external_id: Option<String>,
    pub(crate) attempt_timeout: Duration,
    /// Calls at one time.
    pub(crate) concurrency: usize,
}

impl Default for AwsSettings {
    fn default() -> Self {
        Self {
            region: None,
            second_region: None,
            endpoint: None,
            role_arn: None,
            external_id: None,
            attempt_timeout: Duration::from_secs(2),
            concurrency: 8,
        }
    }
}

/// A client of AWS Secrets Manager. Clones share their connections, credentials and limits.
#[derive(Clone)]
pub(crate) struct Aws {
    inner: Arc<Inner>,
}

struct Inner {
    sessions: Sessions,
    throttle: Throttle,
    /// Until when many secrets are not asked for in one call, since AWS refused that.
    no_batch_until: Mutex<Option<Instant>>,
}

impl Aws {
    /// A client. It connects to nothing and reads nothing before the first call.
    pub(crate) fn new(settings: AwsSettings) -> Self {
        Self::with_sessions(Sessions::new(settings))
    }

    fn with_sessions(sessions: Sessions) -> Self {
        Self {
            inner: Arc::new(Inner {
                throttle: Throttle::new(sessions.settings().concurrency),
                sessions,
                no_batch_until: Mutex::new(None),
            }),
        }
    }

    pub(crate) fn settings(&self) -> &AwsSettings {
        self.inner.sessions.settings()
    }

    /// The region that a name (not an ARN) is read from, once it is known.
    pub(crate) fn region(&self) -> Option<String> {
        self.inner.sessions.region()
    }
}
