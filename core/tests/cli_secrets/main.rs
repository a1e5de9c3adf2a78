//! Transcripts of `tallylight secrets` against a stand-in for AWS: what is done there, what is printed, and that no
//! value is ever in it.
#![cfg(all(feature = "cli", feature = "secrets-aws"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

#[path = "../cli_support/mod.rs"]
mod cli_support;

mod doctor;
mod get;
mod rotate;
mod setup;
mod stage;
mod terminal;
mod usage;
