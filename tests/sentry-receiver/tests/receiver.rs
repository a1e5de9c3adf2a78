//! The receiver over real connections: what it keeps, how each mode answers, what the control address tells.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use sentry_receiver::control::Control;
use sentry_receiver::{Answer, Mode, Receiver};
use serde_json::{Value, json};

fn ask(url: &str, method: &str, path: &str, head: &str, body: &[u8]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap())?;
    stream.set_read_timeout(Some(Duration::from_millis(800)))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nContent-Length: {}\r\nConnection: close\r\n{head}\r\n",
        body.len()
    )?;
    stream.write_all(body)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn envelope(id: &str) -> Vec<u8> {
    let event = json!({ "event_id": id, "message": "hello" }).to_string();
    let report =
        json!({ "discarded_events": [{ "reason": "storm", "category": "error", "quantity": 4 }] });
    let report = report.to_string();
    format!(
        "{{\"event_id\":\"{id}\"}}\n{{\"type\":\"event\",\"length\":{}}}\n{event}\n\
         {{\"type\":\"attachment\",\"length\":3,\"filename\":\"a\"}}\n\u{0}\u{1}\u{2}\n\
         {{\"type\":\"client_report\"}}\n{report}\n",
        event.len()
    )
    .into_bytes()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn send(receiver: &Receiver, id: &str) -> std::io::Result<String> {
    let body = gzip(&envelope(id));
    let head = "Content-Encoding: gzip\r\nX-Sentry-Auth: Sentry sentry_key=key\r\n";
    ask(&receiver.url(), "POST", "/api/7/envelope/", head, &body)
}

#[test]
fn what_it_takes_it_keeps_whole() {
    let receiver = Receiver::start(0).unwrap();
    assert!(send(&receiver, "a1").unwrap().starts_with("HTTP/1.1 200"));
    assert!(send(&receiver, "a1").unwrap().contains("\"id\":\"a1\""));
    let items = receiver.items(None);
    assert_eq!(items.len(), 6);
    assert_eq!(items[0].payload["message"], "hello");
    assert_eq!(items[0].project, "7");
    assert_eq!(items[1].payload, "\u{0}\u{1}\u{2}");
    let counts = receiver.counts();
    assert_eq!((counts.unique_events, counts.repeated_events), (1, 1));
    assert_eq!(counts.discarded["storm:error"], 8);
    let seen = &receiver.requests()[1];
    assert_eq!((seen.number, seen.error.as_deref()), (1, None));
    assert_eq!(seen.headers["x-sentry-auth"], "Sentry sentry_key=key");
    assert!(receiver.items(Some("event")).len() == 2);
}

#[test]
fn what_it_refuses_it_does_not_keep() {
    let receiver = Receiver::start(0).unwrap();
    let status = |mode, wanted: &str| {
        receiver.mode(mode).unwrap();
        let answer = send(&receiver, "b").unwrap();
        assert!(answer.starts_with(wanted), "{mode:?}: {answer}");
    };
    status(Mode::ServerError, "HTTP/1.1 500");
    status(Mode::Status, "HTTP/1.1 400");
    receiver
        .set(Answer {
            retry_after: Some(60),
            rate_limits: Some("60:error:organization".into()),
            times: Some(1),
            ..Answer::new(Mode::RateLimit)
        })
        .unwrap();
    let answer = send(&receiver, "b").unwrap();
    assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
    assert!(answer.contains("Retry-After: 60\r\n"));
    assert!(answer.contains("X-Sentry-Rate-Limits: 60:error:organization\r\n"));
    assert_eq!(receiver.counts().unique_events, 0);
    // The one time has passed.
    assert!(send(&receiver, "b").unwrap().starts_with("HTTP/1.1 200"));
    assert_eq!(receiver.counts().unique_events, 1);

    receiver.reset().unwrap();
    let answer = ask(
        &receiver.url(),
        "POST",
        "/api/1/envelope/",
        "",
        b"no envelope",
    )
    .unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"));
    assert_eq!(receiver.counts().malformed, 1);
}

#[test]
fn it_hangs_resets_and_refuses_for_real() {
    let receiver = Receiver::start(0).unwrap();
    receiver.mode(Mode::Hang).unwrap();
    assert_eq!(
        send(&receiver, "c").unwrap_err().kind(),
        ErrorKind::WouldBlock
    );
    receiver.mode(Mode::Refuse).unwrap();
    assert_eq!(
        send(&receiver, "c").unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    receiver.mode(Mode::Down).unwrap();
    assert_eq!(
        send(&receiver, "c").unwrap_err().kind(),
        ErrorKind::ConnectionRefused
    );
    assert_eq!(receiver.counts().unique_events, 0);
    receiver.mode(Mode::Lost).unwrap();
    assert!(send(&receiver, "c").is_err());
    assert_eq!(receiver.counts().unique_events, 1);
    receiver.mode(Mode::Ok).unwrap();
    assert!(send(&receiver, "c").is_ok());
}

#[test]
fn control_address_outlives_a_closed_port() {
    let receiver = Receiver::start(0).unwrap();
    let control = Control::start(0, &receiver).unwrap();
    let control = format!("http://{}", control.address());
    let tell = |url: &str, body: &str| ask(url, "POST", "/mode", "", body.as_bytes()).unwrap();
    assert!(tell(&receiver.url(), "down").starts_with("HTTP/1.1 400"));
    assert!(tell(&control, "down").starts_with("HTTP/1.1 200"));
    assert!(send(&receiver, "d").is_err());
    assert!(tell(&control, "{\"mode\": \"ok\"}").starts_with("HTTP/1.1 200"));
    send(&receiver, "d").unwrap();
    for side in [&control, &receiver.url()] {
        let answer = ask(side, "GET", "/items?type=event", "", b"").unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let items: Value = serde_json::from_str(body).unwrap();
        assert_eq!(items[0]["type"], "event");
        assert_eq!(items[0]["payload"]["event_id"], "d");
    }
}

#[test]
fn the_program_says_where_it_listens_and_ends_with_its_stdin() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sentry-receiver"))
        .args(["--port", "0", "--stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    let url = line.strip_prefix("listening on ").unwrap().to_string();
    assert!(
        lines
            .next()
            .unwrap()
            .unwrap()
            .starts_with("control on http://127.0.0.1:")
    );
    assert!(
        ask(&url, "GET", "/counts", "", b"")
            .unwrap()
            .contains("\"requests\":0")
    );
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}
