//! Against moto, through the fault proxy: what each fault means, how many calls it costs, and that
//! no call outlives its deadline.
//!
//! Each test has a proxy and secrets of its own. Without a running moto each says so and ends.

mod batches;
mod credentials;
mod managing;
mod reading;
mod regions;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fault_proxy::{FaultProxy, Mode, Rule, Service};
use tokio::time::Instant;

use super::client::Sessions;
use super::{Aws, AwsSettings};
use crate::secrets::failure::{Failure, FailureKind};
use crate::secrets::fetched::Fetched;
use crate::secrets::request::{CURRENT, Which};

const FIRST: &str = "us-east-1";
const SECOND: &str = "eu-west-1";
/// Ample for a call that succeeds on a busy machine.
const LONG: Duration = Duration::from_secs(60);

/// A proxy in front of moto.
struct World {
    moto: String,
    proxy: FaultProxy,
}

impl World {
    fn open() -> Option<Self> {
        let Some(moto) = fault_proxy::moto() else {
            eprintln!(
                "skipped: {} names no moto server; see cargo xtask services",
                fault_proxy::MOTO_VARIABLE
            );
            return None;
        };
        let proxy = FaultProxy::start(&moto).unwrap();
        Some(Self { moto, proxy })
    }

    /// The service without faults.
    fn service(&self, region: &str) -> Service {
        Service::new(&self.moto).region(region)
    }

    /// A new secret in the first region.
    fn secret(&self, what: &str, value: &str) -> String {
        let name = unique(what);
        self.service(FIRST).create(&name, value).unwrap();
        name
    }

    fn settings(&self) -> AwsSettings {
        AwsSettings {
            region: Some(FIRST.to_owned()),
            attempt_timeout: Duration::from_secs(30),
            endpoint: Some(self.proxy.url()),
            ..AwsSettings::default()
        }
    }

    fn aws(&self) -> Aws {
        made_up(self.settings())
    }

    fn mode(&self, mode: Mode) {
        self.proxy.mode(Rule::new(mode)).unwrap();
    }

    fn gets(&self) -> u64 {
        self.proxy.counts().operation("GetSecretValue")
    }
}

/// A client with credentials that moto takes.
fn made_up(settings: AwsSettings) -> Aws {
    let mut sessions = Sessions::new(settings);
    sessions.has_made_up = true;
    Aws::with_sessions(sessions)
}

/// A name that no other test has.
fn unique(what: &str) -> String {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!(
        "core-{what}-{}-{count}-{:08x}",
        std::process::id(),
        fastrand::u32(..)
    )
}

/// As on the I/O thread.
fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, future)
}

fn current() -> Which {
    Which::Stage(CURRENT.to_owned())
}

fn within(time: Duration) -> Instant {
    Instant::now() + time
}

async fn read(aws: &Aws, id: &str) -> Result<Fetched, Failure> {
    aws.read(id, &current(), within(LONG)).await
}

async fn failure(aws: &Aws, id: &str) -> Failure {
    match read(aws, id).await {
        Ok(_) => panic!("{id} was read"),
        Err(failure) => failure,
    }
}

fn text(fetched: &Fetched) -> &str {
    std::str::from_utf8(&fetched.bytes).unwrap()
}
