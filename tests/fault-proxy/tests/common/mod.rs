//! A tiny server behind the proxy, and a client as plain as can be.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// Answers every request with its name and the body it got, and counts them.
pub(crate) struct Upstream {
    pub(crate) url: String,
    asked: Arc<AtomicU64>,
}

impl Upstream {
    pub(crate) fn start(name: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { continue };
                let counted = Arc::clone(&counted);
                thread::spawn(move || serve(stream, name, &counted));
            }
        });
        Self { url, asked }
    }

    pub(crate) fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}

fn serve(stream: TcpStream, name: &str, asked: &AtomicU64) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(text) = line.strip_prefix("content-length:") {
            length = text.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    asked.fetch_add(1, Ordering::SeqCst);
    let mut answer = serde_json::json!({ "server": name });
    if let Ok(Value::Object(got)) = serde_json::from_slice(&body) {
        answer["SecretValues"] = Value::Array(Vec::new());
        answer["got"] = Value::Object(got);
    }
    // Without a length, as a server that closes the connection after it.
    let answer = format!("HTTP/1.0 200 OK\r\nx-amzn-requestid: from-upstream\r\n\r\n{answer}");
    reader.get_mut().write_all(answer.as_bytes()).ok()
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A connection to `http://HOST:PORT`, which is kept between its requests.
pub(crate) struct Client(BufReader<TcpStream>);

impl Client {
    pub(crate) fn connect(url: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(url.strip_prefix("http://").unwrap())?;
        // A proxy that answers nothing at all is a failure, not a hang.
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self(BufReader::new(stream)))
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        self.0.get_ref()
    }

    /// Sends a call as an SDK would, without waiting for the answer.
    pub(crate) fn send(&mut self, operation: &str, region: &str, body: &str) -> io::Result<()> {
        let text = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: secretsmanager.{operation}\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=AKIDCANARY/20261124/{region}/secretsmanager/aws4_request, \
             SignedHeaders=host, Signature=canary\r\nContent-Type: application/x-amz-json-1.1\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.get_mut().write_all(text.as_bytes())
    }

    pub(crate) fn raw(&mut self, text: &str) -> io::Result<Answer> {
        self.0.get_mut().write_all(text.as_bytes())?;
        self.answer()
    }

    pub(crate) fn answer(&mut self) -> io::Result<Answer> {
        let mut head = String::new();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line.trim().is_empty() {
                break;
            }
            head.push_str(&line);
        }
        let mut answer = Answer {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head,
            body: String::new(),
        };
        let length: usize = answer.header("content-length").unwrap().parse().unwrap();
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        answer.body = String::from_utf8(body).unwrap();
        Ok(answer)
    }

    pub(crate) fn get(&mut self, secret: &str) -> io::Result<Answer> {
        self.send(
            "GetSecretValue",
            "us-east-1",
            &format!("{{\"SecretId\":\"{secret}\"}}"),
        )?;
        self.answer()
    }
}

/// One `GetSecretValue` over a connection of its own.
pub(crate) fn get(url: &str, secret: &str) -> io::Result<Answer> {
    Client::connect(url)?.get(secret)
}
