//! A value that has expired while AWS fails: what each cache answers, and how long its caller waits.
//!
//! Every cache is in a process of its own for each fault, and all of them run at the same time: a cache that blocks
//! holds up nobody else. Each reads once past the time to live, and once more a little later, since a cache that
//! refreshes behind learns of a revocation by its first reader.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use fault_proxy::{Mode, Rule};

use super::Bench;
use super::caches::Cache;
use super::probe::{Probe, Reads};
use super::{VALUE, millis};
use crate::bench::document::Judged;
use crate::failure::{Doing, Failure, Result};
use crate::report;

const TTL: Duration = Duration::from_secs(2);
/// Past the longest that any of them keeps a value.
const EXPIRED: Duration = Duration::from_millis(2_500);
/// Between the two reads.
const LATER: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(60);
/// What `at once` means, on a machine that has other work.
const AT_ONCE: Duration = Duration::from_millis(250);

/// The faults, in words and as the proxy has them; whether AWS has revoked the secret, or is out of order.
const FAULTS: [(&str, Mode, bool); 4] = [
    ("AWS answers 503", Mode::Unavailable, false),
    ("AWS accepts and never answers", Mode::Hang, false),
    ("access is denied", Mode::AccessDenied, true),
    ("the secret is deleted", Mode::Deleted, true),
];

/// One cache under one fault.
pub(super) struct Row {
    cache: &'static Cache,
    fault: &'static str,
    revoked: bool,
    /// What came of a read; `None` when it was still blocked at the limit.
    first: Option<Reads>,
    later: Option<Reads>,
    limit: Duration,
}

pub(super) fn run(bench: &Bench) -> Result<Vec<Row>> {
    report::say("bench: every cache under every fault, at the same time");
    let limit = Duration::from_secs(if bench.quick { 8 } else { 30 });
    let mut probes = Vec::new();
    let mut rules = Vec::new();
    for (index, (fault, mode, revoked)) in FAULTS.into_iter().enumerate() {
        for cache in bench.caches() {
            let language = cache.language.part();
            let secret = bench.secret(&format!("{language}-{}-fault{index}", cache.who))?;
            rules.push(Rule::new(mode).secret(&secret));
            let probe = Probe::start(bench, cache, &secret, TTL)?;
            probes.push((cache, fault, revoked, probe));
        }
    }
    for (cache, _, _, probe) in &mut probes {
        probe.wait_until_ready()?;
        probe.ask(1)?;
        let reads = probe.reads(PATIENCE)?;
        if reads.is_none_or(|reads| reads.values != BTreeMap::from([(VALUE.to_owned(), 1)])) {
            let name = cache.name;
            return Err(Failure::new(format!("{name} could not read a secret")));
        }
    }
    bench
        .proxy
        .rules(rules)
        .doing(|| "the fault proxy takes no such rules".into())?;
    thread::sleep(EXPIRED);
    let rows = thread::scope(|scope| {
        let readers: Vec<_> = probes
            .into_iter()
            .map(|(cache, fault, revoked, mut probe)| {
                scope.spawn(move || {
                    probe.ask(1)?;
                    let first = probe.reads(limit)?;
                    let later = if first.is_some() {
                        thread::sleep(LATER);
                        probe.ask(1)?;
                        probe.reads(limit)?
                    } else {
                        None
                    };
                    Ok(Row {
                        cache,
                        fault,
                        revoked,
                        first,
                        later,
                        limit,
                    })
                })
            })
            .collect();
        readers
            .into_iter()
            .map(|reader| {
                reader
                    .join()
                    .unwrap_or_else(|_| Err(Failure::new("a reader broke off")))
            })
            .collect::<Result<Vec<_>>>()
    });
    bench
        .proxy
        .rules(Vec::new())
        .doing(|| "the fault proxy goes on with its faults".into())?;
    rows
}

impl Row {
    /// Ours beside its promise: stale at once in an outage, an error once it is revoked, and never a blocked caller.
    pub(super) fn judged(&self) -> Option<Judged> {
        if self.cache.peer {
            return None;
        }
        let is_quick = |reads: &Reads| reads.slowest_ms <= millis(AT_ONCE);
        let met = match (&self.first, &self.later) {
            (Some(first), Some(later)) if self.revoked => is_quick(first) && later.failed() > 0,
            (Some(first), Some(later)) => {
                is_quick(first) && is_quick(later) && first.failed() + later.failed() == 0
            }
            _ => false,
        };
        Some(Judged {
            place: format!("{}: past the time to live", self.cache.language.title()),
            row: self.fault.into(),
            text: if self.revoked {
                "evicted, a clear error".into()
            } else {
                "stale at once".into()
            },
            measured: format!(
                "{}, then {}",
                shown(self.first.as_ref(), self.limit),
                shown(self.later.as_ref(), self.limit)
            ),
            met,
        })
    }

