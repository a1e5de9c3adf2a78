//! `tallylight test-error`: sends one error on the way that a service's errors take, and says what
//! the server made of it.
//!
//! It makes an instance of its own from the environment, as a service does, without a spool: what
//! the server does not take must not reach it later, when nobody looks for it.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};

use clap::Args;
use serde_json::{Value, json};

use super::args::timeout;
use super::output::{End, Failure, Level, Output, paint};
use super::{FAILED, os, say};
use crate::client::Tallylight;
use crate::config::{Config, Environment};
use crate::errors::{Category, Delivery, Dsn, EventId, Item};
use crate::trace::TraceId;

/// How often a signal is looked for.
const POLL: Duration = Duration::from_millis(50);
/// What the end of a try may take beyond its limit.
const GRACE: Duration = Duration::from_secs(1);
const TYPE: &str = "TallylightTestError";

/// `tallylight test-error`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  tallylight test-error
  tallylight test-error --dsn https://key@sentry.example/42
  tallylight test-error --message 'deployed by hand' --json | jq -r .eventId

The error has the environment, release and server name that a service here would give, the tag
tallylight.test=true, and a fingerprint of its own, so that all tests are one issue.

Environment:
  TALLYLIGHT_DSN, SENTRY_DSN  where events go; further settings as for a service
  HTTPS_PROXY, NO_PROXY       are followed, never to this machine itself

Exit codes: 0 the server took it, 1 it did not, 2 wrong arguments, 130 interrupted.")]
pub(crate) struct TestErrorArgs {
    /// Where it goes [default: $TALLYLIGHT_DSN, $SENTRY_DSN]
    #[arg(long, value_name = "DSN")]
    dsn: Option<String>,

    /// What the error says
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "a test error, sent from the command line"
    )]
    message: String,

    /// How long the server has, tries included, such as 500ms, 10s, 1m
    #[arg(long, value_name = "TIME", value_parser = timeout, default_value = "10s")]
    timeout: Duration,

    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &TestErrorArgs, output: &Output) -> Result<i32, End> {
    let (config, dsn) = settings(options)?;
    let environment = Environment::detect(&config).name;
    let id = EventId(TraceId::random().value());
    let event = event(id, &options.message, &environment).to_string();
    let instance =
        Tallylight::new(config).map_err(|error| Failure::new(say::clean(&error.to_string())))?;
    let started = Instant::now();
    instance.errors().capture(&Item {
        category: Category::Error,
        id,
        payload: &event,
        trace: None,
        attachments: &[],
        profile: None,
    });
    let delivery = deliver(&instance, options.timeout)?;
    let taken = started.elapsed();
    let said = Said {
        id,
        dsn: &dsn,
        environment: &environment,
        delivery: &delivery,
        taken,
        is_delivered: delivery.sent == 1,
    };
    if options.json {
        say::document(output, said.document())?;
    } else if said.is_delivered {
        say::data(output, &said.text(output.colour()))?;
    }
    if said.is_delivered {
        return Ok(0);
    }
    if options.json {
        output.failure(&said.failure());
        return Ok(FAILED);
    }
    Err(End::Failed(said.failure()))
}

/// The settings of a service here, and where its errors go.
fn settings(options: &TestErrorArgs) -> Result<(Config, Dsn), Failure> {
    let mut config = Config::from_env().map_err(|error| {
        Failure::usage(say::clean(&error.to_string()))
            .hint("the environment's settings are wrong: a service here would not start either")
    })?;
    if let Some(given) = &options.dsn {
        let dsn = Dsn::parse(given).map_err(|error| {
            Failure::usage(format!("--dsn: {error}"))
                .hint("copy the DSN from the project's settings: https://KEY@HOST/PROJECT")
        })?;
        config.errors.dsn = Some(dsn);
    }
    let Some(dsn) = config.errors.dsn.clone() else {
        return Err(Failure::new("there is no DSN, so errors here stay on this machine").hint(
            "set SENTRY_DSN (or TALLYLIGHT_DSN) to the DSN of the project's settings, or give it by --dsn; \
             `tallylight events list` shows what was kept here",
        ));
    };
    config.errors.spool = false;
    config.errors.sample_rate = 1.0;
    // One request may take all the time there is: a slow server is not a wrong one.
    config.errors.request_timeout = options.timeout;
    Ok((config, dsn))
}

fn event(id: EventId, message: &str, environment: &str) -> Value {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    json!({
        "event_id": id.to_string(),
        "timestamp": since.as_secs_f64(),
        "platform": "native",
        "level": "error",
        "environment": environment,
        "exception": { "values": [{
            "type": TYPE,
            "value": message,
            "mechanism": { "type": "generic", "handled": true },
        }] },
        "tags": { "tallylight.test": "true" },
        "fingerprint": [TYPE],
    })
}

/// Has it delivered, and looks for a signal meanwhile.
fn deliver(instance: &Tallylight, limit: Duration) -> Result<Delivery, End> {
    let (done, answer) = mpsc::channel();
    instance.errors().close_then(limit, move |delivery| {
        let _ = done.send(delivery);
    });
    let until = Instant::now() + limit + GRACE;
    loop {
        match answer.recv_timeout(POLL) {
            Ok(delivery) => return Ok(delivery),
            Err(RecvTimeoutError::Timeout) if Instant::now() < until => {}
            Err(_) => return Ok(instance.errors().delivery()),
        }
        if let Some(number) = os::received() {
            return Err(End::Signal(number));
        }
    }
}

/// What came of it.
struct Said<'a> {
    id: EventId,
    dsn: &'a Dsn,
    environment: &'a str,
    delivery: &'a Delivery,
    taken: Duration,
    is_delivered: bool,
}

impl Said<'_> {
    fn document(&self) -> Value {
        let why = self.delivery.waiting_for.as_ref();
        say::object([
            ("delivered", json!(self.is_delivered)),
            ("eventId", json!(self.id.to_string())),
            ("to", json!(self.dsn.to_string())),
            ("environment", json!(self.environment)),
            ("milliseconds", json!(self.taken.as_millis() as u64)),
            ("why", why.map_or(Value::Null, |why| json!(why))),
            ("delivery", json!(self.delivery)),
        ])
    }

    fn text(&self, colour: bool) -> String {
        format!(
            "{} {} took event {} in {}\n",
            paint("delivered:", Level::Good, colour),
            self.dsn,
            self.id,
            super::format::duration(Some(self.taken.as_secs_f64() * 1e3)),
        )
    }

    fn failure(&self) -> Failure {
        let failure = |what: String| Failure::new(say::clean(&what));
        let why = self.delivery.waiting_for.clone();
        let dropped: Vec<&str> = self.delivery.reasons.keys().copied().collect();
        if !dropped.is_empty() {
            let why = why.unwrap_or_else(|| format!("it was dropped: {}", dropped.join(", ")));
            return failure(format!("{} did not take it: {why}", self.dsn)).hint(
                "is the DSN the one of the project's settings, and is the project still there?",
            );
        }
        let why = why.unwrap_or_else(|| {
            format!(
                "no answer within {}",
                super::format::duration(Some(self.taken.as_secs_f64() * 1e3))
            )
        });
        failure(format!("{} has not taken it: {why}", self.dsn)).hint(
            "is the server up and reachable from here? --timeout 30s waits longer, HTTPS_PROXY names a proxy; \
             this test error is not kept, a service's are",
        )
    }
}
