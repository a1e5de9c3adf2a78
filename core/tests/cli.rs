//! Transcripts of the `tallylight` program against small servers: what it prints, where, and its exit code.
#![cfg(feature = "cli")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

mod cli_support;

use std::process::Stdio;

use cli_support::{Answer, Server, document, end, interrupt, tallylight, until_output};

#[test]
fn version_says_what_it_is() {
    let ran = end(tallylight(["version"]));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(
        ran.out.starts_with(&format!("tallylight {version} (")),
        "{}",
        ran.out
    );
    assert_eq!(
        end(tallylight(["--version"])).out,
        format!("tallylight {version}\n")
    );
    let json: serde_json::Value =
        serde_json::from_str(&end(tallylight(["version", "--json"])).out).unwrap();
    assert_eq!(
        (&json["name"], &json["version"]),
        (&"tallylight".into(), &version.into())
    );
}

#[test]
fn help_has_examples_for_every_command() {
    for args in [
        &["--help"][..],
        &["status", "--help"],
        &["version", "--help"],
    ] {
        let ran = end(tallylight(args));
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{args:?}");
        assert!(
            ran.out.contains("Examples:") && ran.out.contains("tallylight "),
            "{}",
            ran.out
        );
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
        &["stats"][..],
        &["status", "--nope"],
        &["status", "--seconds", "0"],
        &["status", "--interval", "1ms"],
        &["status", "--timeout", "soon"],
        &["status", "--once", "--watch"],
        &["status", "ftp://host"],
        &["status", "http://host:99999"],
        &["status", "a", "b"],
        &["status", "\u{1b}[2Jx y"],
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
        assert!(!ran.err.contains('\u{1b}'), "{:?}", ran.err);
    }
    let bare = end(tallylight([""; 0]));
    assert_eq!((bare.code, bare.out.as_str()), (2, ""));
    assert!(bare.err.contains("Usage: tallylight"), "{}", bare.err);
}

#[test]
fn a_pipe_gets_one_plain_frame() {
    let server = Server::start(Answer::Document);
    for args in [
        vec!["status", &server.address],
        vec!["status", "--once", &server.url()],
    ] {
        let ran = end(tallylight(args));
        assert_eq!((ran.code, ran.err.as_str()), (0, ""));
        assert!(
            ran.out.starts_with(
                "● GREEN  error rate 0.26 %, p95 890 ms in the last 5 min: within limits\n"
            ),
            "{}",
            ran.out
        );
        for part in [
            "shop 1.2",
            "production",
            "node pid 7",
            "last 5 min",
            "POST /analyze",
            "TimeoutError",
            "recordings dropped: 3 nan",
        ] {
            assert!(ran.out.contains(part), "{part}\n{}", ran.out);
        }
        assert!(!ran.out.contains('\u{1b}'), "no colour in a pipe");
    }
    assert_eq!(
        server.requests()[0].split("\r\n").next(),
        Some("GET /api/monitoring/status HTTP/1.1")
    );
}

#[test]
fn the_environment_names_the_service_and_the_colours() {
    let server = Server::start(Answer::Document);
    let ran = end(tallylight(["status", "--once"]).env("TALLYLIGHT_STATUS_URL", &server.address));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let coloured =
        end(tallylight(["status", "--once", &server.address]).env("CLICOLOR_FORCE", "1"));
    assert!(
        coloured.out.contains("\u{1b}[1;32m● GREEN"),
        "{}",
        coloured.out
    );
    let plain = end(tallylight(["status", "--once", &server.address])
        .env("CLICOLOR_FORCE", "1")
        .env("NO_COLOR", "1"));
    assert!(!plain.out.contains('\u{1b}'));
    let flag = end(
        tallylight(["status", "--once", "--color", "always", &server.address]).env("NO_COLOR", "1"),
    );
    assert!(
        flag.out.contains('\u{1b}'),
        "what is typed beats the environment"
    );
}

#[test]
fn json_is_the_document_as_it_was_sent() {
    let server = Server::start(Answer::Document);
    let ran = end(tallylight(["status", "--json", &server.address]));
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let squeezed: String = ran.out.split_whitespace().collect();
    let sent: String = document().split_whitespace().collect();
    let without_time = |text: &str| text.split("\"environment\"").nth(1).unwrap().to_owned();
    assert_eq!(without_time(&squeezed), without_time(&sent));
    assert!(
        ran.out.starts_with("{\n  \"schemaVersion\": 1,\n"),
        "{}",
        ran.out
    );
}

