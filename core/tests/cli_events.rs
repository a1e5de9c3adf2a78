//! Transcripts of `tallylight events` over real spools, of processes that are at work.
#![cfg(all(feature = "cli", feature = "sentry"))]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

mod cli_support;
mod errors_support;

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use cli_support::{Ran, end, interrupt, signal, tallylight, until_output};
use errors_support::{Folder, config, next_id};
use sentry_receiver::{Mode, Receiver};
use serde_json::{Value, json};
use tallylight::Tallylight;
use tallylight::errors::{Attachment, Category, EventId, Item};

/// `tallylight events …` over a folder.
fn events(folder: &Folder, args: &[&str]) -> Command {
    let mut command = tallylight(["events"]);
    command
        .args(args)
        .env("TALLYLIGHT_SPOOL_DIR", folder.path());
    command
}

/// A process's instance without a DSN, whose events this machine keeps.
fn local(folder: &Folder) -> Tallylight {
    let receiver = Receiver::start(0).unwrap();
    let mut settings = config(&receiver, folder);
    settings.errors.dsn = None;
    Tallylight::new(settings).unwrap()
}

fn capture(tally: &Tallylight, category: Category, event: &Value) -> EventId {
    let id = next_id();
    let mut event = event.clone();
    event["event_id"] = json!(id.to_string());
    tally.errors().capture(&Item {
        category,
        id,
        payload: &event.to_string(),
        trace: None,
        attachments: &[],
        profile: None,
    });
    id
}

fn order_error() -> Value {
    json!({
        "level": "error",
        "exception": { "values": [
            { "type": "ConnectionError", "value": "refused", "mechanism":
                { "type": "chained", "source": "__cause__", "exception_id": 1, "parent_id": 0 } },
            { "type": "OrderError", "value": "order 7 was not placed", "stacktrace": { "frames": [
                { "function": "main", "filename": "app.py", "lineno": 3, "in_app": true },
                { "function": "place", "filename": "orders.py", "lineno": 71, "in_app": true },
            ] }, "mechanism": { "type": "generic", "handled": true, "exception_id": 0 } },
        ] },
        "breadcrumbs": { "values": [{ "timestamp": 1_767_225_600.0, "category": "cart", "message": "filled" }] },
        "tags": { "area": "orders" },
        "user": { "id": "u-7" },
    })
}

fn json_of(ran: &Ran) -> Value {
    assert_eq!(ran.code, 0, "{}", ran.err);
    serde_json::from_str(&ran.out).unwrap()
}

#[test]
fn help_has_examples_and_the_exit_codes() {
    for args in [
        &["events", "--help"][..],
        &["events", "list", "--help"],
        &["events", "show", "--help"],
        &["events", "tail", "--help"],
    ] {
        let ran = end(tallylight(args));
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{args:?}");
        assert!(ran.out.contains("Examples:"), "{}", ran.out);
        assert!(
            ran.out.lines().all(|line| line.chars().count() <= 100),
            "{}",
            ran.out
        );
    }
}

#[test]
fn wrong_arguments_are_a_usage_error_with_a_hint() {
    for args in [
        &["events", "lsit"][..],
        &["events", "list", "--kind", "oops"],
        &["events", "list", "--limit", "many"],
        &["events", "show"],
        &["events", "show", "not-an-id"],
        &["events", "tail", "--interval", "1ms"],
    ] {
        let ran = end(tallylight(args));
        assert_eq!(
            (ran.code, ran.out.as_str()),
            (2, ""),
            "{args:?}: {}",
            ran.err
        );
        assert!(
            ran.err.starts_with("error: ") && ran.err.contains("\nhint: "),
            "{args:?}: {}",
            ran.err
        );
    }
}

#[test]
fn a_folder_that_is_not_there_has_no_events() {
    let folder = Folder::new("none");
    let ran = end(events(&folder, &["list"]));
    assert_eq!((ran.code, ran.out.as_str()), (0, ""));
    assert!(ran.err.starts_with("no events in "), "{}", ran.err);
    let ran = end(events(&folder, &["show", "latest"]));
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("there is no event in "), "{}", ran.err);
    assert_eq!(
        json_of(&end(events(&folder, &["list", "--json"])))["total"],
        0
    );
}

