//! The project's own tasks: `cargo xtask setup | demo | test | services | bench | gen | dist`.
//!
//! They run on Linux and macOS. Data goes to stdout, messages to stderr, and every child that a task starts ends with it.

mod bench;
mod counts;
mod demo;
mod dist;
mod environment;
mod failure;
mod generate;
mod markers;
mod paths;
mod process;
mod report;
mod requirements;
mod services;
mod setup;
mod signals;
mod smoke;
mod suites;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Tallylight's own tasks",
    after_help = "Examples:
  cargo xtask demo              see it live: sets up, builds, starts an example service and watches it
  cargo xtask test              run every suite of every language
  cargo xtask test --list       name the suites
  cargo xtask services          start what single tests need, and say where it is
  cargo xtask bench metrics     measure beside the peers and write docs/benchmarks.md
  cargo xtask dist --smoke      make the packages and try each in an empty environment

`cargo xtask <task> --help` shows each task's options and examples.",
    max_term_width = 100,
    disable_help_subcommand = true
)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    Setup(setup::Options),
    Demo(demo::Options),
    Test(test::Options),
    Services(services::Options),
    Bench(bench::Options),
    Gen(generate::Options),
    Dist(dist::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    signals::install();
    let ended = match &arguments.task {
        Task::Setup(options) => setup::run(options),
        Task::Demo(options) => demo::run(options),
        Task::Test(options) => test::run(options),
        Task::Services(options) => services::run(options),
        Task::Bench(options) => bench::run(options),
        Task::Gen(options) => generate::run(options),
        Task::Dist(options) => dist::run(options),
    };
    environment::forget_state();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report::failed(&failure.to_string());
            ExitCode::from(failure.exit_code)
        }
    }
}
