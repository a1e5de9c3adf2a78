//! What crosses the boundary when something fails: an error with its kind as `code`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::panic::{AssertUnwindSafe, catch_unwind};

use napi::bindgen_prelude::ToNapiValue;
use napi::{Env, JsError, Status, sys};
use tallylight::Error;

/// The `code` of an error as the TypeScript sees it: one of [`tallylight::ErrorKind::code`] and, where
/// there are details, a line feed and the details as a JSON object. N-API gives an error no other
/// place for them.
#[derive(Debug)]
pub struct Code(Cow<'static, str>);

impl AsRef<str> for Code {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Code {
    fn of(error: &Error) -> Self {
        let code = error.kind().code();
        let details: BTreeMap<&str, &str> = error
            .details()
            .iter()
            .map(|(key, value)| (*key, &**value))
            .collect();
        match serde_json::to_string(&details) {
            Ok(json) if !details.is_empty() => Self(format!("{code}\n{json}").into()),
            _ => Self(code.into()),
        }
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

/// The same error for a promise to reject with; only where `env` runs.
pub(crate) fn rejection(env: Env, error: &Error) -> napi::Error {
    let error = JsError::from(to_js(error)).into_unknown(env);
    napi::Error::from_unknown_without_coercion(error)
}

/// An error as a value, as it would be thrown.
#[derive(Debug)]
pub struct Thrown(pub(crate) Error);

impl ToNapiValue for Thrown {
    unsafe fn to_napi_value(env: sys::napi_env, error: Self) -> napi::Result<sys::napi_value> {
        // SAFETY: the caller promises that `env` is alive and this its thread.
        Ok(unsafe { JsError::from(to_js(&error.0)).into_value(env) })
    }
}

fn to_js(error: &Error) -> napi::Error<Code> {
    let mut thrown = napi::Error::new(Code::of(error), error.to_string());
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

#[cfg(test)]
mod tests {
    use tallylight::ErrorKind;

    use super::*;

    #[test]
    fn a_panic_becomes_an_error_of_kind_internal() {
        let error = contained(|| -> Result<(), Error> { panic!("on purpose") }).unwrap_err();
        assert_eq!(error.status.as_ref(), "internal");
        assert!(error.reason.contains("on purpose"), "{}", error.reason);
    }

    #[test]
    fn details_follow_the_code() {
        let answer = contained(|| -> Result<(), Error> {
            Err(Error::new(ErrorKind::Denied, "no")
                .with_detail("region", "eu-west-1")
                .with_detail("name", "a\"b"))
        });
        assert_eq!(
            answer.unwrap_err().status.as_ref(),
            "denied\n{\"name\":\"a\\\"b\",\"region\":\"eu-west-1\"}"
        );
    }

    #[test]
    fn an_error_keeps_its_code_and_causes() {
        let root = Error::new(ErrorKind::Io, "no such file").with_source(std::fmt::Error);
        let answer = contained(|| -> Result<(), Error> {
            Err(Error::new(ErrorKind::Parse, "unreadable").with_source(root))
        });
        let error = answer.unwrap_err();
        assert_eq!(
            (error.status.as_ref(), &*error.reason),
            ("parse", "unreadable")
        );
        let cause = error.cause.unwrap();
        assert_eq!(cause.reason, "no such file");
        assert!(cause.cause.is_some());
    }
}
