//! What `doctor` says of the sealed cache: whether a start during an outage could rely on it.
//!
//! The invariant: it is opened as a service opens it, so that what a service would refuse is no good
//! here either; nothing is written.

use std::time::SystemTime;

use super::findings::Finding;
use super::say;
use super::session::Session;
use crate::cli::output::End;
use crate::secrets::sealed::{self, SealedErrorKind};

/// What there is to say, if there is to be such a file.
pub(super) fn finding(session: &Session<'_>) -> Result<Option<Finding>, End> {
    let secrets = &session.config.secrets;
    let (Some(path), Some(key)) = (secrets.cache_file.clone(), secrets.cache_key.clone()) else {
        return Ok(None);
    };
    let shown = path.display().to_string();
    let max_age = secrets.max_stale;
    let test = move || sealed::test(&path, &key, SystemTime::now(), max_age);
    let tested = session.aside("opening the sealed cache", [test])?;
    Ok(Some(match tested.into_iter().next().flatten() {
        None => Finding::bad(
            "file",
            format!("{shown} does not answer in time"),
            "is its file system reachable?",
        ),
        Some(Ok(None)) => Finding::good("file", format!("{shown} is not written yet")),
        Some(Ok(Some(1))) => Finding::good("file", format!("{shown}, 1 value")),
        Some(Ok(Some(values))) => Finding::good("file", format!("{shown}, {values} values")),
        Some(Err(error)) => {
            let text = error.to_string();
            let (text, fix) = say::split_hint(&text);
            match error.kind {
                SealedErrorKind::Key => Finding::warning(
                    "file",
                    text,
                    "give the key that it is sealed with; with this one the next reading of AWS replaces it",
                ),
                kind if kind.may_be_replaced() => {
                    Finding::warning("file", text, "nothing: the next reading of AWS replaces it")
                }
                _ => Finding::bad(
                    "file",
                    text,
                    fix.unwrap_or("let this user read and write it"),
                ),
            }
        }
    }))
}
