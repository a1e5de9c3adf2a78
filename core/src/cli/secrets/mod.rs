//! `tallylight secrets`: sets secrets up, lists, reads, rotates and tests them.
//!
//! `cli::run` calls [`run`]. The invariants: no value of a secret is an argument, and none is printed
//! but by `get --reveal`; whatever a command printed, errors and panics included, went through the
//! scrubber, which knows each value before it is used.

mod args;
mod check;
mod doctor;
mod files;
mod findings;
mod generate;
mod get;
mod input;
mod list;
mod origin;
mod outcome;
mod pending;
mod permissions;
mod plan;
mod refresh;
mod refusal;
mod rotate;
mod say;
mod sealed_cache;
mod session;
mod setup;
mod syscalls;
mod terminal;
mod values;

use tokio::runtime;

pub(crate) use args::SecretsArgs;
pub(crate) use refusal::refusal;

use super::output::{End, Failure, Output};
use args::SecretsCommand;
use session::Session;

/// The exit code of a `--dry-run` that found something to do.
const CHANGES: i32 = 3;
/// Threads for name look-ups and file reads.
const BLOCKING_THREADS: usize = 4;

pub(crate) fn run(options: &SecretsArgs, output: &Output) -> Result<i32, End> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(|error| {
            Failure::new(format!("the system gives no event queue: {error}"))
                .hint("raise the limit on open files (ulimit -n)")
        })?;
    let ended = Session::open(options.command.connection(), output, &runtime)
        .and_then(|session| dispatch(&options.command, &session));
    // A name server that hangs must not hold the end up.
    runtime.shutdown_background();
    if let Err(End::Signal(_)) = &ended {
        output.message("interrupted\n");
    }
    ended
}

fn dispatch(command: &SecretsCommand, session: &Session<'_>) -> Result<i32, End> {
    match command {
        SecretsCommand::Setup(options) => setup::run(options, session),
        SecretsCommand::List(options) => list::run(options, session),
        SecretsCommand::Get(options) => get::run(options, session),
        SecretsCommand::Rotate(options) => rotate::run(options, session),
        SecretsCommand::Refresh(options) => refresh::run(options, session),
        SecretsCommand::Doctor(options) => doctor::run(options, session),
    }
}
