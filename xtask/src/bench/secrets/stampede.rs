//! Many readers at once, of a secret that was never read and of one that has just expired: how often AWS is called.

use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::Bench;
use super::caches::Cache;
use super::probe::{Probe, Reads};
use crate::bench::contender::{Language, row};
use crate::failure::{Failure, Result};

const TTL: Duration = Duration::from_secs(2);
/// Past the longest that any of them keeps a value: ours takes up to a tenth more.
const EXPIRED: Duration = Duration::from_millis(2_500);
/// A refresh behind has arrived by then.
const SETTLED: Duration = Duration::from_millis(700);
const PATIENCE: Duration = Duration::from_secs(300);

pub(super) fn rows(bench: &Bench, language: Language) -> Result<Vec<Value>> {
    let readers = if bench.quick { 100 } else { 1_000 };
    let mut first = Vec::new();
    let mut expired = Vec::new();
    for cache in bench.caches().filter(|cache| cache.language == language) {
        let secret = bench.secret(&format!("{}-{}-many", language.part(), cache.who))?;
        let mut probe = Probe::start(bench, cache, &secret, TTL)?;
        probe.wait_until_ready()?;
        for (rows, what) in [
            (&mut first, "that was never read"),
            (&mut expired, "past its time to live"),
        ] {
            let before = calls(bench, &secret);
            probe.ask(readers)?;
            let reads = probe.reads(PATIENCE)?.ok_or_else(|| {
                Failure::new(format!("{}: {readers} reads did not end", cache.name))
            })?;
            thread::sleep(SETTLED);
            let made = calls(bench, &secret) - before;
            rows.push(described(
                &format!("{readers} reads at once of a secret {what}"),
                cache,
                made,
                &reads,
            ));
            thread::sleep(EXPIRED);
        }
    }
    first.append(&mut expired);
    Ok(first)
}

/// Every call to AWS that named the secret, of whatever kind, by its name or by its ARN.
fn calls(bench: &Bench, secret: &str) -> u64 {
    let arn = format!(":secret:{secret}-");
    let counts = bench.proxy.counts();
    let named = counts
        .by_secret
        .iter()
        .filter(|(id, _)| *id == secret || id.contains(&arn));
    named.map(|(_, count)| count).sum()
}

fn described(group: &str, cache: &Cache, calls: u64, reads: &Reads) -> Value {
    let mut note = format!(
        "{} errors; the slowest waited {:.0} ms",
        reads.failed(),
        reads.slowest_ms
    );
    if let Some(error) = reads.errors.keys().next() {
        note.push_str(&format!("; {error}"));
    }
    let goal = if cache.peer {
        Value::Null
    } else {
        // Reads that failed would make few calls look good.
        let limit = if reads.failed() == 0 { 1.0 } else { 0.0 };
        json!([{ "text": "one call, no error", "limit": limit }])
    };
    row(group, cache, "calls", vec![calls as f64], goal, Some(note))
}
