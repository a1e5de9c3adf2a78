//! The client of the `sentry` crate that `init` binds, so that its hub works without further ado.
//!
//! Called by `init` and `shutdown` of the process-wide instance of a Rust program; the bindings
//! have hubs of their own. A client that the program bound itself is never replaced.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sentry_core::{Client, ClientOptions, Envelope, Hub};

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
pub fn sentry_options(tally: &Tallylight) -> ClientOptions {
    // Only a child that cannot take part has no settings.
    let (config, environment) = tally.settings().unwrap_or_else(|| {
        let config = Config::default();
        let environment = Environment::detect(&config);
        (config, environment)
    });
    let errors = &config.errors;
    let dsn = errors
        .dsn
        .as_ref()
        .and_then(|dsn| dsn.reveal().parse().ok());
    let mut options = ClientOptions::new()
        .default_integrations(false)
        .add_integration(StackIntegration)
        .add_integration(PanicIntegration {
            traces: Some(tally.traces().clone()),
        })
        .transport(SentryTransport::own(tally, errors.sample_rate))
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

/// Binds a client with the instance's settings to the process's hub and the caller's.
pub(crate) fn bind(tally: &Tallylight) {
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
            let client = Arc::new(Client::with_options(sentry_options(tally)));
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

/// Gives a forked child a client of its own: the parent's counts sessions on a thread that the
/// child does not have. Events take either.
pub(crate) fn after_fork_in_child() {
    let is_inherited = |bound: &Bound| bound.fork != fork::generation();
    if fork::enter().is_some_and(|_inside| BOUND.lock().as_ref().is_some_and(is_inherited)) {
        // It was bound for the process-wide instance, which is there.
        if let Ok(tally) = crate::client::global() {
            bind(&tally);
        }
    }
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

/// Has a client hand over what it keeps: sessions, and counts of what it dropped, which travel with
/// the next envelope, even an empty one.
pub(super) fn hand_over(client: &Client) {
    client.flush(Some(Duration::ZERO));
    client.send_envelope(Envelope::new());
}

/// Hands the sessions and counts over that the client has counted so far. The client stays bound: what it
/// captures from now on is counted as discarded, until the next `init`.
pub(crate) fn before_shutdown() {
    let own = fork::enter().and_then(|_inside| {
        let bound = BOUND.lock();
        let bound = bound.as_ref()?;
        // The parent's may be in any state.
        (bound.fork == fork::generation()).then(|| Arc::clone(&bound.client))
    });
    if let Some(client) = own {
        contained(|| hand_over(&client));
    }
}
