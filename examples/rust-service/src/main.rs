//! A small HTTP service that measures itself and reports its errors with Tallylight: the standard
//! library and nothing else. `--help` tells the rest.

mod http;
mod load;
mod service;

use std::error::Error;
use std::net::TcpListener;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use tallylight::errors::Delivery;
use tallylight::{Config, Status};

const HELP: &str = "\
A small HTTP service that measures itself and reports its errors with Tallylight.

Usage: rust-service [--seconds N] [--port N]

  --seconds N   send itself traffic for N seconds, print a summary and end [default: 2];
                0 serves until it is stopped
  --port N      port on 127.0.0.1; 0 takes a free one [default: 0]

  curl 'http://127.0.0.1:PORT/primes?below=100000'
  curl http://127.0.0.1:PORT/api/monitoring/status
  curl -X POST http://127.0.0.1:PORT/api/test-error

Errors go where SENTRY_DSN says; without one, the last are kept in a local store, which
`tallylight events list` shows.
";

struct Options {
    seconds: u64,
    port: u16,
}

fn main() -> ExitCode {
    let outcome = match options(std::env::args().skip(1)) {
        Ok(Some(options)) => run(&options),
        Ok(None) => {
            print!("{HELP}");
            Ok(())
        }
        Err(message) => {
            eprintln!("{message}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("rust-service: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The options, or `None` when help is asked for.
fn options(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options {
        seconds: 2,
        port: 0,
    };
    while let Some(name) = arguments.next() {
        let mut value = || {
            let text = arguments.next().ok_or(format!("{name} needs a number"))?;
            text.parse::<u64>()
                .map_err(|_| format!("{name} is {text:?}; give a whole number"))
        };
        match name.as_str() {
            "--seconds" => options.seconds = value()?,
            "--port" => {
                let port = value()?;
                options.port = u16::try_from(port).map_err(|_| format!("{port} is no port"))?;
            }
            "--help" | "-h" => return Ok(None),
            _ => return Err(format!("there is no option {name}")),
        }
    }
    Ok(Some(options))
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut config = Config::from_env()?;
    config.service.get_or_insert("rust-service".to_owned());
    let tally = tallylight::init(config)?;

    let service = service::Service::new(&tally)?;
    let listener = TcpListener::bind(("127.0.0.1", options.port))?;
    let address = listener.local_addr()?;
    println!("status: http://{address}/api/monitoring/status");

    let stopping = AtomicBool::new(false);
    let answered = thread::scope(|scope| {
        let workers: Vec<_> = (0..service::WORKERS)
            .map(|_| scope.spawn(|| service.work(&listener, &stopping)))
            .collect();
        if options.seconds == 0 {
            // The workers go on until the process is stopped.
            return Ok(0);
        }
        let answered = load::run(address, Duration::from_secs(options.seconds));
        stopping.store(true, Ordering::Relaxed);
        for _ in &workers {
            // Each wakes one worker, which then sees that it is to end.
            http::knock(address);
        }
        answered
    })?;

    let status = tally.status();
    print_summary(&status);
    print_delivery(&tallylight::errors::flush(Duration::from_secs(2)));
    tally.shutdown();
    let measured = status.metrics.total_requests;
    // Whoever else asked meanwhile was measured too.
    if measured < answered {
        return Err(format!("{answered} requests were answered and {measured} measured").into());
    }
    Ok(())
}

/// Every error that was captured is in one of these.
fn print_delivery(delivery: &Delivery) {
    println!(
        "{} errors captured: {} sent, {} waiting, {} dropped",
        delivery.captured, delivery.sent, delivery.pending, delivery.dropped
    );
    for (reason, count) in &delivery.reasons {
        println!("{count:>9} dropped: {reason}");
    }
    if let Some(reason) = &delivery.waiting_for {
        println!("waiting for: {reason}");
    }
}

fn print_summary(status: &Status) {
    let metrics = &status.metrics;
    println!(
        "{} requests, {:.0} a second, {} errors ({} %)",
        metrics.total_requests,
        metrics.requests_per_second,
        metrics.total_errors,
        metrics.error_rate
    );
    println!(
        "{:>9} {:>7} {:>9} {:>9} {:>9} {:>9}  operation (milliseconds)",
        "count", "errors", "p50", "p95", "p99", "max"
    );
    for row in &status.operations {
        println!(
            "{:>9} {:>7} {:>9} {:>9} {:>9} {:>9}  {}",
            row.count,
            row.errors,
            row.durations.p50_duration,
            row.durations.p95_duration,
            row.durations.p99_duration,
            row.durations.max_duration,
            row.name
        );
    }
    for error in &status.errors {
        println!(
            "{:>9} {} in {}",
            error.count, error.error_type, error.operation
        );
    }
}
