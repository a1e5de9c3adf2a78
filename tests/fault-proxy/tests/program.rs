//! The binary, as Node and Python tests use it: a line when it is ready, a control address, an end with its stdin.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use common::{Answer, Client, Upstream, get};
use serde_json::Value;

struct Program {
    child: Child,
    proxy: String,
    control: String,
}

impl Program {
    fn start(upstream: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_fault-proxy"))
            .args(["--upstream", upstream])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let url = |name: &str| ready[name].as_str().unwrap().to_string();
        Self {
            child,
            proxy: url("proxy"),
            control: url("control"),
        }
    }

    fn control(&self, method: &str, path: &str, body: &str) -> Answer {
        Client::connect(&self.control)
            .unwrap()
            .raw(&format!(
                "{method} {path} HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ))
            .unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn control_address_sets_modes_and_tells_what_came() {
    let upstream = Upstream::start("first");
    let program = Program::start(&upstream.url);
    let set = program.control(
        "POST",
        "/mode",
        r#"{"rules":[{"mode":"throttle","secret":"a","next":1},{"mode":"500","operation":"DescribeSecret"}]}"#,
    );
    assert_eq!(set.status, 200);
    assert_eq!(set.json()["rules"][0]["mode"], "throttle");
    assert_eq!(get(&program.proxy, "a").unwrap().status, 400);
    assert_eq!(get(&program.proxy, "a").unwrap().status, 200);
    assert_eq!(
        program.control("GET", "/mode", "").json()["rules"][0]["next"],
        0
    );
    let counts = program.control("GET", "/counts", "").json();
    assert_eq!(counts["total"], 2);
    assert_eq!(counts["by_secret"]["a"], 2);
    assert_eq!(counts["calls"]["GetSecretValue"]["a"], 2);
    let requests = program.control("GET", "/requests", "").json();
    assert_eq!(requests[0]["mode"], "throttle");
    assert_eq!(requests[0]["operation"], "GetSecretValue");

    let second = Upstream::start("second");
    let moved = program.control(
        "POST",
        "/upstream",
        &format!("{{\"url\":\"{}\"}}", second.url),
    );
    assert_eq!(moved.status, 200);
    assert_eq!(get(&program.proxy, "a").unwrap().json()["server"], "second");

    assert_eq!(
        program
            .control("POST", "/mode", r#"{"mode":"refuse"}"#)
            .status,
        200
    );
    assert!(get(&program.proxy, "a").is_err());
    assert_eq!(program.control("POST", "/reset", "").status, 200);
    assert_eq!(get(&program.proxy, "a").unwrap().status, 200);
    assert_eq!(program.control("GET", "/counts", "").json()["total"], 1);
}

#[test]
fn control_address_says_what_it_does_not_understand() {
    let program = Program::start("http://127.0.0.1:1");
    for (method, path, body, status, word) in [
        ("POST", "/mode", r#"{"mode":"throtle"}"#, 400, "throttle"),
        ("POST", "/mode", r#"{"mode":"slow"}"#, 400, "delay_ms"),
        ("POST", "/mode", "not json", 400, "expected"),
        ("POST", "/upstream", "{}", 400, "url"),
        ("GET", "/nothing", "", 404, "/counts"),
    ] {
        let answer = program.control(method, path, body);
        assert_eq!(answer.status, status, "{path} {body}");
        let why = answer.json()["error"].as_str().unwrap().to_string();
        assert!(why.contains(word), "{why}");
    }
}

#[test]
fn program_ends_when_its_stdin_closes() {
    let mut program = Program::start("http://127.0.0.1:1");
    drop(program.child.stdin.take());
    assert!(program.child.wait().unwrap().success());
}

#[test]
fn program_without_an_upstream_says_how_it_is_called() {
    let output = Command::new(env!("CARGO_BIN_EXE_fault-proxy"))
        .env_remove(fault_proxy::MOTO_VARIABLE)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("usage: "));
}