#[test]
fn json_with_an_interval_is_one_line_for_each_poll() {
    let server = Server::start(Answer::Document);
    let ran = end(tallylight([
        "status",
        "--json",
        "--interval",
        "100ms",
        "--seconds",
        "1",
        &server.address,
    ]));
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.lines().count() > 1, "{}", ran.out);
    for line in ran.out.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["schemaVersion"], 1);
    }
}

#[test]
fn seconds_ends_with_a_summary() {
    let server = Server::start(Answer::Document);
    let ran = end(tallylight([
        "status",
        "--seconds",
        "1",
        "--interval",
        "200ms",
        &server.address,
    ]));
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let (lines, summary) = ran.out.split_once("\n\n").unwrap();
    assert!(
        lines.lines().count() > 1 && lines.lines().all(|line| line.contains(" UTC ● GREEN ")),
        "{lines}"
    );
    assert!(
        summary.starts_with("● GREEN  ") && summary.contains("since start"),
        "{summary}"
    );
}

#[test]
fn what_is_no_status_document_fails_with_a_hint() {
    for (answer, message, hint) in [
        (
            Answer::Status(404),
            "HTTP status 404 Not Found",
            "not mounted yet",
        ),
        (
            Answer::Status(503),
            "HTTP status 503 Service Unavailable",
            "its own log says why",
        ),
        (
            Answer::Status(401),
            "HTTP status 401 Unauthorized",
            "credentials",
        ),
        (
            Answer::Status(204),
            "HTTP status 204 No Content",
            "status 200",
        ),
        (
            Answer::Body("<!doctype html><h1>Shop\u{1b}[2J</h1>"),
            "is a web page; it starts with `<!doctype html>",
            "not mounted yet",
        ),
        (
            Answer::Body("{\"metrics\": {"),
            "is not JSON",
            "not mounted yet",
        ),
        (Answer::Body(""), "is not JSON", "not mounted yet"),
        (
            Answer::Body("{\"status\":\"healthy\"}"),
            "is not a status document: it has no `metrics`",
            "not mounted yet",
        ),
        (
            Answer::Body("{\"schemaVersion\":7,\"metrics\":{}}"),
            "version 7 of the status document",
            "same release",
        ),
        (Answer::Garbage, "is not HTTP", "https://"),
        (
            Answer::Closed,
            "closed before the whole answer came",
            "restarting",
        ),
        (
            Answer::Cut,
            "closed before the whole answer came",
            "restarting",
        ),
        (Answer::Endless, "longer than 64 MB", "not mounted yet"),
        (
            Answer::Redirects,
            "redirected more than 3 times",
            "login page",
        ),
    ] {
        let server = Server::start(answer);
        for mode in ["--once", "--json"] {
            let ran = end(tallylight(["status", mode, &server.address]));
            assert_eq!(
                (ran.code, ran.out.as_str()),
                (1, ""),
                "{answer:?}: {}",
                ran.err
            );
            assert!(
                ran.err.starts_with("error: ") && ran.err.contains(message),
                "{answer:?}: {}",
                ran.err
            );
            let hinted = ran.err.split("\nhint: ").nth(1).unwrap_or_default();
            assert!(hinted.contains(hint), "{answer:?}: {}", ran.err);
            assert!(!ran.err.contains('\u{1b}'), "{:?}", ran.err);
        }
    }
}

#[test]
fn a_wrong_path_is_answered_with_the_usual_one() {
    let server = Server::start(Answer::Document);
    let ran = end(tallylight([
        "status",
        "--once",
        &format!("http://{}/status", server.address),
    ]));
    assert_eq!(ran.code, 1);
    assert!(
        ran.err
            .contains(&format!("try `tallylight status {}`", server.url())),
        "{}",
        ran.err
    );
}

