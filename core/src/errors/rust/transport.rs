//! The `sentry` crate's transport: where its events enter the pipeline.
//!
//! Called by a client of that crate, on the thread that captures. It never waits for a server:
//! what it is given is in the spool when it returns.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use sentry_core::{Envelope, Transport, TransportFactory, TransportOptions};

use super::contained::{contained, is_our_thread};
use super::envelope::Taker;
use crate::client::Tallylight;
use crate::errors::{Category, DiscardReason, Errors};
use crate::trace::Traces;

/// Gives clients of the `sentry` crate a transport into the pipeline of one instance.
///
/// An application that already uses the crate gains the pipeline by this one option. Its
/// `before_send`, its sampling and its integrations stay as they are, and its DSN is that of the
/// instance: events go where [`ErrorsConfig::dsn`](crate::ErrorsConfig::dsn) says.
///
/// ```
/// # fn main() -> Result<(), tallylight::Error> {
/// use tallylight::errors::{sentry, sentry_transport};
/// # let dir = std::env::temp_dir().join(format!("tallylight-doc-{}", std::process::id()));
/// # let mut config = tallylight::Config::default();
/// # config.errors.spool_dir = Some(dir.clone());
/// # config.errors.dsn = Some(tallylight::errors::Dsn::parse("http://key@127.0.0.1:9/1")?);
///
/// let tally = tallylight::Tallylight::new(config)?;
/// // With the `sentry` crate: `let _guard = sentry::init(options);`
/// let options = sentry::ClientOptions::new()
///     .dsn("http://key@127.0.0.1:9/1")
///     .transport(sentry_transport(&tally));
/// # let client = std::sync::Arc::new(sentry::Client::with_options(options));
/// # sentry::Hub::current().bind_client(Some(client));
/// sentry::capture_message("hello", sentry::Level::Warning);
/// assert_eq!(tally.errors().delivery().captured, 1);
/// # drop(tally);
/// # let _ = std::fs::remove_dir_all(dir);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SentryTransport {
    errors: Errors,
    sample_rate: f64,
    /// Of a client that `init` binds: its errors count into the process's session.
    own: Option<Traces>,
}

impl std::fmt::Debug for SentryTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SentryTransport").finish_non_exhaustive()
    }
}

/// The transport of this instance, for the `transport` option of the `sentry` crate's client.
#[must_use]
pub fn sentry_transport(tally: &Tallylight) -> SentryTransport {
    SentryTransport {
        errors: tally.errors().clone(),
        sample_rate: 1.0,
        own: None,
    }
}

impl SentryTransport {
    /// Of the client that `init` binds.
    pub(super) fn own(tally: &Tallylight, sample_rate: f64) -> Self {
        Self {
            errors: tally.errors().clone(),
            sample_rate,
            own: Some(tally.traces().clone()),
        }
    }
}

impl TransportFactory for SentryTransport {
    fn create_transport_with_options(&self, options: TransportOptions) -> Arc<dyn Transport> {
        if self.own.is_none() && !self.errors.is_enabled() {
            eprintln!(
                "tallylight: the sentry crate has a DSN ({}) and Tallylight has none, so events stay in the local store; give it to Tallylight (errors.dsn, TALLYLIGHT_DSN or SENTRY_DSN)",
                options.dsn.host()
            );
        }
        Arc::new(self.clone())
    }
}

impl Transport for SentryTransport {
    fn send_envelope(&self, envelope: Envelope) {
        if is_our_thread() {
            // What the I/O thread's libraries log while a server is down would be captured, fail
            // to be delivered, and be logged again.
            self.errors
                .discard(Category::Error, DiscardReason::EventProcessor, 1);
            return;
        }
        let taker = Taker {
            errors: &self.errors,
            sample_rate: self.sample_rate,
            own: self.own.as_ref(),
        };
        if contained(|| taker.take(envelope)).is_none() {
            self.errors
                .discard(Category::Error, DiscardReason::InternalSdkError, 1);
        }
    }

    /// Whether nothing waits any more.
    fn flush(&self, timeout: Duration) -> bool {
        contained(|| {
            // The crate's panic hook waits for the server on each panic. What is on disk needs no
            // waiting, unless the process is about to end.
            let is_safe =
                thread::panicking() && !is_last_chance() && self.errors.delivery().durable;
            if is_safe || timeout.is_zero() {
                return self.errors.delivery().pending == 0;
            }
            self.errors.flush_blocking(timeout).pending == 0
        })
        .unwrap_or(false)
    }

    /// As a flush: the pipeline has other users, and ends with its instance.
    fn shutdown(&self, timeout: Duration) -> bool {
        contained(|| self.errors.flush_blocking(timeout).pending == 0).unwrap_or(false)
    }
}

/// Whether a panic of this thread ends the process.
pub(super) fn is_last_chance() -> bool {
    cfg!(panic = "abort") || thread::current().name() == Some("main")
}
