//! The terminal that a person types on: questions, and values that it does not show.
//!
//! Not standard input, which may be a file: the process's own terminal. The invariant: while a value
//! is typed the terminal shows nothing, and afterwards, however it ends, it is as it was before.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use zeroize::Zeroizing;

use super::say;
use super::syscalls::Hidden;
use crate::cli::os::{self, Ready};
use crate::cli::output::{End, Failure};
use crate::secrets::file::MAX_VALUE_BYTES;

/// How often a wait for a key looks for a signal.
const POLL: Duration = Duration::from_millis(100);
/// What comes so soon after the end of a line was pasted with it.
const PASTED: Duration = Duration::from_millis(60);
/// How often one value is asked for.
const ATTEMPTS: u32 = 3;

const CTRL_C: u8 = 0x03;
const CTRL_D: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const CTRL_U: u8 = 0x15;
const DELETE: u8 = 0x7f;

/// The terminal.
pub(super) struct Terminal {
    file: File,
}

/// What was typed.
enum Typed {
    /// Nothing but Enter.
    Nothing,
    Value(Zeroizing<Vec<u8>>),
    /// It cannot be a value, and why.
    Refused(&'static str),
}

impl Terminal {
    /// The terminal of this process, unless its input comes from elsewhere.
    pub(super) fn open() -> Option<Self> {
        if !io::stdin().is_terminal() {
            return None;
        }
        let own = OpenOptions::new().read(true).write(true).open("/dev/tty");
        let file = match own {
            Ok(file) => file,
            // A terminal that is not the session's own.
            Err(_) => File::from(io::stdin().as_fd().try_clone_to_owned().ok()?),
        };
        Some(Self { file })
    }

    /// Shows a text.
    pub(super) fn say(&self, text: &str) {
        // That nobody sees it is no reason to fail; the reading will.
        let _ = (&self.file).write_all(say::clean(text).as_bytes());
    }

    /// Asks for yes or no; Enter alone is no.
    pub(super) fn confirm(&self, question: &str) -> Result<bool, End> {
        self.say(&format!("{question} [y/N] "));
        let mut line = Vec::new();
        while !line.ends_with(b"\n") && line.len() < 100 {
            match self.byte()? {
                Some(byte) => line.push(byte),
                None => break,
            }
        }
        let answer = String::from_utf8_lossy(&line).trim().to_ascii_lowercase();
        Ok(matches!(answer.as_str(), "y" | "yes"))
    }

