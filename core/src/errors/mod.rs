//! Errors, traces and check-ins, on their way to a server that speaks Sentry's protocol.
//!
//! Called by the bindings and by the Rust face, which build events in Sentry's form; everything
//! from there on is the same in every language: what must not leave is scrubbed (`prepare`), the
//! event is copied into memory that outlives the process (`spool`), and the I/O thread delivers it
//! (`deliver`). Invariant: whatever was captured is sent, dropped with a reason, or pending, and
//! never two of these.

mod account;
mod build;
mod config;
mod deliver;
mod delivery;
mod dsn;
pub(crate) mod enrich;
mod facts;
mod flush;
mod item;
mod limits;
mod link;
mod moving;
mod prepare;
mod report;
mod room;
pub(crate) mod rust;
mod settings;
mod shared;
mod spool;
mod state;
pub mod store;
mod storm;
mod transport;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::error::{Error, ErrorKind};
use crate::io::Io;
use crate::metrics::Registry;
use settings::Settings;
use shared::Shared;

pub use config::ErrorsConfig;
pub use delivery::Delivery;
pub use dsn::Dsn;
pub use item::{Attachment, Category, DiscardReason, EventId, Item, Outcome};
pub use rust::*;

/// The event pipeline of an instance.
#[derive(Clone)]
pub struct Errors {
    shared: Arc<Shared>,
}

impl Errors {
    pub(crate) fn new(
        config: &Config,
        environment: &Environment,
        _registry: Arc<Registry>,
        clock: Clock,
        io: Arc<Io>,
    ) -> Result<Self, Error> {
        let settings = Settings::new(config, environment);
        Ok(Self {
            shared: Arc::new(Shared::new(settings, clock, io)),
        })
    }

    pub(crate) fn configure(
        &self,
        config: &Config,
        environment: &Environment,
    ) -> Result<(), Error> {
        self.shared.configure(Settings::new(config, environment));
        Ok(())
    }

    /// Closes within the setting's time. Not inside the fork gate: it may wait.
    pub(crate) fn shutdown(&self) {
        let limit = self.shared.settings().config.shutdown_timeout;
        self.shared.wait(limit, true);
        // Where there are no secrets, nobody else has work for the I/O thread.
        #[cfg(not(feature = "secrets-aws"))]
        self.shared.io.stop(Duration::from_secs(1));
    }

    /// The settings in force.
    #[must_use]
    pub fn config(&self) -> ErrorsConfig {
        self.shared.settings().config.clone()
    }

    /// What a face knows of its process beyond what the core does, as a JSON object in the form of
    /// an event: `{"contexts": {"runtime": {"name": "node", "version": "22.1.0"}}}`. Fields replace
    /// those of before; of `contexts`, `tags` and `extra` single members do. Every event that is
    /// captured from now on gets what it does not say itself.
    ///
    /// # Errors
    /// `invalid_value` for what is no JSON object.
    pub fn set_facts(&self, json_object: &str) -> Result<(), Error> {
        let facts = serde_json::from_str(json_object).map_err(|error| {
            Error::new(ErrorKind::InvalidValue, "facts are a JSON object").with_source(error)
        })?;
        self.shared.set_facts(facts);
        Ok(())
    }

    /// Whether events go to a server: there is a DSN.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        !self.shared.settings().is_local()
    }

    /// Takes something to deliver. Never waits for the network, and takes no system call but when
    /// the I/O thread sleeps or has not made a file ahead.
    ///
    /// Of identical errors, [`ErrorsConfig::storm_limit`] a minute are taken one by one; the next
    /// stands for the copies behind it, which are [`DiscardReason::Storm`].
    pub fn capture(&self, item: &Item<'_>) -> Outcome {
        self.shared.capture(item)
    }

    /// Counts `count` things that a caller captured and does not hand over.
    pub fn discard(&self, category: Category, reason: DiscardReason, count: u64) {
        self.shared.discard(category, reason, count);
    }

    /// Where everything is that was captured.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        self.shared.delivery()
    }

    /// Tries to deliver all that waits, for at most `limit`, and answers where everything is.
    /// What a rate limit holds back is not waited for. On the I/O thread itself it answers at once.
    pub fn flush_blocking(&self, limit: Duration) -> Delivery {
        self.shared.wait(limit, false)
    }

    /// As [`Self::flush_blocking`]; `done` runs on the I/O thread, or at once when nothing waits.
    pub fn flush_then(&self, limit: Duration, done: impl FnOnce(Delivery) + Send + 'static) {
        self.shared.wait_then(limit, false, Box::new(done));
    }

    /// As [`Self::flush_blocking`], and takes nothing more until the next `init`. What is left
    /// stays in the spool. Within `limit`, whatever the server does.
    pub fn close_blocking(&self, limit: Duration) -> Delivery {
        self.shared.wait(limit, true)
    }

    /// As [`Self::close_blocking`]; `done` runs on the I/O thread, or at once when nothing waits.
    pub fn close_then(&self, limit: Duration, done: impl FnOnce(Delivery) + Send + 'static) {
        self.shared.wait_then(limit, true, Box::new(done));
    }
}
