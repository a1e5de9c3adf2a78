//! Little HTTP servers, and ways to run the program against them.
#![allow(dead_code, reason = "each test program uses its part")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a server does with each request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Document,
    DocumentThen503,
    Status(u16),
    Body(&'static str),
    Garbage,
    Closed,
    Cut,
    Endless,
    Redirects,
    Hang,
}

/// A server on a port of its own; its threads end with the test.
pub(crate) struct Server {
    pub(crate) address: String,
    seen: Arc<(Mutex<Vec<String>>, Condvar)>,
}

impl Server {
    pub(crate) fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
        let (shared, count) = (Arc::clone(&seen), Arc::new(AtomicUsize::new(0)));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, count) = (Arc::clone(&shared), Arc::clone(&count));
                std::thread::spawn(move || serve(stream, answer, &shared, &count));
            }
        });
        Self { address, seen }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/api/monitoring/status", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.0.lock().unwrap().clone()
    }

    pub(crate) fn wait_for_a_request(&self) {
        let requests = self.seen.0.lock().unwrap();
        drop(
            self.seen
                .1
                .wait_while(requests, |requests| requests.is_empty())
                .unwrap(),
        );
    }
}

/// An answer is written as far as the other side still listens.
fn serve(
    mut stream: TcpStream,
    answer: Answer,
    seen: &(Mutex<Vec<String>>, Condvar),
    count: &AtomicUsize,
) {
    let mut request = Vec::new();
    let mut buffer = [0; 2048];
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(read) => request.extend_from_slice(&buffer[..read]),
        }
        if request
            .first()
            .is_some_and(|byte| !byte.is_ascii_alphabetic())
        {
            // A TLS hello: answer as a plain HTTP server would.
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
            return;
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let usual = request.starts_with("GET /api/monitoring/status ");
    seen.0.lock().unwrap().push(request);
    seen.1.notify_all();
    let body = |status: &str, body: &str| {
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    let first = count.fetch_add(1, Ordering::SeqCst) == 0;
    let text = match answer {
        Answer::Document | Answer::DocumentThen503 if !usual => body("404 Not Found", ""),
        Answer::DocumentThen503 if !first => body("503 Service Unavailable", ""),
        Answer::Document | Answer::DocumentThen503 => body("200 OK", &document()),
        Answer::Status(204) => "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n".to_owned(),
        Answer::Status(status) => body(&format!("{status} x"), "{}"),
        Answer::Body(text) => body("200 OK", text),
        Answer::Garbage => "SSH-2.0-OpenSSH_9.6\r\n\r\n".to_owned(),
        Answer::Closed => String::new(),
        Answer::Cut => "HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n{\"metrics\"".to_owned(),
        Answer::Redirects => "HTTP/1.1 302 Found\r\nlocation: /again\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned(),
        Answer::Endless => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n[");
            while stream.write_all(&[b' '; 65_536]).is_ok() {}
            return;
        }
        Answer::Hang => {
            let _ = stream.read(&mut buffer);
            return;
        }
    };
    let _ = stream.write_all(text.as_bytes());
}

/// A small document, made now.
pub(crate) fn document() -> String {
    let figures = r#""totalRequests": 24060, "p50Duration": 210.4, "p95Duration": 890.4, "p99Duration": 1424.6, "p999Duration": 2137,
        "maxDuration": 2671.2, "totalErrors": 63, "errorRate": 0.26, "requestsPerSecond": 80.2"#;
    let windows = format!(
        r#"{{"1m": {{{figures}}}, "5m": {{"coveredSeconds": 300, {figures}}}, "1h": {{{figures}}}}}"#
    );
    format!(
        r#"{{"schemaVersion": 1, "timestamp": "{}", "environment": "production", "service": {{"name": "shop", "release": "1.2"}},
        "process": {{"pid": 7, "runtime": "node", "uptimeSeconds": 400.0}}, "metrics": {{{figures}}}, "windows": {windows},
        "operations": [{{"name": "POST /analyze", "kind": "server", "labels": {{"region": "eu"}}, "windows": {windows}}}],
        "errors": [{{"type": "TimeoutError", "operation": "POST /analyze", "count": 63, "lastWindowCount": 9}}],
        "telemetry": {{"drops": {{"nan": 3}}}}, "later": [1.50, "\u00e9", {{}}]}}"#,
        timestamp()
    )
}

/// Now, in RFC 3339.
fn timestamp() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let (mut days, second) = (now.as_secs() / 86_400, now.as_secs() % 86_400);
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let lengths = [
        31,
        28 + u64::from(leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    let (hour, minute, second, millis) = (
        second / 3600,
        second / 60 % 60,
        second % 60,
        now.subsec_millis(),
    );
    format!(
        "{year}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z",
        month + 1,
        days + 1
    )
}

/// An address where nobody listens.
pub(crate) fn unused_address() -> String {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string()
}

/// The program, in an environment of ours.
pub(crate) fn tallylight<S: AsRef<std::ffi::OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tallylight"));
    for name in [
        "NO_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "TALLYLIGHT_STATUS_URL",
        "TALLYLIGHT_DSN",
        "SENTRY_DSN",
        "TALLYLIGHT_SPOOL_DIR",
        "SSL_CERT_FILE",
        "COLUMNS",
    ] {
        command.env_remove(name);
    }
    for name in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"] {
        command
            .env_remove(name)
            .env_remove(name.to_ascii_lowercase());
    }
    command.env("TERM", "xterm-256color").args(args);
    command
}

/// A command that has ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs a command to its end.
pub(crate) fn end(mut command: impl std::borrow::BorrowMut<Command>) -> Ran {
    let output = command.borrow_mut().output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

/// Reads a child's stdout until `wanted` was in it.
pub(crate) fn until_output(child: &mut Child, wanted: &str) {
    let stdout = child.stdout.as_mut().unwrap();
    let (mut seen, mut buffer) = (Vec::new(), [0; 1024]);
    while !String::from_utf8_lossy(&seen).contains(wanted) {
        let read = stdout.read(&mut buffer).unwrap();
        assert!(
            read > 0,
            "ended without {wanted}: {}",
            String::from_utf8_lossy(&seen)
        );
        seen.extend_from_slice(&buffer[..read]);
    }
}

/// Sends SIGINT, as Ctrl-C does.
pub(crate) fn interrupt(child: &Child) {
    signal(child, libc::SIGINT);
}

/// Sends a signal.
pub(crate) fn signal(child: &Child, signal: i32) {
    // SAFETY: sends a signal to a process that we started and have not waited for.
    assert_eq!(unsafe { libc::kill(child.id().cast_signed(), signal) }, 0);
}

/// A little while, for loops that wait for another process.
pub(crate) fn moment() {
    std::thread::sleep(Duration::from_millis(20));
}
