//! What came: counted by operation, secret, region and mode, and listed. Never a body, never a header.

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::call::Call;
use crate::http::Response;
use crate::rule::Mode;

/// The list keeps the newest; the counts go on.
const LISTED: usize = 20_000;

/// How many requests came since the start or the last reset. What `refuse` kept out was never seen and is in no count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// All of them.
    pub total: u64,
    /// Those that the upstream was asked.
    pub forwarded: u64,
    /// Those that have arrived and are not answered yet; a hung one until its client gives up,
    /// a delayed one to the end of its delay.
    pub in_flight: u64,
    /// The most that were in flight at once.
    pub max_in_flight: u64,
    /// Connections that were accepted.
    pub connections: u64,
    /// Connections that are open now.
    pub open_connections: u64,
    /// By AWS's name of the operation.
    pub by_operation: BTreeMap<String, u64>,
    /// By the secret as the caller wrote it; a batch counts each secret of its list.
    pub by_secret: BTreeMap<String, u64>,
    /// By the region they were signed for.
    pub by_region: BTreeMap<String, u64>,
    /// By how they were answered: a mode's name, `ok` for what was forwarded untouched.
    pub by_mode: BTreeMap<String, u64>,
    /// By operation, and in it by secret.
    pub calls: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Counts {
    /// How many asked for this operation.
    pub fn operation(&self, operation: &str) -> u64 {
        self.by_operation.get(operation).copied().unwrap_or(0)
    }

    /// How many named this secret, by the words the caller used.
    pub fn secret(&self, secret: &str) -> u64 {
        self.by_secret.get(secret).copied().unwrap_or(0)
    }

    /// How many asked this operation of this secret.
    pub fn call(&self, operation: &str, secret: &str) -> u64 {
        self.calls
            .get(operation)
            .and_then(|secrets| secrets.get(secret))
            .copied()
            .unwrap_or(0)
    }

    /// How many were answered in this mode.
    pub fn mode(&self, mode: Mode) -> u64 {
        self.by_mode.get(mode.name()).copied().unwrap_or(0)
    }
}

/// One request that came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Milliseconds since the start or the last reset.
    pub at_ms: u64,
    /// AWS's name of the operation.
    pub operation: String,
    /// The secrets it names, as the caller wrote them.
    pub secrets: Vec<String>,
    /// The version stage it asks for.
    pub stage: Option<String>,
    /// The version it asks for.
    pub version: Option<String>,
    /// The region it was signed for.
    pub region: Option<String>,
    /// How it was answered: a mode's name.
    pub mode: String,
    /// The answer's status; `None` while, or because, there was none.
    pub status: Option<u16>,
    /// The answer's `x-amzn-requestid`.
    pub request_id: Option<String>,
}

/// The counts and the list, kept together.
pub(crate) struct Ledger {
    counts: Counts,
    seen: VecDeque<Seen>,
    /// The number of the list's first entry.
    first: u64,
    since: Instant,
}

/// Which entry a request is, to complete it by.
#[derive(Clone, Copy)]
pub(crate) struct Entry(u64);

impl Ledger {
    pub(crate) fn new() -> Self {
        Self {
            counts: Counts::default(),
            seen: VecDeque::new(),
            first: 0,
            since: Instant::now(),
        }
    }

    pub(crate) fn counts(&self, open_connections: usize) -> Counts {
        Counts {
            open_connections: open_connections as u64,
            ..self.counts.clone()
        }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.iter().cloned().collect()
    }

    /// Starts over; what is in flight stays so.
    pub(crate) fn reset(&mut self) {
        let in_flight = self.counts.in_flight;
        self.first += self.seen.len() as u64;
        self.seen.clear();
        self.counts = Counts {
            in_flight,
            max_in_flight: in_flight,
            ..Counts::default()
        };
        self.since = Instant::now();
    }

    pub(crate) fn connected(&mut self) {
        self.counts.connections += 1;
    }

    pub(crate) fn arrived(&mut self, call: &Call, mode: Mode) -> Entry {
        let counts = &mut self.counts;
        let add = |map: &mut BTreeMap<String, u64>, key: &str| {
            *map.entry(key.to_string()).or_default() += 1;
        };
        counts.total += 1;
        counts.in_flight += 1;
        counts.max_in_flight = counts.max_in_flight.max(counts.in_flight);
        add(&mut counts.by_operation, &call.operation);
        add(&mut counts.by_mode, mode.name());
        if let Some(region) = &call.region {
            add(&mut counts.by_region, region);
        }
        for secret in &call.secrets {
            add(&mut counts.by_secret, secret);
            add(
                counts.calls.entry(call.operation.clone()).or_default(),
                secret,
            );
        }
        if self.seen.len() == LISTED {
            self.seen.pop_front();
            self.first += 1;
        }
        self.seen.push_back(Seen {
            at_ms: u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX),
            operation: call.operation.clone(),
            secrets: call.secrets.clone(),
            stage: call.stage.clone(),
            version: call.version.clone(),
            region: call.region.clone(),
            mode: mode.name().to_string(),
            status: None,
            request_id: None,
        });
        Entry(self.first + self.seen.len() as u64 - 1)
    }

    pub(crate) fn forwarded(&mut self) {
        self.counts.forwarded += 1;
    }

    /// The request's answer is about to go out, so that a client that has it finds it counted.
    pub(crate) fn answered(&mut self, entry: Entry, answer: &Response) {
        let index = entry.0.checked_sub(self.first);
        let found = index
            .and_then(|index| usize::try_from(index).ok())
            .and_then(|index| self.seen.get_mut(index));
        if let Some(seen) = found {
            seen.status = Some(answer.status);
            seen.request_id = answer.headers.get("x-amzn-requestid").map(str::to_string);
        }
    }

    pub(crate) fn ended(&mut self) {
        self.counts.in_flight = self.counts.in_flight.saturating_sub(1);
    }
}
