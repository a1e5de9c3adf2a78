//! The receiver as a process of its own, for tests and benchmarks that are not Rust.
//!
//! Once ready it prints `listening on http://127.0.0.1:P` and `control on http://127.0.0.1:C`. It ends on SIGTERM, and
//! with `--stdin` when its stdin closes, so that an aborted test leaves nothing behind.

use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::thread;

use sentry_receiver::Receiver;
use sentry_receiver::control::Control;

const USAGE: &str = "usage: sentry-receiver [--port N] [--control-port N] [--stdin]

  --port N            where envelopes go; 0, the default, takes a free port
  --control-port N    where it is told its modes; 0, the default, takes a free port
  --stdin             end when stdin closes";

#[derive(Default)]
struct Options {
    port: u16,
    control_port: u16,
    stdin: bool,
}

fn main() -> ExitCode {
    match options(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("sentry-receiver: {why}");
            ExitCode::from(2)
        }
    }
}

fn options(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut found = Options::default();
    while let Some(flag) = args.next() {
        let mut port = || {
            args.next()
                .ok_or_else(|| format!("{flag} needs a value\n\n{USAGE}"))
                .and_then(|text| {
                    text.parse()
                        .map_err(|_| format!("{text} is no port number"))
                })
        };
        match flag.as_str() {
            "--port" => found.port = port()?,
            "--control-port" => found.control_port = port()?,
            "--stdin" => found.stdin = true,
            "--help" | "-h" => {
                println!("{USAGE}");
                std::process::exit(0);
            }
            _ => return Err(format!("{flag} is unknown\n\n{USAGE}")),
        }
    }
    Ok(found)
}

fn run(options: &Options) -> Result<(), String> {
    let receiver =
        Receiver::start(options.port).map_err(|error| format!("cannot start: {error}"))?;
    let control = Control::start(options.control_port, &receiver)
        .map_err(|error| format!("cannot start the control address: {error}"))?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "listening on {}\ncontrol on http://{}",
        receiver.url(),
        control.address()
    )
    .and_then(|()| out.flush())
    .map_err(|error| error.to_string())?;
    drop(out);
    if options.stdin {
        let mut dropped = [0; 256];
        while matches!(io::stdin().read(&mut dropped), Ok(count) if count > 0) {}
        // Connections' threads may be asleep in a delay; nobody waits for them.
        std::process::exit(0);
    }
    loop {
        thread::park();
    }
}
