//! What arrived, kept for the test to read.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use crate::answer::Mode;
use crate::envelope::Item;

/// Requests that are remembered one by one; all are counted.
const MOST_SEEN: usize = 20_000;

/// One request that arrived.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seen {
    /// Counted from 0.
    pub number: u64,
    /// Milliseconds since the Unix epoch.
    pub at: u64,
    /// The path.
    pub path: String,
    /// The headers, in lower case.
    pub headers: BTreeMap<String, String>,
    /// Bytes of the body as it was sent.
    pub bytes: usize,
    /// The items' types; empty when it was no envelope.
    pub items: Vec<String>,
    /// How it was answered.
    pub mode: Mode,
    /// Why it was refused as malformed; then it was answered with 400 whatever the mode.
    pub error: Option<String>,
}

/// What arrived, added up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Requests of any answer.
    pub requests: u64,
    /// Requests that were no envelope, or none that Sentry takes.
    pub malformed: u64,
    /// Kept items by type.
    pub items: BTreeMap<String, u64>,
    /// Different event ids of kept events and transactions.
    pub unique_events: u64,
    /// Kept events whose id was there already.
    pub repeated_events: u64,
    /// What the kept client reports say was discarded, by `reason:category`.
    pub discarded: BTreeMap<String, u64>,
    /// Open connections.
    pub connections: usize,
}

#[derive(Default)]
pub(crate) struct Record {
    pub(crate) items: Vec<Item>,
    pub(crate) seen: Vec<Seen>,
    requests: u64,
    malformed: u64,
    by_type: BTreeMap<String, u64>,
    ids: HashSet<String>,
    repeated: u64,
    discarded: BTreeMap<String, u64>,
}

impl Record {
    /// The number of the next request.
    pub(crate) fn number(&self) -> u64 {
        self.requests
    }

    pub(crate) fn saw(&mut self, seen: Seen) {
        self.requests += 1;
        self.malformed += u64::from(seen.error.is_some());
        if self.seen.len() < MOST_SEEN {
            self.seen.push(seen);
        }
    }

    pub(crate) fn keep(&mut self, items: Vec<Item>) {
        for item in items {
            *self.by_type.entry(item.kind.clone()).or_default() += 1;
            match item.kind.as_str() {
                "event" | "transaction" => {
                    let id = item.payload["event_id"]
                        .as_str()
                        .or_else(|| item.envelope.get("event_id").and_then(|id| id.as_str()))
                        .unwrap_or_default()
                        .replace('-', "");
                    if !self.ids.insert(id) {
                        self.repeated += 1;
                    }
                }
                "client_report" => self.add_report(&item),
                _ => {}
            }
            self.items.push(item);
        }
    }

    fn add_report(&mut self, item: &Item) {
        let Some(discarded) = item.payload["discarded_events"].as_array() else {
            return;
        };
        for entry in discarded {
            let text = |field: &str| entry[field].as_str().unwrap_or("?").to_string();
            let key = format!("{}:{}", text("reason"), text("category"));
            *self.discarded.entry(key).or_default() += entry["quantity"].as_u64().unwrap_or(0);
        }
    }

    pub(crate) fn counts(&self, connections: usize) -> Counts {
        Counts {
            requests: self.requests,
            malformed: self.malformed,
            items: self.by_type.clone(),
            unique_events: self.ids.len() as u64,
            repeated_events: self.repeated,
            discarded: self.discarded.clone(),
            connections,
        }
    }

    pub(crate) fn event_ids(&self) -> HashSet<String> {
        self.ids.clone()
    }
}
