//! What our client does beside the `sentry` crate's own: panics are reported, and errors without a
//! stack get one.

use std::panic::{self, PanicHookInfo};
use std::sync::{Arc, Once, mpsc};
use std::thread;
use std::time::Duration;

use sentry_core::protocol::{Event, Exception, Level, Mechanism, Thread};
use sentry_core::{Client, ClientOptions, Hub, Integration};

use super::binding;
use super::contained::is_ours;
use super::exceptions;
use super::stack::Stack;
use super::transport::is_last_chance;
use crate::trace::{SessionEnd, Traces};

/// How long a hub may be locked that is only busy.
const PATIENCE: Duration = Duration::from_secs(1);

/// Reports panics, before the hook that was there, which stays and prints as ever.
///
/// The event is on disk when the thread unwinds. Where the panic ends the process (that of the main
/// thread, or any without unwinding), a delivery is tried for as long as the client's
/// `shutdown_timeout`. Panics that Tallylight contains itself are not reported.
#[derive(Clone, Default)]
pub struct PanicIntegration {
    /// Whose session a panic ends that ends the process.
    pub(super) traces: Option<Traces>,
}

impl std::fmt::Debug for PanicIntegration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PanicIntegration").finish_non_exhaustive()
    }
}

impl Integration for PanicIntegration {
    fn name(&self) -> &'static str {
        "tallylight-panic"
    }

    fn setup(&self, _: &mut ClientOptions) {
        static INSTALL: Once = Once::new();
        // A panicking thread may not change the hook; the next client installs it.
        if thread::panicking() {
            return;
        }
        INSTALL.call_once(|| {
            let next = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                report(info);
                next(info);
            }));
        });
    }
}

#[inline(never)]
fn report(info: &PanicHookInfo<'_>) {
    if is_ours() {
        return;
    }
    let hub = Hub::current();
    if is_free(&hub) {
        // Of the client that is bound here and now: another's integrations are its own affair.
        hub.with_integration(|integration: &PanicIntegration| {
            hub.capture_event(event(info));
            if let Some(client) = hub.client() {
                end(&client, integration.traces.as_ref());
            }
        });
    } else if let Some(client) = binding::bound() {
        client.capture_event(event(info), None);
        end(&client, None);
    }
}

/// Where the process is about to end: its session crashed, and a delivery is tried.
fn end(client: &Client, traces: Option<&Traces>) {
    if is_last_chance() {
        if let Some(traces) = traces {
            traces.end_session(SessionEnd::Crashed);
        }
        client.flush(None);
    }
}

/// Whether the hub can be asked. A program that panics within `add_breadcrumb` has it locked until
/// the thread unwinds, and whoever asked it here would wait for good; so another thread asks.
fn is_free(hub: &Arc<Hub>) -> bool {
    let (tell, told) = mpsc::channel();
    let asked = Arc::clone(hub);
    let asks = thread::Builder::new()
        .name("tallylight-probe".to_owned())
        .spawn(move || {
            asked.client();
            // Whoever waited may have gone.
            let _ = tell.send(());
        });
    asks.is_err() || told.recv_timeout(PATIENCE).is_ok()
}

fn event(info: &PanicHookInfo<'_>) -> Event<'static> {
    let mut mechanism = Mechanism {
        ty: "panic".to_owned(),
        handled: Some(false),
        ..Mechanism::default()
    };
    if let Some(place) = info.location() {
        let place = format!("{}:{}:{}", place.file(), place.line(), place.column());
        mechanism.data.insert("location".to_owned(), place.into());
    }
    if let Some(name) = thread::current().name() {
        mechanism.data.insert("thread".to_owned(), name.into());
    }
    let mut event = Event {
        level: Level::Fatal,
        ..Event::default()
    };
    let stack = Stack::below(report as *const () as usize);
    let stacktrace = stack.map(|stack| stack.into_event(&mut event));
    event.exception.values.push(Exception {
        ty: "panic".to_owned(),
        value: Some(exceptions::message(payload(info))),
        mechanism: Some(mechanism),
        stacktrace,
        ..Exception::default()
    });
    event
}

fn payload<'a>(info: &'a PanicHookInfo<'_>) -> &'a str {
    info.payload_as_str()
        .unwrap_or("(a panic with a payload that is no text)")
}

/// Gives an error without a stack that of the thread that captures it, where the client's option
/// `attach_stacktrace` is set. The frames are addresses: names come at delivery.
#[derive(Debug, Clone, Copy, Default)]
pub struct StackIntegration;

impl Integration for StackIntegration {
    fn name(&self) -> &'static str {
        "tallylight-stack"
    }

    #[inline(never)]
    fn process_event(
        &self,
        mut event: Event<'static>,
        options: &ClientOptions,
    ) -> Option<Event<'static>> {
        let has_stack = event.stacktrace.is_some()
            || event.exception.iter().any(|one| one.stacktrace.is_some())
            || event.threads.iter().any(|one| one.stacktrace.is_some());
        if !options.attach_stacktrace || has_stack || event.level < Level::Error {
            return Some(event);
        }
        let hidden = <Self as Integration>::process_event as *const () as usize;
        if let Some(stack) = Stack::below(hidden) {
            let trace = stack.into_event(&mut event);
            match event.exception.values.last_mut() {
                Some(exception) => exception.stacktrace = Some(trace),
                None => event.threads.values.push(Thread {
                    name: thread::current().name().map(str::to_owned),
                    current: true,
                    stacktrace: Some(trace),
                    ..Thread::default()
                }),
            }
        }
        Some(event)
    }
}
