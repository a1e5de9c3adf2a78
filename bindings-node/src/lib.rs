//! The N-API face of Tallylight: converts and delegates, nothing else.
//!
//! Called by the TypeScript in `ts/` only, which checks the types of what users hand in and turns
//! errors into classes. The process has one instance, the core's own; every isolate (the main
//! thread and each worker) has an [`env::EnvState`] with the shard it writes. Every entry contains
//! panics: a fault of ours becomes an error of kind `internal`, never an abort of the host.

pub mod boundary;
pub mod calls;
pub mod cli;
mod env;
pub mod errors;
pub mod instruments;
pub mod isolate;
mod promise;
pub mod report;
pub mod secrets;
pub mod setup;
pub mod trace;

/// Runs when the addon is loaded, before any call.
#[napi_derive::module_init]
fn name_the_runtime() {
    tallylight::config::set_runtime("node");
}
