//! Any Python object as JSON text, whatever it is and whatever its methods do.
//!
//! Called for every event and for every value that an application hands in. The invariant: no object
//! makes it fail, hang on a cycle or grow past its [`Limits`]. Only a Ctrl-C or an exit that a
//! signal's handler asks for while an object's own code runs comes out as an error.

use std::borrow::Cow;

use pyo3::exceptions::{PyKeyboardInterrupt, PySystemExit};
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PySet, PyString,
    PyTuple,
};

/// How much of an object is written.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    /// How deep containers are followed; below it stands what they are.
    depth: usize,
    /// Members of one container.
    breadth: usize,
    /// Members in all.
    members: usize,
    /// Bytes of one text.
    text: usize,
}

impl Limits {
    /// Of an event, whose parts were limited when they were made; the core cuts the rest.
    pub(super) const EVENT: Self = Self {
        depth: 64,
        breadth: usize::MAX,
        members: 500_000,
        text: 4 << 20,
    };
    /// Of a value that an application hands in: no event should cost its caller more than this.
    pub(super) const VALUE: Self = Self {
        depth: 10,
        breadth: 200,
        members: 5_000,
        text: 1 << 20,
    };
    /// Of a local variable: there are many, and nobody chose them.
    pub(super) const LOCAL: Self = Self {
        depth: 4,
        breadth: 16,
        members: 128,
        text: 1_024,
    };
}

/// The text of an object.
pub(super) fn written(value: &Bound<'_, PyAny>, limits: Limits) -> PyResult<String> {
    let mut writer = Writer {
        out: Vec::with_capacity(4_096),
        limits,
        members: limits.members,
        holders: Vec::new(),
    };
    writer.value(value)?;
    // It holds what serde_json writes and text of ours, so it is never lossy.
    Ok(match String::from_utf8(writer.out) {
        Ok(text) => text,
        Err(broken) => String::from_utf8_lossy(broken.as_bytes()).into_owned(),
    })
}

struct Writer {
    out: Vec<u8>,
    limits: Limits,
    /// How many members may still be written.
    members: usize,
    /// The addresses of the containers around the one that is being written.
    holders: Vec<usize>,
}

impl Writer {
    fn value(&mut self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        // The commonest first; a bool is an int to Python, so it is asked for before.
        if let Ok(text) = value.cast::<PyString>() {
            self.string(text);
        } else if value.is_none() {
            self.out.extend_from_slice(b"null");
        } else if let Ok(flag) = value.cast::<PyBool>() {
            let text: &[u8] = if flag.is_true() { b"true" } else { b"false" };
            self.out.extend_from_slice(text);
        } else if let Ok(number) = value.cast::<PyInt>() {
            self.int(number)?;
        } else if let Ok(number) = value.cast::<PyFloat>() {
            self.float(number.value());
        } else if let Ok(dict) = value.cast::<PyDict>() {
            self.container(value, "{...}", |writer| writer.dict(dict))?;
        } else if let Ok(list) = value.cast::<PyList>() {
            self.container(value, "[...]", |writer| {
                writer.items(list.len(), list.iter())
            })?;
        } else if let Ok(tuple) = value.cast::<PyTuple>() {
            self.container(value, "(...)", |writer| {
                writer.items(tuple.len(), tuple.iter())
            })?;
        } else if let Some(items) = set_items(value) {
            self.container(value, "{...}", |writer| {
                writer.items(items.len(), items.iter())
            })?;
        } else {
            let said = said(value)?;
            self.text(&said);
        }
        Ok(())
    }

    fn int(&mut self, number: &Bound<'_, PyInt>) -> PyResult<()> {
        if let Ok(number) = number.extract::<i64>() {
            self.json(&number);
            return Ok(());
        }
        // Too large for most readers of JSON; of int itself, as a subclass may say what it likes.
        let digits = number
            .py()
            .get_type::<PyInt>()
            .call_method1("__repr__", (number,));
        match digits.and_then(|digits| digits.extract::<String>()) {
            Ok(digits) => self.text(&digits),
            Err(error) => {
                passed(number.py(), error)?;
                self.text("<int of too many digits>");
            }
        }
        Ok(())
    }

    fn float(&mut self, number: f64) {
        if number.is_finite() {
            self.json(&number);
        } else if number.is_nan() {
            self.text("NaN");
        } else {
            self.text(if number > 0.0 {
                "Infinity"
            } else {
                "-Infinity"
            });
        }
    }

    /// Writes what serde can write.
    fn json(&mut self, value: &impl serde::Serialize) {
        // Numbers and text always can be, and a vector takes all.
        if serde_json::to_writer(&mut self.out, value).is_err() {
            self.out.extend_from_slice(b"null");
        }
    }

