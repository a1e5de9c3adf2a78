//! Reads files and standard input that hold values, so that Ctrl-C ends the reading.
//!
//! The invariants: memory is bounded and overwritten when it goes, and a path is shown only if it
//! leads somewhere: one that does not may be a value that somebody put in its place.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use zeroize::Zeroizing;

use super::say;
use super::values::Given;
use crate::cli::os::{self, Ready};
use crate::cli::output::{End, Failure, Output};
use crate::secrets::file::MAX_VALUE_BYTES;

/// Longest input of several values.
pub(super) const MAX_INPUT_BYTES: usize = 4 << 20;
/// How often a wait for input looks for a signal.
const POLL: Duration = Duration::from_millis(100);

/// Standard input to its end; `option` is what asked for it.
pub(super) fn stdin(option: &str, most: usize) -> Result<Zeroizing<Vec<u8>>, End> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        return Err(Failure::usage(format!(
            "{option} reads standard input, and that is the terminal, which would show what is typed"
        ))
        .hint(format!("pipe the value in, or leave {option} out to be asked with hidden input"))
        .into());
    }
    // Unbuffered: the buffer of `Stdin` is never overwritten.
    let file = File::from(stdin.as_fd().try_clone_to_owned()?);
    read(&file, "standard input", most)
}

/// A file to its end; `option` is what named it.
pub(super) fn file(
    path: &Path,
    option: &str,
    most: usize,
    output: &Output,
) -> Result<Zeroizing<Vec<u8>>, End> {
    // Without O_NONBLOCK the opening of a FIFO could not be interrupted; reading polls anyway.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(path)
        .map_err(|error| cannot_open(path, option, &error))?;
    let metadata = file.metadata()?;
    let shown = say::clean(&path.display().to_string());
    if metadata.is_dir() {
        return Err(Failure::usage(format!("{option}: {shown} is a directory"))
            .hint("give the path of a file")
            .into());
    }
    if metadata.is_file() && metadata.mode() & 0o004 != 0 {
        say::warning(
            output,
            &format!(
                "every user of this machine may read {shown}; take that from it with `chmod o-r`, or remove it"
            ),
        );
    }
    read(&file, &shown, most)
}

fn cannot_open(path: &Path, option: &str, error: &io::Error) -> Failure {
    let (what, hint) = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::InvalidFilename | io::ErrorKind::NotADirectory => {
            return Failure::usage(format!(
                "{option} names a file that does not exist (the path is not repeated: it may be a value)"
            ))
            .hint(format!("{option} takes the path of a file that holds the value, never the value"));
        }
        io::ErrorKind::PermissionDenied => ("may not be read", "let this user read it"),
        _ => ("cannot be opened", "is the file system well?"),
    };
    Failure::usage(format!(
        "{option}: {} {what} ({error})",
        say::clean(&path.display().to_string())
    ))
    .hint(hint)
}

fn read(mut file: &File, from: &str, most: usize) -> Result<Zeroizing<Vec<u8>>, End> {
    // Full size at once: a vector that grows leaves copies behind.
    let mut bytes = Zeroizing::new(vec![0; most + 1]);
    let mut length = 0;
    while length <= most {
        if let Some(signal) = os::received() {
            return Err(End::Signal(signal));
        }
        if os::wait_readable(file.as_fd(), POLL)? == Ready::Nothing {
            continue;
        }
        match file.read(bytes.get_mut(length..).unwrap_or_default()) {
            Ok(0) => {
                bytes.truncate(length);
                return Ok(bytes);
            }
            Ok(count) => length += count,
            // A FIFO whose writer has not come yet.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(Failure::new(format!("{from} cannot be read: {error}"))
                    .hint("is it a file of text?")
                    .into());
            }
        }
    }
    Err(Failure::usage(format!("{from} has more than {most} bytes"))
        .hint("a secret has at most 65536 bytes; is it the right file?")
        .into())
}

/// The one value that a file or standard input holds: as text without the one newline at its end, as
/// binary every byte.
pub(super) fn single(
    path: &str,
    option: &str,
    is_binary: bool,
    output: &Output,
) -> Result<Given, End> {
    let bytes = match path {
        "-" => stdin(option, MAX_VALUE_BYTES + 2)?,
        path => file(Path::new(path), option, MAX_VALUE_BYTES + 2, output)?,
    };
    one_value(&bytes, option, is_binary)
}

/// As [`single`], of bytes that are read already.
pub(super) fn one_value(bytes: &[u8], option: &str, is_binary: bool) -> Result<Given, End> {
    let value = match is_binary {
        true => bytes,
        false => bytes
            .strip_suffix(b"\r\n")
            .or_else(|| bytes.strip_suffix(b"\n"))
            .unwrap_or(bytes),
    };
    if !is_binary && std::str::from_utf8(value).is_err() {
        return Err(
            Failure::usage(format!("what {option} gives is no UTF-8 text"))
                .hint("add --binary to store it byte by byte")
                .into(),
        );
    }
    Given::new(Zeroizing::new(value.to_vec()), is_binary).map_err(|why| {
        Failure::usage(format!("what {option} gives {why}"))
            .hint("give a value of 1 to 65536 bytes")
            .into()
    })
}
