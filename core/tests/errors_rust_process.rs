//! Whole programs: what their errors and panics leave behind when they end, well or badly.
//!
//! Each scenario runs this file once more as a program of its own, with a `main` of its own, since
//! a panic there ends the process and one in a test does not.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use sentry_receiver::{Mode, Receiver};
use serde_json::Value;
use tallylight::errors::sentry::{self, Level};
use tallylight::errors::{Delivery, Dsn, capture_error, capture_message, flush, flush_async};
use tallylight::{Config, Tallylight};

/// Which program of [`PROGRAMS`] this process is to be.
const PROGRAM: &str = "TALLYLIGHT_TEST_PROGRAM";
/// A folder for the events that arrived, each in a file.
const KEPT: &str = "TALLYLIGHT_TEST_KEPT_EVENTS";
const SHUTDOWN: Duration = Duration::from_secs(2);
/// More than any machine needs.
const PATIENCE: Duration = Duration::from_secs(30);

const PROGRAMS: &[(&str, fn())] = &[
    ("panics", panics),
    ("dies", dies),
    ("delivers", delivers),
    ("forks", forks),
    ("was-bound", was_bound),
    ("shuts-down", shuts_down),
    ("has-sessions", has_sessions),
];

const SCENARIOS: &[(&str, fn())] = &[
    ("a_panic_of_main_ends_as_ever_and_arrives", panic_arrives),
    (
        "with_the_server_hanging_a_panic_ends_in_time_and_arrives_later",
        panic_while_hanging,
    ),
    ("what_a_killed_process_captured_arrives_later", killed),
    ("a_forked_child_delivers_its_own", forked),
    ("a_client_of_the_programs_own_is_not_replaced", own_client),
    ("init_shutdown_and_init_again", again),
    ("a_panic_of_main_crashes_the_session", crashed_session),
];

fn main() {
    if let Ok(name) = std::env::var(PROGRAM) {
        let program = PROGRAMS.iter().find(|(known, _)| *known == name);
        return program.unwrap().1();
    }
    let mut arguments = std::env::args().skip(1);
    let wanted = arguments.find(|argument| !argument.starts_with('-'));
    let chosen = SCENARIOS
        .iter()
        .filter(|(name, _)| wanted.as_ref().is_none_or(|part| name.contains(part)));
    let mut failed = false;
    for (name, scenario) in chosen {
        let passed = std::panic::catch_unwind(scenario).is_ok();
        println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
        failed |= !passed;
    }
    std::process::exit(i32::from(failed));
}

/// A server and a spool, and programs that use both.
struct Stage {
    receiver: Receiver,
    spool: PathBuf,
}

impl Stage {
    fn new(name: &str) -> Self {
        let spool = format!("tallylight-program-{}-{name}", std::process::id());
        Self {
            receiver: Receiver::start(0).unwrap(),
            spool: std::env::temp_dir().join(spool),
        }
    }

