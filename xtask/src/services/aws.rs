//! moto in place of AWS, and the fault proxy that stands before it.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::failure::Result;
use crate::process::{Background, Step};
use crate::requirements::Found;
use crate::{paths, setup};

use super::{READY, field};

/// Where moto answers, for the tests of every language.
pub(super) const MOTO: &str = "TALLYLIGHT_TEST_MOTO";
/// The fault proxy's program, which tests that are not Rust start.
const FAULT_PROXY: &str = "TALLYLIGHT_TEST_FAULT_PROXY";

pub(super) struct Aws {
    pub(super) moto: Background,
    moto_url: String,
    proxy_program: PathBuf,
}

impl Aws {
    /// Installs and starts moto; the proxy's program is built already.
    pub(super) fn start(port: u16, python: &Found) -> Result<Self> {
        setup::moto(python)?;
        let (moto, moto_url) = Step::new("moto", paths::server_python("venv"))
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

    pub(super) fn variables(&self) -> Vec<(&'static str, OsString)> {
        vec![
            (MOTO, self.moto_url.clone().into()),
            (FAULT_PROXY, self.proxy_program.clone().into()),
        ]
    }

    /// A proxy before moto: where it answers, and where it is told its faults.
    pub(super) fn proxy(&self, port: u16) -> Result<(Background, (String, String))> {
        Step::new("fault-proxy", &self.proxy_program)
            .args(["--upstream", &self.moto_url])
            .args(["--port", &port.to_string()])
            .limit(READY)
            .tied()
            .background(|line| Some((field(line, "proxy")?, field(line, "control")?)))
    }
}
