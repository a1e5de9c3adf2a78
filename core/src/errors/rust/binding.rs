//! The client of the `sentry` crate that `init` binds, so that its hub works without further ado.
//!
//! Called by `init` and `shutdown` of the process-wide instance of a Rust program; the bindings
//! have hubs of their own. A client that the program bound itself is never replaced.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sentry_core::{Client, ClientOptions, Hub};

use super::contained::contained;
use super::integrations::{PanicIntegration, StackIntegration};
use super::transport::SentryTransport;
use crate::client::Tallylight;
use crate::config::{self, Config, Environment};
use crate::fork;

struct Bound {
    fork: u32,
    client: Arc<Client>,
}

/// Taken inside the fork gate, for moments; no other lock is taken meanwhile.
static BOUND: Mutex<Option<Bound>> = Mutex::new(None);

/// What the crate calls a client without a DSN is disabled. Without one events go to the local
/// store, so the client gets this, which nobody is ever sent to.
const NOWHERE: &str = "https://local@localhost/0";

/// The options of the client that [`init`](crate::init) binds, for a program that makes its own of
/// them: to add `before_send` or integrations, say.
///
/// They hold the transport, the instance's DSN, release, environment, server name, sample rates and
/// number of breadcrumbs, and stacks and panics reported by our own integrations, which cost less
/// than the crate's default ones; those are switched off.
///
/// ```no_run
/// # fn main() -> Result<(), tallylight::Error> {
/// use std::sync::Arc;
/// use tallylight::errors::{sentry, sentry_options};
///
/// let tally = tallylight::init(tallylight::Config::from_env()?)?;
/// let options = sentry_options(&tally).before_send(|event| {
///     (event.logger.as_deref() != Some("noise")).then_some(event)
/// });
/// let client = Arc::new(sentry::Client::with_options(options));
/// sentry::Hub::main().bind_client(Some(client));
/// # Ok(())
/// # }
/// ```
#[must_use]
pub fn sentry_options(tally: &Tallylight) -> ClientOptions {
    let (config, environment) = tally.settings();
    options(tally, &config, &environment)
}

fn options(tally: &Tallylight, config: &Config, environment: &Environment) -> ClientOptions {
    let errors = &config.errors;
    let dsn = errors.dsn.as_ref().and_then(|dsn| dsn.reveal().parse().ok());
    let mut options = ClientOptions::new()
        .default_integrations(false)
        .add_integration(StackIntegration)
        .add_integration(PanicIntegration)
        .transport(SentryTransport::own(
            tally.errors().clone(),
            errors.sample_rate,
        ))
        .environment(environment.name.clone())
        .traces_sample_rate(errors.traces_sample_rate as f32)
        .max_breadcrumbs(errors.max_breadcrumbs)
        .send_default_pii(errors.send_default_pii)
        .attach_stacktrace(true)
        .shutdown_timeout(errors.shutdown_timeout);
    options.dsn = dsn.or_else(|| NOWHERE.parse().ok());
    options.release = config.release.clone().map(Into::into);
    options.server_name = errors.server_name.clone().map(Into::into);
    options
}

/// Binds a client for these settings to the process's hub and the caller's.
pub(crate) fn bind(tally: &Tallylight, config: &Config, environment: &Environment) {
    if config::runtime() != "rust" {
        return;
    }
    // The crate panics where it gets no thread for its sessions, say; errors go without it then.
    contained(|| {
        let hubs = [Hub::main(), Hub::current()];
        let known = replace(None);
        let is_ours = |client: &Arc<Client>| {
            known
                .as_ref()
                .is_some_and(|known| Arc::ptr_eq(client, &known.client))
        };
        let is_taken = hubs
            .iter()
            .filter_map(|hub| hub.client())
            .any(|client| !is_ours(&client));
        if !is_taken {
            let client = Arc::new(Client::with_options(options(tally, config, environment)));
            for hub in hubs {
                hub.bind_client(Some(Arc::clone(&client)));
            }
            replace(Some(client));
        }
        if let Some(known) = known.filter(|known| known.fork != fork::generation()) {
            // The parent's: its end would wait for a thread that this process does not have.
            std::mem::forget(known);
        }
    });
}

fn replace(client: Option<Arc<Client>>) -> Option<Bound> {
    let _inside = fork::enter()?;
    let fork = fork::generation();
    std::mem::replace(
        &mut *BOUND.lock(),
        client.map(|client| Bound { fork, client }),
    )
}

/// The client that `init` bound, unless the program has bound another in its place.
pub(super) fn bound() -> Option<Arc<Client>> {
    let _inside = fork::enter()?;
    let bound = BOUND.lock();
    bound.as_ref().map(|bound| Arc::clone(&bound.client))
}

/// Hands the sessions over that the client has counted so far. The client stays bound: what it
/// captures from now on is counted as discarded, until the next `init`.
pub(crate) fn before_shutdown() {
    if let Some(client) = bound() {
        contained(|| client.flush(Some(Duration::ZERO)));
    }
}