#[test]
fn what_a_living_process_kept_is_listed_the_newest_first() {
    let folder = Folder::new("listed");
    let tally = local(&folder);
    capture(
        &tally,
        Category::Error,
        &json!({ "logentry": { "formatted": "the first" }, "level": "warning" }),
    );
    std::thread::sleep(Duration::from_millis(5));
    let id = capture(&tally, Category::Error, &order_error());
    let ran = end(events(&folder, &["list"]));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines.len(), 3, "{}", ran.out);
    for part in [
        "OrderError: order 7 was not placed",
        &id.to_string()[..8],
        "error",
        "kept",
        "place (orders.py:71)",
        "this machine",
    ] {
        assert!(lines[1].contains(part), "{part}: {}", lines[1]);
    }
    assert!(
        lines[2].contains("the first") && lines[2].contains("warning"),
        "{}",
        lines[2]
    );
    assert!(!ran.out.contains('\u{1b}'), "no colour in a pipe");

    let document = json_of(&end(events(&folder, &["list", "--json", "--limit", "1"])));
    assert_eq!(document["total"], 2);
    let listed = document["events"].as_array().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["id"], id.to_string());
    assert_eq!(listed[0]["state"], "kept");
    assert_eq!(listed[0]["kind"], "error");
}

#[test]
fn what_waits_for_a_server_is_listed_with_it_and_without_its_key() {
    let folder = Folder::new("waiting");
    let receiver = Receiver::start(0).unwrap();
    receiver.mode(Mode::Down).unwrap();
    let tally = Tallylight::new(config(&receiver, &folder)).unwrap();
    capture(&tally, Category::Error, &order_error());
    capture(
        &tally,
        Category::CheckIn,
        &json!({ "monitor_slug": "backup", "status": "error" }),
    );
    let mut list = events(&folder, &["list", "--kind", "error"]);
    let ran = end(list.env("SENTRY_DSN", receiver.dsn()));
    assert!(ran.out.contains("waiting"), "{}", ran.out);
    assert!(ran.out.contains(&receiver.url()), "{}", ran.out);
    assert!(!ran.out.contains("key"), "{}", ran.out);
    assert!(!ran.out.contains("backup"), "{}", ran.out);
    // Of another DSN no more is known than that it is another.
    let ran = end(events(&folder, &["list", "--kind", "check-in"]));
    assert!(
        ran.out.contains("backup") && ran.out.contains("another DSN"),
        "{}",
        ran.out
    );
}

#[test]
fn show_has_the_chain_the_frames_and_all_that_belongs_to_it() {
    let folder = Folder::new("shown");
    let tally = local(&folder);
    let id = capture(&tally, Category::Error, &order_error());
    let ran = end(events(&folder, &["show", &id.to_string()[..32]]));
    assert_eq!(ran.code, 0, "{}", ran.err);
    for part in [
        "OrderError: order 7 was not placed\n",
        "state        kept on this machine: there is no DSN\n",
        "release      app@1.2.3\n",
        "environment  test\n",
        "server       machine\n",
        "\n  * at place (orders.py:71)\n  * at main (app.py:3)\ncaused by: ConnectionError: refused\n",
        "00:00:00 UTC  cart  filled\n",
        "  area  orders\n",
        "  id  u-7\n",
    ] {
        assert!(ran.out.contains(part), "{part}\n{}", ran.out);
    }
    let document = json_of(&end(events(&folder, &["show", "latest", "--json"])));
    assert_eq!(document["id"], id.to_string());
    assert_eq!(
        document["event"]["exception"]["values"][1]["type"],
        "OrderError"
    );
    assert_eq!(document["event"]["release"], "app@1.2.3");
}

#[test]
fn show_wants_an_id_that_is_there_and_names_one_event() {
    let folder = Folder::new("ambiguous");
    let tally = local(&folder);
    for _ in 0..2 {
        capture(&tally, Category::Error, &order_error());
    }
    // The ids of this process's tests begin alike.
    let ran = end(events(&folder, &["show", "0000"]));
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("2 events begin with 0000"), "{}", ran.err);
    let ran = end(events(&folder, &["show", "ffff"]));
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("no event that begins with ffff"),
        "{}",
        ran.err
    );
}

#[test]
fn the_names_of_files_beside_an_event_are_shown() {
    let folder = Folder::new("attached");
    let tally = local(&folder);
    let id = next_id();
    let event = json!({ "event_id": id.to_string(), "logentry": { "formatted": "with files" } });
    tally.errors().capture(&Item {
        category: Category::Error,
        id,
        payload: &event.to_string(),
        trace: None,
        attachments: &[Attachment {
            filename: "last\u{1b}[2J.log",
            content_type: None,
            bytes: b"text",
        }],
        profile: None,
    });
    let ran = end(events(&folder, &["show", "latest"]));
    assert!(
        ran.out.contains("attachments  last␛[2J.log\n"),
        "{}",
        ran.out
    );
}

