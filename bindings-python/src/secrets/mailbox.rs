//! How another thread wakes a loop of asyncio without the interpreter: a list of tickets, and a
//! socket that the loop watches.

use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use pyo3::prelude::*;
use tallylight::{Error, ErrorKind};

use super::gated::Gated;
use crate::errors::{exception, guard};

/// The end that other threads write to.
pub(super) struct Post {
    waiting: Gated<Vec<u64>>,
    bell: UnixStream,
}

impl Post {
    /// Adds a ticket, and rings if it is the first since the loop looked.
    pub(super) fn deliver(&self, ticket: u64) {
        let is_first = self.waiting.with(|waiting| {
            waiting.push(ticket);
            waiting.len() == 1
        });
        // Where it cannot be locked nobody waits.
        if is_first.unwrap_or(false) {
            // Fails when the loop has hung up, and then nobody waits.
            let _ = (&self.bell).write(&[0]);
        }
    }
}

/// The end that one loop reads.
#[pyclass(module = "tallylight", name = "_Mailbox", frozen)]
pub(crate) struct Mailbox {
    pub(super) post: Arc<Post>,
    bell: UnixStream,
}

#[pymethods]
impl Mailbox {
    #[new]
    fn new(py: Python<'_>) -> PyResult<Self> {
        guard(py, || {
            let open = || {
                let (loops, others) = UnixStream::pair()?;
                loops.set_nonblocking(true)?;
                others.set_nonblocking(true)?;
                std::io::Result::Ok((loops, others))
            };
            let (loops, others) = open().map_err(|cause| {
                let message = "no pair of sockets could be made for a loop of asyncio; raise the limit on open files (ulimit -n)";
                exception(py, &Error::new(ErrorKind::Io, message).with_source(cause))
            })?;
            Ok(Self {
                post: Arc::new(Post {
                    waiting: Gated::default(),
                    bell: others,
                }),
                bell: loops,
            })
        })
    }

    /// What the loop watches for reading.
    fn fileno(&self) -> i32 {
        self.bell.as_raw_fd()
    }

    /// The tickets that came since the last time.
    fn take(&self, py: Python<'_>) -> PyResult<Vec<u64>> {
        guard(py, || {
            // First the bell: a ticket that comes in between rings again.
            while matches!((&self.bell).read(&mut [0; 64]), Ok(read) if read > 0) {}
            self.post
                .waiting
                .with(std::mem::take)
                .map_err(|error| exception(py, &error))
        })
    }
}
