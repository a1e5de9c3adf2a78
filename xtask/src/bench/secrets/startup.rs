//! What it takes to have the first secret in a fresh process: the import, a client, and one call.

use serde_json::Value;

use super::Bench;
use super::SUBJECT;
use crate::bench::contender::{Language, row};
use crate::failure::{Doing, Result};

pub(super) fn rows(bench: &Bench, language: Language) -> Result<Vec<Value>> {
    if language == Language::Rust {
        return Ok(Vec::new());
    }
    let rounds = if bench.quick { 2 } else { 11 };
    let secret = bench.secret(&format!("{}-start", language.part()))?;
    let caches: Vec<_> = bench
        .caches()
        .filter(|cache| cache.language == language)
        .collect();
    let mut measured: Vec<(Vec<f64>, Vec<f64>)> = vec![Default::default(); caches.len()];
    // The first round is not counted: files come into the cache, and Python compiles what was not compiled yet.
    for round in 0..=rounds {
        for (cache, (times, memory)) in caches.iter().zip(&mut measured) {
            let printed = language
                .step(SUBJECT, "startup", &[cache.who, &secret])
                .environment(bench.variables.clone())
                .captured()
                .run()?
                .stdout;
            let answer: Value = serde_json::from_str(&printed)
                .doing(|| "a start printed what is no JSON".into())?;
            if round > 0 {
                times.extend(answer["ms"].as_f64());
                memory.extend(answer["mib"].as_f64());
            }
        }
    }
    let mut rows = Vec::new();
    for (group, unit, of) in [
        ("From nothing to the first secret: time", "ms", 0),
        (
            "From nothing to the first secret: resident memory",
            "MiB",
            1,
        ),
    ] {
        for (cache, (times, memory)) in caches.iter().zip(&measured) {
            let values = if of == 0 { times } else { memory };
            rows.push(row(group, cache, unit, values.clone(), Value::Null, None));
        }
    }
    Ok(rows)
}