    /// Asks for a value twice without showing it; none for Enter alone.
    pub(super) fn value(
        &self,
        prompt: &str,
        is_multiline: bool,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, End> {
        let again = " ".repeat(prompt.chars().count().saturating_sub(7));
        // Over both entries: what is typed between them would be seen.
        let _hidden = Hidden::enter(self.file.as_fd()).map_err(|error| {
            Failure::new(format!("the terminal cannot hide what is typed: {error}"))
                .hint("give the value by --value-file NAME=PATH, or --from-stdin")
        })?;
        for _ in 0..ATTEMPTS {
            let value = match self.ask(prompt, is_multiline)? {
                Typed::Nothing => return Ok(None),
                Typed::Refused(why) => {
                    self.say(&format!("{why}\n"));
                    continue;
                }
                Typed::Value(value) => value,
            };
            // Known before anything else can be printed.
            crate::scrub::register(&value);
            match self.ask(&format!("{again}again: "), is_multiline)? {
                Typed::Value(second) if *second == *value => return Ok(Some(value)),
                _ => self.say("the two differ; nothing was kept\n"),
            }
        }
        Err(Failure::new(format!("no value after {ATTEMPTS} attempts"))
            .hint("give it by --value-file NAME=PATH, or --from-stdin")
            .into())
    }

    fn ask(&self, prompt: &str, is_multiline: bool) -> Result<Typed, End> {
        self.say(prompt);
        let typed = self.typed(is_multiline);
        self.say("\n");
        typed
    }

    fn typed(&self, is_multiline: bool) -> Result<Typed, End> {
        // Full size at once: a vector that grows leaves copies behind.
        let mut value = Zeroizing::new(Vec::with_capacity(MAX_VALUE_BYTES + 1));
        let mut is_too_long = false;
        loop {
            match self.byte()? {
                None | Some(CTRL_D) => break,
                Some(CTRL_C) => return Err(End::Signal(libc::SIGINT)),
                Some(b'\n' | b'\r') => {
                    let is_line_empty = value.is_empty() || value.ends_with(b"\n");
                    if !is_multiline || is_line_empty {
                        break;
                    }
                    value.push(b'\n');
                }
                Some(CTRL_U) => value.clear(),
                Some(BACKSPACE | DELETE) => without_last(&mut value),
                Some(byte) if value.len() < MAX_VALUE_BYTES => value.push(byte),
                Some(_) => is_too_long = true,
            }
        }
        let has_more = self.drain()?;
        if is_multiline && value.ends_with(b"\n") {
            value.pop();
        }
        Ok(match std::str::from_utf8(&value) {
            _ if is_too_long => Typed::Refused("it is longer than 65536 bytes, AWS's limit"),
            _ if has_more && is_multiline => Typed::Refused(
                "more came after the empty line that ends it; give it by --value-file NAME=PATH",
            ),
            _ if has_more => Typed::Refused(
                "several lines came at once; for such a value use --multiline, or --value-file NAME=PATH",
            ),
            Ok("") => Typed::Nothing,
            Ok(text)
                if text
                    .chars()
                    .any(|c| c.is_control() && !matches!(c, '\n' | '\t')) =>
            {
                Typed::Refused(
                    "it has control characters, as an arrow key sends them; type it once more",
                )
            }
            Ok(_) => Typed::Value(value),
            Err(_) => {
                Typed::Refused("it is no text; give it by --value-file NAME=PATH with --binary")
            }
        })
    }

    /// Throws away what was pasted behind the end; whether that was anything but empty lines.
    fn drain(&self) -> Result<bool, End> {
        let mut has_more = false;
        let mut scratch = Zeroizing::new([0; 1024]);
        while os::wait_readable(self.file.as_fd(), PASTED)? == Ready::Readable {
            let count = match (&self.file).read(&mut *scratch) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            let read = scratch.get(..count).unwrap_or_default();
            if read.contains(&CTRL_C) {
                return Err(End::Signal(libc::SIGINT));
            }
            has_more |= read.iter().any(|byte| !matches!(byte, b'\n' | b'\r'));
        }
        Ok(has_more)
    }

    /// The next byte; none at the end of the input.
    fn byte(&self) -> Result<Option<u8>, End> {
        let mut byte = Zeroizing::new([0]);
        loop {
            if let Some(signal) = os::received() {
                return Err(End::Signal(signal));
            }
            match os::wait_readable(self.file.as_fd(), POLL)? {
                Ready::Nothing => {}
                Ready::Closed => return Ok(None),
                Ready::Readable => match (&self.file).read(&mut *byte) {
                    Ok(0) => return Ok(None),
                    Ok(_) => return Ok(Some(byte[0])),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error.into()),
                },
            }
        }
    }
}

/// Takes the last character of a line off.
fn without_last(value: &mut Vec<u8>) {
    while let Some(byte) = value.pop_if(|byte| *byte != b'\n') {
        // A character begins with any byte but a continuation.
        if byte & 0xc0 != 0x80 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backspace_takes_a_whole_character_and_no_line_end() {
        for (before, after) in [
            ("ab", "a"),
            ("aé", "a"),
            ("a\n", "a\n"),
            ("", ""),
            ("a\n鍵", "a\n"),
        ] {
            let mut value = before.as_bytes().to_vec();
            without_last(&mut value);
            assert_eq!(value, after.as_bytes(), "{before:?}");
        }
    }
}
