//! Secrets: a cache in front of AWS Secrets Manager, secret files and, in development, variables.
//!
//! A hit is a lock-free read. However many callers miss at once, the source is asked once. At the
//! end of its time to live a value is served once more while it is refreshed behind; while the source
//! is out of order, up to a hard limit of age; once it is revoked, not at all. No call waits longer
//! than its deadline. Values live in [`Secret`], which shows itself to nobody, and are known to
//! [`crate::scrub`].
//!
//! ```no_run
//! # async fn example() -> Result<(), tallylight::Error> {
//! let tally = tallylight::init(tallylight::Config::from_env()?)?;
//! let key = tally.secrets().get("cineview-gemini-api").await?;
//! let header = format!("Bearer {}", key.reveal()?);
//! # Ok(())
//! # }
//! ```

#![allow(
    clippy::result_large_err,
    reason = "a failure is made once per failed reading, beside a call over the network"
)]

pub(crate) mod aws;
mod both;
mod call;
pub(crate) mod chain;
mod changes;
mod config;
pub(crate) mod declared;
mod disk;
mod entry;
pub(crate) mod environment;
mod epoch;
pub(crate) mod failure;
pub(crate) mod fetched;
pub(crate) mod file;
mod file_threads;
mod gate;
mod get;
mod index;
mod keeper;
pub(crate) mod name;
mod overrides;
mod prefetch;
mod quick;
mod refresh;
mod refused;
mod reply;
pub(crate) mod request;
pub(crate) mod sealed;
mod shared;
mod slot;
mod status;
mod telemetry;
mod value;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use crate::scrub::ScrubberStatus;
pub use both::Both;
pub use changes::{Change, ChangeKind, Changes};
pub use config::{SecretsConfig, Sources};
pub use declared::{AI_ENGINE_API, Declared, GEMINI_API, SUPABASE_SERVICE_ROLE};
pub use disk::CacheFileStatus;
pub use epoch::Epoch;
#[doc(hidden)]
pub use gate::ForkGate;
pub use refused::WithSecretError;
pub use request::Request;
pub use sealed::SealKey;
pub(crate) use status::Counts;
pub use status::{SecretState, SecretStatus, SecretsStatus};
pub use value::{Secret, Source};

use call::GRACE;
use name::SecretName;
use shared::Shared;

use crate::clock::Clock;
use crate::config::Environment;
use crate::error::Error;
use crate::io::Io;
use crate::metrics::Registry;

/// The secrets of an instance. Cheap to clone: every clone is the same cache.
#[derive(Clone)]
pub struct Secrets {
    shared: Arc<Shared>,
}

impl Secrets {
    pub(crate) fn new(
        config: SecretsConfig,
        environment: &Environment,
        registry: Arc<Registry>,
        clock: Clock,
        io: Arc<Io>,
    ) -> Result<Self, Error> {
        let shared = Shared::new(config, environment, registry, clock, io)?;
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    pub(crate) fn configure(
        &self,
        config: SecretsConfig,
        environment: &Environment,
    ) -> Result<(), Error> {
        self.shared.configure(config, environment)
    }

    pub(crate) fn refuse_settings(&self, text: String) {
        self.shared.refuse_settings(text);
    }

    pub(crate) fn shutdown(&self) {
        self.shared.shutdown();
    }

    /// Changes of `name`, or of every secret.
    ///
    /// # Errors
    /// `invalid_name`.
    pub fn subscribe(&self, name: Option<&str>) -> Result<Changes, Error> {
        name.map(SecretName::parse).transpose()?;
        Ok(self.shared.subscribers.subscribe(name))
    }

    /// The secrets that this service declares: the built-in ones, then the configured.
    #[must_use]
    pub fn declared(&self) -> Vec<Declared> {
        self.shared.settings.load().declarations.all().to_vec()
    }

    /// The number that moves whenever an answer may have changed.
    #[must_use]
    pub fn epoch(&self) -> &Arc<Epoch> {
        &self.shared.epoch
    }

    /// Waits until the sealed cache, if there is one, holds what was read; at most `limit`.
    /// [`crate::Tallylight::shutdown`] does this too.
    pub fn flush(&self, limit: Duration) {
        self.shared.flush(limit);
    }

    /// Wipes every value of the cache and, when no other instance holds any, of the scrubber.
    /// [`crate::Tallylight::shutdown`] does this too.
    pub fn forget(&self) {
        self.shared.io.stop(GRACE);
        self.shared.forget();
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = {
            let index = self.shared.index.load();
            let mut names: Vec<String> =
                index.entries.keys().map(|id| id.name.to_string()).collect();
            names.sort_unstable();
            names.dedup();
            names
        };
        f.debug_struct("Secrets")
            .field("names", &names)
            .finish_non_exhaustive()
    }
}
