//! The errors that are captured: each with a cause of its own.

use std::error::Error;
use std::fmt;

/// An error of the application.
#[derive(Debug)]
pub(crate) struct OrderError {
    message: String,
    cause: ConnectionError,
}

/// What caused it.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionError(String);

impl fmt::Display for OrderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for OrderError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

impl fmt::Display for ConnectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for ConnectionError {}

/// Error number `n`, different from every other.
pub(crate) fn distinct(n: u64) -> OrderError {
    OrderError {
        message: format!("order {n} was not placed"),
        cause: ConnectionError(format!("connection {n} was reset")),
    }
}

/// Three different errors with one root cause.
pub(crate) fn related() -> [OrderError; 3] {
    let cause = ConnectionError("the database is down".into());
    [
        "an order was not placed",
        "a cart was not saved",
        "a user was not found",
    ]
    .map(|message| OrderError {
        message: message.into(),
        cause: cause.clone(),
    })
}
