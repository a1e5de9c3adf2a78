//! The `tallylight` program: the command line of [`tallylight::cli`], as cargo installs it.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Arguments that are no UTF-8 are named in the error message, so they need not survive exactly.
    let args = std::env::args_os()
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    ExitCode::from(u8::try_from(tallylight::cli::run(args)).unwrap_or(1))
}
