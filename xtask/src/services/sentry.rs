//! What stands in for Sentry: Bugsink, which stores events and answers queries; a receiver of ours, which records
//! everything and fails on demand; and Sentry's own validation, which needs no server.
//!
//! Bugsink and the validation come from a package registry. Where they cannot be installed, the tests that need them
//! skip themselves, and whoever started the servers says why.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;

use serde_json::Value;

use crate::failure::{Failure, Result};
use crate::process::{Background, Step};
use crate::requirements::Found;
use crate::{paths, setup};

use super::READY;

/// Where Bugsink answers.
pub(super) const BUGSINK: &str = "TALLYLIGHT_TEST_BUGSINK";
/// The token of its API, sent as `Authorization: Bearer …`.
const BUGSINK_TOKEN: &str = "TALLYLIGHT_TEST_BUGSINK_TOKEN";
/// A Python that can import Bugsink, for its schema of events.
const BUGSINK_PYTHON: &str = "TALLYLIGHT_TEST_BUGSINK_PYTHON";
/// Where the shared receiver is asked and told.
const RECEIVER: &str = "TALLYLIGHT_TEST_RECEIVER";
/// The shared receiver's DSN.
const RECEIVER_DSN: &str = "TALLYLIGHT_TEST_RECEIVER_DSN";
/// The receiver's program, for a test that wants one of its own.
const RECEIVER_PROGRAM: &str = "TALLYLIGHT_TEST_RECEIVER_PROGRAM";
/// A Python that can `import sentry_relay`.
const RELAY_PYTHON: &str = "TALLYLIGHT_TEST_RELAY_PYTHON";

pub(super) struct Sentry {
    bugsink: Option<Bugsink>,
    receiver: Background,
    receiver_urls: Urls,
    has_relay: bool,
}

struct Bugsink {
    server: Background,
    variables: Vec<(&'static str, OsString)>,
}

/// Where a receiver takes envelopes, and where it is told what to do.
struct Urls {
    envelopes: String,
    control: String,
}

/// The receiver's program.
pub(super) fn receiver_program() -> PathBuf {
    paths::target().join("debug/sentry-receiver")
}

impl Sentry {
    /// Installs what is not there and starts it; what cannot be had joins `absent`.
    pub(super) fn start(port: u16, python: &Found, absent: &mut Vec<String>) -> Result<Self> {
        let (receiver, receiver_urls) = receiver()?;
        let (bugsink, relay) = thread::scope(|scope| {
            let relay = scope.spawn(|| setup::relay(python));
            let bugsink = Bugsink::start(port, python);
            let relay = relay.join();
            let broken = |_| Err(Failure::new("the setup of sentry-relay broke off"));
            (bugsink, relay.unwrap_or_else(broken))
        });
        Ok(Self {
            bugsink: had("the tests against Bugsink", bugsink, absent)?,
            has_relay: had("the tests against sentry-relay", relay, absent)?.is_some(),
            receiver,
            receiver_urls,
        })
    }

    pub(super) fn variables(&self) -> Vec<(&'static str, OsString)> {
        let dsn = self.receiver_urls.envelopes.replacen("://", "://key@", 1) + "/1";
        let mut variables = vec![
            (RECEIVER, self.receiver_urls.control.clone().into()),
            (RECEIVER_DSN, dsn.into()),
            (RECEIVER_PROGRAM, receiver_program().into()),
        ];
        if let Some(bugsink) = &self.bugsink {
            variables.extend(bugsink.variables.clone());
            variables.push((BUGSINK_PYTHON, paths::server_python("bugsink").into()));
        }
        if self.has_relay {
            variables.push((RELAY_PYTHON, paths::server_python("relay").into()));
        }
        variables
    }

    pub(super) fn each(&mut self) -> impl Iterator<Item = &mut Background> {
        let bugsink = self.bugsink.iter_mut().map(|bugsink| &mut bugsink.server);
        std::iter::once(&mut self.receiver).chain(bugsink)
    }
}

impl Bugsink {
    fn start(port: u16, python: &Found) -> Result<Self> {
        setup::bugsink(python)?;
        let (server, variables) = Step::new("bugsink", paths::server_python("bugsink"))
            .arg(paths::at("tests/servers/bugsink_server.py"))
            .args(["--port", &port.to_string()])
            .limit(READY)
            .tied()
            .background(ready)?;
        Ok(Self { server, variables })
    }
}

/// The variables that Bugsink's line of JSON gives, once it is ready.
fn ready(line: &str) -> Option<Vec<(&'static str, OsString)>> {
    let value: Value = serde_json::from_str(line).ok()?;
    let text = |name: &str| value[name].as_str().map(OsString::from);
    let mut variables = vec![(BUGSINK, text("bugsink")?), (BUGSINK_TOKEN, text("token")?)];
    for (project, name) in PROJECTS {
        variables.push((name, value["dsns"][project].as_str()?.into()));
    }
    Some(variables)
}

/// The projects that `tests/servers/bugsink_server.py` makes, and the variables with their DSNs.
const PROJECTS: [(&str, &str); 4] = [
    ("rust", "TALLYLIGHT_TEST_BUGSINK_DSN_RUST"),
    ("node", "TALLYLIGHT_TEST_BUGSINK_DSN_NODE"),
    ("python", "TALLYLIGHT_TEST_BUGSINK_DSN_PYTHON"),
    ("cli", "TALLYLIGHT_TEST_BUGSINK_DSN_CLI"),
];

/// Starts a receiver on free ports.
fn receiver() -> Result<(Background, Urls)> {
    // It says where it is in two lines.
    let envelopes = Mutex::new(None);
    Step::new("sentry-receiver", receiver_program())
        .arg("--stdin")
        .limit(READY)
        .tied()
        .background(move |line| {
            let mut envelopes = envelopes.lock().ok()?;
            if let Some(url) = line.strip_prefix("listening on ") {
                *envelopes = Some(url.to_string());
            }
            Some(Urls {
                control: line.strip_prefix("control on ")?.to_string(),
                envelopes: envelopes.take()?,
            })
        })
}

/// What came of installing something that only some tests need: nothing, and why, where it could not be had.
fn had<T>(what: &str, result: Result<T>, absent: &mut Vec<String>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(failure) if failure.is_interrupt() => Err(failure),
        Err(failure) => {
            absent.push(format!("{what}: {failure}"));
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bugsinks_ready_line_gives_every_variable() {
        let line = r#"{"bugsink": "http://127.0.0.1:1", "token": "t", "dsns":
            {"rust": "r", "node": "n", "python": "p", "cli": "c"}}"#;
        let variables = ready(line).unwrap();
        assert_eq!(variables.len(), 6);
        assert!(variables.contains(&("TALLYLIGHT_TEST_BUGSINK_DSN_NODE", "n".into())));
        assert!(ready("[2026-01-01] [INFO] Listening at").is_none());
        assert!(ready(r#"{"bugsink": "u", "token": "t", "dsns": {}}"#).is_none());
    }

    #[test]
    fn what_cannot_be_installed_is_a_reason_and_no_failure() {
        let mut absent = Vec::new();
        let result: Result<()> = Err(Failure::new("pip ended").hint("no network"));
        assert!(had("the tests", result, &mut absent).unwrap().is_none());
        assert_eq!(absent, ["the tests: pip ended\n  hint: no network"]);
        let interrupted: Result<()> = Err(Failure::interrupted());
        assert!(had("the tests", interrupted, &mut absent).is_err());
    }
}
