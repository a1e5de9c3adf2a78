//! Errors, traces and check-ins, on their way to a server that speaks Sentry's protocol.
//!
//! Called by the bindings and by the Rust face, which build events in Sentry's form; everything
//! from there on is the same in every language: what must not leave is scrubbed (`prepare`), the
//! event is copied into memory that outlives the process (`spool`), and the I/O thread delivers it
//! (`deliver`). Invariant: whatever was captured is sent, dropped with a reason, or pending, and
//! never two of these.

mod config;
mod delivery;
mod dsn;
mod enrich;
mod item;
mod prepare;
pub(crate) mod rust;

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::config::{Config, Environment};
use crate::error::Error;
use crate::io::Io;
use crate::metrics::Registry;

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

struct Shared {
    config: parking_lot::Mutex<ErrorsConfig>,
    delivery: parking_lot::Mutex<Delivery>,
}

impl Errors {
    pub(crate) fn new(
        config: &Config,
        _environment: &Environment,
        _registry: Arc<Registry>,
        _clock: Clock,
        _io: Arc<Io>,
    ) -> Result<Self, Error> {
        Ok(Self {
            shared: Arc::new(Shared {
                config: parking_lot::Mutex::new(config.errors.clone()),
                delivery: parking_lot::Mutex::default(),
            }),
        })
    }

    pub(crate) fn configure(
        &self,
        config: &Config,
        _environment: &Environment,
    ) -> Result<(), Error> {
        *self.shared.config.lock() = config.errors.clone();
        Ok(())
    }

    pub(crate) fn shutdown(&self) {}

    /// Whether events go to a server: there is a DSN.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.shared.config.lock().dsn.is_some()
    }

    /// Takes something to deliver. Never waits for the network or the disk.
    pub fn capture(&self, _item: &Item<'_>) -> Outcome {
        let mut delivery = self.shared.delivery.lock();
        delivery.captured += 1;
        delivery.pending += 1;
        Outcome::Queued
    }

    /// Counts `count` things that a caller captured and does not hand over.
    pub fn discard(&self, _category: Category, reason: DiscardReason, count: u64) {
        let mut delivery = self.shared.delivery.lock();
        delivery.captured += count;
        delivery.dropped += count;
        *delivery.reasons.entry(reason.name()).or_default() += count;
    }

    /// Where everything is that was captured.
    #[must_use]
    pub fn delivery(&self) -> Delivery {
        self.shared.delivery.lock().clone()
    }

    /// Tries to deliver all that waits, for at most `limit`, and answers where everything is.
    pub fn flush_blocking(&self, _limit: Duration) -> Delivery {
        self.delivery()
    }

    /// As [`Self::flush_blocking`]; `done` runs on the I/O thread, or at once when nothing waits.
    pub fn flush_then(&self, limit: Duration, done: impl FnOnce(Delivery) + Send + 'static) {
        done(self.flush_blocking(limit));
    }

    /// As [`Self::flush_blocking`], and takes nothing more until the next `init`. What is left
    /// stays in the spool. Within `limit`, whatever the server does.
    pub fn close_blocking(&self, limit: Duration) -> Delivery {
        self.flush_blocking(limit)
    }

    /// As [`Self::close_blocking`]; `done` runs on the I/O thread.
    pub fn close_then(&self, limit: Duration, done: impl FnOnce(Delivery) + Send + 'static) {
        done(self.close_blocking(limit));
    }
}
