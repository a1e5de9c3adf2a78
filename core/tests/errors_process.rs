//! Processes that die, fork and follow each other: their events arrive, and are counted where they
//! were captured.

#![cfg(feature = "sentry")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test")]

mod errors_support;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use errors_support::{Folder, PATIENCE, capture, config, tally};
use sentry_receiver::{Mode, Receiver};
use tallylight::errors::Dsn;
use tallylight::{Config, Tallylight};

const ROLE: &str = "TALLYLIGHT_TEST_ROLE";

/// Runs this program's test `child` as a process of its own in a role.
fn spawn(role: &str, receiver: &Receiver, folder: &Folder) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--ignored"])
        .env(ROLE, role)
        .env("TALLYLIGHT_DSN", receiver.dsn())
        .env("TALLYLIGHT_SPOOL_DIR", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn said(child: &mut Child, wanted: &str) {
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    while let Some(Ok(line)) = lines.next() {
        // The test harness says its own first.
        if line.ends_with(wanted) {
            return;
        }
    }
    panic!("the child ended without {wanted:?}");
}

#[test]
#[ignore = "a process that the other tests start"]
fn child() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let mut config = Config::from_env().unwrap();
    config.errors.shutdown_timeout = Duration::ZERO;
    match role.as_str() {
        "die" => {
            let tally = tallylight::init(config).unwrap();
            for _ in 0..20 {
                capture(&tally);
            }
            println!("captured");
            std::thread::sleep(PATIENCE);
        }
        "exit" => {
            let tally = tallylight::init(config).unwrap();
            for _ in 0..20 {
                capture(&tally);
            }
            // Without anything that runs at an orderly end.
            // SAFETY: it ends the process and touches nothing of it.
            unsafe { libc::_exit(0) };
        }
        "full" => {
            // As on a full disk: no file can grow. The system's signal for it, which would end the
            // process, is left as it is.
            let limit = libc::rlimit {
                rlim_cur: 100_000,
                rlim_max: 100_000,
            };
            // SAFETY: `limit` lives through the call, which only reads it.
            let set = unsafe { libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) };
            assert_eq!(set, 0);
            let tally = tallylight::init(config).unwrap();
            for _ in 0..20 {
                capture(&tally);
            }
            let answer = tally.errors().delivery();
            assert!(!answer.durable);
            assert!(answer.waiting_for.unwrap().contains("TALLYLIGHT_SPOOL_DIR"));
            println!("captured");
            assert_eq!(tally.errors().close_blocking(PATIENCE).sent, 20);
            println!("closed");
        }
        "start" => {
            let tally = tallylight::init(config).unwrap();
            let answer = tally.errors().close_blocking(PATIENCE);
            assert_eq!(answer.captured, 0);
            println!("closed");
        }
        role => panic!("{role} is no role"),
    }
}

#[test]
fn what_a_killed_process_captured_is_delivered_at_the_next_start() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("killed");
    receiver.mode(Mode::Hang).unwrap();
    let mut victim = spawn("die", &receiver, &folder);
    said(&mut victim, "captured");
    victim.kill().unwrap();
    victim.wait().unwrap();
    assert_eq!(receiver.counts().unique_events, 0);
    receiver.mode(Mode::Ok).unwrap();
    // One that captures nothing itself and ends at once.
    let mut next = spawn("start", &receiver, &folder);
    said(&mut next, "closed");
    assert!(next.wait().unwrap().success());
    // One may be there twice: the victim's last request, read once the server answered again.
    assert_eq!(receiver.counts().unique_events, 20);
    assert!(folder.files().is_empty());
}

#[test]
fn a_hard_exit_loses_nothing() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("exit");
    receiver.mode(Mode::Hang).unwrap();
    let mut victim = spawn("exit", &receiver, &folder);
    assert!(victim.wait().unwrap().success());
    receiver.mode(Mode::Ok).unwrap();
    let mut next = spawn("start", &receiver, &folder);
    said(&mut next, "closed");
    next.wait().unwrap();
    assert_eq!(receiver.counts().unique_events, 20);
}

