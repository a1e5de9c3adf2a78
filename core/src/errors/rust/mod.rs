//! The Rust face of errors: the hub, scopes and integrations of the `sentry` crate, over our own
//! pipeline.
//!
//! Used by Rust programs; the bindings have faces of their own. Invariant: a capture waits for
//! nobody and looks nothing up, and what the `sentry` crate captured or lost is in
//! [`Errors::delivery`](crate::Errors::delivery).

mod binding;
mod capture;
mod contained;
mod envelope;
mod exceptions;
mod images;
mod integrations;
mod raw;
mod stack;
#[cfg(feature = "sentry-tracing")]
mod tracing;
mod transport;
mod unwind;
mod wire;

pub use binding::sentry_options;
pub(crate) use binding::{after_fork_in_child, before_shutdown, bind};
pub use capture::{capture_error, capture_error_with, capture_message, close, flush, flush_async};
pub use integrations::{PanicIntegration, StackIntegration};
#[cfg(feature = "sentry-tracing")]
pub use tracing::tracing_layer;
pub use transport::{SentryTransport, sentry_transport};

/// The core of the `sentry` crate: hubs, scopes, breadcrumbs, transactions. A program that depends
/// on `sentry` 0.49 itself has the same types.
///
/// # Scopes
/// Each thread has a hub with a stack of scopes, made from the main thread's. What a guard of
/// `push_scope` covers, or `with_scope` runs, has a scope of its own:
///
/// ```
/// use tallylight::errors::sentry;
///
/// let _request = sentry::Hub::current().push_scope();
/// sentry::configure_scope(|scope| scope.set_tag("route", "/primes"));
/// ```
///
/// A task of an async runtime moves between threads, so its hub must move with it, or requests
/// would mix: bind one to the future.
///
/// ```
/// use std::sync::Arc;
/// use tallylight::errors::sentry::{Hub, SentryFutureExt};
///
/// # async fn serve() {}
/// let hub = Arc::new(Hub::new_from_top(Hub::current()));
/// let request = serve().bind_hub(hub);
/// # drop(request);
/// ```
pub use sentry_core as sentry;

/// The `sentry` crate's face for `log`: `SentryLogger` wraps a logger, makes records of level
/// `Error` errors and others breadcrumbs.
#[cfg(feature = "sentry-log")]
pub use sentry_log;

/// The single layers of the `sentry` crate for `tracing`, where [`tracing_layer`] does not fit.
#[cfg(feature = "sentry-tracing")]
pub use sentry_tracing;
