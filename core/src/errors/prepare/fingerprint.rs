//! What an event says, as one number: equal for copies, so that a storm of them can be counted.
//!
//! Ids, times, variables and people are left out. What makes two errors different is all in:
//! types, messages, and where in the code each frame stands.

use std::hash::{DefaultHasher, Hasher};

/// What a field tells of an event's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Mark {
    /// Nothing.
    None,
    /// An exception's type.
    Type,
    /// An exception's text.
    Text,
    /// A frame's function.
    Function,
    /// A frame's file.
    File,
    /// A frame's module.
    Module,
    /// A frame's line.
    Line,
    /// A frame's column.
    Column,
    /// A native frame's address.
    Address,
    /// The address at which a native frame's module lies, which differs from process to process.
    Base,
    /// The message of an event without exceptions.
    Message,
    /// What the application says is one problem.
    Explicit,
}

/// The identity as it is read.
#[derive(Debug, Default)]
pub(super) struct Fingerprint {
    exceptions: DefaultHasher,
    has_exception: bool,
    message: DefaultHasher,
    has_message: bool,
    explicit: DefaultHasher,
    has_explicit: bool,
    /// Whether the application's own names the default one as a part.
    includes_default: bool,
    address: Option<u64>,
    base: Option<u64>,
}

impl Fingerprint {
    /// Takes what stands in a field, as it is written.
    pub(super) fn take(&mut self, mark: Mark, text: &str) {
        let hasher = match mark {
            Mark::None => return,
            Mark::Address => {
                self.address = address(text);
                return;
            }
            Mark::Base => {
                self.base = address(text);
                return;
            }
            Mark::Message => {
                self.has_message = true;
                &mut self.message
            }
            Mark::Explicit => {
                if text.trim_matches(|it| "{} ".contains(it)) == "default" {
                    self.includes_default = true;
                }
                self.has_explicit = true;
                &mut self.explicit
            }
            _ => {
                self.has_exception = true;
                &mut self.exceptions
            }
        };
        hasher.write_u8(mark as u8);
        hasher.write(text.as_bytes());
        // No text holds this byte, so no two lists of texts are one row of bytes.
        hasher.write_u8(0xff);
    }

    /// A frame ends.
    pub(super) fn end_frame(&mut self) {
        if let Some(address) = self.address.take() {
            self.has_exception = true;
            self.exceptions.write_u8(Mark::Address as u8);
            self.exceptions
                .write_u64(address.wrapping_sub(self.base.unwrap_or(0)));
        }
        self.base = None;
        self.exceptions.write_u8(0xfe);
    }

    /// The number; 0 when nothing is known that makes the event a copy of another.
    pub(super) fn finish(&self) -> u64 {
        let default = if self.has_exception {
            Some(self.exceptions.finish())
        } else {
            self.has_message.then(|| self.message.finish())
        };
        let number = match (self.has_explicit, default) {
            (true, Some(default)) if self.includes_default => {
                let mut both = self.explicit.clone();
                both.write_u64(default);
                Some(both.finish())
            }
            (true, _) => Some(self.explicit.finish()),
            (false, default) => default,
        };
        number.map_or(0, |number| number.max(1))
    }
}

/// `0x7f…`, or a number.
fn address(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}