#[test]
fn a_service_that_cannot_be_reached_fails_with_a_hint() {
    let nobody = cli_support::unused_address();
    let ran = end(tallylight(["status", "--once", &nobody]));
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(
        ran.err.contains("connection refused") && ran.err.contains("hint: is the service running"),
        "{}",
        ran.err
    );
    let ran = end(tallylight(["status", "--once", "no-such-host.invalid"]));
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("no host named `no-such-host.invalid`")
            || ran.err.contains("no answer within"),
        "{}",
        ran.err
    );
    let server = Server::start(Answer::Document);
    let ran = end(tallylight([
        "status",
        "--once",
        &format!("https://{}", server.address),
    ]));
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("does not speak TLS") && ran.err.contains("hint: write http://"),
        "{}",
        ran.err
    );
}

#[test]
fn a_hanging_service_is_given_up_in_time() {
    let server = Server::start(Answer::Hang);
    let ran = end(tallylight([
        "status",
        "--once",
        "--timeout",
        "200ms",
        &server.address,
    ]));
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(
        ran.err.contains("no answer within 200 ms") && ran.err.contains("hint: "),
        "{}",
        ran.err
    );
    let ran = end(tallylight([
        "status",
        "--json",
        "--seconds",
        "1",
        "--timeout",
        "60s",
        &server.address,
    ]));
    assert_eq!(ran.code, 1);
    assert!(
        ran.err.contains("no answer in the time there was"),
        "{}",
        ran.err
    );
}

#[test]
fn credentials_are_sent_and_never_printed() {
    let server = Server::start(Answer::Document);
    let ran = end(tallylight([
        "status",
        "--once",
        &format!("http://ann:s3cret@{}", server.address),
    ]));
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(!ran.out.contains("s3cret"));
    assert!(
        server.requests()[0].contains("Basic YW5uOnMzY3JldA=="),
        "{:?}",
        server.requests()
    );
    let nobody = cli_support::unused_address();
    let ran = end(tallylight([
        "status",
        "--once",
        &format!("http://ann:s3cret@{nobody}"),
    ]));
    assert!(ran.code == 1 && !ran.err.contains("s3cret"), "{}", ran.err);
}

#[test]
fn a_proxy_is_not_asked_for_this_machine() {
    let server = Server::start(Answer::Document);
    let nobody = format!("http://{}", cli_support::unused_address());
    let ran = end(tallylight(["status", "--once", &server.address])
        .env("HTTP_PROXY", &nobody)
        .env("ALL_PROXY", &nobody));
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[test]
fn a_closed_pipe_is_a_quiet_end() {
    let server = Server::start(Answer::Document);
    for mode in [
        &["--json", "--watch", "--interval", "100ms"][..],
        &["--watch", "--interval", "100ms"],
        &["--once"],
    ] {
        let mut command = tallylight(["status", &server.address]);
        let mut child = command
            .args(mode)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (
                output.status.code(),
                String::from_utf8_lossy(&output.stderr).as_ref()
            ),
            (Some(0), ""),
            "{mode:?}"
        );
    }
}

#[test]
fn an_interrupt_ends_it_at_once_even_while_a_service_hangs() {
    let hanging = Server::start(Answer::Hang);
    let mut child = tallylight(["status", "--once", "--timeout", "600s", &hanging.address])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    hanging.wait_for_a_request();
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let server = Server::start(Answer::Document);
    let mut child = tallylight(["status", "--watch", "--interval", "1h", &server.address])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    until_output(&mut child, "GREEN");
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_service_that_goes_away_is_told_once_and_ends_with_1() {
    let server = Server::start(Answer::DocumentThen503);
    let ran = end(tallylight([
        "status",
        "--seconds",
        "1",
        "--interval",
        "100ms",
        &server.address,
    ]));
    assert_eq!(ran.code, 1);
    assert_eq!(ran.err.matches("error: ").count(), 1, "{}", ran.err);
    assert!(
        ran.out.contains("○ STALE  last known: GREEN"),
        "{}",
        ran.out
    );
}

#[test]
fn run_answers_with_the_exit_code_and_leaves_the_host_alone() {
    let run = |args: &[&str]| tallylight::cli::run(args.iter().map(ToString::to_string).collect());
    assert_eq!(run(&[]), 2);
    assert_eq!(run(&["tallylight", "no\0pe", "\u{1b}"]), 2);
    assert_eq!(run(&["/some/where/node", "version"]), 0);
}
