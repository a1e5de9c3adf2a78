//! New versions of secrets as they come.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant, SystemTime};

use pyo3::prelude::*;
use tallylight::ErrorKind;
use tallylight::secrets::Change;

use super::arguments::milliseconds;
use super::gated::Gated;
use super::mailbox::Mailbox;
use super::signal::{self, Signal};
use crate::client::instance;
use crate::convert;
use crate::errors::{exception, guard};

/// A secret that has another value now, or none any more.
#[pyclass(module = "tallylight", frozen)]
pub(crate) struct SecretChange {
    core: Change,
}

#[pymethods]
impl SecretChange {
    /// The name it was first asked for by, or that was subscribed to.
    #[getter]
    fn name(&self) -> &str {
        &self.core.name
    }

    /// `rotated`: there is a new version or value; `evicted`: it was deleted, or may not be read any
    /// more.
    #[getter]
    fn kind(&self) -> &'static str {
        self.core.kind.as_str()
    }

    /// The version now, where the source has versions.
    #[getter]
    fn version(&self) -> Option<&str> {
        self.core.version.as_deref()
    }

    /// The version before.
    #[getter]
    fn previous_version(&self) -> Option<&str> {
        self.core.previous_version.as_deref()
    }

    /// Which source answered.
    #[getter]
    fn source(&self) -> &'static str {
        self.core.source.as_str()
    }

    /// When the change was seen, as an aware `datetime` in UTC.
    #[getter]
    fn at(&self) -> SystemTime {
        self.core.at
    }

    fn __repr__(&self) -> String {
        let Change { name, kind, .. } = &self.core;
        format!("<tallylight.SecretChange {name} {}>", kind.as_str())
    }
}

/// What `tallylight.secrets.SecretChanges` reads from.
#[pyclass(module = "tallylight", name = "_Changes", frozen)]
pub(crate) struct Changes {
    core: tallylight::secrets::Changes,
    signal: Arc<Signal>,
    /// One for good: the core tells wakers apart to keep each once.
    waker: Waker,
    /// A change that was found while looking whether there is one.
    found: Gated<Option<Change>>,
}

#[pymethods]
impl Changes {
    #[new]
    fn new(py: Python<'_>, name: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        guard(py, || {
            let name = name
                .map(|name| convert::text(name, ErrorKind::InvalidName, "a secret's name"))
                .transpose()?;
            let core = instance(py)?
                .secrets()
                .subscribe(name.as_deref())
                .map_err(|error| exception(py, &error))?;
            let signal = Arc::default();
            Ok(Self {
                core,
                waker: signal::waker(&signal),
                signal,
                found: Gated::default(),
            })
        })
    }

    /// The next change, if there is one already.
    fn take(&self, py: Python<'_>) -> PyResult<Option<SecretChange>> {
        guard(py, || {
            Ok(self.next().flatten().map(|core| SecretChange { core }))
        })
    }

    /// The next change, waited for; `None` at the end, and when the limit in milliseconds passed.
    fn wait(
        &self,
        py: Python<'_>,
        limit: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<SecretChange>> {
        guard(py, || {
            let limit = limit
                .map(|limit| milliseconds(limit, ErrorKind::InvalidValue, "timeout"))
                .transpose()?;
            // Past what a clock can say there is no limit.
            let until = limit.and_then(|limit: Duration| Instant::now().checked_add(limit));
            loop {
                let seen = self.signal.count();
                if let Some(change) = self.next() {
                    return Ok(change.map(|core| SecretChange { core }));
                }
                if !self.signal.wait(py, seen, until)? {
                    return Ok(None);
                }
            }
        })
    }

    /// Puts the ticket into the mailbox once there is a change to take, or the end.
    fn notify(&self, py: Python<'_>, mailbox: &Bound<'_, Mailbox>, ticket: u64) -> PyResult<()> {
        guard(py, || {
            let post = Arc::clone(&mailbox.get().post);
            let seen = self.signal.count();
            match self.next() {
                None => self.signal.post(seen, post, ticket),
                Some(change) => {
                    self.found
                        .with(|found| *found = change)
                        .map_err(|error| exception(py, &error))?;
                    post.deliver(ticket);
                }
            }
            Ok(())
        })
    }

    /// Ends it: whoever waits is answered with the end.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        guard(py, || {
            self.core.close();
            self.signal.ring();
            Ok(())
        })
    }

    /// Whether it has ended; changes that wait can still be taken.
    fn closed(&self, py: Python<'_>) -> PyResult<bool> {
        guard(py, || Ok(self.core.is_closed()))
    }

    /// Changes that were lost because nobody took them in time.
    fn missed(&self, py: Python<'_>) -> PyResult<u64> {
        guard(py, || Ok(self.core.missed()))
    }
}

impl Changes {
    /// The next change, or within it `None` at the end; `None` when there is none yet, and the
    /// signal then rings with the next.
    fn next(&self) -> Option<Option<Change>> {
        if let Ok(Some(found)) = self.found.with(Option::take) {
            return Some(Some(found));
        }
        // Clones read from one queue.
        let mut changes = self.core.clone();
        match pin!(changes.next()).poll(&mut Context::from_waker(&self.waker)) {
            Poll::Ready(next) => Some(next),
            Poll::Pending => None,
        }
    }
}
