//! System calls of the commands on secrets: a terminal without echo, and the end of a whole group of
//! processes.
//!
//! All of their unsafe code is here. The invariant: whatever mode the terminal had, it has again when
//! [`Hidden`] is dropped, after an answer, a signal or a panic; and what was typed ahead is thrown
//! away then, so that the rest of a pasted key does not end up as commands of the shell.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::process::Child;

/// The terminal without echo, until it is dropped.
pub(super) struct Hidden<'a> {
    terminal: BorrowedFd<'a>,
    before: libc::termios,
}

impl<'a> Hidden<'a> {
    /// Hides what is typed from now on; what was typed ahead is thrown away.
    pub(super) fn enter(terminal: BorrowedFd<'a>) -> io::Result<Self> {
        // SAFETY: an all-zero termios is valid; it is overwritten before it is used.
        let mut before: libc::termios = unsafe { std::mem::zeroed() };
        // SAFETY: the descriptor is borrowed and so open; `before` outlives the call.
        if unsafe { libc::tcgetattr(terminal.as_raw_fd(), &raw mut before) } != 0 {
            return Err(io::Error::last_os_error());
        }
        let mut hidden = before;
        // Lines are not the terminal's: it would cut them at 4095 bytes. Nor are signals: Ctrl-Z or
        // Ctrl-\ would leave a shell without echo. Ctrl-C comes as a byte.
        hidden.c_lflag &= !(libc::ECHO | libc::ECHONL | libc::ICANON | libc::ISIG | libc::IEXTEN);
        hidden.c_cc[libc::VMIN] = 1;
        hidden.c_cc[libc::VTIME] = 0;
        // SAFETY: the descriptor is open and `hidden` initialised.
        if unsafe { libc::tcsetattr(terminal.as_raw_fd(), libc::TCSAFLUSH, &raw const hidden) } != 0
        {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { terminal, before })
    }
}

impl Drop for Hidden<'_> {
    fn drop(&mut self) {
        // SAFETY: the descriptor is borrowed and so open; `before` is what tcgetattr gave.
        unsafe {
            libc::tcsetattr(
                self.terminal.as_raw_fd(),
                libc::TCSAFLUSH,
                &raw const self.before,
            )
        };
    }
}

/// Kills the group that `child` leads, with all that it started, and waits for it.
pub(super) fn end_group(child: &mut Child) {
    // SAFETY: the child was not waited for, so its number, which is its group's, is not reused.
    unsafe { libc::killpg(child.id().cast_signed(), libc::SIGKILL) };
    // It was killed: there is nothing more to learn of it.
    let _ = child.wait();
}
