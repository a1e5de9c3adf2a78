//! The proxy as a process of its own, for tests that are not Rust.
//!
//! Once ready it prints one line of JSON to stdout, `{"proxy": "http://127.0.0.1:P", "control": "http://127.0.0.1:C"}`.
//! It ends when its stdin closes, so that an aborted test leaves nothing behind, and on SIGTERM.

use std::io::{self, Read};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use fault_proxy::FaultProxy;
use fault_proxy::control::Control;
use serde_json::json;

const USAGE: &str =
    "usage: fault-proxy --upstream http://HOST:PORT [--port N] [--control-port N] [--no-stdin]

  --upstream URL      the server behind the proxy; without it $TALLYLIGHT_TEST_MOTO
  --port N            where it answers; 0, the default, takes a free port
  --control-port N    where it is told its modes; 0, the default, takes a free port
  --no-stdin          go on when stdin closes";

struct Options {
    upstream: String,
    port: u16,
    control_port: u16,
    stdin: bool,
}

fn main() -> ExitCode {
    match options(std::env::args().skip(1)).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("fault-proxy: {why}");
            ExitCode::from(2)
        }
    }
}

fn options(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut upstream = fault_proxy::moto();
    let mut found = Options {
        upstream: String::new(),
        port: 0,
        control_port: 0,
        stdin: true,
    };
    while let Some(flag) = args.next() {
        let mut value = || {
            args.next()
                .ok_or_else(|| format!("{flag} needs a value\n\n{USAGE}"))
        };
        let number = |text: String| {
            text.parse()
                .map_err(|_| format!("{text} is no port number"))
        };
        match flag.as_str() {
            "--upstream" => upstream = Some(value()?),
            "--port" => found.port = number(value()?)?,
            "--control-port" => found.control_port = number(value()?)?,
            "--no-stdin" => found.stdin = false,
            "--help" | "-h" => {
                println!("{USAGE}");
                std::process::exit(0);
            }
            _ => return Err(format!("{flag} is unknown\n\n{USAGE}")),
        }
    }
    found.upstream = upstream.ok_or_else(|| format!("--upstream is missing\n\n{USAGE}"))?;
    Ok(found)
}

fn run(options: Options) -> Result<(), String> {
    let proxy = FaultProxy::start_on(options.port, &options.upstream)
        .map_err(|error| format!("cannot start before {}: {error}", options.upstream))?;
    let proxy = Arc::new(proxy);
    let control = Control::start(options.control_port, Arc::clone(&proxy))
        .map_err(|error| format!("cannot start the control address: {error}"))?;
    println!(
        "{}",
        json!({ "proxy": proxy.url(), "control": format!("http://{}", control.address()) })
    );
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
