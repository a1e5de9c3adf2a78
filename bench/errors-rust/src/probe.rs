//! One SDK in a process of its own, which captures as its standard input says: whoever drives it has the server fail
//! and counts what arrives. Every line is answered by one of JSON.
//!
//!   capture N MS   N different errors, one every MS milliseconds
//!   related        three different errors with one root cause
//!   fork N         N different errors in a forked child, which flushes and ends; `said` is how it ended
//!   flush MS, close MS

use std::io::{BufRead, Write};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::Outcome;
use crate::failures::{distinct, related};
use crate::sdks::{Sdk, opened};

/// How long a child may take to flush and to end.
const PATIENCE: Duration = Duration::from_secs(10);

struct Probe {
    sdk: Sdk,
    captured: u64,
}

pub(crate) fn answer(who: &str, dsn: &str) -> Outcome<()> {
    let mut probe = Probe {
        sdk: opened(who, dsn)?,
        captured: 0,
    };
    println!("{}", json!({ "ready": true }));
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let started = Instant::now();
        let said = probe.obey(&line)?;
        let ms = started.elapsed().as_secs_f64() * 1_000.0;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", json!({ "ms": ms, "said": said }))?;
        out.flush()?;
    }
    Ok(())
}

impl Probe {
    fn obey(&mut self, line: &str) -> Outcome<Option<String>> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let millis = |text: &str| text.parse().map(Duration::from_millis);
        Ok(match words.as_slice() {
            ["capture", count, every] => {
                self.capture(count.parse()?, millis(every)?);
                None
            }
            ["related"] => {
                related().iter().for_each(|error| self.sdk.capture(error));
                None
            }
            ["fork", count] => Some(self.fork(count.parse()?).to_owned()),
            ["flush", limit] => Some(self.sdk.flush(millis(limit)?)),
            ["close", limit] => Some(self.sdk.close(millis(limit)?)),
            _ => return Err(format!("`{line}` is no command").into()),
        })
    }

    fn capture(&mut self, count: u64, every: Duration) {
        let mut due = Instant::now();
        for _ in 0..count {
            self.sdk.capture(&distinct(self.captured));
            self.captured += 1;
            due += every;
            thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    }

    fn fork(&mut self, count: u64) -> &'static str {
        // Something is captured before, so that the parent's own thread or connection is there.
        self.capture(1, Duration::ZERO);
        // SAFETY: the child uses what both SDKs allow after a fork or hang at: that is what is measured.
        let child = unsafe { libc::fork() };
        if child == 0 {
            self.capture(count, Duration::ZERO);
            self.sdk.flush(Duration::from_secs(2));
            // SAFETY: ends the child without the parent's handlers.
            unsafe { libc::_exit(0) };
        }
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            // SAFETY: a child of ours; no status is asked for.
            if unsafe { libc::waitpid(child, std::ptr::null_mut(), libc::WNOHANG) } == child {
                return "the child ended";
            }
            thread::sleep(Duration::from_millis(10));
        }
        // SAFETY: the child is not reaped yet, so its id is its own.
        unsafe {
            libc::kill(child, libc::SIGKILL);
            libc::waitpid(child, std::ptr::null_mut(), 0);
        }
        "the child hung"
    }
}