#[test]
fn a_hostile_event_drives_no_terminal() {
    let folder = Folder::new("hostile");
    let tally = local(&folder);
    let nasty = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{202e}gnp.exe\r\nfake line";
    capture(
        &tally,
        Category::Error,
        &json!({
            "level": nasty, "transaction": nasty, "environment": nasty, "logger": nasty,
            "exception": { "values": [{ "type": nasty, "value": nasty, "mechanism": { "type": nasty, "handled": false },
                "stacktrace": { "frames": [{ "function": nasty, "filename": nasty, "lineno": 2, "in_app": true,
                    "pre_context": [nasty], "context_line": nasty, "post_context": [nasty] }] } }] },
            "breadcrumbs": { "values": [{ "category": nasty, "message": nasty }] },
            "tags": { nasty: nasty }, "extra": { nasty: { nasty: nasty } },
            "contexts": { nasty: { nasty: nasty } },
        }),
    );
    for args in [
        &["list"][..],
        &["show", "latest"],
        &["tail", "--seconds", "1"],
    ] {
        let mut command = events(&folder, args);
        let ran = end(command.args(["--color", "never"]));
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
        for bad in ['\u{1b}', '\u{7}', '\r', '\u{202e}'] {
            assert!(!ran.out.contains(bad), "{args:?}: {bad:?}");
            assert!(!ran.err.contains(bad), "{args:?}: {bad:?}");
        }
        assert!(
            !ran.out.lines().any(|line| line.starts_with("fake line")),
            "{}",
            ran.out
        );
    }
}

#[test]
fn colour_comes_where_it_is_asked_for_and_the_words_stay() {
    let folder = Folder::new("colour");
    let tally = local(&folder);
    capture(&tally, Category::Error, &order_error());
    let plain = end(events(&folder, &["list"])).out;
    let coloured = end(events(&folder, &["list", "--color", "always"])).out;
    assert!(coloured.contains("\u{1b}[1;31merror"), "{coloured}");
    let mut stripped = coloured.clone();
    for code in [
        "\u{1b}[1;31m",
        "\u{1b}[1;32m",
        "\u{1b}[2m",
        "\u{1b}[1m",
        "\u{1b}[0m",
    ] {
        stripped = stripped.replace(code, "");
    }
    // Times move on between the two; the words do not.
    assert!(stripped.contains("kept") && plain.contains("kept"));
    assert!(stripped.contains("OrderError: order 7 was not placed"));
}

#[test]
fn tail_prints_what_comes_and_ends_on_ctrl_c() {
    let folder = Folder::new("tail");
    let tally = local(&folder);
    capture(
        &tally,
        Category::Error,
        &json!({ "logentry": { "formatted": "before" } }),
    );
    let mut tail = events(&folder, &["tail", "--interval", "100ms"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    until_output(&mut tail, "before");
    capture(
        &tally,
        Category::Error,
        &json!({ "logentry": { "formatted": "while it looks" } }),
    );
    until_output(&mut tail, "while it looks");
    interrupt(&tail);
    let mut rest = String::new();
    tail.stdout
        .take()
        .unwrap()
        .read_to_string(&mut rest)
        .unwrap();
    assert_eq!(tail.wait().unwrap().code(), Some(130));
    assert!(!rest.contains("before"), "each once: {rest}");
}

#[test]
fn tail_starts_before_there_is_a_folder_and_prints_lines_of_json() {
    let folder = Folder::new("tail-json");
    let mut tail = events(
        &folder,
        &["tail", "--json", "--interval", "100ms", "--seconds", "20"],
    )
    .stdout(Stdio::piped())
    .spawn()
    .unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let tally = local(&folder);
    let id = capture(&tally, Category::Error, &order_error());
    until_output(&mut tail, &format!("\"id\":\"{id}\""));
    signal(&tail, libc::SIGTERM);
    assert_eq!(tail.wait().unwrap().code(), Some(143));
}

#[test]
fn a_reader_that_goes_away_ends_tail_quietly() {
    let folder = Folder::new("pipe");
    let tally = local(&folder);
    capture(&tally, Category::Error, &order_error());
    let mut tail = events(&folder, &["tail", "--interval", "100ms"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until_output(&mut tail, "OrderError");
    drop(tail.stdout.take());
    capture(&tally, Category::Error, &order_error());
    let output = tail.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
