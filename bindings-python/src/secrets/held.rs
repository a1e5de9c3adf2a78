//! The values that the hot call answers from: a dict that stands as long as the core's epoch does.
//!
//! The dict and the epoch it was filled at are touched with the interpreter's lock only, which
//! orders them. The invariant: a value is held at an epoch only if the core served it after that
//! epoch was read, and only while this process has an I/O thread, which moves the epoch when a
//! value becomes due.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use tallylight::secrets::Epoch;
use tallylight::{Counter, InstrumentOptions, Labels, Tallylight};

use super::arguments::Asked;
use super::secret::Secret;

/// The core's own counter of values served without waiting.
const HITS: &str = "tallylight.secrets.hits";
/// An epoch that is none.
const NEVER: u64 = u64::MAX;

/// The held values of the process-wide instance.
#[derive(Default)]
pub(crate) struct Held {
    known: OnceLock<Known>,
    /// A forked child has values before it has a thread that tells when they are due.
    unwatched: AtomicBool,
}

/// What there is once a secret was asked for.
pub(crate) struct Known {
    /// `str` to [`Secret`], by name.
    pub(crate) secrets: Py<PyDict>,
    /// `str` to such a dict, by name and then by key.
    pub(crate) keyed: Py<PyDict>,
    /// The text `key`, interned.
    pub(crate) key: Py<PyString>,
    /// A value served is a hit, whoever served it.
    pub(crate) hits: Counter,
    epoch: Arc<Epoch>,
    at: AtomicU64,
}

impl Held {
    #[inline(always)]
    pub(crate) fn known(&self) -> Option<&Known> {
        self.known.get()
    }

    /// Remembers what the core served after `epoch` was read.
    pub(super) fn hold<'py>(
        &self,
        py: Python<'py>,
        (instance, epoch): (&Tallylight, u32),
        asked: Asked<'_, 'py>,
        secret: &Bound<'py, Secret>,
    ) -> PyResult<()> {
        if self.unwatched.load(Relaxed) || !asked.may_be_held() {
            return Ok(());
        }
        let Some(known) = self.known_or_new(py, instance) else {
            return Ok(());
        };
        if known.epoch.get() != epoch {
            return Ok(());
        }
        if known.at.load(Relaxed) != u64::from(epoch) {
            known.clear(py);
            known.at.store(u64::from(epoch), Relaxed);
        }
        let Some(key) = asked.key else {
            return known.secrets.bind(py).set_item(asked.name, secret);
        };
        let keyed = known.keyed.bind(py);
        match keyed.get_item(asked.name)? {
            Some(of_name) => of_name.set_item(key, secret),
            None => {
                let of_name = PyDict::new(py);
                of_name.set_item(key, secret)?;
                keyed.set_item(asked.name, of_name)
            }
        }
    }

    fn known_or_new(&self, py: Python<'_>, instance: &Tallylight) -> Option<&Known> {
        if self.known.get().is_none() {
            let options = InstrumentOptions::default();
            let hits = instance.counter(HITS, &Labels::new(), &options).ok()?;
            // Filled with the interpreter's lock held, so no fork finds it half done.
            let _ = self.known.set(Known {
                secrets: PyDict::new(py).unbind(),
                keyed: PyDict::new(py).unbind(),
                key: PyString::intern(py, "key").unbind(),
                hits,
                epoch: Arc::clone(instance.secrets().epoch()),
                at: AtomicU64::new(NEVER),
            });
        }
        self.known.get()
    }

    /// The core's I/O thread runs in this process.
    pub(super) fn watched(&self) {
        self.unwatched.store(false, Relaxed);
    }

    /// Lets go of every value.
    pub(crate) fn forget(&self, py: Python<'_>) {
        if let Some(known) = self.known.get() {
            known.at.store(NEVER, Relaxed);
            known.clear(py);
        }
    }

    /// In a forked child: what was held is asked for anew.
    pub(crate) fn after_fork(&self, py: Python<'_>) {
        self.unwatched.store(true, Relaxed);
        self.forget(py);
    }
}

impl Known {
    fn clear(&self, py: Python<'_>) {
        self.secrets.bind(py).clear();
        self.keyed.bind(py).clear();
    }

    /// Whether what the dict holds is still what the core would serve.
    #[inline(always)]
    pub(crate) fn stands(&self) -> bool {
        u64::from(self.epoch.get()) == self.at.load(Relaxed)
    }
}
