//! The value of a secret, in a class that shows it to nobody who did not ask for it by name.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::time::SystemTime;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString, PyTuple};
use tallylight::ErrorKind;

use crate::convert;
use crate::errors::{exception, guard};

/// A secret's value and where it came from.
///
/// `reveal()` is the only way to the text and `reveal_bytes()` the only way to the bytes: `repr`,
/// `str`, every format, logs and tracebacks show the name alone, it cannot be pickled or written as
/// JSON, and has neither a length nor a truth value of the text. `==` holds for two secrets of one
/// name and one value, compared in time that does not depend on where they differ; a secret never
/// equals a `str`.
#[pyclass(module = "tallylight", frozen)]
pub(crate) struct Secret {
    pub(crate) core: tallylight::Secret,
}

impl From<tallylight::Secret> for Secret {
    fn from(core: tallylight::Secret) -> Self {
        Self { core }
    }
}

#[pymethods]
impl Secret {
    /// The value as text. `InvalidValueError` when it is not UTF-8: `reveal_bytes()` has it.
    fn reveal<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        guard(py, || match self.core.reveal() {
            Ok(text) => Ok(PyString::new(py, text)),
            Err(error) => Err(exception(py, &error)),
        })
    }

    /// The value as bytes.
    fn reveal_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.core.reveal_bytes())
    }

    /// One key of a JSON secret, as a secret: of its top level or, for a key that starts with `/`,
    /// by JSON Pointer. A text comes without quotes, anything else as JSON.
    #[pyo3(signature = (key, /))]
    fn json_key(&self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<Self> {
        guard(py, || {
            let key = convert::text(key, ErrorKind::InvalidValue, "a key")?;
            let leaf = self.core.json_key(&key);
            leaf.map(Self::from).map_err(|error| exception(py, &error))
        })
    }

    /// The name it was asked for by.
    #[getter]
    fn name(&self) -> &str {
        self.core.name()
    }

    /// Which source answered: `override`, `file`, `aws`, `environment` or `disk`.
    #[getter]
    fn source(&self) -> &'static str {
        self.core.source().as_str()
    }

    /// The version's id, where the source has versions.
    #[getter]
    fn version(&self) -> Option<&str> {
        self.core.version()
    }

    /// The stages of that version when it was read, such as `AWSCURRENT`.
    #[getter]
    fn stages<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.core.stages())
    }

    /// The ARN, where it comes from AWS.
    #[getter]
    fn arn(&self) -> Option<&str> {
        self.core.arn()
    }

    /// The region that answered, where it comes from AWS.
    #[getter]
    fn region(&self) -> Option<&str> {
        self.core.region()
    }

    /// When the source answered it, as an aware `datetime` in UTC.
    #[getter]
    fn fetched_at(&self) -> SystemTime {
        self.core.fetched_at()
    }

    /// How long ago that was, in milliseconds.
    #[getter]
    fn age(&self) -> f64 {
        self.core.age().as_secs_f64() * 1e3
    }

    /// Whether it was stored as binary, or is no UTF-8 text.
    #[getter]
    fn is_binary(&self) -> bool {
        self.core.is_binary()
    }

    fn __repr__(&self) -> String {
        self.core.to_string()
    }

    fn __str__(&self) -> String {
        self.core.to_string()
    }

    /// Formats what `str()` shows.
    fn __format__<'py>(
        &self,
        py: Python<'py>,
        spec: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        PyString::new(py, &self.core.to_string()).call_method1("__format__", (spec,))
    }

    fn __eq__(&self, other: &Self) -> bool {
        self.core.name() == other.core.name() && self.core.same_value(&other.core)
    }

    /// Whether the values are the same, under whatever names.
    fn _same_value(&self, other: &Bound<'_, Self>) -> bool {
        self.core.same_value(&other.get().core)
    }

    /// Of the name alone: a hash of the value would tell values apart.
    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.core.name().hash(&mut hasher);
        hasher.finish()
    }

    /// Itself: there is nothing in it that could change.
    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    fn __reduce_ex__(&self, _protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(PyTypeError::new_err(format!(
            "the secret {} is not pickled, since that would write its value out; hand its name over \
             and call get_secret there",
            self.core.name()
        )))
    }
}
