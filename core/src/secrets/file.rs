//! A secret in a file: what Docker, Kubernetes and systemd mount, named by `NAME_FILE`.
//!
//! The I/O runtime calls this on its blocking threads. The invariant: whatever the path leads to, a
//! reading ends soon and takes bounded memory; a FIFO, a device or a file of a gigabyte is refused,
//! not read.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use zeroize::Zeroizing;

use super::failure::{Failure, FailureKind};
use super::fetched::Fetched;
use super::name::{SecretName, file_variable_of, value_like};
use super::value::Source;

/// Longest value in bytes, by AWS; other sources hold no more, so that a service can move to AWS.
pub(crate) const MAX_VALUE_BYTES: usize = 65_536;
/// Longest file: a value and the newline that an editor adds.
const MAX_FILE_BYTES: usize = MAX_VALUE_BYTES + 2;
/// How old the last change of a file must be for its times to tell the next one. Coarse clocks of
/// file systems count in up to two seconds.
const SETTLED: Duration = Duration::from_secs(2);
/// How often a file that changes while it is read is read again.
const ATTEMPTS: u32 = 3;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(10);
/// The most of a path that an error shows, in characters.
const SHOWN_CHARS: usize = 300;

/// A variable, and the file that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) variable: String,
    pub(crate) path: PathBuf,
}

/// What a file holds.
pub(crate) struct FromFile {
    pub(crate) fetched: Fetched,
    pub(crate) stamp: FileStamp,
    /// What is not as it should be about the file, for `doctor`.
    pub(crate) warning: Option<String>,
}

/// Which file was read and what state it was in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileStamp {
    identity: Identity,
    /// Whether a later change is sure to give other times.
    settled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// The file that the first set variable names: `NAME_FILE`, then its aliases with `_FILE`. An empty
/// one counts as unset. Reads no file.
pub(crate) fn locate(
    name: &SecretName,
    aliases: &[String],
    get: impl Fn(&str) -> Option<OsString>,
) -> Option<Located> {
    std::iter::once(name.file_variable())
        .chain(aliases.iter().map(|alias| file_variable_of(alias)))
        .find_map(|variable| {
            let path = get(&variable)?;
            (!path.is_empty()).then(|| Located {
                path: PathBuf::from(path),
                variable,
            })
        })
}

/// The value in a file, without the one newline at its end.
///
/// # Errors
/// `NotFound` when there is no such file, `Denied` when it may not be read, `Invalid` when it cannot
/// be a secret's, `Unreachable` when the file system fails.
pub(crate) fn read(name: &SecretName, located: &Located) -> Result<FromFile, Failure> {
    let Located { variable, path } = located;
    let contents = read_regular(path).and_then(|contents| {
        let value = without_newline(&contents.bytes);
        match value.len() {
            0 => Err(Refused::invalid("is empty")),
            MAX_VALUE_BYTES.. if value.len() > MAX_VALUE_BYTES => Err(too_long(value.len() as u64)),
            _ => Ok((Zeroizing::new(value.to_vec()), contents.metadata)),
        }
    });
    match contents {
        Ok((bytes, metadata)) => Ok(FromFile {
            fetched: Fetched::plain(bytes, Source::File),
            stamp: FileStamp::of(&metadata, SystemTime::now()),
            warning: (metadata.mode() & 0o004 != 0).then(|| {
                format!(
                    "every user of this machine may read {}, named by {variable}; take that from it with `chmod o-r`",
                    path.display()
                )
            }),
        }),
        Err(refused) => {
            let shown = shown(path);
            let mut failure = Failure::new(
                refused.kind,
                name.as_str(),
                match &shown {
                    Some(path) => format!("the file {path}, named by {variable}, {}", refused.what),
                    None => format!(
                        "the file that {variable} names (not shown, it may be a value) {}",
                        refused.what
                    ),
                },
            )
            .hint(refused.hint(variable, shown.is_some()));
            failure.place = Some(match shown {
                Some(path) => ("path", path),
                None => ("variable", variable.clone()),
            });
            Err(failure)
        }
    }
}

impl FileStamp {
    fn of(metadata: &Metadata, now: SystemTime) -> Self {
        let identity = Identity {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        };
        let last = u64::try_from(identity.modified.0.max(identity.changed.0)).unwrap_or(0);
        let settled = UNIX_EPOCH
            .checked_add(Duration::from_secs(last.saturating_add(1)) + SETTLED)
            .is_some_and(|moment| moment < now);
        Self { identity, settled }
    }

    /// Whether `path` still leads to the same file in the same state, symbolic links followed, as
    /// Kubernetes swaps them. False means that it has to be read again, not that it is another
    /// value: a file that was young when it was read may have changed within one tick of its clock.
    pub(crate) fn unchanged(&self, path: &Path) -> bool {
        self.settled
            && fs::metadata(path)
                .is_ok_and(|metadata| Self::of(&metadata, UNIX_EPOCH).identity == self.identity)
    }
}

/// The bytes of a regular file of at most [`MAX_FILE_BYTES`].
pub(super) struct Contents {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    metadata: Metadata,
}

