//! A counting HTTP/1.1 proxy in front of a stand-in for AWS, which answers with the faults that a test asks for.
//!
//! For tests alone. Rust tests start it in their own process ([`FaultProxy::start`]); Node and Python tests start the
//! binary and talk to its control address. Nothing here keeps or shows a body or an Authorization header: a test that
//! hunts for leaks may read all of it.

mod answers;
mod batch;
mod call;
mod connections;
pub mod control;
mod counts;
mod dates;
mod http;
mod proxy;
mod rule;
mod service;
mod upstream;

pub use counts::{Counts, Seen};
pub use proxy::FaultProxy;
pub use rule::{Mode, Rule};
pub use service::Service;

/// Where `cargo xtask test` and `cargo xtask services` say that moto answers, as `http://127.0.0.1:PORT`.
pub const MOTO_VARIABLE: &str = "TALLYLIGHT_TEST_MOTO";

/// The base URL of the running moto; `None` outside `cargo xtask test`, where a test that needs it says so and ends.
pub fn moto() -> Option<String> {
    std::env::var(MOTO_VARIABLE)
        .ok()
        .filter(|url| !url.is_empty())
}
