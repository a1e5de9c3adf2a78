//! Where words go: data to stdout, messages to stderr, and how a command ends.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use super::{FAILED, USAGE};

/// What could not be done, and what to try.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) code: i32,
}

impl Failure {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
            code: FAILED,
        }
    }

    /// A failure of the arguments rather than of the service.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self {
            code: USAGE,
            ..Self::new(message)
        }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Why a command ends before its work is done.
#[derive(Debug)]
pub(crate) enum End {
    /// The reader of stdout went away: nothing is left to say.
    PipeClosed,
    /// A signal asked for the end.
    Signal(i32),
    /// It failed.
    Failed(Failure),
}

impl End {
    /// The exit code where nothing more is printed about it.
    pub(crate) fn code(&self) -> i32 {
        match self {
            Self::PipeClosed => 0,
            Self::Signal(number) => 128 + number,
            Self::Failed(failure) => failure.code,
        }
    }
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::PipeClosed
        } else {
            Self::Failed(
                Failure::new(format!("cannot write the output: {error}"))
                    .hint("is the disk full, or the terminal gone?"),
            )
        }
    }
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Colour {
    Auto,
    Always,
    Never,
}

/// How strongly a piece of text stands out. Colour is never the only sign: words say it too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Level {
    #[default]
    Plain,
    Faint,
    Strong,
    Good,
    Warning,
    Critical,
}

/// The two streams and whether they are coloured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    colour_out: bool,
    colour_err: bool,
}

impl Output {
    /// Colours as the arguments and the environment say.
    pub(crate) fn new(colour: Colour) -> Self {
        let wanted = |terminal: bool| match colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto => wanted_by_environment(terminal, |name| std::env::var(name).ok()),
        };
        Self {
            colour_out: wanted(io::stdout().is_terminal()),
            colour_err: wanted(io::stderr().is_terminal()),
        }
    }

    /// Before the arguments are known.
    pub(crate) fn automatic() -> Self {
        Self::new(Colour::Auto)
    }

    pub(crate) fn colour(&self) -> bool {
        self.colour_out
    }

    /// Writes to stdout, all of it and now.
    pub(crate) fn data(&self, text: &str) -> Result<(), End> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()?;
        Ok(())
    }

    /// Writes to stderr. That nobody hears it is no reason to fail.
    pub(crate) fn message(&self, text: &str) {
        let mut stderr = io::stderr().lock();
        let _ = stderr.write_all(text.as_bytes());
        let _ = stderr.flush();
    }

    /// Writes a failure and its hint to stderr.
    pub(crate) fn failure(&self, failure: &Failure) {
        let mut text = String::new();
        let error = paint("error:", Level::Critical, self.colour_err);
        let _ = writeln!(text, "{error} {}", failure.message);
        if let Some(hint) = &failure.hint {
            let _ = writeln!(
                text,
                "{} {hint}",
                paint("hint:", Level::Strong, self.colour_err)
            );
        }
        self.message(&text);
    }
}

/// NO_COLOR (not empty) forbids, CLICOLOR_FORCE (not 0) demands, CLICOLOR=0 forbids; else terminals have colour.
fn wanted_by_environment(terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    if set("NO_COLOR").is_some() {
        return false;
    }
    if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
        return true;
    }
    terminal
        && set("CLICOLOR").is_none_or(|value| value != "0")
        && set("TERM").is_none_or(|value| value != "dumb")
}

/// Wraps `text` in the escape codes of its level.
pub(crate) fn paint(text: &str, level: Level, colour: bool) -> String {
    let code = match level {
        Level::Plain => return text.to_owned(),
        Level::Faint => "2",
        Level::Strong => "1",
        Level::Good => "1;32",
        Level::Warning => "1;33",
        Level::Critical => "1;31",
    };
    if colour && !text.is_empty() {
        format!("\x1b[{code}m{text}\x1b[0m")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(terminal: bool, set: &[(&str, &str)]) -> bool {
        wanted_by_environment(terminal, |name| {
            set.iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_decides_about_colour() {
        assert!(wanted(true, &[]));
        assert!(!wanted(false, &[]));
        assert!(!wanted(true, &[("NO_COLOR", "1")]));
        assert!(wanted(true, &[("NO_COLOR", "")]));
        assert!(!wanted(true, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]));
        assert!(wanted(false, &[("CLICOLOR_FORCE", "1")]));
        assert!(!wanted(false, &[("CLICOLOR_FORCE", "0")]));
        assert!(!wanted(true, &[("CLICOLOR", "0")]));
        assert!(!wanted(true, &[("TERM", "dumb")]));
    }

    #[test]
    fn nothing_is_painted_without_colour() {
        assert_eq!(paint("GREEN", Level::Good, false), "GREEN");
        assert_eq!(paint("GREEN", Level::Good, true), "\x1b[1;32mGREEN\x1b[0m");
    }
}
