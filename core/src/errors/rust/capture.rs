//! Capturing errors and messages.

use std::error::Error;
use std::hint::black_box;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use sentry_core::protocol::{Event, Exception};
use sentry_core::types::Uuid;
use sentry_core::{Hub, Level, Scope};

use super::binding;
use super::contained::contained;
use super::exceptions;
use super::stack::Stack;
use crate::client;
use crate::errors::{Category, Delivery, DiscardReason, EventId};

/// Captures an error with its sources and this thread's stack. Never waits for the network, and
/// looks no names up: the stack's are found later, off this thread.
///
/// It goes through the current hub of the `sentry` crate, with what is set on its scope. `None`
/// when no client is bound (before [`init`](crate::init)), or a processor of the scope or
/// `before_send` dropped it. What became of it since is in
/// [`Errors::delivery`](crate::Errors::delivery).
///
/// ```no_run
/// # fn main() -> Result<(), tallylight::Error> {
/// tallylight::init(tallylight::Config::from_env()?)?;
/// if let Err(error) = std::fs::read("/etc/service.toml") {
///     tallylight::errors::capture_error(&error);
/// }
/// # Ok(())
/// # }
/// ```
#[track_caller]
#[inline(never)]
pub fn capture_error<E: Error + ?Sized>(error: &E) -> Option<EventId> {
    let hub = hub()?;
    black_box(captured(&hub, exceptions::of(error), Location::caller()))
}

/// As [`capture_error`], with a scope of its own that `set` changes for this event alone.
///
/// ```no_run
/// # fn work() -> Result<(), std::io::Error> { Ok(()) }
/// if let Err(error) = work() {
///     tallylight::errors::capture_error_with(&error, |scope| {
///         scope.set_tag("analysis_id", "a-17");
///         scope.set_extra("input_size", 48_213.into());
///     });
/// }
/// ```
#[track_caller]
#[inline(never)]
pub fn capture_error_with<E: Error + ?Sized>(
    error: &E,
    set: impl FnOnce(&mut Scope),
) -> Option<EventId> {
    let hub = hub()?;
    let _scope = hub.push_scope();
    hub.configure_scope(set);
    black_box(captured(&hub, exceptions::of(error), Location::caller()))
}

/// Captures a message. From level `Error` on it has this thread's stack.
pub fn capture_message(text: &str, level: Level) -> Option<EventId> {
    sent(&*hub()?, |hub| hub.capture_message(text, level))
}

/// Tries to deliver all that waits in the process-wide instance, for at most `limit`, and answers
/// where everything is that was captured. What is left stays in the spool.
///
/// It blocks this thread; [`flush_async`] does not.
pub fn flush(limit: Duration) -> Delivery {
    hand_over();
    client::global().map_or_else(
        |_| Delivery::default(),
        |tally| tally.errors().flush_blocking(limit),
    )
}

/// As [`flush`], for asynchronous code of any runtime.
pub async fn flush_async(limit: Duration) -> Delivery {
    hand_over();
    let Ok(tally) = client::global() else {
        return Delivery::default();
    };
    let (send, receive) = tokio::sync::oneshot::channel();
    tally.errors().flush_then(limit, |delivery| {
        // Whoever waited may have gone.
        let _ = send.send(delivery);
    });
    // Without the I/O thread nobody delivers, and everything is where it was.
    receive.await.unwrap_or_else(|_| tally.errors().delivery())
}

/// As [`flush`], and takes nothing more until the next [`init`](crate::init).
pub fn close(limit: Duration) -> Delivery {
    hand_over();
    client::global().map_or_else(
        |_| Delivery::default(),
        |tally| tally.errors().close_blocking(limit),
    )
}

/// Has the client of this thread's hub hand over what it keeps.
fn hand_over() {
    contained(|| {
        if let Some(client) = Hub::current().client() {
            binding::hand_over(&client);
        }
    });
}

/// Called by what the program calls, and by nothing between: two frames are ours, neither inlined
/// nor replaced by a tail call, and are left out.
#[inline(never)]
fn captured(hub: &Hub, mut exceptions: Vec<Exception>, place: &Location<'_>) -> Option<EventId> {
    let mut event = Event {
        level: Level::Error,
        ..Event::default()
    };
    let stack = Stack::two_below(captured as *const () as usize, place);
    if let (Some(outermost), Some(stack)) = (exceptions.last_mut(), stack) {
        outermost.stacktrace = Some(stack.into_event(&mut event));
    }
    event.exception = exceptions.into();
    sent(hub, |hub| hub.capture_event(event))
}

/// What the hub answers. A `before_send` that panics, or a processor, loses the event and not the
/// caller, who has trouble enough.
fn sent(hub: &Hub, send: impl FnOnce(&Hub) -> Uuid) -> Option<EventId> {
    let Some(id) = contained(|| send(hub)) else {
        if let Ok(tally) = client::global() {
            tally
                .errors()
                .discard(Category::Error, DiscardReason::EventProcessor, 1);
        }
        return None;
    };
    (!id.is_nil()).then_some(EventId(id.as_u128()))
}

/// This thread's hub, if it has a client. One that is older than `init` gets its client now. There
/// is none where the thread's own values are gone already.
fn hub() -> Option<Arc<Hub>> {
    contained(|| {
        let hub = Hub::current();
        if hub.client().is_none() {
            hub.bind_client(Some(binding::bound()?));
        }
        Some(hub)
    })?
}
