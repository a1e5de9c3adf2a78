//! Whole HTTP/1.1 messages, read and written: bodies by length or in chunks, and connections that are kept.
//!
//! The proxy, the control address, the upstream side and [`crate::Service`] all use this, so that a message is read in
//! one place. A message is held in memory whole, which is why its size is bounded.

use std::io::{self, Read, Write};

/// The largest body that is read, either way.
const LARGEST_BODY: usize = 64 * 1024 * 1024;
const LARGEST_HEAD: usize = 256 * 1024;
const MOST_HEADERS: usize = 128;

/// What concerns one connection only and is never passed on.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

#[derive(Debug, Clone, Default)]
pub(crate) struct Headers(Vec<(String, String)>);

impl Headers {
    /// The first value of a header, by its name in any case.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn add(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((name.to_string(), value.into()));
    }

    fn says(&self, name: &str, word: &str) -> bool {
        self.get(name).is_some_and(|value| {
            value
                .split(',')
                .any(|part| part.trim().eq_ignore_ascii_case(word))
        })
    }

    /// Writes what may be passed on, and the two headers that are this connection's own.
    fn write(&self, out: &mut Vec<u8>, length: usize, keep: bool) {
        for (name, value) in &self.0 {
            if !HOP_BY_HOP.iter().any(|hop| name.eq_ignore_ascii_case(hop)) {
                out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
            }
        }
        let connection = if keep { "keep-alive" } else { "close" };
        out.extend_from_slice(
            format!("content-length: {length}\r\nconnection: {connection}\r\n\r\n").as_bytes(),
        );
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// The path with its query.
    pub(crate) target: String,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
    /// Whether the client means to use the connection again.
    pub(crate) keep: bool,
}

impl Request {
    /// The bytes to send; the connection ends with the answer.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = format!("{} {} HTTP/1.1\r\n", self.method, self.target).into_bytes();
        self.headers.write(&mut out, self.body.len(), false);
        out.extend_from_slice(&self.body);
        out
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut headers = Headers::default();
        headers.add("content-type", content_type);
        Self {
            status,
            reason: reason(status).to_string(),
            headers,
            body: body.into(),
        }
    }

    pub(crate) fn to_bytes(&self, keep: bool) -> Vec<u8> {
        let mut out = format!("HTTP/1.1 {} {}\r\n", self.status, self.reason).into_bytes();
        self.headers.write(&mut out, self.body.len(), keep);
        out.extend_from_slice(&self.body);
        out
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Unknown",
    }
}

/// One side of a connection, with what was read ahead of the message that is being taken.
pub(crate) struct Channel<S> {
    stream: S,
    ahead: Vec<u8>,
}

/// How many bytes the head took, and the head; `None` while it is not whole.
type Parsed = io::Result<Option<(usize, Head)>>;

/// The first line and the headers, in words.
struct Head {
    first: [String; 2],
    status: u16,
    headers: Headers,
    /// HTTP/1.1, where a connection is kept unless someone says otherwise.
    keeps: bool,
}

