//! What capturing an error costs its caller: an error with a cause, ten calls deep, after 20 breadcrumbs. Making it is not
//! timed. So many captures follow each other, then the SDK has the time of a pause to deliver them.

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

/// How captures follow each other.
pub(crate) struct Pace {
    pub(crate) count: u64,
    pub(crate) together: u64,
    pub(crate) pause: Duration,
}

pub(crate) fn print(who: &str, dsn: &str, pace: &Pace) -> Outcome<()> {
    let sdk = opened(who, dsn)?;
    for n in 0..BREADCRUMBS {
        sdk.breadcrumb(format!("step {n}"));
    }
    let mut us = Vec::new();
    for n in 0..WARM + pace.count {
        let taken = deep(DEPTH, &sdk, n);
        if n >= WARM {
            us.push(taken.as_secs_f64() * 1e6);
        }
        if n % pace.together == pace.together - 1 {
            thread::sleep(pace.pause);
        }
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
