//! Captures what its first argument names, under the token of the second, and prints the ids of the events.
#![allow(clippy::panic, reason = "a panic is what is captured")]

use std::error::Error;
use std::fmt;
use std::time::Duration;

use serde_json::json;
use tallylight::Config;
use tallylight::errors::{self, EventId, sentry};

/// An error with or without a cause.
#[derive(Debug)]
struct Failure {
    message: String,
    cause: Option<Box<Failure>>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref().map(|cause| &**cause as &dyn Error)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [scenario, token] = arguments.as_slice() else {
        return Err("give a scenario and a token".into());
    };
    let config = Config {
        release: Some("sender@1.2.3".into()),
        environment: Some("end-to-end".into()),
        ..Config::from_env()?
    };
    let tally = tallylight::init(config)?;
    sentry::configure_scope(|scope| scope.set_tag("run", token));
    let id = match scenario.as_str() {
        "chain" => load_order(token),
        "message" => {
            errors::capture_message(&format!("a message of {token}"), sentry::Level::Warning)
        }
        "unhandled" => panic!("nobody catches {token}"),
        _ => return Err(format!("there is no scenario {scenario}").into()),
    };
    let ids: Vec<String> = id.iter().map(ToString::to_string).collect();
    let delivery = tally.errors().close_blocking(Duration::from_secs(20));
    println!("{}", json!({ "ids": ids, "sent": delivery.sent }));
    Ok(())
}

#[inline(never)]
fn load_order(token: &str) -> Option<EventId> {
    let cause = |message: String, cause| Some(Box::new(Failure { message, cause }));
    let connection = cause(format!("connection of {token} was reset"), None);
    let row = cause(format!("row 7 of {token} was not read"), connection);
    let error = Failure {
        message: format!("order 7 of {token} was not loaded"),
        cause: row,
    };
    sentry::add_breadcrumb(sentry::Breadcrumb {
        category: Some("orders".into()),
        message: Some("order 7 was asked for".into()),
        ..sentry::Breadcrumb::default()
    });
    // the line that the frame of load_order shows is the next
    errors::capture_error_with(&error, |scope| {
        scope.set_tag("area", "orders");
        scope.set_user(Some(sentry::User {
            id: Some("user-7".into()),
            ..sentry::User::default()
        }));
    })
}