/// Why a file is not read: `what` continues "the file PATH".
pub(super) struct Refused {
    kind: FailureKind,
    pub(super) what: String,
}

/// Reads a regular file, whatever `path` is, without waiting for anybody else.
pub(super) fn read_regular(path: &Path) -> Result<Contents, Refused> {
    // Before it is opened: opening a device can already do something.
    check(&fs::metadata(path).map_err(Refused::by_system)?)?;
    let mut buffer = Zeroizing::new(vec![0; MAX_FILE_BYTES + 1]);
    let mut attempt = 1;
    loop {
        let file = OpenOptions::new()
            .read(true)
            // It may have become a FIFO since; opening one waits for a writer.
            .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
            .open(path)
            .map_err(Refused::by_system)?;
        let before = file.metadata().map_err(Refused::by_system)?;
        check(&before)?;
        let length = fill(&file, &mut buffer).map_err(Refused::by_system)?;
        if length > MAX_FILE_BYTES {
            return Err(Refused::invalid(format!(
                "goes on after {MAX_FILE_BYTES} bytes; a secret has at most {MAX_VALUE_BYTES}"
            )));
        }
        let metadata = file.metadata().map_err(Refused::by_system)?;
        let at = |metadata| FileStamp::of(metadata, UNIX_EPOCH).identity;
        if at(&before) == at(&metadata) || attempt == ATTEMPTS {
            return Ok(Contents {
                bytes: Zeroizing::new(buffer.get(..length).unwrap_or_default().to_vec()),
                metadata,
            });
        }
        // Somebody writes it at this moment, and what was read may be half of it.
        attempt += 1;
        std::thread::sleep(BETWEEN_ATTEMPTS);
    }
}

/// Reads until the end or until the buffer, which never moves, is full.
fn fill(mut file: &File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(rest) = buffer.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(count) => length += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

fn check(metadata: &Metadata) -> Result<(), Refused> {
    let kind = metadata.file_type();
    let what = if kind.is_file() {
        if metadata.len() > MAX_FILE_BYTES as u64 {
            return Err(too_long(metadata.len()));
        }
        return Ok(());
    } else if kind.is_dir() {
        "is a directory"
    } else if kind.is_fifo() {
        "is a pipe, not a file"
    } else if kind.is_socket() {
        "is a socket, not a file"
    } else {
        "is a device, not a file"
    };
    Err(Refused::invalid(what))
}

fn too_long(bytes: u64) -> Refused {
    Refused::invalid(format!(
        "has {bytes} bytes; a secret has at most {MAX_VALUE_BYTES}"
    ))
}

/// One newline less, as `echo` and editors add it: `\n` or `\r\n`.
fn without_newline(bytes: &[u8]) -> &[u8] {
    bytes
        .strip_suffix(b"\r\n")
        .or_else(|| bytes.strip_suffix(b"\n"))
        .unwrap_or(bytes)
}

/// The path for an error, unless it may be the secret itself, given by mistake: what looks like a
/// value, and what no path begins like.
pub(super) fn shown(path: &Path) -> Option<String> {
    shown_unseen(path).or_else(|| plain(path).filter(|_| path.exists()))
}

/// As [`shown`], without asking the file system, which may hang.
pub(super) fn shown_unseen(path: &Path) -> Option<String> {
    plain(path).filter(|text| text.starts_with(['/', '.']))
}

/// The path, unless it looks like a value.
fn plain(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    let is_value = value_like(text).is_some() || text.chars().any(char::is_control);
    (!is_value).then(|| text.chars().take(SHOWN_CHARS).collect())
}

impl Refused {
    fn invalid(what: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Invalid,
            what: what.into(),
        }
    }

    fn by_system(error: io::Error) -> Self {
        use io::ErrorKind as E;
        let (kind, what) = match error.kind() {
            E::NotFound | E::NotADirectory => (FailureKind::NotFound, "does not exist"),
            E::PermissionDenied => (FailureKind::Denied, "may not be read by this process"),
            E::InvalidInput | E::InvalidFilename => {
                (FailureKind::Invalid, "has an impossible name")
            }
            _ if error.raw_os_error() == Some(libc::ELOOP) => (
                FailureKind::Invalid,
                "is a symbolic link that leads to itself",
            ),
            _ => {
                return Self {
                    kind: FailureKind::Unreachable,
                    what: format!("could not be read: {error}"),
                };
            }
        };
        Self {
            kind,
            what: what.to_owned(),
        }
    }

    fn hint(&self, variable: &str, is_shown: bool) -> String {
        match self.kind {
            _ if !is_shown => {
                format!("{variable} takes the path of a file that holds the value, not the value")
            }
            FailureKind::NotFound => {
                format!("mount or write it, or unset {variable} to ask the next source")
            }
            FailureKind::Denied => {
                "let the user of this process read it and enter its directories".to_owned()
            }
            FailureKind::Invalid => format!("set {variable} to a file that holds the value alone"),
            _ => String::new(),
        }
    }
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