#[test]
fn a_disk_that_takes_nothing_does_not_end_the_host() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("no-space");
    receiver.mode(Mode::Hang).unwrap();
    let mut host = spawn("full", &receiver, &folder);
    said(&mut host, "captured");
    receiver.mode(Mode::Ok).unwrap();
    said(&mut host, "closed");
    assert!(host.wait().unwrap().success());
    assert_eq!(receiver.counts().unique_events, 20);
}

#[test]
fn a_living_process_keeps_its_own() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("living");
    receiver.mode(Mode::Hang).unwrap();
    let mut living = spawn("die", &receiver, &folder);
    said(&mut living, "captured");
    receiver.mode(Mode::Down).unwrap();
    let before = folder.files();
    assert!(!before.is_empty());
    let mut other = spawn("start", &receiver, &folder);
    said(&mut other, "closed");
    other.wait().unwrap();
    assert_eq!(folder.files(), before, "nobody took it over");
    living.kill().unwrap();
    living.wait().unwrap();
}

/// Forks, runs `work` in the child, and answers its exit code.
fn forked(work: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the child runs `work` and leaves by `_exit`; the core is made to be used there.
    match unsafe { libc::fork() } {
        -1 => panic!("no fork"),
        0 => {
            let code = work();
            // SAFETY: as above.
            unsafe { libc::_exit(code) }
        }
        pid => {
            let mut status = 0;
            // SAFETY: `status` is ours, and `pid` is a child of this process.
            unsafe { libc::waitpid(pid, &raw mut status, 0) };
            if libc::WIFEXITED(status) {
                libc::WEXITSTATUS(status)
            } else {
                200 + libc::WTERMSIG(status)
            }
        }
    }
}

#[test]
fn a_forked_child_delivers_its_own_and_not_its_parents() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("fork");
    let tally = tally(&receiver, &folder);
    // With a request of the parent under way, and its thread in the midst of it.
    receiver.mode(Mode::Hang).unwrap();
    for _ in 0..5 {
        capture(&tally);
    }
    errors_support::wait_until("a request is under way", || receiver.counts().requests > 0);
    // The child needs a server that answers; it is told by a port of its own.
    let second = Receiver::start(0).unwrap();
    let mut settings = config(&second, &folder);
    settings.errors.dsn = Some(Dsn::parse(&second.dsn()).unwrap());
    let childs = Tallylight::new(settings).unwrap();
    capture(&childs);
    assert_eq!(childs.errors().flush_blocking(PATIENCE).sent, 1);
    let code = forked(|| {
        let fresh = childs.errors().delivery();
        for _ in 0..3 {
            capture(&childs);
        }
        let answer = childs.errors().close_blocking(PATIENCE);
        let parents = tally.errors().delivery();
        i32::from(fresh.captured != 0)
            + 2 * i32::from(answer.captured != 3)
            + 4 * i32::from(answer.sent != 3)
            + 8 * i32::from(parents.captured != 0)
    });
    assert_eq!(code, 0, "200 and more is the signal that ended it");
    assert_eq!(second.counts().unique_events, 4);
    // The parent goes on as if nothing had been.
    receiver.mode(Mode::Ok).unwrap();
    let answer = tally.errors().flush_blocking(PATIENCE);
    assert_eq!((answer.captured, answer.sent), (5, 5));
    assert_eq!(receiver.counts().unique_events, 5);
    assert_eq!(childs.errors().delivery().captured, 1);
}

#[test]
fn what_a_forked_child_left_is_delivered_by_its_parent_or_the_next() {
    let receiver = Receiver::start(0).unwrap();
    let folder = Folder::new("orphan");
    receiver.mode(Mode::Down).unwrap();
    let tally = tally(&receiver, &folder);
    let code = forked(|| {
        capture(&tally);
        capture(&tally);
        i32::from(!tally.errors().delivery().durable)
    });
    assert_eq!(code, 0);
    receiver.mode(Mode::Ok).unwrap();
    let mut next = spawn("start", &receiver, &folder);
    let mut all = String::new();
    next.stdout
        .take()
        .unwrap()
        .read_to_string(&mut all)
        .unwrap();
    next.wait().unwrap();
    assert_eq!(receiver.counts().unique_events, 2, "{all}");
}