    fn cells(&self) -> Vec<String> {
        let name = if self.cache.peer {
            self.cache.name.to_owned()
        } else {
            format!("**{}**", self.cache.name)
        };
        let later = match self.first {
            Some(_) => shown(self.later.as_ref(), self.limit),
            None => String::new(),
        };
        vec![
            self.fault.to_owned(),
            format!("{}: {name}", self.cache.language.title()),
            shown(self.first.as_ref(), self.limit),
            later,
        ]
    }
}

const HEADINGS: [&str; 4] = [
    "past the time to live, while",
    "",
    "the first read",
    "a read 2 s later",
];

fn shown(reads: Option<&Reads>, limit: Duration) -> String {
    let Some(reads) = reads else {
        return format!("blocked, over {} s", limit.as_secs());
    };
    let answer = match (reads.values.keys().next(), reads.errors.keys().next()) {
        (_, Some(error)) => format!("error `{error}`"),
        (Some(value), None) if value == VALUE => "the old value".to_owned(),
        _ => "another value".to_owned(),
    };
    let waited = reads.slowest_ms;
    if waited < 0.1 {
        format!("{answer} at once")
    } else if waited < 10.0 {
        format!("{answer} after {waited:.1} ms")
    } else if waited < 1_000.0 {
        format!("{answer} after {waited:.0} ms")
    } else {
        format!("{answer} after {:.1} s", waited / 1_000.0)
    }
}

pub(super) fn terminal(rows: &[Row]) -> String {
    let mut lines = vec![HEADINGS.map(String::from).to_vec()];
    lines.extend(rows.iter().map(Row::cells));
    format!("\n{}", report::table(&lines))
}

pub(super) fn markdown(rows: &[Row]) -> String {
    let mut text = format!(
        "### When AWS fails\n\nEach cache keeps a value for {} s here and is otherwise at its defaults; the one for Rust is told to \
         answer with what it has when a refresh fails for a passing reason.\n\n",
        TTL.as_secs()
    );
    let mut line = |cells: &[String]| text.push_str(&format!("| {} |\n", cells.join(" | ")));
    line(&HEADINGS.map(String::from));
    line(&vec!["---".to_owned(); HEADINGS.len()]);
    for row in rows {
        line(&row.cells());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::caches::CACHES;
    use super::*;

    fn reads(value: Option<&str>, error: Option<&str>, slowest_ms: f64) -> Option<Reads> {
        let counted = |name: Option<&str>| name.map(|name| (name.to_owned(), 1)).into_iter();
        Some(Reads {
            values: counted(value).collect(),
            errors: counted(error).collect(),
            slowest_ms,
        })
    }

    fn ours(revoked: bool, first: Option<Reads>, later: Option<Reads>) -> bool {
        let cache = CACHES.iter().find(|cache| !cache.peer).unwrap();
        let limit = Duration::from_secs(30);
        let row = Row {
            cache,
            fault: "",
            revoked,
            first,
            later,
            limit,
        };
        row.judged().unwrap().met
    }

    #[test]
    fn stale_is_right_in_an_outage_and_wrong_once_revoked() {
        let stale = || reads(Some(VALUE), None, 1.0);
        let denied = || reads(None, Some("denied"), 1.0);
        assert!(ours(false, stale(), stale()));
        assert!(!ours(false, stale(), denied()));
        assert!(!ours(false, reads(Some(VALUE), None, 5_000.0), stale()));
        assert!(!ours(false, None, None));
        assert!(ours(true, stale(), denied()));
        assert!(!ours(true, stale(), stale()));
    }

    #[test]
    fn what_came_of_a_read_is_said_in_words() {
        let limit = Duration::from_secs(30);
        assert_eq!(shown(None, limit), "blocked, over 30 s");
        let slow = reads(None, Some("timeout"), 5_020.0);
        assert_eq!(shown(slow.as_ref(), limit), "error `timeout` after 5.0 s");
    }
}
