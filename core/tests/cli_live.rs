//! The live view on a real (pseudo) terminal: it comes up, follows keys and signals, and leaves the terminal as it was.
#![cfg(feature = "cli")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

mod cli_support;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cli_support::{Answer, Server, moment, signal, tallylight, unused_address};

/// Only so that a broken program fails the test instead of hanging it.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program on a terminal of 80 x 24.
struct Live {
    child: Child,
    master: File,
    slave: OwnedFd,
    before: libc::termios,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Live {
    fn start(args: &[&str]) -> Self {
        Self::start_with(args, &[])
    }

    fn start_with(args: &[&str], environment: &[(&str, &str)]) -> Self {
        let size = libc::winsize {
            ws_row: 24,
            ws_col: 80,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        let (mut master, mut slave) = (-1, -1);
        // SAFETY: both descriptors are written before success is answered; the name and settings may be null.
        let opened = unsafe {
            libc::openpty(
                &raw mut master,
                &raw mut slave,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                (&raw const size).cast_mut(),
            )
        };
        assert_eq!(opened, 0);
        // SAFETY: openpty gave us both, and nobody else knows them.
        let (master, slave) = unsafe { (File::from_raw_fd(master), OwnedFd::from_raw_fd(slave)) };
        let end = || Stdio::from(slave.try_clone().unwrap());
        let before = settings(&slave);
        let child = tallylight(args)
            .envs(environment.iter().copied())
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (mut reader, shared) = (master.try_clone().unwrap(), Arc::clone(&seen));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read) = reader.read(&mut buffer) {
                shared.lock().unwrap().extend_from_slice(&buffer[..read]);
            }
        });
        Self {
            child,
            master,
            slave,
            before,
            seen,
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap()).into_owned()
    }

    fn wait_for(&self, wanted: &str) {
        self.wait_until(wanted, |text| text.contains(wanted));
    }

    fn wait_until(&self, what: &str, reached: impl Fn(&str) -> bool) {
        let begun = Instant::now();
        while !reached(&self.text()) {
            assert!(begun.elapsed() < PATIENCE, "no {what} in {:?}", self.text());
            moment();
        }
    }

    fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for the end, checks that the terminal is as before, and answers with the exit code and all that was shown.
    fn end(mut self) -> (i32, String) {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if begun.elapsed() > PATIENCE {
                self.child.kill().unwrap();
                panic!("it does not end: {:?}", self.text());
            }
            moment();
        };
        self.wait_for("\u{1b}[?1049l");
        let after = settings(&self.slave);
        assert_eq!(
            (after.c_iflag, after.c_oflag, after.c_lflag),
            (
                self.before.c_iflag,
                self.before.c_oflag,
                self.before.c_lflag
            )
        );
        // What follows the last switch back is on the ordinary screen; all of it has been read when nothing more comes.
        let mut length = 0;
        while length != self.text().len() {
            length = self.text().len();
            moment();
        }
        let text = self.text();
        assert_eq!(text.matches("\u{1b}[?1049h").count(), 1);
        assert!(text.contains("\u{1b}[?25h"), "the cursor is back");
        (status.code().unwrap(), text)
    }
}

fn settings(terminal: &OwnedFd) -> libc::termios {
    // SAFETY: all-zero is a valid termios, and tcgetattr fills it for an open terminal.
    unsafe {
        let mut settings: libc::termios = std::mem::zeroed();
        assert_eq!(libc::tcgetattr(terminal.as_raw_fd(), &raw mut settings), 0);
        settings
    }
}

fn after_the_view(text: &str) -> &str {
    text.rsplit("\u{1b}[?1049l")
        .next()
        .unwrap()
        .trim_start_matches("\u{1b}[?25h")
}

#[test]
fn keys_quit_the_view_and_the_terminal_is_as_it_was() {
    let server = Server::start(Answer::Document);
    for key in ["q", "\u{1b}", "\u{3}"] {
        let mut live = Live::start(&["status", &server.address]);
        live.wait_for("GREEN");
        live.press(key);
        let (code, text) = live.end();
        assert_eq!(code, 0, "{key:?}");
        assert_eq!(after_the_view(&text), "", "{key:?}");
    }
}

#[test]
fn signals_end_it_at_once_and_restore_the_terminal() {
    let hanging = Server::start(Answer::Hang);
    for (number, code) in [(libc::SIGINT, 130), (libc::SIGTERM, 143)] {
        let live = Live::start(&["status", "--timeout", "600s", &hanging.address]);
        live.wait_for("WAITING");
        signal(&live.child, number);
        assert_eq!(live.end().0, code);
    }
}

#[test]
fn a_pause_is_shown_and_ends() {
    let server = Server::start(Answer::Document);
    let mut live = Live::start(&["status", "--interval", "100ms", &server.address]);
    live.wait_for("GREEN");
    live.press("p");
    live.wait_for("PAUSED");
    live.press("p");
    // The screen is redrawn by differences, so the word comes again in pieces: its ground turns green again.
    live.wait_until("green", |text| {
        text.rfind("48;5;2m") > text.rfind("48;5;3m")
    });
    live.press("ss\u{1b}[B\u{1b}[6~rq");
    assert_eq!(live.end().0, 0);
}

#[test]
fn seconds_end_it_with_a_summary_on_the_ordinary_screen() {
    let server = Server::start(Answer::Document);
    let (code, text) = Live::start(&["status", "--seconds", "1", &server.address]).end();
    assert_eq!(code, 0);
    let summary = after_the_view(&text);
    assert!(
        summary.contains("GREEN") && summary.contains("since start"),
        "{summary:?}"
    );
}

#[test]
fn a_service_that_goes_away_turns_the_view_stale() {
    let server = Server::start(Answer::DocumentThen503);
    let mut live = Live::start(&["status", "--interval", "100ms", &server.address]);
    live.wait_for("STALE");
    live.wait_for("503");
    live.press("q");
    let (code, text) = live.end();
    assert_eq!(code, 1);
    assert!(after_the_view(&text).contains("hint:"), "{text:?}");
}

#[test]
fn a_service_that_is_not_there_is_waited_for_and_named() {
    let mut live = Live::start(&["status", &unused_address()]);
    live.wait_for("WAITING");
    live.wait_for("refused");
    live.press("q");
    let (code, text) = live.end();
    assert_eq!(code, 1);
    assert!(
        after_the_view(&text).contains("connection refused"),
        "{text:?}"
    );
}

#[test]
fn without_colour_the_view_sends_none() {
    let server = Server::start(Answer::Document);
    let mut live = Live::start_with(&["status", &server.address], &[("NO_COLOR", "1")]);
    live.wait_for("GREEN");
    live.press("q");
    let (_, text) = live.end();
    for code in ["\u{1b}[3", "\u{1b}[4", "38;5", "48;5"] {
        let coloured = text.match_indices(code).any(|(at, _)| {
            text[at + code.len()..].starts_with(['1', '2', '3', '4', '5', '6', '7'])
        });
        assert!(!coloured, "{code:?} in {text:?}");
    }
}

#[test]
fn a_terminal_that_cannot_move_its_cursor_gets_lines() {
    let server = Server::start(Answer::Document);
    let mut live = Live::start_with(&["status", &server.address], &[("TERM", "dumb")]);
    live.wait_for("within limits");
    assert_eq!(live.child.wait().unwrap().code(), Some(0));
    assert!(!live.text().contains('\u{1b}'), "{:?}", live.text());
}
