//! The one thread for all I/O: a single-threaded tokio runtime that starts with the first job.
//!
//! Nothing on it blocks: what must (files, compression) goes to the runtime's own blocking pool,
//! which grows on demand and shrinks by itself. Importing and `init` start nothing here; a job that
//! panics is contained and counted. A forked child has no such thread until its own first job.
//!
//! While it is at work the thread holds the fork gate, so that no child inherits what a library
//! has half done: a once-cell that is being filled would hold up the child's own I/O thread for good.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::runtime;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::LocalSet;

use crate::error::{Error, ErrorKind};
use crate::fork;

/// Work that starts on the I/O thread, where it may `spawn_local`.
type Job = Box<dyn FnOnce() + Send>;

/// Threads of the blocking pool: enough that one hanging file system holds up nobody else's file.
const BLOCKING_THREADS: usize = 8;
/// How long an idle thread of the blocking pool stays.
const BLOCKING_IDLE: Duration = Duration::from_secs(10);

thread_local! {
    /// Held by the I/O thread from the end of a rest to the next.
    static AT_WORK: Cell<Option<fork::Hold>> = const { Cell::new(None) };
}

struct Running {
    fork: u32,
    /// Dropping it ends the thread.
    jobs: UnboundedSender<Job>,
    thread: JoinHandle<()>,
}

/// The I/O thread of one instance.
#[derive(Default)]
pub(crate) struct Io {
    running: Mutex<Option<Running>>,
    panics: Arc<AtomicU64>,
}

impl Io {
    /// Has the I/O thread run `job`, starting the thread if this process has none.
    ///
    /// # Errors
    /// `io` when the system gives no thread or no event queue.
    pub(crate) fn submit(&self, job: impl FnOnce() + Send + 'static) -> Result<(), Error> {
        let Some(_inside) = fork::enter() else {
            return Err(fork::unfit());
        };
        let mut running = self.running.lock();
        if let Some(known) = running.take() {
            if known.fork != fork::generation() {
                // The parent's: its channel may be in any state, so it is left alone.
                std::mem::forget(known);
            } else if !known.thread.is_finished() {
                let known = running.insert(known);
                return send(&known.jobs, Box::new(job));
            }
        }
        let fresh = start(Arc::clone(&self.panics))?;
        send(&running.insert(fresh).jobs, Box::new(job))
    }

    /// As [`Self::submit`], if the thread runs in this process; whether it does.
    #[cfg(feature = "secrets-aws")]
    pub(crate) fn submit_if_running(&self, job: impl FnOnce() + Send + 'static) -> bool {
        let Some(_inside) = fork::enter() else {
            return false;
        };
        let running = self.running.lock();
        running
            .as_ref()
            .filter(|known| known.fork == fork::generation() && !known.thread.is_finished())
            .is_some_and(|known| send(&known.jobs, Box::new(job)).is_ok())
    }

    /// Whether the caller is the I/O thread itself.
    pub(crate) fn is_this_thread(&self) -> bool {
        fork::enter().is_some_and(|_inside| {
            let running = self.running.lock();
            running
                .as_ref()
                .is_some_and(|known| known.thread.thread().id() == thread::current().id())
        })
    }

    /// Ends the thread; tasks that wait are dropped. Waits for it at most `patience`.
    pub(crate) fn stop(&self, patience: Duration) {
        let taken = {
            let Some(_inside) = fork::enter() else {
                return;
            };
            self.running.lock().take()
        };
        let Some(running) = taken else {
            return;
        };
        if running.fork != fork::generation() {
            std::mem::forget(running);
            return;
        }
        let Running { jobs, thread, .. } = running;
        drop(jobs);
        if thread.thread().id() == thread::current().id() {
            return;
        }
        let until = Instant::now() + patience;
        while !thread.is_finished() && Instant::now() < until {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Jobs that panicked.
    #[cfg(any(test, feature = "secrets-aws"))]
    pub(crate) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }
}

fn send(jobs: &UnboundedSender<Job>, job: Job) -> Result<(), Error> {
    jobs.send(job).map_err(|_| {
        Error::new(
            ErrorKind::Internal,
            "the I/O thread has ended; please report it",
        )
    })
}

fn start(panics: Arc<AtomicU64>) -> Result<Running, Error> {
    let no_thread = |error: std::io::Error| {
        Error::new(
            ErrorKind::Io,
            "no I/O thread could be started; raise the limit on threads or open files (ulimit -u, ulimit -n)",
        )
        .with_source(error)
    };
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_keep_alive(BLOCKING_IDLE)
        .thread_name("tallylight-file")
        .on_thread_park(|| drop(AT_WORK.take()))
        .on_thread_unpark(|| AT_WORK.set(fork::hold()))
        .build()
        .map_err(no_thread)?;
    let (jobs, mut received) = unbounded_channel::<Job>();
    let thread = thread::Builder::new()
        .name("tallylight-io".to_owned())
        .spawn(move || {
            AT_WORK.set(fork::hold());
            let tasks = LocalSet::new();
            tasks.block_on(&runtime, async move {
                while let Some(job) = received.recv().await {
                    if let Err(payload) = catch_unwind(AssertUnwindSafe(job)) {
                        panics.fetch_add(1, Ordering::Relaxed);
                        // A payload may panic again in its own Drop.
                        std::mem::forget(payload);
                    }
                }
            });
            drop(tasks);
            drop(AT_WORK.take());
            // A file that hangs must not hold the end up.
            runtime.shutdown_background();
        })
        .map_err(no_thread)?;
    Ok(Running {
        fork: fork::generation(),
        jobs,
        thread,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_job_that_panics_ends_no_other() {
        let io = Io::default();
        io.submit(|| panic!("on purpose")).unwrap();
        let (done, waits) = mpsc::channel();
        io.submit(move || {
            tokio::task::spawn_local(async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                done.send(thread::current().name().map(str::to_owned))
                    .unwrap();
            });
        })
        .unwrap();
        let name = waits.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(name.as_deref(), Some("tallylight-io"));
        assert_eq!(io.panics(), 1);
        io.stop(Duration::from_secs(5));
    }

    #[test]
    fn it_starts_again_after_it_was_stopped() {
        let io = Io::default();
        for _ in 0..3 {
            let (done, waits) = mpsc::channel();
            io.submit(move || done.send(()).unwrap()).unwrap();
            waits.recv_timeout(Duration::from_secs(10)).unwrap();
            io.stop(Duration::from_secs(5));
        }
    }
}