    fn run(&self, program: &str) -> Output {
        Command::new(std::env::current_exe().unwrap())
            .env_clear()
            .env(PROGRAM, program)
            .env("TALLYLIGHT_DSN", self.receiver.dsn())
            .env("TALLYLIGHT_SPOOL_DIR", &self.spool)
            .env("TALLYLIGHT_RELEASE", "program@1.2.3")
            .env("TALLYLIGHT_ENVIRONMENT", "staging")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// The events that have arrived, when there are so many.
    fn events(&self, count: usize) -> Vec<Value> {
        let until = Instant::now() + PATIENCE;
        loop {
            let items = self.receiver.items(Some("event"));
            if items.len() >= count || Instant::now() > until {
                assert_eq!(items.len(), count, "{items:?}");
                let events: Vec<Value> = items.into_iter().map(|item| item.payload).collect();
                keep(&events);
                return events;
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.spool);
    }
}

/// Writes the events into the folder that Sentry's own validation is run over, if there is one.
fn keep(events: &[Value]) {
    let Some(folder) = std::env::var_os(KEPT) else {
        return;
    };
    for event in events {
        let id = event["event_id"].as_str().unwrap();
        let file = Path::new(&folder).join(format!("{id}.json"));
        std::fs::write(file, event.to_string()).unwrap();
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn texts(events: &[Value]) -> BTreeSet<&str> {
    events
        .iter()
        .map(|event| {
            let last = event["exception"]["values"]
                .as_array()
                .and_then(|all| all.last());
            last.map_or(&event["message"], |last| &last["value"])
                .as_str()
                .unwrap_or_default()
        })
        .collect()
}

fn started() -> Tallylight {
    let mut config = Config::from_env().unwrap();
    config.errors.shutdown_timeout = SHUTDOWN;
    tallylight::init(config).unwrap()
}

#[derive(Debug)]
struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("it is broken")
    }
}

impl std::error::Error for Broken {}

fn panics() {
    started();
    sentry::configure_scope(|scope| scope.set_tag("part", "main"));
    main_fails();
}

#[inline(never)]
fn main_fails() {
    panic!("main fails on purpose");
}

fn panic_arrives() {
    let stage = Stage::new("panic");
    let output = stage.run("panics");
    assert_eq!(output.status.code(), Some(101));
    let said = stderr(&output);
    assert!(
        said.contains("panicked at") && said.contains("main fails on purpose"),
        "{said}"
    );
    // It had its chance before the process ended.
    let events = stage.events(1);
    let event = &events[0];
    assert_eq!(event["level"], "fatal");
    assert_eq!(event["tags"]["part"], "main");
    assert_eq!(event["release"], "program@1.2.3");
    assert_eq!(event["environment"], "staging");
    assert_eq!(event["sdk"]["name"], "tallylight.rust");
    let exception = &event["exception"]["values"][0];
    assert_eq!(exception["mechanism"]["handled"], false);
    assert_eq!(exception["mechanism"]["exception_id"], 0);
    let frames = exception["stacktrace"]["frames"].as_array().unwrap();
    let named = |part: &str| {
        frames.iter().find(|frame| {
            frame["function"]
                .as_str()
                .is_some_and(|name| name.contains(part))
        })
    };
    let frame = named("main_fails").unwrap_or_else(|| panic!("{frames:#?}"));
    assert!(
        frame["filename"]
            .as_str()
            .unwrap()
            .ends_with("errors_rust_process.rs")
    );
    assert_eq!(frame["in_app"], true);
    assert!(
        frame["context_line"]
            .as_str()
            .is_some_and(|line| line.contains("main fails on purpose"))
    );
}

fn panic_while_hanging() {
    let stage = Stage::new("hang");
    stage.receiver.mode(Mode::Hang).unwrap();
    let began = Instant::now();
    let output = stage.run("panics");
    assert_eq!(output.status.code(), Some(101));
    assert!(began.elapsed() < SHUTDOWN + PATIENCE / 3);
    assert!(stderr(&output).contains("main fails on purpose"));
    stage.receiver.reset().unwrap();
    assert!(stage.run("delivers").status.success());
    let events = stage.events(1);
    assert_eq!(texts(&events), BTreeSet::from(["main fails on purpose"]));
}

/// Captures with the server out of reach, and is killed.
fn dies() {
    started();
    capture_error(&Broken);
    capture_message("a message", Level::Warning);
    let thread = thread::spawn(|| panic!("a thread fails on purpose"));
    assert!(thread.join().is_err());
    // SAFETY: a signal to this very process.
    unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
}

fn delivers() {
    started();
    let delivery = flush(PATIENCE);
    assert_eq!(delivery.pending, 0, "{delivery:?}");
}

fn killed() {
    let stage = Stage::new("killed");
    stage.receiver.mode(Mode::Refuse).unwrap();
    let output = stage.run("dies");
    assert_eq!(output.status.code(), None, "{}", stderr(&output));
    stage.receiver.reset().unwrap();
    let output = stage.run("delivers");
    assert!(output.status.success(), "{}", stderr(&output));
    let events = stage.events(3);
    assert_eq!(
        texts(&events),
        BTreeSet::from(["it is broken", "a message", "a thread fails on purpose"])
    );
    let error = events
        .iter()
        .find(|event| texts(std::slice::from_ref(event)).contains("it is broken"))
        .unwrap();
    // The same program delivers them, so its addresses still have names.
    let frames = &error["exception"]["values"][0]["stacktrace"]["frames"];
    // What the program called is not among them.
    let innermost = frames.as_array().and_then(|frames| frames.last()).unwrap();
    assert_eq!(
        innermost["function"], "errors_rust_process::dies",
        "{frames:#}"
    );
    assert!(
        innermost["context_line"]
            .as_str()
            .is_some_and(|line| line.contains("capture_error(&Broken)"))
    );
}

fn forks() {
    let tally = started();
    capture_message("before", Level::Warning);
    // SAFETY: the child runs a little of ours and leaves by _exit.
    match unsafe { libc::fork() } {
        0 => {
            let body = || {
                capture_error(&Broken);
                let delivery = tally.errors().flush_blocking(PATIENCE);
                i32::from((delivery.captured, delivery.sent) != (1, 1))
            };
            let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
            // SAFETY: always allowed.
            unsafe { libc::_exit(code.unwrap_or(9)) }
        }
        child => {
            let mut status = 0;
            // SAFETY: the child just made, and a local.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            assert_eq!(status, 0, "the child fails");
            capture_message("after", Level::Warning);
            let delivery = flush(PATIENCE);
            assert_eq!((delivery.captured, delivery.sent), (2, 2), "{delivery:?}");
        }
    }
}

fn forked() {
    let stage = Stage::new("forked");
    let output = stage.run("forks");
    assert!(output.status.success(), "{}", stderr(&output));
    let events = stage.events(3);
    assert_eq!(
        texts(&events),
        BTreeSet::from(["before", "it is broken", "after"])
    );
}

fn was_bound() {
    let mut config = Config::from_env().unwrap();
    let client = sentry::Client::with_options(sentry::ClientOptions::new());
    sentry::Hub::main().bind_client(Some(client.into()));
    let dsn = config.errors.dsn.clone();
    config.errors.dsn = dsn.or_else(|| Dsn::parse("http://key@127.0.0.1:9/1").ok());
    let tally = tallylight::init(config).unwrap();
    // It has no DSN of its own: the program wants none of this captured.
    capture_error(&Broken);
    assert_eq!(
        tally.errors().delivery(),
        Delivery {
            durable: tally.errors().delivery().durable,
            ..Delivery::default()
        }
    );
}

fn own_client() {
    let stage = Stage::new("bound");
    let output = stage.run("was-bound");
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stage.events(0).len(), 0);
}

fn shuts_down() {
    // A thread whose hub is older than `init`.
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let old = thread::spawn(move || {
        assert_eq!(capture_message("too early", Level::Warning), None);
        wait.recv().unwrap();
        assert!(capture_message("from an old thread", Level::Warning).is_some());
    });
    thread::sleep(Duration::from_millis(50));
    let tally = started();
    go.send(()).unwrap();
    old.join().unwrap();
    let mut flushing = std::pin::pin!(flush_async(PATIENCE));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let delivery = loop {
        if let std::task::Poll::Ready(delivery) = flushing.as_mut().poll(&mut context) {
            break delivery;
        }
        thread::sleep(Duration::from_millis(5));
    };
    assert_eq!((delivery.captured, delivery.sent), (1, 1), "{delivery:?}");
    tally.shutdown();
    capture_message("too late", Level::Warning);
    let delivery = tally.errors().delivery();
    assert_eq!(delivery.reasons.get("closed"), Some(&1), "{delivery:?}");
    let mut config = Config::from_env().unwrap();
    config.release = Some("program@2".to_owned());
    tallylight::init(config).unwrap();
    capture_message("again", Level::Warning);
    assert_eq!(flush(PATIENCE).pending, 0);
}

fn again() {
    let stage = Stage::new("again");
    let output = stage.run("shuts-down");
    assert!(output.status.success(), "{}", stderr(&output));
    let events = stage.events(2);
    assert_eq!(
        texts(&events),
        BTreeSet::from(["from an old thread", "again"])
    );
    let again = events.iter().find(|event| event["message"] == "again");
    assert_eq!(again.unwrap()["release"], "program@2");
}

fn has_sessions() {
    let tally = started();
    assert!(tally.traces().start_session(None));
    capture_error(&Broken);
    main_fails();
}

fn crashed_session() {
    let stage = Stage::new("session");
    let output = stage.run("has-sessions");
    assert_eq!(output.status.code(), Some(101));
    stage.events(2);
    let ended = stage
        .receiver
        .items(Some("session"))
        .into_iter()
        .find(|item| item.payload["status"] == "crashed")
        .unwrap();
    assert_eq!(ended.payload["errors"], 2);
    assert!(Path::new(&stage.spool).exists());
}
