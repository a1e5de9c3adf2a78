//! The file of the sealed cache on disk: found, checked, locked and replaced as a whole.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use zeroize::Zeroizing;

use super::format::MAX_FILE_BYTES;
use super::{SealedError, SealedErrorKind};

/// For its owner alone.
const MODE: u32 = 0o600;
/// How long a writer waits for another process's writing.
const PATIENCE: Duration = Duration::from_secs(2);
const BETWEEN_TRIES: Duration = Duration::from_millis(10);
/// After this a temporary file is of a process that was killed while it wrote.
const ABANDONED: Duration = Duration::from_secs(3_600);

/// The path, with its folder.
pub(super) struct Store<'a> {
    path: &'a Path,
    folder: PathBuf,
    name: OsString,
}

/// What was read, still sealed.
pub(super) struct Loaded {
    /// Overwritten when they go: they are opened in place.
    pub(super) bytes: Zeroizing<Vec<u8>>,
    pub(super) mode: u32,
}

/// The lock on a file beside the cache, let go when dropped.
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Explicitly: a child forked meanwhile shares the lock, and would keep it by having it open.
        let _ = self.0.unlock();
    }
}

/// A file that is gone when it is dropped, unless it was renamed.
struct Temporary {
    path: PathBuf,
    kept: bool,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl<'a> Store<'a> {
    /// # Errors
    /// `Path` when there is no such folder, or the path has no file name.
    pub(super) fn at(path: &'a Path) -> Result<Self, SealedError> {
        let fail = |text: String| SealedError::new(SealedErrorKind::Path, path, text);
        let name = path
            .file_name()
            .ok_or_else(|| fail("has no file name; give the path of a file".to_owned()))?;
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        match fs::metadata(&folder) {
            Ok(found) if found.is_dir() => Ok(Self {
                path,
                folder,
                name: name.to_owned(),
            }),
            Ok(_) => Err(fail("is below a file; give a path in a folder".to_owned())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(fail(format!(
                "has no folder; make it with `mkdir -p -m 700 {}`",
                folder.display()
            ))),
            Err(error) => Err(SealedError::new(
                SealedErrorKind::Io,
                path,
                format!("cannot be reached: {error}"),
            )),
        }
    }

    /// The file as it is, none if there is none.
    ///
    /// # Errors
    /// `Path` when it is no regular file, `Permissions` when it is another user's.
    pub(super) fn load(&self) -> Result<Option<Loaded>, SealedError> {
        // First, since opening a device can already do something.
        if !self.exists()? {
            return Ok(None);
        }
        let Some(file) = optional(
            OpenOptions::new()
                .read(true)
                .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY)
                .open(self.path),
        )
        .map_err(|error| self.unread(&error))?
        else {
            return Ok(None);
        };
        let found = file.metadata().map_err(|error| self.unread(&error))?;
        self.check_kind(&found)?;
        let mut bytes = Zeroizing::new(Vec::new());
        (&file)
            // One byte more than is taken, to tell that there are more.
            .take(MAX_FILE_BYTES as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| self.unread(&error))?;
        Ok(Some(Loaded {
            bytes,
            mode: found.mode(),
        }))
    }

    /// Whether a file can be made beside it, as each writing does.
    ///
    /// # Errors
    /// `Io` when not.
    #[cfg(feature = "cli")]
    pub(super) fn check_folder(&self) -> Result<(), SealedError> {
        use std::os::unix::ffi::OsStrExt;
        let failed = |error| self.unwritten("making a temporary file beside it", &error);
        let folder = std::ffi::CString::new(self.folder.as_os_str().as_bytes())
            .map_err(|error| failed(error.into()))?;
        let wanted = libc::W_OK | libc::X_OK;
        // SAFETY: `folder` is a string of C that outlives the call, which looks and changes nothing.
        match unsafe { libc::faccessat(libc::AT_FDCWD, folder.as_ptr(), wanted, libc::AT_EACCESS) }
        {
            0 => Ok(()),
            _ => Err(failed(io::Error::last_os_error())),
        }
    }

    /// Whether there is a file, of the right kind.
    pub(super) fn exists(&self) -> Result<bool, SealedError> {
        match optional(fs::symlink_metadata(self.path)).map_err(|error| self.unread(&error))? {
            Some(found) => self.check_kind(&found).map(|()| true),
            None => Ok(false),
        }
    }

    fn check_kind(&self, found: &fs::Metadata) -> Result<(), SealedError> {
        let kind = found.file_type();
        let what = if kind.is_symlink() {
            "is a symbolic link, which is not followed; give the path that it leads to"
        } else if kind.is_dir() {
            "is a directory; give the path of a file in it"
        } else if !kind.is_file() {
            "is no regular file; give the sealed cache a path of its own"
        } else if found.uid() != user() {
            return Err(self.error(
                SealedErrorKind::Permissions,
                format!(
                    "belongs to user {} and this process is user {}; give each user a path of its own, or remove it",
                    found.uid(),
                    user()
                ),
            ));
        } else {
            return Ok(());
        };
        Err(self.error(SealedErrorKind::Path, what))
    }

    /// # Errors
    /// `Permissions` when others than its owner may do anything with the file.
    pub(super) fn check_permissions(&self, mode: u32) -> Result<(), SealedError> {
        if mode & 0o077 == 0 {
            return Ok(());
        }
        Err(self.error(
            SealedErrorKind::Permissions,
            format!(
                "is open to others (mode {:04o}); take it from them with `chmod 600 {}`",
                mode & 0o7777,
                self.path.display()
            ),
        ))
    }

    /// The only writer, until the lock is dropped.
    ///
    /// # Errors
    /// `Busy` when another process does not let go; those of [`Self::load`].
    pub(super) fn lock(&self) -> Result<Lock, SealedError> {
        // First, so that no lock is left beside what is not ours.
        self.exists()?;
        let path = self.beside(".lock");
        let until = Instant::now() + PATIENCE;
        loop {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(MODE)
                .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
                .open(&path)
                .map_err(|error| self.unwritten(&format!("opening {}", path.display()), &error))?;
            match file.try_lock() {
                // Whoever cleans folders may have removed it meanwhile, and then it locks nobody out.
                Ok(()) if is_still_at(&file, &path) => return Ok(Lock(file)),
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => {
                    return Err(self.unwritten(&format!("locking {}", path.display()), &error));
                }
            }
            if Instant::now() >= until {
                return Err(self.error(
                    SealedErrorKind::Busy,
                    format!(
                        "is being written by another process that holds {} for longer than {} s",
                        path.display(),
                        PATIENCE.as_secs()
                    ),
                ));
            }
            std::thread::sleep(BETWEEN_TRIES);
        }
    }

    /// Puts a whole new file in the place of the old one.
    ///
    /// # Errors
    /// `Io`; the old file is still there.
    pub(super) fn replace(&self, bytes: &[u8]) -> Result<(), SealedError> {
        self.remove_abandoned();
        let mut random = [0; 8];
        getrandom::getrandom(&mut random).map_err(|error| {
            self.error(
                SealedErrorKind::Io,
                format!("cannot be written without random bytes: {error}"),
            )
        })?;
        let path = self.beside(&format!(".{:016x}.tmp", u64::from_le_bytes(random)));
        let failed = |doing: &'static str| move |error: io::Error| self.unwritten(doing, &error);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(MODE)
            .custom_flags(libc::O_NOFOLLOW)
            .open(&path)
            .map_err(failed("making a temporary file beside it"))?;
        let mut temporary = Temporary { path, kept: false };
        // Whatever the umask is.
        file.set_permissions(Permissions::from_mode(MODE))
            .and_then(|()| file.write_all(bytes))
            .and_then(|()| file.sync_all())
            .map_err(failed("writing a temporary file beside it"))?;
        fs::rename(&temporary.path, self.path).map_err(failed("renaming the new file to it"))?;
        temporary.kept = true;
        match File::open(&self.folder).and_then(|folder| folder.sync_all()) {
            // A file system that cannot do it for folders does not need it.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            result => result.map_err(failed("syncing its folder")),
        }
    }

    /// Removes what processes left that were killed while they wrote.
    fn remove_abandoned(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let is_ours = name
                .as_encoded_bytes()
                .strip_prefix(self.name.as_encoded_bytes())
                .and_then(|rest| rest.strip_prefix(b"."))
                .and_then(|rest| rest.strip_suffix(b".tmp"))
                .is_some_and(|middle| {
                    middle.len() == 16 && middle.iter().all(u8::is_ascii_hexdigit)
                });
            let is_old = || {
                let modified = entry.metadata().and_then(|found| found.modified());
                modified.is_ok_and(|moment| {
                    SystemTime::now()
                        .duration_since(moment)
                        .is_ok_and(|age| age > ABANDONED)
                })
            };
            if is_ours && is_old() {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.name.clone();
        name.push(ending);
        self.folder.join(name)
    }

    pub(super) fn error(&self, kind: SealedErrorKind, text: impl Into<String>) -> SealedError {
        SealedError::new(kind, self.path, text)
    }

    fn unread(&self, error: &io::Error) -> SealedError {
        let kind = match error.kind() {
            io::ErrorKind::PermissionDenied => SealedErrorKind::Permissions,
            _ => SealedErrorKind::Io,
        };
        self.error(kind, format!("cannot be read: {error}"))
    }

    fn unwritten(&self, doing: &str, error: &io::Error) -> SealedError {
        let hint = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; make room on its disk",
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                "; let this process write to its folder, or give another path"
            }
            _ => "",
        };
        self.error(
            SealedErrorKind::Io,
            format!("cannot be written: {doing} failed: {error}{hint}"),
        )
    }
}

/// The user that files made by this process belong to.
fn user() -> u32 {
    // SAFETY: the call takes nothing, changes nothing and cannot fail.
    unsafe { libc::geteuid() }
}

fn is_still_at(file: &File, path: &Path) -> bool {
    let identity = |found: fs::Metadata| (found.dev(), found.ino());
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(ours), Ok(theirs)) => identity(ours) == identity(theirs),
        _ => false,
    }
}

/// A file that is not there is none.
fn optional<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
