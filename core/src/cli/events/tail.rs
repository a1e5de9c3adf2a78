//! `tallylight events tail`: each event as it is captured, until a signal or the time is up.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::args::TailArgs;
use super::source::{Found, Spool};
use super::summary::emphasis;
use crate::cli::output::{End, Level, Output, paint};
use crate::cli::poll::{left, sleep_until};
use crate::cli::say;
use crate::cli::time::Moment;
use crate::scrub::scrub_json;

pub(super) fn run(options: &TailArgs, output: &Output) -> Result<i32, End> {
    let deadline = options
        .seconds
        .map(|seconds| Instant::now() + Duration::from_secs(seconds.into()));
    let spool = Spool::open(&options.which)?;
    let mut seen: HashSet<String> = HashSet::new();
    let mut is_first = true;
    loop {
        let next = Instant::now() + options.interval;
        let mut all = spool.events()?;
        all.reverse();
        let old = if is_first {
            all.len().saturating_sub(options.lines)
        } else {
            0
        };
        let ids: HashSet<String> = all.iter().map(|found| found.id.clone()).collect();
        for (at, found) in all.into_iter().enumerate() {
            if at >= old && !seen.contains(&found.id) {
                print(&found, options.json, output)?;
            }
        }
        // What left the spool cannot come back: only what is there need be remembered.
        seen = ids;
        is_first = false;
        sleep_until(next, deadline)?;
        if left(deadline).is_zero() {
            return Ok(0);
        }
    }
}

fn print(found: &Found, is_json: bool, output: &Output) -> Result<(), End> {
    if is_json {
        let mut document = found.document();
        scrub_json(&mut document);
        return output.data(&format!("{document}\n"));
    }
    say::data(output, &line(found, output.colour()))
}

/// One event in one line.
fn line(found: &Found, colour: bool) -> String {
    let summary = found.summary();
    let clock = clock(found);
    let level = paint(
        &format!("{:<7}", summary.level),
        emphasis(&summary.level),
        colour,
    );
    let id: String = found.id.chars().take(8).collect();
    let place = match summary.place.as_str() {
        "" => String::new(),
        place => paint(&format!("  {place}"), Level::Faint, colour),
    };
    let state = paint(found.state.word(), found.state.level(), colour);
    format!(
        "{clock}  {level}  {id}  {}{place}  [{state}]\n",
        summary.title
    )
}

fn clock(found: &Found) -> String {
    let since = found
        .captured_at
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    Moment(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)).clock()
}
