//! The servers that tests run against: moto in place of AWS behind a fault proxy, Bugsink and a recording receiver in
//! place of Sentry.
//!
//! `cargo xtask test` starts them once for all its suites, whose tests share them under names of their own; each test
//! that wants a server to fail starts a proxy or a receiver for itself. `cargo xtask services` starts them for a person
//! who runs single tests. Whatever is started here ends with us, also when we are killed: it is tied to us by its stdin.

mod aws;
mod sentry;

use std::ffi::OsString;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::failure::{Failure, Result};
use crate::process::{Background, Step};
use crate::requirements::{Found, Requirements};
use crate::{paths, report, signals};

use aws::Aws;
use sentry::Sentry;

/// A cold start reads much, on a machine that is busy building.
const READY: Duration = Duration::from_secs(60);

/// Start the test servers and say where they are, until Ctrl-C.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask services                      # prints `export …` lines for another terminal
  cargo xtask services > services.env &     # then: source services.env
  cargo nextest run -p tallylight --all-features secrets   # with the variables set, a single test finds them

The fault proxy of AWS_ENDPOINT_URL takes its faults from `curl -d '{\"mode\":\"throttle\"}' $FAULT_PROXY_CONTROL/mode`.
The receiver keeps what is sent to TALLYLIGHT_TEST_RECEIVER_DSN: `curl $TALLYLIGHT_TEST_RECEIVER/items`; it fails on
`curl -d 429 $TALLYLIGHT_TEST_RECEIVER/mode`. Bugsink's pages want admin@example.com and the password pw.")]
pub(crate) struct Options {
    /// The port of moto; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    moto_port: u16,
    /// The port of the fault proxy; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    proxy_port: u16,
    /// The port of Bugsink; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    bugsink_port: u16,
}

/// A variable for a child, and its value or that it must not have it.
pub(crate) type Variable = (OsString, Option<OsString>);

/// The ports that a person may choose.
#[derive(Default)]
struct Ports {
    moto: u16,
    bugsink: u16,
}

/// The running servers. Dropping the value ends them.
pub(crate) struct Services {
    aws: Aws,
    sentry: Sentry,
    /// What could not be had, each in a sentence; taken by the first who reports it.
    absent: Mutex<Vec<String>>,
}

impl Services {
    /// Installs what is not there, builds the proxy and the receiver, and starts everything on free ports.
    pub(crate) fn start(python: &Found) -> Result<Self> {
        Self::start_on(&Ports::default(), python)
    }

    fn start_on(ports: &Ports, python: &Found) -> Result<Self> {
        Step::cargo(
            "test-servers-build",
            ["build", "-p", "fault-proxy", "-p", "sentry-receiver"],
        )
        .run()?;
        let mut absent = Vec::new();
        let (aws, sentry) = thread::scope(|scope| {
            let aws = scope.spawn(|| Aws::start(ports.moto, python));
            let sentry = Sentry::start(ports.bugsink, python, &mut absent);
            (aws.join(), sentry)
        });
        Ok(Self {
            aws: aws.unwrap_or_else(|_| Err(Failure::new("the start of moto broke off")))?,
            sentry: sentry?,
            absent: Mutex::new(absent),
        })
    }

    /// What could not be had, told once.
    pub(crate) fn take_absent(&self) -> Vec<String> {
        std::mem::take(&mut self.absent.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where the servers are.
    fn variables(&self) -> Vec<(&'static str, OsString)> {
        let mut variables = self.aws.variables();
        variables.extend(self.sentry.variables());
        variables
    }

    fn each(&mut self) -> impl Iterator<Item = &mut Background> {
        std::iter::once(&mut self.aws.moto).chain(self.sentry.each())
    }
}

/// What a suite's tests are given: where the servers are, and nothing of this machine's own AWS, so that no test depends
/// on it or reaches it.
pub(crate) fn environment(services: Option<&Services>) -> Vec<Variable> {
    let own = std::env::vars_os()
        .map(|(key, _)| key)
        .filter(|key| key.to_string_lossy().starts_with("AWS_"))
        .map(|key| (key, None));
    let nowhere = paths::target().join("services/none");
    let set = |key: &str, value: OsString| (OsString::from(key), Some(value));
    let mut variables: Vec<Variable> = own.collect();
    variables.push(set("AWS_CONFIG_FILE", nowhere.clone().into()));
    variables.push(set("AWS_SHARED_CREDENTIALS_FILE", nowhere.into()));
    variables.push(set("AWS_EC2_METADATA_DISABLED", "true".into()));
    if let Some(services) = services {
        variables.extend(
            services
                .variables()
                .into_iter()
                .map(|(key, value)| set(key, value)),
        );
    }
    variables
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let requirements = Requirements::look_or_install(true)?;
    requirements
        .for_python()
        .map_err(|missing| missing.failure())?;
    let python = requirements
        .python
        .as_ref()
        .map_err(|missing| missing.failure())?;
    let ports = Ports {
        moto: options.moto_port,
        bugsink: options.bugsink_port,
    };
    let mut services = Services::start_on(&ports, python)?;
    for why in services.take_absent() {
        report::warn(&why);
    }
    let (mut proxy, (url, control)) = services.aws.proxy(options.proxy_port)?;
    let mut variables = services.variables();
    variables.extend([
        ("FAULT_PROXY_CONTROL", control.into()),
        ("AWS_ENDPOINT_URL", url.into()),
        ("AWS_REGION", "us-east-1".into()),
        ("AWS_ACCESS_KEY_ID", "test".into()),
        ("AWS_SECRET_ACCESS_KEY", "test".into()),
    ]);
    for (key, value) in variables {
        report::data(&format!("export {key}='{}'", value.to_string_lossy()));
    }
    report::say("services: running until Ctrl-C");
    while !signals::interrupted() {
        for server in services.each().chain(std::iter::once(&mut proxy)) {
            if server.ended()?.is_some() {
                return Err(server.failed("ended by itself"));
            }
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// A text field of the line of JSON by which a server says that it is ready.
fn field(line: &str, name: &str) -> Option<String> {
    let value: Value = serde_json::from_str(line).ok()?;
    value[name].as_str().map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_kept_from_the_machines_own_aws() {
        let variables = environment(None);
        let value = |name: &str| {
            variables
                .iter()
                .rev()
                .find(|(key, _)| key == name)
                .and_then(|(_, value)| value.clone())
        };
        assert_eq!(value("AWS_EC2_METADATA_DISABLED"), Some("true".into()));
        assert!(value("AWS_SHARED_CREDENTIALS_FILE").is_some());
        assert_eq!(value("AWS_PROFILE"), None);
        assert_eq!(value(aws::MOTO), None);
    }

    #[test]
    fn ready_line_is_told_from_other_output() {
        assert_eq!(
            field(r#"{"moto": "http://127.0.0.1:5000"}"#, "moto").as_deref(),
            Some("http://127.0.0.1:5000")
        );
        assert_eq!(
            field("WARNING: This is a development server.", "moto"),
            None
        );
    }
}
