//! The account of everything that was captured: what `flush` and `close` answer.

use std::collections::BTreeMap;

use serde::Serialize;

/// Where everything is that was captured since the start: `captured` is the sum of `sent`,
/// `dropped` and `pending`, always.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// What was captured by this process.
    pub captured: u64,
    /// What a server took (or, without a DSN, what the local store keeps).
    pub sent: u64,
    /// What is not delivered.
    pub dropped: u64,
    /// What waits.
    pub pending: u64,
    /// Whether all that waits is on disk, so that the next start delivers it.
    pub durable: bool,
    /// What is not delivered, by reason.
    pub reasons: BTreeMap<&'static str, u64>,
    /// Why what waits is not delivered yet, and what to do where events are lost for a reason that
    /// somebody can mend (a wrong DSN, a full spool); none when nothing is wrong. Holds no secret.
    pub waiting_for: Option<String>,
}
