//! Keys of the live view, read straight from the terminal.
//!
//! Not through crossterm's event reader: that one installs a SIGWINCH handler for the rest of the
//! host's life and spins when the terminal is gone. The size is asked for at every frame instead.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;
use std::time::Duration;

use super::os::{Ready, wait_readable};

/// How long the rest of an escape sequence may take; after that it was the Esc key.
const REST_OF_SEQUENCE: Duration = Duration::from_millis(30);

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Quit,
    Pause,
    Refresh,
    Sort,
    Redraw,
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
}

/// The terminal's keyboard.
#[derive(Debug)]
pub(crate) struct Keyboard(File);

impl Keyboard {
    /// Standard input if it is a terminal, else the controlling terminal.
    pub(crate) fn open() -> io::Result<Self> {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            // A descriptor of our own: nothing that the host reads later is left in a buffer of ours.
            return Ok(Self(File::from(stdin.as_fd().try_clone_to_owned()?)));
        }
        Ok(Self(File::open("/dev/tty")?))
    }

    /// The keys pressed within `limit`. A terminal that went away asks to quit.
    pub(crate) fn read(&mut self, limit: Duration) -> io::Result<Vec<Key>> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 256];
        let mut wait = limit;
        loop {
            match wait_readable(self.0.as_fd(), wait)? {
                Ready::Nothing => return Ok(keys(&bytes)),
                Ready::Closed => return Ok(vec![Key::Quit]),
                Ready::Readable => {}
            }
            let count = match self.0.read(&mut buffer) {
                Ok(0) => return Ok(vec![Key::Quit]),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    return Ok(keys(&bytes));
                }
                Err(error) => return Err(error),
            };
            bytes.extend_from_slice(&buffer[..count]);
            if !ends_within_sequence(&bytes) || bytes.len() > 4096 {
                return Ok(keys(&bytes));
            }
            wait = REST_OF_SEQUENCE;
        }
    }
}

fn ends_within_sequence(bytes: &[u8]) -> bool {
    let Some(start) = bytes.iter().rposition(|byte| *byte == 0x1b) else {
        return false;
    };
    match &bytes[start + 1..] {
        [] | [b'[' | b'O'] => true,
        [b'[', rest @ ..] => !rest.iter().any(|byte| (0x40..=0x7e).contains(byte)),
        _ => false,
    }
}

fn keys(bytes: &[u8]) -> Vec<Key> {
    let mut keys = Vec::new();
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        let key = match first {
            b'q' | b'Q' | 0x03 | 0x04 => Some(Key::Quit),
            b'p' | b'P' => Some(Key::Pause),
            b'r' | b'R' | b' ' => Some(Key::Refresh),
            b's' | b'S' => Some(Key::Sort),
            0x0c => Some(Key::Redraw),
            b'k' => Some(Key::Up),
            b'j' => Some(Key::Down),
            b'g' => Some(Key::Home),
            b'G' => Some(Key::End),
            0x1b => sequence(&mut rest),
            _ => None,
        };
        keys.extend(key);
    }
    keys
}

/// What follows an escape; it takes its bytes off `rest`.
fn sequence(rest: &mut &[u8]) -> Option<Key> {
    match *rest {
        [] | [0x1b, ..] => Some(Key::Quit),
        [b'O', last, after @ ..] => {
            *rest = after;
            named(&[], *last)
        }
        [b'[', body @ ..] => {
            let Some(end) = body.iter().position(|byte| (0x40..=0x7e).contains(byte)) else {
                *rest = &[];
                return None;
            };
            *rest = &body[end + 1..];
            named(&body[..end], body[end])
        }
        // Alt and a key.
        [_, after @ ..] => {
            *rest = after;
            None
        }
    }
}

fn named(parameters: &[u8], last: u8) -> Option<Key> {
    match (parameters, last) {
        (_, b'A') => Some(Key::Up),
        (_, b'B') => Some(Key::Down),
        (_, b'H') | (b"1" | b"7", b'~') => Some(Key::Home),
        (_, b'F') | (b"4" | b"8", b'~') => Some(Key::End),
        (b"5", b'~') => Some(Key::PageUp),
        (b"6", b'~') => Some(Key::PageDown),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_from_escape_sequences() {
        assert_eq!(
            keys(b"pqr s"),
            [Key::Pause, Key::Quit, Key::Refresh, Key::Refresh, Key::Sort]
        );
        assert_eq!(keys(b"\x03"), [Key::Quit]);
        assert_eq!(keys(b"\x1b"), [Key::Quit]);
        assert_eq!(
            keys(b"\x1b[A\x1bOB\x1b[5~\x1b[6~\x1b[H\x1b[4~"),
            [
                Key::Up,
                Key::Down,
                Key::PageUp,
                Key::PageDown,
                Key::Home,
                Key::End
            ]
        );
        assert_eq!(keys(b"\x1b[1;5A"), [Key::Up]);
    }

    #[test]
    fn unknown_sequences_and_noise_mean_nothing() {
        assert_eq!(keys(b"\x1b[<35;20;10M"), []);
        assert_eq!(keys(b"\x1b[200~"), []);
        assert_eq!(keys(b"\x1b["), []);
        assert_eq!(keys(b"\x1bx\xff\x00z"), []);
    }

    #[test]
    fn a_sequence_that_is_not_complete_is_waited_for() {
        assert!(ends_within_sequence(b"\x1b"));
        assert!(ends_within_sequence(b"q\x1b[1;"));
        assert!(!ends_within_sequence(b"\x1b[A"));
        assert!(!ends_within_sequence(b"q"));
    }
}
