//! `tallylight events`: what was captured on this machine and is in the spool or in the local store.
//!
//! `cli::run` calls [`run`]. It only reads, also the files of processes that are still at work, and
//! delivers nothing. The invariants: what is shown went through the scrubber, and text of an event
//! has no control over the terminal.

mod args;
mod chain;
mod list;
mod show;
mod source;
mod summary;
mod tail;

use super::output::{End, Output};

pub(crate) use args::EventsArgs;
use args::EventsCommand;

pub(crate) fn run(options: &EventsArgs, output: &Output) -> Result<i32, End> {
    match &options.command {
        EventsCommand::List(options) => list::run(options, output),
        EventsCommand::Show(options) => show::run(options, output),
        EventsCommand::Tail(options) => tail::run(options, output),
    }
}