impl<S: Read + Write> Channel<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            ahead: Vec::new(),
        }
    }

    pub(crate) fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The next request; `None` when the client closed the connection between two of them.
    pub(crate) fn request(&mut self) -> io::Result<Option<Request>> {
        let Some(head) = self.head(parse_request)? else {
            return Ok(None);
        };
        if head.headers.says("expect", "100-continue") {
            self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let body = self.body(&head.headers, 0)?;
        let keep = if head.keeps {
            !head.headers.says("connection", "close")
        } else {
            head.headers.says("connection", "keep-alive")
        };
        let [method, target] = head.first;
        Ok(Some(Request {
            method,
            target,
            headers: head.headers,
            body,
            keep,
        }))
    }

    /// The answer to the one request that was sent, `head_only` when that was a HEAD.
    pub(crate) fn response(&mut self, head_only: bool) -> io::Result<Response> {
        loop {
            let Some(head) = self.head(parse_response)? else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            if (100..200).contains(&head.status) {
                continue;
            }
            let bodiless = head_only || matches!(head.status, 204 | 304);
            let body = if bodiless {
                Vec::new()
            } else {
                // Without a length, an answer goes on to the end of its connection.
                self.body(&head.headers, usize::MAX)?
            };
            let [reason, _] = head.first;
            return Ok(Response {
                status: head.status,
                reason,
                headers: head.headers,
                body,
            });
        }
    }

    /// Reads and drops whatever comes, until the other side ends the connection.
    pub(crate) fn until_closed(&mut self) {
        let mut dropped = [0; 4096];
        while matches!(self.stream.read(&mut dropped), Ok(count) if count > 0) {}
    }

    fn head(&mut self, parse: fn(&[u8]) -> Parsed) -> io::Result<Option<Head>> {
        loop {
            if let Some((used, head)) = parse(&self.ahead)? {
                self.ahead.drain(..used);
                return Ok(Some(head));
            }
            if self.ahead.len() > LARGEST_HEAD {
                return Err(invalid("the headers are too long"));
            }
            if self.more()? == 0 {
                return if self.ahead.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }

    /// The body that the headers announce; where they announce none, up to `unannounced` bytes.
    fn body(&mut self, headers: &Headers, unannounced: usize) -> io::Result<Vec<u8>> {
        if headers.says("transfer-encoding", "chunked") {
            return self.chunks();
        }
        match headers.get("content-length") {
            Some(text) => {
                let length = text
                    .trim()
                    .parse()
                    .map_err(|_| invalid("a length that is no number"))?;
                self.exactly(length)
            }
            None if unannounced == 0 => Ok(Vec::new()),
            None => {
                while self.more()? > 0 {
                    if self.ahead.len() > LARGEST_BODY {
                        return Err(invalid("the body is too long"));
                    }
                }
                Ok(std::mem::take(&mut self.ahead))
            }
        }
    }

    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size =
                usize::from_str_radix(size, 16).map_err(|_| invalid("a chunk without its size"))?;
            if size == 0 {
                // What follows are trailers, up to an empty line.
                while !self.line()?.is_empty() {}
                return Ok(body);
            }
            if size > LARGEST_BODY || body.len() + size > LARGEST_BODY {
                return Err(invalid("the body is too long"));
            }
            body.append(&mut self.exactly(size)?);
            if !self.line()?.is_empty() {
                return Err(invalid("a chunk longer than its size"));
            }
        }
    }

    fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = self.ahead.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.ahead.drain(..=end).collect();
                return Ok(String::from_utf8_lossy(&line).trim_end().to_string());
            }
            if self.ahead.len() > LARGEST_HEAD {
                return Err(invalid("a line is too long"));
            }
            self.more_or_fail()?;
        }
    }

    fn exactly(&mut self, length: usize) -> io::Result<Vec<u8>> {
        if length > LARGEST_BODY {
            return Err(invalid("the body is too long"));
        }
        while self.ahead.len() < length {
            self.more_or_fail()?;
        }
        let rest = self.ahead.split_off(length);
        Ok(std::mem::replace(&mut self.ahead, rest))
    }

    fn more_or_fail(&mut self) -> io::Result<()> {
        match self.more()? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    fn more(&mut self) -> io::Result<usize> {
        let mut piece = [0; 8192];
        loop {
            match self.stream.read(&mut piece) {
                Ok(count) => {
                    self.ahead
                        .extend_from_slice(piece.get(..count).unwrap_or_default());
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn parse_request(bytes: &[u8]) -> Parsed {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes).map_err(invalid)? {
        httparse::Status::Partial => Ok(None),
        httparse::Status::Complete(used) => Ok(Some((
            used,
            Head {
                first: [
                    request.method.unwrap_or_default().to_string(),
                    request.path.unwrap_or_default().to_string(),
                ],
                status: 0,
                headers: owned(request.headers),
                keeps: request.version == Some(1),
            },
        ))),
    }
}

fn parse_response(bytes: &[u8]) -> Parsed {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(bytes).map_err(invalid)? {
        httparse::Status::Partial => Ok(None),
        httparse::Status::Complete(used) => Ok(Some((
            used,
            Head {
                first: [
                    response.reason.unwrap_or_default().to_string(),
                    String::new(),
                ],
                status: response.code.unwrap_or_default(),
                headers: owned(response.headers),
                keeps: false,
            },
        ))),
    }
}

fn owned(parsed: &[httparse::Header<'_>]) -> Headers {
    Headers(
        parsed
            .iter()
            .map(|header| {
                (
                    header.name.to_string(),
                    String::from_utf8_lossy(header.value).into_owned(),
                )
            })
            .collect(),
    )
}

pub(crate) fn invalid(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream that hands out its bytes one at a time, as the slowest network would.
    struct Drip(Vec<u8>, usize);

    impl Read for Drip {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let (Some(byte), Some(place)) = (self.0.get(self.1), out.first_mut()) else {
                return Ok(0);
            };
            *place = *byte;
            self.1 += 1;
            Ok(1)
        }
    }

    impl Write for Drip {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn channel(text: &str) -> Channel<Drip> {
        Channel::new(Drip(text.as_bytes().to_vec(), 0))
    }

    #[test]
    fn requests_follow_each_other_on_one_connection() {
        let mut channel = channel(
            "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcPOST /2 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\
             Connection: close\r\n\r\n2;x=y\r\nde\r\n1\r\nf\r\n0\r\ntrailer: 1\r\n\r\n",
        );
        let first = channel.request().unwrap().unwrap();
        assert_eq!((first.body.as_slice(), first.keep), (&b"abc"[..], true));
        let second = channel.request().unwrap().unwrap();
        assert_eq!(second.target, "/2");
        assert_eq!((second.body.as_slice(), second.keep), (&b"def"[..], false));
        assert!(channel.request().unwrap().is_none());
    }

    #[test]
    fn answer_without_a_length_goes_on_to_the_end() {
        let mut channel =
            channel("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\na: b\r\n\r\nall of it");
        let answer = channel.response(false).unwrap();
        assert_eq!((answer.status, answer.headers.get("A")), (200, Some("b")));
        assert_eq!(answer.body, b"all of it");
    }

    #[test]
    fn broken_messages_are_errors() {
        for text in [
            "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc",
            "POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
            "POST / HT",
            "no such thing\r\n\r\n",
        ] {
            assert!(channel(text).request().is_err(), "{text:?}");
        }
    }

    #[test]
    fn headers_of_one_hop_are_not_passed_on() {
        let mut channel =
            channel("GET / HTTP/1.1\r\nX-A: 1\r\nConnection: keep-alive\r\nTE: trailers\r\n\r\n");
        let request = channel.request().unwrap().unwrap();
        assert_eq!(
            String::from_utf8(request.to_bytes()).unwrap(),
            "GET / HTTP/1.1\r\nX-A: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        );
    }
}
