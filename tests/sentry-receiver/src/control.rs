//! What a test in another language, or a person with curl, says to a running receiver.
//!
//! | request | what |
//! |---|---|
//! | `POST /mode` | a word (`ok`, `429`, `500`, `status`, `hang`, `refuse`, `down`, `slow`, `lost`) or `{"mode": "429", "retry_after": 60, "rate_limits": "60:error:organization", "status": 413, "delay_ms": 5, "times": 3}` |
//! | `GET /mode` | what is set |
//! | `GET /items`, `GET /items?type=event` | the kept items: `[{type, headers, payload, envelope, project, request}]` |
//! | `GET /counts` | `{requests, malformed, items: {type: n}, uniqueEvents, repeatedEvents, discarded, connections}` |
//! | `GET /requests` | `[{number, at, path, headers, bytes, items, mode, error}]`, the first 20,000 |
//! | `POST /reset` | forgets all, and answers with 200 again |
//!
//! The same requests work at the port of the envelopes, but `down`: that takes the control address, since nothing
//! answers there afterwards. Whatever it refuses, it says why, as `{"error": …}` with status 400.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};

use serde::Serialize;
use serde_json::{Value, json};

use crate::answer::{Answer, Mode};
use crate::connections::Port;
use crate::http::{Channel, Request, Response};
use crate::receiver::Receiver;

/// A running control address. Dropping it closes its port.
pub struct Control {
    port: Port,
}

/// Where a control request came in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Data,
    Control,
}

impl Control {
    /// Starts one for `receiver` on this port of the loopback interface; 0 takes a free one.
    ///
    /// # Errors
    /// When the port is taken.
    pub fn start(port: u16, receiver: &Receiver) -> io::Result<Self> {
        let mut port = Port::take(port)?;
        let receiver = receiver.clone();
        port.open(move |stream| converse(&stream, &receiver))?;
        Ok(Self { port })
    }

    /// Where it answers.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }
}

fn converse(stream: &TcpStream, receiver: &Receiver) {
    let _ = stream.set_nodelay(true);
    let mut channel = Channel::new(stream);
    while let Ok(Some(request)) = channel.request() {
        let answer = answer(receiver, &request, Side::Control);
        let sent = channel.stream().write_all(&answer.to_bytes(request.keep));
        if sent.is_err() || !request.keep {
            return;
        }
    }
}

pub(crate) fn answer(receiver: &Receiver, request: &Request, side: Side) -> Response {
    match handle(receiver, request, side) {
        Ok(value) => Response::new(200, "application/json", value.to_string()),
        Err(why) => Response::new(400, "application/json", json!({ "error": why }).to_string()),
    }
}

fn handle(receiver: &Receiver, request: &Request, side: Side) -> Result<Value, String> {
    let (path, query) = request
        .target
        .split_once('?')
        .unwrap_or((&request.target, ""));
    let io = |error: io::Error| error.to_string();
    match (request.method.as_str(), path) {
        ("POST", "/mode") => {
            let answer = Answer::parse(&String::from_utf8_lossy(&request.body))?;
            if answer.mode == Mode::Down && side == Side::Data {
                return Err("ask the control address for down: nothing answers here then".into());
            }
            receiver.set(answer).map_err(io)?;
            shown(receiver.answer())
        }
        ("GET", "/mode") => shown(receiver.answer()),
        ("GET", "/items") => {
            let kind = query
                .split('&')
                .find_map(|part| part.strip_prefix("type="));
            shown(receiver.items(kind))
        }
        ("GET", "/counts") => shown(receiver.counts()),
        ("GET", "/requests") => shown(receiver.requests()),
        ("POST", "/reset") => {
            receiver.reset().map_err(io)?;
            Ok(json!({}))
        }
        _ => Err(
            "there are POST and GET /mode, GET /items, GET /counts, GET /requests and POST /reset; envelopes go to /api/PROJECT/envelope/"
                .into(),
        ),
    }
}

fn shown(value: impl Serialize) -> Result<Value, String> {
    serde_json::to_value(value).map_err(|error| error.to_string())
}
