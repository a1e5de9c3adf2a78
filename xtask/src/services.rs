//! The servers that tests run against: moto in place of AWS, and the fault proxy that stands before it.
//!
//! `cargo xtask test` starts moto once for all its suites, whose tests share it under names of their own; each test
//! starts a proxy for itself. `cargo xtask services` starts both for a person who runs single tests. Whatever is started
//! here ends with us, also when we are killed: it is tied to us by its stdin.

use std::ffi::OsString;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::failure::Result;
use crate::process::{Background, Step};
use crate::requirements::{Found, Requirements};
use crate::{paths, report, setup, signals};

/// Where moto answers, for the tests of every language.
const MOTO: &str = "TALLYLIGHT_TEST_MOTO";
/// The fault proxy's program, which tests that are not Rust start.
const FAULT_PROXY: &str = "TALLYLIGHT_TEST_FAULT_PROXY";
/// A cold start of moto reads the descriptions of all of AWS.
const READY: Duration = Duration::from_secs(60);

/// Start moto and a fault proxy and say where they are, until Ctrl-C.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask services                      # prints `export …` lines for another terminal
  cargo xtask services > services.env &     # then: source services.env
  cargo nextest run -p tallylight --all-features secrets   # with the variables set, a single test finds them

The fault proxy of AWS_ENDPOINT_URL takes its faults from `curl -d '{\"mode\":\"throttle\"}' $FAULT_PROXY_CONTROL/mode`.")]
pub(crate) struct Options {
    /// The port of moto; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    moto_port: u16,
    /// The port of the fault proxy; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 0)]
    proxy_port: u16,
}

/// A variable for a child, and its value or that it must not have it.
pub(crate) type Variable = (OsString, Option<OsString>);

/// The running servers. Dropping the value ends them.
pub(crate) struct Services {
    moto: Background,
    moto_url: String,
    proxy_program: PathBuf,
}

impl Services {
    /// Installs what is not there, builds the proxy, and starts moto on a free port.
    pub(crate) fn start(python: &Found) -> Result<Self> {
        Self::start_on(0, python)
    }

    fn start_on(port: u16, python: &Found) -> Result<Self> {
        setup::servers(python)?;
        Step::cargo("fault-proxy-build", ["build", "-p", "fault-proxy"]).run()?;
        let (moto, moto_url) = Step::new("moto", paths::servers_venv().join("bin/python"))
            .arg(paths::at("tests/servers/moto_aws.py"))
            .args(["--port", &port.to_string()])
            .limit(READY)
            .tied()
            .background(|line| field(line, "moto"))?;
        Ok(Self {
            moto,
            moto_url,
            proxy_program: paths::target().join("debug/fault-proxy"),
        })
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
        variables.push(set(MOTO, services.moto_url.clone().into()));
        variables.push(set(FAULT_PROXY, services.proxy_program.clone().into()));
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
    let mut services = Services::start_on(options.moto_port, python)?;
    let (mut proxy, (url, control)) = Step::new("fault-proxy", &services.proxy_program)
        .args(["--upstream", &services.moto_url])
        .args(["--port", &options.proxy_port.to_string()])
        .limit(READY)
        .tied()
        .background(|line| Some((field(line, "proxy")?, field(line, "control")?)))?;
    for (key, value) in [
        (MOTO, services.moto_url.as_str()),
        (FAULT_PROXY, &services.proxy_program.to_string_lossy()),
        ("FAULT_PROXY_CONTROL", &control),
        ("AWS_ENDPOINT_URL", &url),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ] {
        report::data(&format!("export {key}='{value}'"));
    }
    report::say("services: running until Ctrl-C");
    while !signals::interrupted() {
        if services.moto.ended()?.is_some() {
            return Err(services.moto.failed("ended by itself"));
        }
        if proxy.ended()?.is_some() {
            return Err(proxy.failed("ended by itself"));
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
        assert_eq!(value(MOTO), None);
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
