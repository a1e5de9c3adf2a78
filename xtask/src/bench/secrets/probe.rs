//! A cache in a process of its own, which reads when it is told to.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::caches::Cache;
use super::{Bench, SUBJECT};
use crate::bench::child::Child;
use crate::failure::{Doing, Result};

/// A process; ended when dropped, whatever it waits for.
pub(super) struct Probe(Child);

/// What came of reads at once.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reads {
    /// How often each value came.
    pub(super) values: BTreeMap<String, u64>,
    /// How often each error came, by its name.
    pub(super) errors: BTreeMap<String, u64>,
    pub(super) slowest_ms: f64,
}

impl Probe {
    /// Starts one; it is ready once [`Self::wait_until_ready`] says so.
    pub(super) fn start(bench: &Bench, cache: &Cache, secret: &str, ttl: Duration) -> Result<Self> {
        let ttl = ttl.as_millis().to_string();
        Child::start(SUBJECT, cache, &[secret, &ttl], &bench.variables, secret).map(Self)
    }

    pub(super) fn wait_until_ready(&self) -> Result<()> {
        self.0.wait_until_ready()
    }

    /// Has it read that often at once, without waiting for the answer.
    pub(super) fn ask(&mut self, count: u64) -> Result<()> {
        self.0.ask(&format!("read {count}"))
    }

    /// The answer; `None` when it takes longer than `limit`.
    pub(super) fn reads(&self, limit: Duration) -> Result<Option<Reads>> {
        self.0
            .answer(limit)?
            .map(|line| Reads::parse(&line))
            .transpose()
    }
}

impl Reads {
    fn parse(line: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(line)
            .doing(|| "a cache's process printed what is no JSON".into())?;
        let counts = |key: &str| {
            let object = value[key].as_object().into_iter().flatten();
            object
                .map(|(name, count)| (name.clone(), count.as_u64().unwrap_or(0)))
                .collect()
        };
        Ok(Self {
            values: counts("values"),
            errors: counts("errors"),
            slowest_ms: value["slowest_ms"].as_f64().unwrap_or(f64::NAN),
        })
    }

    pub(super) fn failed(&self) -> u64 {
        self.errors.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let line = r#"{"values":{"a":2},"errors":{"denied":1},"slowest_ms":1.5}"#;
        let reads = Reads::parse(line).unwrap();
        assert_eq!(reads.values["a"], 2);
        assert_eq!(reads.failed(), 1);
        assert!(Reads::parse("no").is_err());
    }
}
