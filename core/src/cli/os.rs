//! The two system calls the standard library has no face for: signals and waiting for a key.
//!
//! All of the command line's unsafe code is here. The invariant: whatever handler a signal had before
//! [`SignalGuard::install`] it has again when the guard is dropped, also on unwinding.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

/// The signal that arrived last, 0 for none.
static RECEIVED: AtomicI32 = AtomicI32::new(0);
/// Whether a guard is alive: handlers are the process's, so there can be only one.
static HELD: AtomicBool = AtomicBool::new(false);

/// Owns SIGINT, SIGTERM and SIGPIPE while it lives.
pub(crate) struct SignalGuard {
    previous: Vec<(libc::c_int, libc::sigaction)>,
    holds: bool,
}

extern "C" fn note(signal: libc::c_int) {
    // Runs in signal context: one atomic store and nothing else is allowed here.
    RECEIVED.store(signal, Ordering::Relaxed);
}

impl SignalGuard {
    /// Takes the signals over. A second guard beside a living one changes nothing.
    pub(crate) fn install() -> Self {
        let mut guard = Self {
            previous: Vec::new(),
            holds: !HELD.swap(true, Ordering::AcqRel),
        };
        if guard.holds {
            RECEIVED.store(0, Ordering::Relaxed);
            let noting = note as extern "C" fn(libc::c_int) as *const () as libc::sighandler_t;
            guard.replace(libc::SIGINT, noting);
            guard.replace(libc::SIGTERM, noting);
            // A closed pipe must be an error that we see, whatever the host's setting is.
            guard.replace(libc::SIGPIPE, libc::SIG_IGN);
        }
        guard
    }

    fn replace(&mut self, signal: libc::c_int, handler: libc::sighandler_t) {
        // SAFETY: an all-zero sigaction is valid: no handler, an empty mask, no flags.
        let mut previous: libc::sigaction = unsafe { std::mem::zeroed() };
        // SAFETY: a null new action only reads the present one into `previous`, which outlives the call.
        if unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut previous) } != 0 {
            return;
        }
        // Ignored by whoever started us (nohup, a background job) stays ignored.
        if previous.sa_sigaction == libc::SIG_IGN {
            return;
        }
        // SAFETY: as above.
        let mut ours: libc::sigaction = unsafe { std::mem::zeroed() };
        ours.sa_sigaction = handler;
        // Hosts run threads on alternate signal stacks. No SA_RESTART: a wait has to end at once.
        ours.sa_flags = libc::SA_ONSTACK;
        // SAFETY: `ours` is initialised; its handler is SIG_IGN or `note`, which is async-signal-safe.
        if unsafe { libc::sigaction(signal, &raw const ours, std::ptr::null_mut()) } == 0 {
            self.previous.push((signal, previous));
        }
    }
}

impl Drop for SignalGuard {
    fn drop(&mut self) {
        for (signal, previous) in self.previous.drain(..).rev() {
            // SAFETY: `previous` is what sigaction gave us for this very signal.
            unsafe { libc::sigaction(signal, &raw const previous, std::ptr::null_mut()) };
        }
        if self.holds {
            HELD.store(false, Ordering::Release);
        }
    }
}

/// The signal that asks for the end, if one came since the guard was installed.
pub(crate) fn received() -> Option<i32> {
    match RECEIVED.load(Ordering::Relaxed) {
        0 => None,
        signal => Some(signal),
    }
}

/// What [`wait_readable`] saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ready {
    /// There is something to read, or the end of the input.
    Readable,
    /// The time is up, or a signal came.
    Nothing,
    /// The input is gone.
    Closed,
}

/// Waits until `input` can be read, for at most `limit`.
pub(crate) fn wait_readable(input: BorrowedFd<'_>, limit: Duration) -> io::Result<Ready> {
    let mut entry = libc::pollfd {
        fd: input.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let millis = libc::c_int::try_from(limit.as_millis()).unwrap_or(libc::c_int::MAX);
    // SAFETY: one valid entry, exclusively ours, that outlives the call; the descriptor is borrowed and so open.
    let count = unsafe { libc::poll(&raw mut entry, 1, millis) };
    if count < 0 {
        let error = io::Error::last_os_error();
        return if error.kind() == io::ErrorKind::Interrupted {
            Ok(Ready::Nothing)
        } else {
            Err(error)
        };
    }
    Ok(if entry.revents & libc::POLLIN != 0 {
        Ready::Readable
    } else if entry.revents != 0 {
        Ready::Closed
    } else {
        Ready::Nothing
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    fn present(signal: libc::c_int) -> libc::sighandler_t {
        // SAFETY: an all-zero sigaction is valid, and a null new action only reads.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            assert_eq!(
                libc::sigaction(signal, std::ptr::null(), &raw mut action),
                0
            );
            action.sa_sigaction
        }
    }

    #[test]
    fn a_signal_is_noted_and_the_hosts_handler_comes_back() {
        let before = present(libc::SIGINT);
        {
            let _guard = SignalGuard::install();
            {
                let _second = SignalGuard::install();
            }
            assert_ne!(
                present(libc::SIGINT),
                before,
                "a second guard must not release the first"
            );
            assert_eq!(received(), None);
            // SAFETY: raises a signal that the guard handles.
            assert_eq!(unsafe { libc::raise(libc::SIGINT) }, 0);
            assert_eq!(received(), Some(libc::SIGINT));
        }
        assert_eq!(present(libc::SIGINT), before);
    }

    #[test]
    fn waiting_tells_input_silence_and_the_end_apart() {
        let (mut here, there) = UnixStream::pair().unwrap();
        let wait = || wait_readable(there.as_fd(), Duration::ZERO).unwrap();
        assert_eq!(wait(), Ready::Nothing);
        here.write_all(b"q").unwrap();
        assert_eq!(wait(), Ready::Readable);
    }
}