    fn string(&mut self, text: &Bound<'_, PyString>) {
        match text.to_str() {
            Ok(text) => self.text(text),
            // A lone surrogate, which UTF-8 cannot say.
            Err(_) => self.text(&text.to_string_lossy()),
        }
    }

    fn text(&mut self, text: &str) {
        let most = self.limits.text;
        if text.len() <= most {
            return self.json(&text);
        }
        let cut = format!("{}...", &text[..text.floor_char_boundary(most)]);
        self.json(&cut);
    }

    /// Writes a container, unless it holds itself or is too deep.
    fn container(
        &mut self,
        value: &Bound<'_, PyAny>,
        short: &str,
        write: impl FnOnce(&mut Self) -> PyResult<()>,
    ) -> PyResult<()> {
        let address = value.as_ptr() as usize;
        if self.holders.contains(&address) {
            self.text("[cycle]");
        } else if self.holders.len() >= self.limits.depth || self.members == 0 {
            self.text(short);
        } else {
            self.holders.push(address);
            let done = write(self);
            self.holders.pop();
            done?;
        }
        Ok(())
    }

    fn dict(&mut self, dict: &Bound<'_, PyDict>) -> PyResult<()> {
        // A copy: code of the values', or another thread, may change the dict while it is read.
        let items = dict.items();
        let mut left = self.limits.breadth;
        self.out.push(b'{');
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            if left == 0 || self.members == 0 {
                self.out.extend_from_slice(br#""...":"[more]""#);
                break;
            }
            left -= 1;
            self.members -= 1;
            let (key, value): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
            match key.cast::<PyString>() {
                Ok(key) => self.string(key),
                Err(_) => {
                    let said = said(&key)?;
                    self.text(&said);
                }
            }
            self.out.push(b':');
            self.value(&value)?;
        }
        self.out.push(b'}');
        Ok(())
    }

    fn items<'py>(
        &mut self,
        count: usize,
        items: impl Iterator<Item = Bound<'py, PyAny>>,
    ) -> PyResult<()> {
        let mut left = self.limits.breadth;
        self.out.push(b'[');
        for (at, item) in items.enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            if left == 0 || self.members == 0 {
                let more = format!("[{} more]", count.saturating_sub(at));
                self.text(&more);
                break;
            }
            left -= 1;
            self.members -= 1;
            self.value(&item)?;
        }
        self.out.push(b']');
        Ok(())
    }
}

fn set_items<'py>(value: &Bound<'py, PyAny>) -> Option<Bound<'py, PyList>> {
    if !value.is_instance_of::<PySet>() && !value.is_instance_of::<PyFrozenSet>() {
        return None;
    }
    let list = PyList::empty(value.py());
    // Of list itself, so that it is one step that no other thread comes between.
    list.call_method1("extend", (value,)).ok()?;
    Some(list)
}

/// Modules of classes whose `str()` says more than their `repr()`.
const PLAINLY_SAID: [&str; 6] = [
    "datetime",
    "decimal",
    "fractions",
    "ipaddress",
    "pathlib",
    "uuid",
];

/// What an object says of itself, or that it says nothing.
fn said<'py>(value: &Bound<'py, PyAny>) -> PyResult<Cow<'py, str>> {
    let bytes = match (value.cast::<PyBytes>(), value.cast::<PyByteArray>()) {
        (Ok(bytes), _) => Some(bytes.as_bytes().to_vec()),
        (_, Ok(bytes)) => Some(bytes.to_vec()),
        _ => None,
    };
    if let Some(bytes) = bytes {
        return Ok(Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()));
    }
    let class = value.get_type();
    let module = class
        .module()
        .map(|name| name.to_string_lossy().into_owned());
    let is_plain = module.is_ok_and(|name| PLAINLY_SAID.contains(&name.as_str()));
    let said = if is_plain { value.str() } else { value.repr() };
    match said {
        Ok(said) => Ok(Cow::Owned(said.to_string_lossy().into_owned())),
        Err(error) => {
            let raised = error.get_type(value.py());
            passed(value.py(), error)?;
            Ok(Cow::Owned(format!(
                "<{}, whose repr raised {}>",
                name_of(&class),
                name_of(&raised)
            )))
        }
    }
}

fn name_of(class: &Bound<'_, pyo3::types::PyType>) -> String {
    match class.name() {
        Ok(name) => name.to_string_lossy().into_owned(),
        Err(_) => "object".to_owned(),
    }
}

/// Lets pass what a signal's handler raised while an object's own code ran.
fn passed(py: Python<'_>, error: PyErr) -> PyResult<()> {
    if error.is_instance_of::<PyKeyboardInterrupt>(py) || error.is_instance_of::<PySystemExit>(py) {
        return Err(error);
    }
    Ok(())
}
