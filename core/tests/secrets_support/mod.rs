//! A cache in front of a stand-in for AWS, with a proxy between that fails on demand and counts.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fault_proxy::{FaultProxy, Service};
use tallylight::secrets::{Request, SecretsConfig};
use tallylight::{Config, Tallylight};

pub(crate) const REGION: &str = "eu-west-1";

pub(crate) struct Lab {
    pub(crate) proxy: FaultProxy,
    pub(crate) service: Service,
}

/// `None`, said on stderr, where no stand-in for AWS runs.
pub(crate) fn lab() -> Option<Lab> {
    static CREDENTIALS: Once = Once::new();
    CREDENTIALS.call_once(|| {
        for (name, value) in [
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ] {
            // SAFETY: every test of this binary comes here before it starts any thread of its own
            // that reads the environment, and the others wait for this one.
            unsafe { std::env::set_var(name, value) };
        }
    });
    let Some(moto) = fault_proxy::moto() else {
        eprintln!(
            "skipped: {} is not set; run `cargo xtask test`, or `cargo xtask services`",
            fault_proxy::MOTO_VARIABLE
        );
        return None;
    };
    Some(Lab {
        proxy: FaultProxy::start(&moto).expect("a proxy"),
        service: Service::new(&moto).region(REGION),
    })
}

/// A name that no other test uses.
pub(crate) fn name(of: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!(
        "{of}-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

impl Lab {
    /// Settings with an hour to live, as by default.
    pub(crate) fn config(&self) -> SecretsConfig {
        SecretsConfig {
            region: Some(REGION.to_owned()),
            endpoint: Some(self.proxy.url()),
            ..SecretsConfig::default()
        }
    }

    /// Settings under which a value is soon stale and soon too old.
    pub(crate) fn hasty(&self) -> SecretsConfig {
        SecretsConfig {
            ttl: Duration::from_millis(300),
            max_stale: Duration::from_millis(2_500),
            deadline: Duration::from_millis(1_500),
            attempt_timeout: Duration::from_millis(400),
            ..self.config()
        }
    }

    pub(crate) fn tally(&self, secrets: SecretsConfig) -> Tallylight {
        tally(secrets)
    }

    /// Readings of one secret that reached the proxy.
    pub(crate) fn calls(&self, name: &str) -> u64 {
        self.proxy.counts().call("GetSecretValue", name)
    }
}

pub(crate) fn tally(secrets: SecretsConfig) -> Tallylight {
    tally_in("production", secrets)
}

pub(crate) fn tally_in(environment: &str, secrets: SecretsConfig) -> Tallylight {
    Tallylight::new(Config {
        environment: Some(environment.to_owned()),
        secrets,
        ..Config::default()
    })
    .expect("settings that hold")
}

/// Waits until `holds`, for ten seconds at most.
#[track_caller]
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < until, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn get(tally: &Tallylight, name: &str) -> Result<String, tallylight::Error> {
    let secret = tally.secrets().get_blocking(&Request::new(name))?;
    Ok(secret.reveal()?.to_owned())
}
