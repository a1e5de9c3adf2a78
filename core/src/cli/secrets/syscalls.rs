//! System calls of the commands on secrets: a terminal without echo, the end of a whole group of
//! processes, and whether anybody could read what goes to standard output.
//!
//! All of their unsafe code is here; that of signals and of waiting is in `crate::cli::os`. The invariant: whatever mode the terminal had, it has again when
//! [`Hidden`] is dropped, after an answer, a signal or a panic; and what was typed ahead is thrown
//! away then, so that the rest of a pasted key does not end up as commands of the shell.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;
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

/// Whether standard output was closed when this program was started, so that what is written goes
/// nowhere, or to a file that has its number by chance.
///
/// A closed one cannot be seen as such: the runtimes of Rust and of Node put the null device in its
/// place, open for reading too, which a shell's `>/dev/null` is not; in Python the next file that is
/// opened gets its number, and is marked to be closed in programs that are started, as the streams
/// are not that came from one (but by Node, which marks them all).
pub(super) fn is_stdout_closed() -> bool {
    // SAFETY: asks for the flags of a number that may be none, and changes nothing.
    let flags = |fd, of| unsafe { libc::fcntl(fd, of) };
    let is_marked = |fd| flags(fd, libc::F_GETFD) & libc::FD_CLOEXEC != 0;
    let access = flags(libc::STDOUT_FILENO, libc::F_GETFL);
    let is_another = is_marked(libc::STDOUT_FILENO)
        && [libc::STDIN_FILENO, libc::STDERR_FILENO]
            .into_iter()
            .any(|fd| !is_marked(fd));
    if access < 0 || is_another {
        return true;
    }
    let stdout = io::stdout();
    let found = stdout.as_fd().try_clone_to_owned();
    let found = found.and_then(|file| File::from(file).metadata());
    let is_null = match (found, fs::metadata("/dev/null")) {
        (Ok(found), Ok(null)) => (found.dev(), found.ino()) == (null.dev(), null.ino()),
        _ => false,
    };
    is_null && access & libc::O_ACCMODE == libc::O_RDWR
}
