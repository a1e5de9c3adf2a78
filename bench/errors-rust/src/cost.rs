//! What capturing an error costs its caller: an error with a cause, ten calls deep, after 20 breadcrumbs. Making it is not
//! timed.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::Outcome;
use crate::failures::distinct;
use crate::sdks::{Sdk, opened};

const WARM: u64 = 100;
const BREADCRUMBS: u64 = 20;
const DEPTH: u32 = 10;
/// Between two captures, so that a thread of the SDK's is not measured with the caller.
const PAUSE: Duration = Duration::from_millis(2);

pub(crate) fn print(who: &str, dsn: &str, count: u64) -> Outcome<()> {
    let sdk = opened(who, dsn)?;
    for n in 0..BREADCRUMBS {
        sdk.breadcrumb(format!("step {n}"));
    }
    let mut us = Vec::new();
    for n in 0..WARM + count {
        let taken = deep(DEPTH, &sdk, n);
        if n >= WARM {
            us.push(taken.as_secs_f64() * 1e6);
        }
        thread::sleep(PAUSE);
    }
    println!("{}", json!({ "us": us }));
    // Nothing is waited for: what the peer does at its end is not measured here.
    std::process::exit(0);
}

#[inline(never)]
fn deep(depth: u32, sdk: &Sdk, n: u64) -> Duration {
    if depth > 1 {
        return black_box(deep(black_box(depth - 1), sdk, n));
    }
    let error = distinct(n);
    let started = Instant::now();
    sdk.capture(&error);
    started.elapsed()
}
