//! What the spool asks of the system: real space, locks that end with their process, who we are.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::Path;

/// Has the file hold so many bytes for real, so that no write to its mapping can find the disk full
/// (a sparse file would end the process by SIGBUS then).
pub(super) fn allocate(file: &File, bytes: usize) -> io::Result<()> {
    // Past this limit the system would not only refuse, but end the process by SIGXFSZ.
    if bytes as u64 > largest_file() {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    #[cfg(target_os = "linux")]
    {
        let length = libc::off_t::try_from(bytes).map_err(|_| io::ErrorKind::InvalidInput)?;
        // SAFETY: the descriptor is open as long as `file`; the call takes no pointer.
        if unsafe { libc::fallocate(file.as_raw_fd(), 0, 0, length) } == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EOPNOTSUPP | libc::ENOSYS | libc::EINVAL) => {}
            _ => return Err(error),
        }
    }
    let zeros = [0; 64 << 10];
    let mut left = bytes;
    let mut file = file;
    while left > 0 {
        let piece = left.min(zeros.len());
        file.write_all(&zeros[..piece])?;
        left -= piece;
    }
    Ok(())
}

fn largest_file() -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is ours and lives through the call, which writes it.
    match unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) } {
        0 => limit.rlim_cur,
        _ => u64::MAX,
    }
}

/// Takes the file's lock for this process; whether it was free (or this process's already). It ends
/// with the process, however that ends, is not inherited by a fork, and also ends when this process
/// closes any descriptor of the file: so nobody here opens a file that is in use.
pub(super) fn lock(file: &File) -> io::Result<bool> {
    // SAFETY: all zeros are a valid `flock` of C: the whole file, from its start.
    let mut wanted: libc::flock = unsafe { std::mem::zeroed() };
    wanted.l_type = libc::F_WRLCK as libc::c_short;
    wanted.l_whence = libc::SEEK_SET as libc::c_short;
    // SAFETY: the descriptor is open, and `wanted` lives through the call, which only reads it.
    if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLK, &raw const wanted) } == 0 {
        return Ok(true);
    }
    let error = io::Error::last_os_error();
    match error.raw_os_error() {
        Some(libc::EACCES | libc::EAGAIN) => Ok(false),
        _ => Err(error),
    }
}

/// Whose files this process makes.
pub(super) fn user() -> u32 {
    // SAFETY: it has no condition and cannot fail.
    unsafe { libc::geteuid() }
}

/// Whether this process may make files in the folder.
pub(super) fn is_writable(folder: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let Ok(folder) = std::ffi::CString::new(folder.as_os_str().as_bytes()) else {
        return false;
    };
    let wanted = libc::W_OK | libc::X_OK;
    // SAFETY: `folder` is a string of C that outlives the call, which looks and changes nothing.
    unsafe { libc::faccessat(libc::AT_FDCWD, folder.as_ptr(), wanted, libc::AT_EACCESS) == 0 }
}
