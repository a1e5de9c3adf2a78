//! A server that speaks Sentry's envelope protocol for tests: it keeps every item that arrives, and answers as a test
//! asks: with a rate limit, an error, nothing at all.
//!
//! Rust tests and benchmarks start it in their own process ([`Receiver::start`]); others start the binary and talk to
//! its control address (`src/control.rs` lists the requests). What a mode refuses is never in [`Receiver::items`]: an
//! item counts as delivered when its sender was told so, or, in [`Mode::Lost`], when the answer was lost on the way.

mod answer;
pub mod control;
mod envelope;
mod receiver;
mod record;

// One HTTP reader and one port that refuses for real serve both test servers.
#[path = "../../fault-proxy/src/connections.rs"]
mod connections;
#[path = "../../fault-proxy/src/http.rs"]
#[allow(dead_code, reason = "the proxy also reads answers; here only tests do")]
mod http;

pub use answer::{Answer, Mode};
pub use envelope::{Envelope, Item};
pub use receiver::Receiver;
pub use record::{Counts, Seen};

/// Where `cargo xtask test` says that a receiver's control side answers, as `http://127.0.0.1:PORT`.
pub const RECEIVER_VARIABLE: &str = "TALLYLIGHT_TEST_RECEIVER";
