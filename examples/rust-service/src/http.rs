//! As much of HTTP/1.1 as the example needs: requests without a body on connections that stay.

use std::io::{BufRead, Error, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// A head that is longer is refused.
const MAX_HEAD_BYTES: u64 = 16 << 10;
/// A connection that is silent for so long is closed.
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) struct Request {
    pub(crate) method: String,
    target: String,
}

impl Request {
    pub(crate) fn path(&self) -> &str {
        self.target
            .split_once('?')
            .map_or(self.target.as_str(), |(path, _)| path)
    }

    /// A whole number of the query.
    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        let (_, query) = self.target.split_once('?')?;
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .and_then(|(_, value)| value.parse().ok())
    }
}

pub(crate) struct Response {
    status: u16,
    content_type: &'static str,
    body: String,
    /// Of a failure of the service.
    pub(crate) error_type: Option<&'static str>,
}

impl Response {
    pub(crate) const fn text(status: u16, body: String) -> Self {
        Self {
            status,
            content_type: "text/plain",
            body,
            error_type: None,
        }
    }

    pub(crate) const fn json(body: String) -> Self {
        Self {
            status: 200,
            content_type: "application/json",
            body,
            error_type: None,
        }
    }

    pub(crate) fn failure(status: u16, error_type: &'static str) -> Self {
        Self {
            error_type: Some(error_type),
            ..Self::text(status, format!("{error_type}\n"))
        }
    }
}

pub(crate) fn set_timeouts(stream: &TcpStream) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))
}

/// Opens a connection and closes it.
pub(crate) fn knock(address: SocketAddr) {
    // Nobody listens any more: then nobody waits either.
    let _ = TcpStream::connect(address);
}

/// The next request; `None` when the client has closed the connection.
pub(crate) fn read_request(reader: &mut impl BufRead) -> Result<Option<Request>, Error> {
    let head = read_head(reader)?;
    let Some(line) = head.first() else {
        return Ok(None);
    };
    if header(&head, "content-length").is_some_and(|length| length != "0")
        || header(&head, "transfer-encoding").is_some()
    {
        return Err(bad("a request with a body"));
    }
    let mut words = line.split(' ');
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(method), Some(target), Some("HTTP/1.1"), None) => Ok(Some(Request {
            method: method.to_owned(),
            target: target.to_owned(),
        })),
        _ => Err(bad("no request of HTTP/1.1")),
    }
}

pub(crate) fn write_response(mut stream: &TcpStream, response: &Response) -> Result<(), Error> {
    let Response {
        status,
        content_type,
        body,
        ..
    } = response;
    let length = body.len();
    // In one piece, so that it goes out in one packet.
    let message = format!(
        "HTTP/1.1 {status} \r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(message.as_bytes())
}

/// Sends a request and answers the status and body of its response.
pub(crate) fn get(
    mut stream: &TcpStream,
    reader: &mut impl BufRead,
    target: &str,
) -> Result<(u16, String), Error> {
    let message = format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(message.as_bytes())?;
    let head = read_head(reader)?;
    let status = head.first().and_then(|line| line.split(' ').nth(1));
    let length = header(&head, "content-length").and_then(|length| length.parse().ok());
    let (Some(status), Some(length)) = (status.and_then(|code| code.parse().ok()), length) else {
        return Err(bad("no response"));
    };
    let mut body = String::new();
    reader.take(length).read_to_string(&mut body)?;
    Ok((status, body))
}

/// The lines before the empty one; none at the end of the connection.
fn read_head(reader: &mut impl BufRead) -> Result<Vec<String>, Error> {
    let mut lines = Vec::new();
    let mut reader = reader.take(MAX_HEAD_BYTES);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.is_empty() && lines.is_empty() {
            return Ok(lines);
        }
        let Some(line) = line.strip_suffix("\r\n") else {
            return Err(bad("a head that is cut or too long"));
        };
        if line.is_empty() {
            return Ok(lines);
        }
        lines.push(line.to_owned());
    }
}

fn header<'a>(head: &'a [String], name: &str) -> Option<&'a str> {
    head.iter()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

fn bad(what: &str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_or_refused() {
        let mut good = &b"GET /primes?a=1&below=7 HTTP/1.1\r\nHost: x\r\n\r\nGET"[..];
        let request = read_request(&mut good).unwrap().unwrap();
        assert_eq!(
            (request.path(), request.number("below")),
            ("/primes", Some(7))
        );
        assert_eq!((request.number("a"), request.number("b")), (Some(1), None));
        assert!(read_request(&mut &b""[..]).unwrap().is_none());
        for bad in [
            &b"GET"[..],
            b"GET /\r\n\r\n",
            b"GET / HTTP/1.0\r\n\r\n",
            b"GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
            b"GET / HTTP/1.1\r\nHost",
            b"\xff\xff\r\n\r\n",
        ] {
            assert!(read_request(&mut &*bad).is_err());
        }
        let endless = b"x".repeat(MAX_HEAD_BYTES as usize + 1);
        assert!(read_request(&mut &endless[..]).is_err());
    }
}
