//! Traffic for the service, from the same process through real sockets.

use std::io::{BufReader, Error};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::http;

/// Clients; fewer than the service has workers, so that one is left for the curious.
const CLIENTS: u64 = 2;

/// Sends requests for so long and answers how many were answered. At the end it asks for the
/// status, as a monitor would, and checks that it is one.
pub(crate) fn run(address: SocketAddr, time: Duration) -> Result<u64, Error> {
    let until = Instant::now() + time;
    let answered = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|seed| scope.spawn(move || client(address, until, seed)))
            .collect();
        let mut answered = 0;
        for client in clients {
            answered += client
                .join()
                .map_err(|_| Error::other("a client panicked"))??;
        }
        Ok::<u64, Error>(answered)
    })?;

    let stream = TcpStream::connect(address)?;
    let (status, body) = http::get(
        &stream,
        &mut BufReader::new(&stream),
        "/api/monitoring/status",
    )?;
    if status != 200 || !body.contains("\"totalRequests\":") {
        return Err(Error::other(format!("no status but {status}: {body}")));
    }
    Ok(answered + 1)
}

/// One request after the other on one connection: mostly small questions, some large ones, a few
/// that fail.
fn client(address: SocketAddr, until: Instant, seed: u64) -> Result<u64, Error> {
    let stream = TcpStream::connect(address)?;
    http::set_timeouts(&stream)?;
    let mut reader = BufReader::new(&stream);
    let mut random = seed;
    let mut answered = 0;
    while Instant::now() < until {
        // Knuth's MMIX generator; its high bits are the good ones.
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let (choice, size) = (random >> 32 & 1023, random >> 48);
        let (target, expected) = match choice {
            0..8 => ("/primes?below=2000000".to_owned(), 503),
            8..16 => (format!("/nothing/{size}"), 404),
            16..64 => (format!("/primes?below={}", size * 4), 200),
            _ => (format!("/primes?below={}", size / 64), 200),
        };
        let (status, body) = http::get(&stream, &mut reader, &target)?;
        if status != expected {
            return Err(Error::other(format!("{target} answered {status}: {body}")));
        }
        answered += 1;
    }
    Ok(answered)
}
