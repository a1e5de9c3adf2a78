//! Hidden input on a real (pseudo) terminal: nothing of a value is ever shown, and the echo comes back.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::cli_support::{moment, signal};
use crate::stage::{Stage, clean};

/// Only so that a broken program fails the test instead of hanging it.
const PATIENCE: Duration = Duration::from_secs(60);
const VALUE: &str = "canary-typed-0123456789";
const PEM: &str = "-----BEGIN KEY-----\nY2FuYXJ5LW9mLWEta2V5LWxpbmU\n-----END KEY-----";

/// The program on a terminal of its own.
struct Typed {
    child: Child,
    master: File,
    slave: OwnedFd,
    seen: Arc<Mutex<Vec<u8>>>,
    read: usize,
}

impl Typed {
    fn start(stage: &Stage, args: &[&str]) -> Self {
        let (mut master, mut slave) = (-1, -1);
        // SAFETY: both descriptors are written before success is answered; the others may be null.
        let opened = unsafe {
            libc::openpty(
                &raw mut master,
                &raw mut slave,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
                std::ptr::null_mut(),
            )
        };
        assert_eq!(opened, 0);
        // SAFETY: openpty gave us both, and nobody else knows them.
        let (master, slave) = unsafe { (File::from_raw_fd(master), OwnedFd::from_raw_fd(slave)) };
        let end = || Stdio::from(slave.try_clone().unwrap());
        let mut command = stage.command(args);
        command.stdin(end()).stdout(end()).stderr(end());
        // SAFETY: both calls are async-signal-safe; they make the terminal the child's own.
        unsafe {
            command.pre_exec(|| {
                if libc::setsid() < 0 || libc::ioctl(0, libc::TIOCSCTTY, 0) < 0 {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        let child = command.spawn().unwrap();
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
            seen,
            read: 0,
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.seen.lock().unwrap()).into_owned()
    }

    /// Waits until `wanted` comes after what was waited for before.
    fn wait_for(&mut self, wanted: &str) {
        let begun = Instant::now();
        loop {
            let text = self.text();
            if let Some(at) = text.get(self.read..).and_then(|rest| rest.find(wanted)) {
                self.read += at + wanted.len();
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "no {wanted} in {text:?}");
            moment();
        }
    }

    fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Answers a prompt twice.
    fn twice(&mut self, keys: &str) {
        self.wait_for("new value: ");
        self.press(keys);
        self.wait_for("again: ");
        self.press(keys);
    }

    fn has_echo(&self) -> bool {
        // SAFETY: an all-zero termios is valid, and tcgetattr overwrites it; the descriptor is open.
        let flags = unsafe {
            let mut settings: libc::termios = std::mem::zeroed();
            assert_eq!(
                libc::tcgetattr(self.slave.as_raw_fd(), &raw mut settings),
                0
            );
            settings.c_lflag
        };
        flags & (libc::ECHO | libc::ICANON | libc::ISIG) == libc::ECHO | libc::ICANON | libc::ISIG
    }

    /// Waits for the end, checks that the terminal shows again what is typed, and that no value was shown.
    fn end(mut self, values: &[&str]) -> (i32, String) {
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
        assert!(self.has_echo());
        // The last words are on their way still.
        std::thread::sleep(Duration::from_millis(100));
        let text = self.text();
        for value in values {
            clean(&text, value);
        }
        (status.code().unwrap_or(-1), text)
    }
}

#[test]
fn a_person_is_asked_for_each_value_and_sees_none() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let (first, second) = (stage.declare("cli-typed"), stage.declare("cli-skipped"));
    stage.aws.create(&second, "canary-that-stays").unwrap();
    stage.set("NO_COLOR", "1");
    let mut person = Typed::start(&stage, &["setup", &first, &second]);
    person.wait_for("does not exist yet in us-east-1");
    person.wait_for("new value: ");
    assert!(!person.has_echo());
    person.press(&format!("{VALUE}\n"));
    person.wait_for("again: ");
    person.press("canary-mistyped\n");
    person.wait_for("the two differ; nothing was kept");
    // A slip is taken back: backspace, and the whole line.
    person.wait_for("new value: ");
    person.press("slip\u{15}xx\u{7f}\u{7f}");
    person.press(&format!("{VALUE}\n"));
    person.wait_for("again: ");
    person.press(&format!("{VALUE}\n"));
    person.wait_for("exists, changed");
    person.wait_for("new value: ");
    person.press("\n");
    person.wait_for("Write to us-east-1? [y/N] ");
    assert!(person.has_echo());
    assert_eq!(stage.writes(), 0);
    person.press("y\n");
    let (code, text) = person.end(&[VALUE, "canary-mistyped", "canary-that-stays"]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains(&format!("created    {first}")), "{text}");
    assert_eq!(stage.text(&first), VALUE);
    assert_eq!(stage.text(&second), "canary-that-stays");
}

#[test]
fn no_is_no() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let name = stage.declare("cli-no");
    let mut person = Typed::start(&stage, &["setup", &name]);
    person.twice(&format!("{VALUE}\n"));
    person.wait_for("[y/N] ");
    person.press("\n");
    let (code, text) = person.end(&[VALUE]);
    assert!(code == 1 && text.contains("nothing was written"), "{text}");
    assert_eq!(stage.writes(), 0);
}

#[test]
fn ctrl_c_and_a_signal_bring_the_echo_back() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let name = stage.declare("cli-ctrl-c");
    for by_key in [true, false] {
        let mut person = Typed::start(&stage, &["setup", &name]);
        person.wait_for("new value: ");
        person.press("canary-half-typed");
        if by_key {
            person.press("\u{3}");
        } else {
            signal(&person.child, libc::SIGTERM);
        }
        let (code, text) = person.end(&["canary-half-typed"]);
        assert_eq!(code, if by_key { 130 } else { 143 }, "{text}");
        assert!(text.contains("interrupted"), "{text}");
    }
    assert_eq!(stage.writes(), 0);
}

