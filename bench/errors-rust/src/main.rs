//! Captures errors through Tallylight and through its peer, one of them in each process.
//!
//!   probe WHO DSN            answers lines on stdin, as `probe.rs` says
//!   startup WHO DSN          prints what setting it up takes
//!   cost WHO DSN COUNT TOGETHER PAUSE_MS
//!                            prints what each capture costs its caller
//!
//! WHO is `tallylight`, `sentry`, or `sentry-stack`, which attaches a stack to every error.

mod cost;
mod failures;
mod probe;
mod sdks;
mod startup;

use std::error::Error;
use std::time::Duration;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["probe", who, dsn] => probe::answer(who, dsn),
        ["cost", who, dsn, count, together, pause_ms] => {
            let pace = cost::Pace {
                count: count.parse()?,
                together: together.parse()?,
                pause: Duration::from_millis(pause_ms.parse()?),
            };
            cost::print(who, dsn, &pace)
        }
        ["startup", who, dsn] => startup::print(who, dsn),
        _ => Err(
            "give `probe WHO DSN`, `cost WHO DSN COUNT TOGETHER PAUSE_MS` or `startup WHO DSN`"
                .into(),
        ),
    }
}
