//! The server behind the proxy, asked once for each forwarded request over a connection of its own.

use std::io::{self, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::http::{Channel, Request, Response, invalid};

const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(60);
/// The stand-ins are small servers: what comes at once beyond this waits its turn here.
const AT_ONCE: usize = 64;

/// Sends one request to `http://HOST:PORT` and reads its answer.
pub(crate) fn ask(base: &str, request: &Request) -> io::Result<Response> {
    let authority = authority(base)?;
    let address = authority
        .to_socket_addrs()?
        .next()
        .ok_or_else(|| invalid(format!("{authority} has no address")))?;
    let stream = TcpStream::connect_timeout(&address, CONNECT)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(ANSWER))?;
    let mut channel = Channel::new(stream);
    channel.stream().write_all(&request.to_bytes())?;
    channel.response(request.method == "HEAD")
}

/// The `HOST:PORT` of a base URL.
pub(crate) fn authority(base: &str) -> io::Result<&str> {
    let rest = base.strip_prefix("http://").ok_or_else(|| {
        invalid(format!(
            "{base} is no http:// URL; the upstream is a plain server on this machine"
        ))
    })?;
    let authority = rest.split('/').next().unwrap_or_default();
    if !authority.contains(':') {
        return Err(invalid(format!("{base} names no port")));
    }
    Ok(authority)
}

/// Lets so many through at once.
pub(crate) struct Gate {
    free: Mutex<usize>,
    freed: Condvar,
}

pub(crate) struct Passage<'a>(&'a Gate);

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            free: Mutex::new(AT_ONCE),
            freed: Condvar::new(),
        }
    }

    pub(crate) fn pass(&self) -> Passage<'_> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            free = self
                .freed
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        Passage(self)
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.freed.notify_one();
    }
}
