//! The folder of a spool: where it is, whether it is safe to use, what its files are called.
//!
//! A file's name is `PID-PROCESS-COPY-NUMBER.spool`: PROCESS tells a process from a later one with
//! the same number (in a container each start has number 1), COPY tells copies of this library in
//! one process apart. A lock alone does not: a process is never refused its own.

use std::fs::{self, DirBuilder, File};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::errors::dsn::Dsn;
use crate::fork;

use super::{os, registry};

/// What a file in use is called at its end.
pub(crate) const EXTENSION: &str = "spool";
/// What a file that nobody can read becomes.
const DAMAGED: &str = "corrupt";
/// A draft this old is of a process that was killed while it made it.
const ABANDONED: Duration = Duration::from_secs(600);
/// The folder of events that go nowhere.
pub(crate) const LOCAL: &str = "local";

/// A folder that events may be kept in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folder {
    path: PathBuf,
}

/// Where spools are when no setting says so: by the variables, read on the caller's thread.
pub(crate) fn default_base(get: &impl Fn(&str) -> Option<String>) -> PathBuf {
    let absolute = |name: &str| {
        get(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    if let Some(state) = absolute("XDG_STATE_HOME") {
        return state.join("tallylight");
    }
    if let Some(home) = absolute("HOME").filter(|home| home != Path::new("/")) {
        return home.join(".local/state/tallylight");
    }
    std::env::temp_dir().join(format!("tallylight-{}", os::user()))
}

/// The name of the folder for what goes to `dsn`: the same for the same key, server and project,
/// and telling nothing of the key.
pub(crate) fn name_for(dsn: Option<&Dsn>) -> String {
    let Some(dsn) = dsn else {
        return LOCAL.to_owned();
    };
    // FNV-1a in 128 bits, <http://www.isthe.com/chongo/tech/comp/fnv/>: stable across versions,
    // which the standard library's hashers are not.
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    for byte in dsn.reveal().bytes() {
        hash = (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
    }
    format!("{:016x}", (hash >> 64) as u64 ^ hash as u64)
}

impl Folder {
    /// The folder `name` below `base`, made if it is not there.
    ///
    /// # Errors
    /// What is wrong with it and what to do, as text.
    pub(crate) fn open(base: &Path, name: &str) -> Result<Self, String> {
        make(base)?;
        let path = base.join(name);
        make(&path)?;
        if !os::is_writable(&path) {
            return Err(format!(
                "{} cannot be written; give its owner write permission (chmod 700), or set TALLYLIGHT_SPOOL_DIR",
                path.display()
            ));
        }
        Ok(Self { path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A name that no file has yet.
    pub(crate) fn new_name(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let identity = Identity::current();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        format!(
            "{}-{:08x}-{:08x}-{number}.{EXTENSION}",
            identity.pid, identity.process, identity.copy
        )
    }

    /// The files that may be another process's: not open here, and not of another copy of this
    /// library in this process. Deletes drafts that were left behind. And the bytes of all files.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub(crate) fn survey(&self) -> io::Result<Survey> {
        let mut found = Survey::default();
        let identity = Identity::current();
        for entry in fs::read_dir(&self.path)? {
            let Ok(entry) = entry else { continue };
            let path = entry.path();
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            let age = metadata
                .modified()
                .ok()
                .and_then(|at| at.elapsed().ok())
                .unwrap_or_default();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some(EXTENSION) => {
                    found.bytes += metadata.len();
                    found.files += 1;
                    if metadata.is_file() && !identity.owns(&path) && !registry::is_open(&path) {
                        found.foreign.push(path);
                    }
                }
                Some("tmp") if age > ABANDONED => {
                    let _ = fs::remove_file(&path);
                }
                // Of no use but to whoever looks into it; it must not fill the disk for good.
                Some(DAMAGED) if age > 12 * 6 * ABANDONED => {
                    let _ = fs::remove_file(&path);
                }
                _ => {}
            }
        }
        found.foreign.sort();
        Ok(found)
    }

    /// Whether no process has that file of another process open. Asks by its lock, so not for a
    /// file that is open here.
    pub(crate) fn is_abandoned(&self, path: &Path) -> bool {
        File::options()
            .read(true)
            .write(true)
            .open(path)
            .and_then(|file| os::lock(&file))
            .unwrap_or(false)
    }

    /// Runs `work` while no one else looks for what dead processes left; `None` when someone does.
    pub(crate) fn alone<T>(&self, work: impl FnOnce() -> T) -> io::Result<Option<T>> {
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.path.join("adoption.lock"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Ok(None),
            // Without locks two may take the same file; the server knows events by their ids.
            Err(fs::TryLockError::Error(_)) => return Ok(Some(work())),
        }
        let answer = work();
        // Explicitly: a child forked meanwhile has the descriptor too, and would keep the lock.
        let _ = file.unlock();
        Ok(Some(answer))
    }
}

/// What is in a folder.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    pub(crate) bytes: u64,
    pub(crate) files: usize,
    pub(crate) foreign: Vec<PathBuf>,
}

/// Moves a file that nobody can read out of the way.
pub(crate) fn set_aside(path: &Path) {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".");
    aside.push(DAMAGED);
    if fs::rename(path, PathBuf::from(aside)).is_err() {
        let _ = fs::remove_file(path);
    }
}

fn make(path: &Path) -> Result<(), String> {
    let refused = |what: String| format!("{} {what}", path.display());
    if let Err(error) = DirBuilder::new().recursive(true).mode(0o700).create(path) {
        return Err(refused(format!(
            "cannot be made ({error}); set TALLYLIGHT_SPOOL_DIR to a folder that can be written"
        )));
    }
    let metadata = fs::symlink_metadata(path)
        .and_then(|found| {
            if found.is_symlink() {
                fs::metadata(path)
            } else {
                Ok(found)
            }
        })
        .map_err(|error| refused(format!("cannot be read ({error})")))?;
    if !metadata.is_dir() {
        return Err(refused(
            "is no folder; set TALLYLIGHT_SPOOL_DIR to one".to_owned(),
        ));
    }
    // Events say much about users: nobody else may read them, or replace them.
    if metadata.uid() != os::user() {
        return Err(refused(format!(
            "belongs to user {}, and this process is user {}; set TALLYLIGHT_SPOOL_DIR to a folder of its own",
            metadata.uid(),
            os::user()
        )));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(refused(
            "can be written by others; run chmod 700 on it, or set TALLYLIGHT_SPOOL_DIR".to_owned(),
        ));
    }
    Ok(())
}

/// What tells this process and this copy of the library from all others.
#[derive(Debug, Clone, Copy)]
struct Identity {
    pid: u32,
    process: u32,
    copy: u32,
}

impl Identity {
    fn current() -> Self {
        // Fork, process and copy in two words that no fork finds half written: a child that reads
        // its parent's sees by the fork's number that they are not its own.
        static KNOWN: AtomicU64 = AtomicU64::new(0);
        static COPY: AtomicU32 = AtomicU32::new(0);
        let copy = match COPY.load(Ordering::Relaxed) {
            0 => {
                let fresh = RandomState::new().hash_one(0u8) as u32 | 1;
                match COPY.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => fresh,
                    Err(known) => known,
                }
            }
            known => known,
        };
        let generation = u64::from(fork::generation()) + 1;
        let known = KNOWN.load(Ordering::Relaxed);
        let process = if known >> 32 == generation {
            known as u32
        } else {
            let process = process_start();
            KNOWN.store((generation << 32) | u64::from(process), Ordering::Relaxed);
            process
        };
        Self {
            pid: std::process::id(),
            process,
            copy,
        }
    }

    /// Whether another copy of this library, in this process, made the file.
    fn owns(self, path: &Path) -> bool {
        let name = path.file_stem().and_then(|name| name.to_str());
        let mut parts = name.unwrap_or_default().split('-');
        let number = parts.next().and_then(|pid| pid.parse::<u32>().ok());
        let mut hex = || {
            parts
                .next()
                .and_then(|text| u32::from_str_radix(text, 16).ok())
        };
        let (process, copy) = (hex(), hex());
        number == Some(self.pid) && process == Some(self.process) && copy != Some(self.copy)
    }
}

/// When this process started and in which system of process numbers, as a hash; on systems that do
/// not tell, a number that only this copy has.
fn process_start() -> u32 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the program's name, which may hold anything; the start is field 22 of all.
    let start = stat
        .rsplit_once(')')
        .and_then(|(_, fields)| fields.split_ascii_whitespace().nth(19));
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let Some(start) = start else {
        return RandomState::new().hash_one(0u8) as u32;
    };
    crc32fast::hash(format!("{start} {}", namespace.display()).as_bytes())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::errors::tests::folder;

    #[test]
    fn the_default_follows_the_variables() {
        let base = |pairs: &[(&str, &str)]| {
            default_base(&|name: &str| {
                let found = pairs.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(
            base(&[("XDG_STATE_HOME", "/s"), ("HOME", "/h")]),
            Path::new("/s/tallylight")
        );
        assert_eq!(
            base(&[("XDG_STATE_HOME", "relative"), ("HOME", "/h")]),
            Path::new("/h/.local/state/tallylight")
        );
        assert!(base(&[("HOME", "/")]).starts_with(std::env::temp_dir()));
    }

    #[test]
    fn a_dsn_has_a_folder_of_its_own_that_tells_nothing() {
        let of = |text: &str| name_for(Some(&Dsn::parse(text).unwrap()));
        assert_eq!(of("https://key@h/1"), of("https://key:old@h/1/"));
        assert_ne!(of("https://key@h/1"), of("https://key2@h/1"));
        assert_ne!(of("https://key@h/1"), of("https://key@h/2"));
        assert_ne!(of("https://key@h/1"), of("https://key@h:8/1"));
        assert!(!of("https://key@h/1").contains("key"));
        assert_eq!(name_for(None), "local");
    }

    #[test]
    fn a_folder_is_for_its_owner_alone() {
        let base = folder("folder-owner");
        let made = Folder::open(&base.path().join("new"), "x").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(made.path()), 0o700);
        assert_eq!(mode(&base.path().join("new")), 0o700);
        fs::set_permissions(made.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let why = Folder::open(&base.path().join("new"), "x").unwrap_err();
        assert!(why.contains("chmod 700"), "{why}");
        fs::write(base.path().join("file"), "").unwrap();
        assert!(Folder::open(&base.path().join("file"), "x").is_err());
    }

    #[test]
    fn names_differ_and_are_known_as_this_process() {
        let base = folder("folder-names");
        let folder = Folder::open(base.path(), "x").unwrap();
        let name = folder.new_name();
        assert_ne!(name, folder.new_name());
        let identity = Identity::current();
        // Ours: which of them is in use is what the registry says.
        assert!(!identity.owns(&base.path().join(&name)));
        let copy = format!("{:08x}", identity.copy);
        assert!(identity.owns(&base.path().join(name.replace(&copy, "00000002"))));
        let process = format!("{:08x}", identity.process);
        assert!(!identity.owns(&base.path().join(name.replace(&process, "00000002"))));
        assert!(!identity.owns(Path::new("/x/odd.spool")));
    }
}
