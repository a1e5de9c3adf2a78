//! What the secret cache promises, against a stand-in for AWS.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../secrets_support/mod.rs"]
mod secrets_support;

mod processes;
mod readers;
mod rotation;
mod sources;
