//! The answer that a caller waits for: given exactly once, whatever happens.

use super::value::Secret;
use crate::error::{Error, ErrorKind};
use crate::fork;

/// Takes one answer. Dropped without one, it answers by itself, so that nobody waits for a thread
/// that is gone or could not start.
pub(super) struct Reply<T = Secret>(Option<Done<T>>);

type Done<T> = Box<dyn FnOnce(Result<T, Error>) + Send>;

impl<T> Reply<T> {
    pub(super) fn new(done: impl FnOnce(Result<T, Error>) + Send + 'static) -> Self {
        Self(Some(Box::new(done)))
    }

    pub(super) fn send(mut self, answer: Result<T, Error>) {
        if let Some(done) = self.0.take() {
            done(answer);
        }
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        if let Some(done) = self.0.take() {
            done(Err(gone()));
        }
    }
}

pub(super) fn closed() -> Error {
    Error::new(
        ErrorKind::Closed,
        "Tallylight was shut down, and its secrets were wiped; call init to use it again",
    )
}

/// The I/O thread ended with the question unanswered.
pub(super) fn gone() -> Error {
    if fork::is_unfit() {
        return fork::unfit();
    }
    Error::new(
        ErrorKind::Closed,
        "the I/O thread ended before it could answer: Tallylight was shut down meanwhile, or the \
         system has no thread left for it",
    )
}
