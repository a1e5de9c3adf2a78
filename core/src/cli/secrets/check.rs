//! Runs the command that tests a new value before it is in use.
//!
//! The command gets the value on standard input. The invariants: what it prints is scrubbed before
//! it is shown, it never outlives its time, and Ctrl-C ends it, with all that it started.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::say;
use super::syscalls::end_group;
use crate::cli::os;
use crate::cli::output::{End, Output};

/// How much of what the command prints is shown.
const MOST_BYTES: u64 = 64 << 10;
/// How often it is looked after.
const POLL: Duration = Duration::from_millis(30);
/// How long its last words are waited for, which something it left behind may hold up.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Runs `command` by sh. The error says why the value is not good.
pub(super) fn run(
    command: &str,
    value: &[u8],
    variables: [(&str, &str); 2],
    limit: Duration,
    output: &Output,
) -> Result<Result<(), String>, End> {
    let spawned = Command::new("sh")
        .args(["-c", command])
        .envs(variables)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A group of its own, so that it ends as a whole.
        .process_group(0)
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => return Ok(Err(format!("the check could not be started: {error}"))),
    };
    let input = child.stdin.take();
    let text = Zeroizing::new(String::from_utf8_lossy(value).into_owned());
    let value = Zeroizing::new(value.to_vec());
    // A thread: the command may print before it has read all.
    let _writing = thread::spawn(move || {
        if let Some(mut input) = input {
            // One that does not read its input is free not to.
            let _ = input.write_all(&value);
        }
    });
    let words = [listen(child.stdout.take()), listen(child.stderr.take())];
    let ended = wait(&mut child, limit);
    if !matches!(ended, Ok(Ok(_))) {
        end_group(&mut child);
    }
    for told in words {
        tell(told, &text, output);
    }
    Ok(match ended? {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("the check did not accept the new value ({status})")),
        Err(why) => Err(why),
    })
}

fn wait(child: &mut Child, limit: Duration) -> Result<Result<ExitStatus, String>, End> {
    let until = Instant::now() + limit;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(Ok(status)),
            Ok(None) => {}
            Err(error) => return Ok(Err(format!("the check got lost: {error}"))),
        }
        if let Some(signal) = os::received() {
            return Err(End::Signal(signal));
        }
        if Instant::now() >= until {
            return Ok(Err(format!(
                "the check did not end within {} s (--check-timeout)",
                limit.as_secs_f64()
            )));
        }
        thread::sleep(POLL);
    }
}

/// Reads all that a command prints, so that it never waits, and keeps the beginning.
fn listen(from: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut words = Vec::new();
        if let Some(mut from) = from {
            // What cannot be read any more is over.
            let _ = (&mut from).take(MOST_BYTES).read_to_end(&mut words);
            let _ = std::io::copy(&mut from, &mut std::io::sink());
        }
        words
    })
}

/// Shows what the command printed, scrubbed as a whole: a value may go over its lines. Here the value
/// is redacted even where it is an everyday word.
fn tell(words: JoinHandle<Vec<u8>>, value: &str, output: &Output) {
    let until = Instant::now() + LAST_WORDS;
    while !words.is_finished() && Instant::now() < until {
        thread::sleep(POLL);
    }
    if !words.is_finished() {
        return;
    }
    if let Ok(words) = words.join()
        && !words.is_empty()
    {
        let words = crate::scrub::scrub_bytes(&words);
        let mut words = String::from_utf8_lossy(&words).into_owned();
        if !value.trim().is_empty() {
            words = words.replace(value, "[redacted]");
        }
        say::message(output, words.trim_end());
    }
}
