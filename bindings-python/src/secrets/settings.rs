//! The settings of secrets as `init(secrets={...})` takes them.
//!
//! Ranges, names of sources and the like are the core's to judge; here is only what is of the wrong
//! type, or no setting at all. No message repeats a value: it may be a key.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyMapping, PyString};
use tallylight::secrets::{SealKey, SecretsConfig, Sources};
use tallylight::{Error, ErrorKind};

use super::arguments::{milliseconds, names};
use crate::convert::text;
use crate::errors::{exception, invalid};

const KIND: ErrorKind = ErrorKind::InvalidConfig;
/// Bytes of a key that is given as itself; its hex or base64 is longer.
const KEY_BYTES: usize = 32;
const KNOWN: &str = "sources, ttl, max_stale, deadline, attempt_timeout, concurrency, max_entries, max_bytes, \
     previous_grace, region, second_region, endpoint, role_arn, external_id, aliases, declared, \
     cache_file, cache_key";

/// What the user set, over what the environment says.
pub(crate) fn apply(given: &Bound<'_, PyAny>, config: &mut SecretsConfig) -> PyResult<()> {
    let py = given.py();
    let Ok(given) = given.cast::<PyMapping>() else {
        let message = "secrets must be a mapping of settings, such as {\"ttl\": 600_000}";
        return Err(invalid(py, KIND, message));
    };
    for item in given.items()?.iter() {
        let (name, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
        let name = text(&name, KIND, "the name of a setting of secrets")?;
        if !value.is_none() {
            set(config, &name, &value)?;
        }
    }
    Ok(())
}

fn set(config: &mut SecretsConfig, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
    match name {
        "sources" => config.sources = sources(value)?,
        "ttl" => config.ttl = span(value, name)?,
        "max_stale" => config.max_stale = span(value, name)?,
        "deadline" => config.deadline = span(value, name)?,
        "attempt_timeout" => config.attempt_timeout = span(value, name)?,
        "previous_grace" => config.previous_grace = span(value, name)?,
        "concurrency" => config.concurrency = size(value, name)?,
        "max_entries" => config.max_entries = size(value, name)?,
        "max_bytes" => config.max_bytes = size(value, name)?,
        "region" => config.region = Some(plain(value, name)?),
        "second_region" => config.second_region = Some(plain(value, name)?),
        "endpoint" => config.endpoint = Some(plain(value, name)?),
        "role_arn" => config.role_arn = Some(plain(value, name)?),
        "external_id" => config.external_id = Some(plain(value, name)?),
        "aliases" => aliases(config, value)?,
        "declared" => config.declared = names(value, KIND, "secrets.declared")?,
        "cache_file" => {
            let path = value
                .extract::<PathBuf>()
                .map_err(|_| wrong(value, name, "a path"))?;
            config.cache_file = Some(path);
        }
        "cache_key" => config.cache_key = Some(cache_key(value)?),
        _ => {
            let message = format!("secrets has no setting {name:?}; its settings are {KNOWN}");
            return Err(invalid(value.py(), KIND, message));
        }
    }
    Ok(())
}

fn wrong(value: &Bound<'_, PyAny>, name: &str, expected: &str) -> PyErr {
    invalid(
        value.py(),
        KIND,
        format!("secrets.{name} must be {expected}"),
    )
}

fn raised(value: &Bound<'_, PyAny>, error: &Error) -> PyErr {
    exception(value.py(), error)
}

fn plain(value: &Bound<'_, PyAny>, name: &str) -> PyResult<String> {
    text(value, KIND, &format!("secrets.{name}"))
}

fn span(value: &Bound<'_, PyAny>, name: &str) -> PyResult<Duration> {
    let span = milliseconds(value, KIND, &format!("secrets.{name}"))?;
    if !span.as_nanos().is_multiple_of(1_000_000) {
        return Err(wrong(value, name, "a whole number of milliseconds"));
    }
    Ok(span)
}

fn size(value: &Bound<'_, PyAny>, name: &str) -> PyResult<usize> {
    // A bool is an int to Python.
    let size = match value.is_instance_of::<PyBool>() {
        true => None,
        false => value.extract::<usize>().ok(),
    };
    size.ok_or_else(|| wrong(value, name, "a whole number of 0 or more"))
}

fn sources(value: &Bound<'_, PyAny>) -> PyResult<Sources> {
    let list = match value.cast::<PyString>() {
        Ok(_) => plain(value, "sources")?,
        Err(_) => names(value, KIND, "secrets.sources")?.join(","),
    };
    Sources::parse(&list).map_err(|error| raised(value, &error))
}

/// A name with one alias, or with a list of them; in place of those of the environment.
fn aliases(config: &mut SecretsConfig, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let expected = "a mapping of a name to its alias or a list of aliases";
    let Ok(given) = value.cast::<PyMapping>() else {
        return Err(wrong(value, "aliases", expected));
    };
    config.aliases.clear();
    for item in given.items()?.iter() {
        let (name, added): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
        let name = text(&name, KIND, "a name in secrets.aliases")?;
        let added = match added.cast::<PyString>() {
            Ok(_) => vec![text(&added, KIND, "an alias in secrets.aliases")?],
            Err(_) => names(&added, KIND, "an entry of secrets.aliases")?,
        };
        config.aliases.insert(name, added);
    }
    Ok(())
}

fn cache_key(value: &Bound<'_, PyAny>) -> PyResult<SealKey> {
    let text = match value.cast::<PyBytes>() {
        Ok(key) if key.as_bytes().len() == KEY_BYTES => hex(key.as_bytes()),
        Ok(text) => String::from_utf8_lossy(text.as_bytes()).into_owned(),
        Err(_) => plain(value, "cache_key")?,
    };
    SealKey::parse(&text).map_err(|error| raised(value, &error))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Into a String nothing fails.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
