//! The command line, the same from cargo, npm and the wheel.
//!
//! One function, [`run`], is called by the `tallylight` program and by the Node and Python packages
//! through their addons. It runs inside a host it does not own: it answers with an exit code instead
//! of ending the process, contains every panic, and gives the host's signal handlers back.
//!
//! Data goes to stdout, messages to stderr; an error ends with a hint.

mod args;
mod document;
mod draw;
#[cfg(feature = "sentry")]
mod events;
mod fetch;
mod format;
mod json;
mod keys;
mod light;
mod live;
mod model;
mod names;
mod os;
mod output;
mod plain;
mod poll;
mod rows;
#[cfg(any(feature = "secrets-aws", feature = "sentry"))]
mod say;
#[cfg(feature = "secrets-aws")]
mod secrets;
mod status;
mod table;
mod target;
#[cfg(feature = "sentry")]
mod test_error;
mod text;
mod time;
mod trend;
mod version;
mod view;

#[cfg(test)]
mod samples;

use std::panic::{AssertUnwindSafe, catch_unwind};

use args::{Command, Parsed};
use output::{End, Failure, Output};

/// The exit code of a command that could not do what it was asked.
const FAILED: i32 = 1;
/// The exit code of a command line that could not be understood.
const USAGE: i32 = 2;

/// Runs one command line and answers with its exit code: 0 it worked, 1 it did not, 2 the arguments
/// were wrong, 128 + n it was ended by signal n.
///
/// `args[0]` is the program's name, as in [`std::env::args`]. A reader that closes its end of the
/// pipe ends the command quietly with 0. While it runs, SIGINT and SIGTERM are Tallylight's, so that
/// Ctrl-C works at once whatever the host is; the host's own handlers are back when it returns.
///
/// ```no_run
/// let code = tallylight::cli::run(std::env::args().collect());
/// std::process::exit(code);
/// ```
pub fn run(args: Vec<String>) -> i32 {
    // Nothing here is shared with the host beyond the terminal, which its guard restores on unwinding.
    match catch_unwind(AssertUnwindSafe(|| dispatch(&args))) {
        Ok(code) => code,
        Err(payload) => {
            let cause = payload
                .downcast_ref::<&str>()
                .map(ToString::to_string)
                .or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "no message".to_owned());
            Output::automatic().failure(
                &Failure::new(format!(
                    "internal error: {}",
                    text::clean(&crate::scrub(&cause), 300)
                ))
                .hint("this is a defect of tallylight: please report it with the command line"),
            );
            FAILED
        }
    }
}

fn dispatch(args: &[String]) -> i32 {
    let _signals = os::SignalGuard::install();
    let (cli, output) = match args::parse(args) {
        Parsed::Run(cli) => {
            let output = Output::new(cli.color);
            (cli, output)
        }
        Parsed::Said(code) => return code,
    };
    let ended = match cli.command {
        Command::Status(options) => status::run(&options, &output),
        #[cfg(feature = "secrets-aws")]
        Command::Secrets(options) => secrets::run(&options, &output),
        #[cfg(feature = "sentry")]
        Command::Events(options) => events::run(&options, &output),
        #[cfg(feature = "sentry")]
        Command::TestError(options) => test_error::run(&options, &output),
        Command::Version(options) => version::run(&options, &output),
    };
    match ended {
        Ok(code) => code,
        Err(End::PipeClosed) => 0,
        Err(End::Signal(number)) => 128 + number,
        Err(End::Failed(failure)) => {
            output.failure(&failure);
            failure.code
        }
    }
}
