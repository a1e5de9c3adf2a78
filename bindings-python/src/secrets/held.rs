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
    /// `str` to [`Secret`].
    pub(crate) secrets: Py<PyDict>,
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
    pub(super) fn hold(
        &self,
        py: Python<'_>,
        instance: &Tallylight,
        epoch: u32,
        name: &Bound<'_, PyAny>,
        secret: &Bound<'_, Secret>,
    ) -> PyResult<()> {
        // A subclass could run code of its own when it is compared.
        if self.unwatched.load(Relaxed) || !name.is_exact_instance_of::<PyString>() {
            return Ok(());
        }
        let Some(known) = self.known_or_new(py, instance) else {
            return Ok(());
        };
        if known.epoch.get() != epoch {
            return Ok(());
        }
        let secrets = known.secrets.bind(py);
        if known.at.swap(u64::from(epoch), Relaxed) != u64::from(epoch) {
            secrets.clear();
        }
        secrets.set_item(name, secret)
    }

    fn known_or_new(&self, py: Python<'_>, instance: &Tallylight) -> Option<&Known> {
        if self.known.get().is_none() {
            let options = InstrumentOptions::default();
            let hits = instance.counter(HITS, &Labels::new(), &options).ok()?;
            // Filled with the interpreter's lock held, so no fork finds it half done.
            let _ = self.known.set(Known {
                secrets: PyDict::new(py).unbind(),
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
            known.secrets.bind(py).clear();
        }
    }

    /// In a forked child: what was held is asked for anew.
    pub(crate) fn after_fork(&self, py: Python<'_>) {
        self.unwatched.store(true, Relaxed);
        self.forget(py);
    }
}

impl Known {
    /// Whether what the dict holds is still what the core would serve.
    #[inline(always)]
    pub(crate) fn stands(&self) -> bool {
        u64::from(self.epoch.get()) == self.at.load(Relaxed)
    }
}
