//! What setting an SDK up takes in a fresh process, and what it adds to the resident memory.

use std::time::Instant;

use serde_json::json;

use crate::Outcome;
use crate::sdks::opened;

pub(crate) fn print(who: &str, dsn: &str) -> Outcome<()> {
    let memory = mebibytes()?;
    let started = Instant::now();
    let _sdk = opened(who, dsn)?;
    let ms = started.elapsed().as_secs_f64() * 1_000.0;
    println!("{}", json!({ "ms": ms, "mib": mebibytes()? - memory }));
    std::process::exit(0);
}

fn mebibytes() -> Outcome<f64> {
    let statm = std::fs::read_to_string("/proc/self/statm")?;
    let pages: f64 = statm.split(' ').nth(1).unwrap_or_default().parse()?;
    Ok(pages * 4096.0 / 1_048_576.0)
}
