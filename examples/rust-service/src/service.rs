//! The service: its routes, an operation for each, and the errors it reports.

use std::fmt;
use std::io::{BufReader, Error};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};

use tallylight::errors::capture_error_with;
use tallylight::{Gauge, Histogram, InstrumentOptions, Kind, Labels, Operation, Tallylight};

use crate::http::{self, Request, Response};

/// Threads, and so connections served at a time.
pub(crate) const WORKERS: usize = 4;
/// The largest question that is worked on.
const MOST: usize = 1_000_000;

/// The handles are made once and kept: recording by them takes nanoseconds and never fails.
pub(crate) struct Service {
    tally: Tallylight,
    primes: Operation,
    status: Operation,
    /// Every unknown path; one operation each would grow without bound.
    unknown: Operation,
    connections: Gauge,
    found: Histogram,
}

impl Service {
    pub(crate) fn new(tally: &Tallylight) -> Result<Self, tallylight::Error> {
        let none = Labels::new();
        let plain = InstrumentOptions::default();
        let primes = InstrumentOptions {
            unit: Some("{prime}".to_owned()),
            ..InstrumentOptions::default()
        };
        Ok(Self {
            tally: tally.clone(),
            primes: tally.operation("GET /primes", &none, Kind::Server)?,
            status: tally.operation("GET /api/monitoring/status", &none, Kind::Server)?,
            unknown: tally.operation("/*", &none, Kind::Server)?,
            connections: tally.gauge("http.server.open_connections", &none, &plain)?,
            found: tally.histogram("primes.found", &none, &primes)?,
        })
    }

    /// Serves one connection after the other until the service is stopping.
    pub(crate) fn work(&self, listener: &TcpListener, stopping: &AtomicBool) {
        while !stopping.load(Ordering::Relaxed) {
            match listener.accept() {
                Ok((stream, _)) => {
                    self.connections.add(1.0);
                    // A client that goes away is no fault of the service.
                    let _ = self.serve(&stream);
                    self.connections.add(-1.0);
                }
                Err(error) => eprintln!("a connection could not be accepted: {error}"),
            }
        }
    }

    fn serve(&self, stream: &TcpStream) -> Result<(), Error> {
        http::set_timeouts(stream)?;
        let mut reader = BufReader::new(stream);
        while let Some(request) = http::read_request(&mut reader)? {
            let operation = self.operation(&request);
            let timer = operation.start();
            let answer = self.answer(&request);
            let sent = http::write_response(stream, &answer);
            match answer.error_type {
                Some(error_type) => timer.fail(error_type),
                None => timer.end(),
            };
            sent?;
        }
        Ok(())
    }

    fn operation(&self, request: &Request) -> &Operation {
        match (request.method.as_str(), request.path()) {
            ("GET", "/primes") => &self.primes,
            ("GET", "/api/monitoring/status") => &self.status,
            _ => &self.unknown,
        }
    }

    /// What goes wrong here is the service's fault: it is reported, and counted by its type.
    fn answer(&self, request: &Request) -> Response {
        self.try_answer(request).unwrap_or_else(|error| {
            // What is set here is on this event alone. It is on disk when this returns, and
            // delivered behind the request's back.
            capture_error_with(&error, |scope| {
                scope.set_transaction(Some(&format!("{} {}", request.method, request.path())));
                scope.set_tag("error.type", error.error_type());
            });
            Response::failure(error.status(), error.error_type())
        })
    }

    fn try_answer(&self, request: &Request) -> Result<Response, Failure> {
        Ok(match (request.method.as_str(), request.path()) {
            ("GET", "/primes") => match request.number("below") {
                Some(below) if below <= MOST => {
                    let found = primes_below(below);
                    self.found.record(found as f64);
                    Response::text(200, format!("{found}\n"))
                }
                Some(below) => return Err(Failure::TooMuchWork { below }),
                None => Response::text(400, "give ?below=N\n".to_owned()),
            },
            ("GET", "/api/monitoring/status") => Response::json(self.tally.status().to_json()),
            ("POST", "/api/test-error") => return Err(Failure::TestError),
            _ => Response::text(404, "there is nothing here\n".to_owned()),
        })
    }
}

/// Why a request was not served.
#[derive(Debug)]
enum Failure {
    TooMuchWork { below: usize },
    TestError,
}

impl Failure {
    fn status(&self) -> u16 {
        match self {
            Self::TooMuchWork { .. } => 503,
            Self::TestError => 500,
        }
    }

    fn error_type(&self) -> &'static str {
        match self {
            Self::TooMuchWork { .. } => "TooMuchWork",
            Self::TestError => "TestError",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMuchWork { below } => {
                write!(f, "primes below {below} were asked for; {MOST} is the most")
            }
            Self::TestError => f.write_str("somebody tests whether errors arrive"),
        }
    }
}

impl std::error::Error for Failure {}

/// The sieve of Eratosthenes.
fn primes_below(below: usize) -> usize {
    let mut composite = vec![false; below];
    let mut found = 0;
    for number in 2..below {
        if composite[number] {
            continue;
        }
        found += 1;
        for multiple in (number * number..below).step_by(number) {
            composite[multiple] = true;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primes_are_counted() {
        for (below, primes) in [(0, 0), (2, 0), (3, 1), (100, 25), (100_000, 9_592)] {
            assert_eq!(primes_below(below), primes);
        }
    }
}
