//! What crosses the boundary when something fails: an error with its kind as `code`.

use std::error::Error as StdError;
use std::panic::{AssertUnwindSafe, catch_unwind};

use napi::Status;
use tallylight::Error;

/// The `code` of an error as JavaScript sees it, one of [`tallylight::ErrorKind::code`].
#[derive(Debug)]
pub struct Code(&'static str);

impl AsRef<str> for Code {
    fn as_ref(&self) -> &str {
        self.0
    }
}

/// What every entry answers; named as napi's macro expects it.
pub type Result<T, E = napi::Error<Code>> = std::result::Result<T, E>;

/// Runs an entry: its error keeps its code and causes, and a panic becomes an error of kind
/// `internal`.
pub(crate) fn contained<T>(entry: impl FnOnce() -> Result<T, Error>) -> Result<T> {
    // Unwind safety: the core keeps its invariants across panics itself (its locks do not poison),
    // and the glue holds no state of its own halfway.
    match catch_unwind(AssertUnwindSafe(entry)) {
        Ok(answer) => answer.map_err(|error| to_js(&error)),
        Err(payload) => Err(to_js(&Error::from_panic(&*payload))),
    }
}

fn to_js(error: &Error) -> napi::Error<Code> {
    let mut thrown = napi::Error::new(Code(error.kind().code()), error.to_string());
    if let Some(cause) = error.source().map(cause) {
        thrown.set_cause(cause);
    }
    thrown
}

/// A cause and its own causes, as far as JavaScript's `cause` carries them: their messages.
fn cause(error: &(dyn StdError + 'static)) -> napi::Error {
    let mut thrown = napi::Error::new(Status::GenericFailure, error.to_string());
    if let Some(next) = error.source().map(cause) {
        thrown.set_cause(next);
    }
    thrown
}