#[test]
fn a_pasted_key_of_several_lines_is_taken_only_when_it_is_meant() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let name = stage.declare("cli-pem");
    let mut person = Typed::start(&stage, &["setup", &name, "--yes"]);
    person.wait_for("new value: ");
    person.press(&format!("{PEM}\n"));
    person.wait_for("several lines came at once; for such a value use --multiline");
    person.wait_for("new value: ");
    person.press("\n");
    let (code, text) = person.end(&[PEM]);
    assert_eq!(code, 0, "{text}");

    let mut person = Typed::start(&stage, &["setup", &name, "--yes", "--multiline"]);
    person.twice(&format!("{PEM}\n\n"));
    let (code, text) = person.end(&[PEM]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(stage.text(&name), PEM);

    // Longer than a line of a terminal may be.
    let long = "0123456789abcdef".repeat(400);
    let mut person = Typed::start(&stage, &["rotate", &name, "--yes"]);
    person.twice(&format!("{long}\n"));
    let (code, text) = person.end(&[&long, PEM]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(stage.text(&name), long);
}

#[test]
fn rotate_asks_first_and_get_warns() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let name = stage.declare("cli-asked");
    stage.aws.create(&name, "canary-old-and-gone").unwrap();
    let mut person = Typed::start(&stage, &["rotate", &name]);
    person.twice(&format!("{VALUE}\n"));
    person.wait_for("becomes AWSPREVIOUS. Go on? [y/N] ");
    person.press("yes\n");
    let (code, text) = person.end(&[VALUE, "canary-old-and-gone"]);
    assert_eq!(code, 0, "{text}");
    assert_eq!(stage.text(&name), VALUE);

    let person = Typed::start(&stage, &["get", &name, "--reveal"]);
    let (code, text) = person.end(&["canary-old-and-gone"]);
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("warning: ") && text.ends_with(&format!("{VALUE}\r\n")),
        "{text:?}"
    );

    // What would drive the terminal is not written to it.
    let other = stage.declare("cli-escapes");
    stage.aws.create(&other, "canary\u{1b}[31m-escape").unwrap();
    let person = Typed::start(&stage, &["get", &other, "--reveal"]);
    let (code, text) = person.end(&["canary\u{1b}[31m-escape"]);
    assert!(code == 1 && text.contains("--json"), "{text}");
}
