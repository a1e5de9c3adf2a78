//! The command line, which the npm package carries through this addon.

use napi_derive::napi;

use crate::boundary::{Result, contained};

/// Runs `tallylight` with these arguments, without the program's name; answers the exit code.
#[napi]
pub fn run_cli(args: Vec<String>) -> Result<i32> {
    contained(|| {
        let program = "tallylight".to_owned();
        Ok(tallylight::cli::run(
            [program].into_iter().chain(args).collect(),
        ))
    })
}
