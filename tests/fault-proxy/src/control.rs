//! The control address: what a test in another language, or a person with curl, says to a running proxy.
//!
//! JSON both ways: `POST /mode` takes a rule or `{"rules": […]}`, `GET /mode` shows them, `GET /counts`, `GET /requests`,
//! `POST /reset`, `POST /upstream` with `{"url": …}`. Whatever it refuses, it says why, as `{"error": …}` with status 400.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use crate::connections::Port;
use crate::http::{Channel, Request, Response};
use crate::proxy::FaultProxy;
use crate::rule::Rule;

/// A running control address. Dropping it closes its port.
pub struct Control {
    port: Port,
}

impl Control {
    /// Starts one for `proxy` on this port of the loopback interface; 0 takes a free one.
    pub fn start(port: u16, proxy: Arc<FaultProxy>) -> io::Result<Self> {
        let mut port = Port::take(port)?;
        port.open(move |stream| converse(&stream, &proxy))?;
        Ok(Self { port })
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }
}

fn converse(stream: &TcpStream, proxy: &FaultProxy) {
    let _ = stream.set_nodelay(true);
    let mut channel = Channel::new(stream);
    while let Ok(Some(request)) = channel.request() {
        let answer = match handle(proxy, &request) {
            Ok(value) => Response::new(200, "application/json", value.to_string()),
            Err(Refusal { status, why }) => Response::new(
                status,
                "application/json",
                json!({ "error": why }).to_string(),
            ),
        };
        if channel
            .stream()
            .write_all(&answer.to_bytes(request.keep))
            .is_err()
            || !request.keep
        {
            return;
        }
    }
}

struct Refusal {
    status: u16,
    why: String,
}

impl<E: std::fmt::Display> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self {
            status: 400,
            why: error.to_string(),
        }
    }
}

fn handle(proxy: &FaultProxy, request: &Request) -> Result<Value, Refusal> {
    let path = request.target.split('?').next().unwrap_or_default();
    match (request.method.as_str(), path) {
        ("POST", "/mode") => {
            proxy.rules(rules(&request.body)?)?;
            shown(json!({ "rules": proxy.current_rules() }))
        }
        ("GET", "/mode") => shown(json!({ "rules": proxy.current_rules() })),
        ("GET", "/counts") => shown(proxy.counts()),
        ("GET", "/requests") => shown(proxy.requests()),
        ("POST", "/reset") => {
            proxy.reset()?;
            Ok(json!({}))
        }
        ("POST", "/upstream") => {
            let body: Value = serde_json::from_slice(&request.body)?;
            let Some(url) = body["url"].as_str() else {
                return Err("the body is {\"url\": \"http://127.0.0.1:PORT\"}".into());
            };
            proxy.set_upstream(url)?;
            Ok(json!({}))
        }
        _ => Err(Refusal {
            status: 404,
            why: "there are POST /mode, GET /mode, GET /counts, GET /requests, POST /reset and POST /upstream".into(),
        }),
    }
}

/// One rule, a list of them, or an object with a list.
fn rules(body: &[u8]) -> Result<Vec<Rule>, serde_json::Error> {
    let body: Value = serde_json::from_slice(body)?;
    match body {
        Value::Array(_) => serde_json::from_value(body),
        Value::Object(ref fields) if fields.len() == 1 && fields.contains_key("rules") => {
            serde_json::from_value(body["rules"].clone())
        }
        rule => Ok(vec![serde_json::from_value(rule)?]),
    }
}

fn shown(value: impl Serialize) -> Result<Value, Refusal> {
    Ok(serde_json::to_value(value)?)
}
