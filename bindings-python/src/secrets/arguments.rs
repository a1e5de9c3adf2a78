//! What is asked of a secret, as the core takes it.

use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString};
use tallylight::secrets::Request;
use tallylight::{Error, ErrorKind};

use crate::convert::{number, text};
use crate::errors::{exception, invalid};

/// The arguments of every call on one secret, in the order of [`Wanted::read`].
pub(crate) const NAMES: [&str; 6] = ["name", "key", "stage", "version", "max_age", "deadline"];

/// A request that owns its texts.
pub(crate) struct Wanted {
    name: String,
    key: Option<String>,
    stage: Option<String>,
    version: Option<String>,
    max_age: Option<Duration>,
    deadline: Option<Duration>,
}

impl Wanted {
    /// Reads the arguments [`NAMES`]; `None` of Python counts as left out. What is no request is an
    /// error, whatever is at hand.
    pub(crate) fn read(
        name: &Bound<'_, PyAny>,
        [key, stage, version, max_age, deadline]: [Option<&Bound<'_, PyAny>>; 5],
    ) -> PyResult<Self> {
        let kind = ErrorKind::InvalidValue;
        let wanted = Self {
            name: text(name, ErrorKind::InvalidName, "a secret's name")?,
            key: given(key).map(|key| text(key, kind, "key")).transpose()?,
            stage: given(stage)
                .map(|stage| text(stage, kind, "stage"))
                .transpose()?,
            version: given(version)
                .map(|version| text(version, kind, "version"))
                .transpose()?,
            max_age: given(max_age)
                .map(|ms| milliseconds(ms, kind, "max_age"))
                .transpose()?,
            deadline: given(deadline)
                .map(|ms| milliseconds(ms, kind, "deadline"))
                .transpose()?,
        };
        wanted
            .request()
            .check()
            .map_err(|error| exception(name.py(), &error))?;
        Ok(wanted)
    }

    pub(crate) fn request(&self) -> Request<'_> {
        Request {
            name: &self.name,
            key: self.key.as_deref(),
            stage: self.stage.as_deref(),
            version: self.version.as_deref(),
            max_age: self.max_age,
            deadline: self.deadline,
        }
    }

    /// Whether it asks for the current value, or one key of it, and nothing else.
    fn is_plain(&self) -> bool {
        let plain = Request {
            key: self.key.as_deref(),
            ..Request::new(&self.name)
        };
        self.request() == plain
    }
}

/// A request, with the objects that it came as.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a, 'py> {
    pub(crate) wanted: &'a Wanted,
    pub(crate) name: &'a Bound<'py, PyAny>,
    pub(crate) key: Option<&'a Bound<'py, PyAny>>,
}

impl Asked<'_, '_> {
    /// Whether the hot call may answer the same question from what it holds. A subclass of `str`
    /// could run code of its own when it is looked up.
    pub(super) fn may_be_held(&self) -> bool {
        let is_str = |object: &Bound<'_, PyAny>| object.is_exact_instance_of::<PyString>();
        self.wanted.is_plain() && is_str(self.name) && self.key.is_none_or(is_str)
    }
}

fn given<'a, 'py>(argument: Option<&'a Bound<'py, PyAny>>) -> Option<&'a Bound<'py, PyAny>> {
    argument.filter(|argument| !argument.is_none())
}

/// A span of time given in milliseconds.
pub(crate) fn milliseconds(
    value: &Bound<'_, PyAny>,
    kind: ErrorKind,
    what: &str,
) -> PyResult<Duration> {
    if value.is_instance_of::<PyBool>() {
        let message = format!("{what} must be a number of milliseconds, not a bool");
        return Err(invalid(value.py(), kind, message));
    }
    let ms = number(value, kind, what)?;
    Duration::try_from_secs_f64(ms / 1e3).map_err(|cause| {
        let message = format!("{what} must be 0 or more milliseconds, and finite; try 1000");
        exception(value.py(), &Error::new(kind, message).with_source(cause))
    })
}

/// Names as a list, from any iterable of them but a `str`, which is one.
pub(crate) fn names(
    given: &Bound<'_, PyAny>,
    kind: ErrorKind,
    what: &str,
) -> PyResult<Vec<String>> {
    let py = given.py();
    let refusal = || {
        invalid(
            py,
            kind,
            format!("{what} must be a list of str; put the names into []"),
        )
    };
    if given.is_instance_of::<PyString>() {
        return Err(refusal());
    }
    given
        .try_iter()
        .map_err(|_| refusal())?
        .map(|name| text(&name?, kind, &format!("an entry of {what}")))
        .collect()
}
