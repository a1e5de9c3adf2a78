use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::UNIX_EPOCH;

use zeroize::Zeroizing;

use super::format::MAX_FILE_BYTES;
use super::*;
use crate::secrets::value::Source;

const DAY: Duration = Duration::from_secs(86_400);
pub(super) const CANARY: &[u8] = b"canary-7f3a9c";

/// A folder of this test's own, gone when it is dropped.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("tallylight-sealed-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn cache(&self) -> PathBuf {
        self.0.join("cache")
    }

    /// What is in it beside the cache and its lock.
    fn others(&self) -> Vec<String> {
        fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "cache" && name != "cache.lock")
            .collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(super) fn key(byte: u8) -> SealKey {
    SealKey::parse(&format!("{byte:02x}").repeat(32)).unwrap()
}

pub(super) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

pub(super) fn entry(key: &str, value: &[u8], fetched_at: SystemTime) -> SealedEntry {
    SealedEntry {
        key: key.to_owned(),
        fetched: Fetched {
            bytes: Zeroizing::new(value.to_vec()),
            binary: false,
            source: Source::Aws,
            arn: Some(format!(
                "arn:aws:secretsmanager:eu-west-1:123456789012:secret:{key}-AbCdEf"
            )),
            version: Some("v1".to_owned()),
            stages: vec!["AWSCURRENT".to_owned()],
            region: None,
        },
        fetched_at,
    }
}

fn put(path: &Path, entries: Vec<SealedEntry>) -> Result<Written, SealedError> {
    write(path, &key(1), entries, Vec::new(), at(0), DAY)
}

fn names(path: &Path, now: SystemTime) -> Vec<String> {
    let mut names: Vec<String> = read(path, &key(1), now, DAY)
        .unwrap()
        .into_iter()
        .map(|entry| entry.key)
        .collect();
    names.sort();
    names
}

fn read_kind(path: &Path, key: &SealKey) -> (SealedErrorKind, String) {
    let error = read(path, key, at(0), DAY).err().unwrap();
    let shown = error.to_error();
    assert_eq!(shown.details()[0].0, "path");
    (error.kind, shown.to_string())
}

#[test]
fn what_is_written_is_read_back() {
    let folder = Folder::new();
    let path = folder.cache();
    assert!(read(&path, &key(1), at(0), DAY).unwrap().is_empty());
    let mut binary = entry("b", b"\xff\x00", at(0));
    binary.fetched.binary = true;
    binary.fetched.region = Some("eu-west-1".to_owned());
    let moment = at(0) - Duration::from_millis(1_234);
    let written = put(&path, vec![entry("a", CANARY, moment), binary]).unwrap();
    assert_eq!((written.entries, written.left_out), (2, 0));
    assert!(written.replaced.is_none());

    let mut entries = read(&path, &key(1), at(1), DAY).unwrap();
    entries.sort_by(|one, other| one.key.cmp(&other.key));
    let [a, b] = &entries[..] else { panic!() };
    assert_eq!((&**a.fetched.bytes, a.fetched_at), (CANARY, moment));
    assert_eq!(a.fetched.source, Source::Disk);
    assert_eq!(a.fetched.stages, ["AWSCURRENT"]);
    assert_eq!(a.fetched.version.as_deref(), Some("v1"));
    assert!(a.fetched.arn.as_ref().unwrap().ends_with(":a-AbCdEf"));
    assert_eq!(
        (a.fetched.binary, a.fetched.region.as_deref()),
        (false, None)
    );
    assert_eq!(
        (b.fetched.binary, b.fetched.region.as_deref()),
        (true, Some("eu-west-1"))
    );
    assert_eq!(&**b.fetched.bytes, b"\xff\x00");
    assert_eq!(folder.others(), [] as [&str; 0]);
}

#[test]
fn the_file_is_for_its_owner_alone_and_holds_nothing_in_plain() {
    let folder = Folder::new();
    let path = folder.cache();
    put(&path, vec![entry("name-canary", CANARY, at(0))]).unwrap();
    let bytes = fs::read(&path).unwrap();
    for plain in [CANARY, b"name-canary", b"AWSCURRENT", b"arn:"] {
        assert!(!bytes.windows(plain.len()).any(|window| window == plain));
    }
    for name in ["cache", "cache.lock"] {
        let mode = fs::metadata(folder.0.join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o7777, 0o600, "{name}");
    }
    // Twice the same contents are not the same bytes.
    put(&path, Vec::new()).unwrap();
    assert_ne!(fs::read(&path).unwrap()[20..], bytes[20..]);
}

#[test]
fn a_file_open_to_others_is_refused_and_its_successor_is_not() {
    let folder = Folder::new();
    let path = folder.cache();
    put(&path, vec![entry("a", b"1", at(0))]).unwrap();
    for mode in [0o640, 0o604, 0o620, 0o666] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let (kind, text) = read_kind(&path, &key(1));
        assert_eq!(kind, SealedErrorKind::Permissions);
        assert!(
            text.contains(&format!("chmod 600 {}", path.display())),
            "{text}"
        );
        put(&path, vec![entry("b", b"2", at(0))]).unwrap();
        assert_eq!(names(&path, at(0)), ["a", "b"]);
    }
}

#[test]
fn the_file_of_another_user_is_left_alone() {
    let folder = Folder::new();
    let path = folder.cache();
    put(&path, vec![entry("a", b"1", at(0))]).unwrap();
    if std::os::unix::fs::chown(&path, Some(12_345), None).is_err() {
        return; // Only the superuser can give files away.
    }
    let (kind, text) = read_kind(&path, &key(1));
    assert_eq!(kind, SealedErrorKind::Permissions);
    assert!(
        text.contains("belongs to user 12345 and this process is user"),
        "{text}"
    );
    assert_eq!(
        put(&path, Vec::new()).unwrap_err().kind,
        SealedErrorKind::Permissions
    );
}

#[test]
fn what_is_old_or_from_the_future_is_left_out() {
    let folder = Folder::new();
    let path = folder.cache();
    let hour = Duration::from_secs(3_600);
    put(
        &path,
        vec![
            entry("old", b"1", at(0) - DAY - Duration::from_millis(1)),
            entry("day", b"1", at(0) - DAY),
            entry("new", b"1", at(0)),
            entry("skewed", b"1", at(300)),
            entry("future", b"1", at(300) + Duration::from_millis(1)),
        ],
    )
    .unwrap();
    assert_eq!(names(&path, at(0)), ["day", "new", "skewed"]);
    assert_eq!(names(&path, at(1)), ["new", "skewed"]);
    assert_eq!(names(&path, at(0) - hour), ["day"]);
    assert_eq!(names(&path, at(0) + 2 * DAY), [] as [&str; 0]);
    let short = read(&path, &key(1), at(2), Duration::from_secs(1)).unwrap();
    assert_eq!(short.len(), 1);
    // A writing takes them out of the file, not only out of the answer.
    write(&path, &key(1), Vec::new(), Vec::new(), at(1), DAY).unwrap();
    assert_eq!(names(&path, at(0)), ["new", "skewed"]);
}

#[test]
fn the_later_word_on_a_secret_counts_whoever_writes_first() {
    let folder = Folder::new();
    let path = folder.cache();
    let value = |path: &Path| -> Option<Vec<u8>> {
        let entries = read(path, &key(1), at(10), DAY).unwrap();
        entries.first().map(|entry| entry.fetched.bytes.to_vec())
    };
    let revoke = |seconds| {
        let revoked = vec![Revoked {
            key: "a".to_owned(),
            at: at(seconds),
        }];
        write(&path, &key(1), Vec::new(), revoked, at(10), DAY).unwrap()
    };
    put(&path, vec![entry("a", b"two", at(2))]).unwrap();
    put(&path, vec![entry("a", b"one", at(1))]).unwrap();
    assert_eq!(value(&path).unwrap(), b"two");
    assert_eq!(revoke(1).entries, 1);
    assert_eq!(value(&path).unwrap(), b"two");
    assert_eq!(revoke(3).entries, 0);
    assert_eq!(value(&path), None);
    // A process that read it before it was revoked does not bring it back.
    put(&path, vec![entry("a", b"two", at(2))]).unwrap();
    assert_eq!(value(&path), None);
    put(&path, vec![entry("a", b"four", at(4))]).unwrap();
    assert_eq!(value(&path).unwrap(), b"four");
}

#[test]
fn another_key_a_changed_file_and_another_version_are_told_and_replaced() {
    let folder = Folder::new();
    let path = folder.cache();
    put(&path, vec![entry("a", b"1", at(0))]).unwrap();
    let sealed = fs::read(&path).unwrap();
    let mut changed = sealed.clone();
    *changed.last_mut().unwrap() ^= 1;
    let mut version = sealed.clone();
    version[8] = 2;
    let longer = [&sealed[..], b"x"].concat();
    for (bytes, reader, expected, says) in [
        (
            &sealed[..],
            key(2),
            SealedErrorKind::Key,
            "is sealed with another key",
        ),
        (&changed, key(1), SealedErrorKind::Key, "or was changed"),
        (&version, key(1), SealedErrorKind::Version, "has version 2"),
        (
            &sealed[..sealed.len() - 1],
            key(1),
            SealedErrorKind::Damaged,
            "ends too early",
        ),
        (&longer, key(1), SealedErrorKind::Damaged, "is too long"),
        (b"", key(1), SealedErrorKind::Damaged, "ends too early"),
    ] {
        fs::write(&path, bytes).unwrap();
        let (kind, text) = read_kind(&path, &reader);
        assert_eq!(kind, expected, "{text}");
        assert!(text.contains(says), "{text}");
        let written = write(
            &path,
            &reader,
            vec![entry("b", b"2", at(0))],
            vec![],
            at(0),
            DAY,
        )
        .unwrap();
        assert_eq!(written.replaced.unwrap().kind, expected);
        assert_eq!(read(&path, &reader, at(0), DAY).unwrap()[0].key, "b");
    }
}

#[test]
fn a_file_of_something_else_is_never_overwritten() {
    let folder = Folder::new();
    let path = folder.cache();
    let long = vec![b'x'; MAX_FILE_BYTES + 10];
    for bytes in [&b"DATABASE_URL=x"[..], b"T", b"TALLSEA", &long] {
        fs::write(&path, bytes).unwrap();
        let (kind, text) = read_kind(&path, &key(1));
        assert_eq!(kind, SealedErrorKind::Path);
        assert!(text.contains("is another kind of file"), "{text}");
        assert_eq!(put(&path, vec![]).unwrap_err().kind, SealedErrorKind::Path);
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}

#[test]
fn a_file_beyond_the_limit_is_refused_and_replaced() {
    let folder = Folder::new();
    let path = folder.cache();
    put(&path, vec![]).unwrap();
    let file = File::options().write(true).open(&path).unwrap();
    file.set_len(1 << 40).unwrap();
    let (kind, text) = read_kind(&path, &key(1));
    assert_eq!(kind, SealedErrorKind::Damaged);
    assert!(text.contains("is too long"), "{text}");
    assert!(put(&path, vec![]).unwrap().replaced.is_some());
    assert_eq!(names(&path, at(0)), [] as [&str; 0]);
}

#[test]
fn what_has_no_room_is_counted() {
    let folder = Folder::new();
    let path = folder.cache();
    let alone = entry("too big alone", &vec![7; MAX_FILE_BYTES], at(0));
    let written = put(&path, vec![alone, entry("a", b"1", at(0))]).unwrap();
    assert_eq!((written.entries, written.left_out), (1, 1));
    assert_eq!(names(&path, at(0)), ["a"]);
}

#[test]
fn what_is_no_file_is_refused() {
    let folder = Folder::new();
    let target = folder.0.join("target");
    put(&target, vec![entry("a", b"1", at(0))]).unwrap();
    let link = folder.0.join("link");
    symlink(&target, &link).unwrap();
    let dangling = folder.0.join("dangling");
    symlink(folder.0.join("none"), &dangling).unwrap();
    let directory = folder.0.join("directory");
    fs::create_dir(&directory).unwrap();
    let fifo = folder.0.join("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    for (path, says) in [
        (link.clone(), "is a symbolic link, which is not followed"),
        (dangling, "is a symbolic link"),
        (directory.clone(), "is a directory"),
        (fifo, "is no regular file"),
        (
            folder.0.join("none/cache"),
            "has no folder; make it with `mkdir -p -m 700",
        ),
        (target.join("cache"), "is below a file"),
        ("/".into(), "has no file name"),
    ] {
        let (kind, text) = read_kind(&path, &key(1));
        assert_eq!(kind, SealedErrorKind::Path, "{text}");
        assert!(text.contains(says), "{text}");
        let error = put(&path, vec![]).unwrap_err();
        assert_eq!(error.kind, SealedErrorKind::Path);
    }
    assert_eq!(names(&target, at(0)), ["a"]);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(!folder.0.join("directory.lock").exists());
    // Nor is the lock's path followed.
    let path = folder.cache();
    symlink(folder.0.join("elsewhere"), folder.0.join("cache.lock")).unwrap();
    assert_eq!(put(&path, vec![]).unwrap_err().kind, SealedErrorKind::Io);
    assert!(!folder.0.join("elsewhere").exists());
}

#[test]
fn a_full_disk_leaves_the_old_file() {
    const CHILD: &str = "TALLYLIGHT_TEST_SEALED_CACHE";
    const BIG: &str = "big";
    let write_big = |path: &Path| {
        let random: Vec<u8> = (0..200_000u32)
            .map(|n| n.wrapping_mul(2_654_435_761) as u8)
            .collect();
        put(path, vec![entry(BIG, &random, at(0))])
    };
    if let Some(path) = std::env::var_os(CHILD) {
        let error = write_big(path.as_ref()).unwrap_err();
        assert_eq!(error.kind, SealedErrorKind::Io);
        assert!(
            error
                .to_string()
                .contains("cannot be written: writing a temporary file")
        );
        return;
    }
    let folder = Folder::new();
    let path = folder.cache();
    put(&path, vec![entry("a", b"1", at(0))]).unwrap();
    // The next best thing to a full disk: no file of this child may grow beyond some kilobytes.
    let child = Command::new("sh")
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f 16; exec \"$@\"")
        .arg("sh")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg(
            module_path!().split_once("::").unwrap().1.to_owned()
                + "::a_full_disk_leaves_the_old_file",
        )
        .env(CHILD, &path)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&child.stdout);
    assert!(
        child.status.success() && told.contains("1 passed"),
        "{told}"
    );
    assert_eq!(names(&path, at(0)), ["a"]);
    assert_eq!(folder.others(), [] as [&str; 0]);
    write_big(&path).unwrap();
    assert_eq!(names(&path, at(0)), ["a", BIG]);
}

#[test]
fn writers_at_once_lose_nothing_and_readers_see_whole_files() {
    let folder = Folder::new();
    let path = folder.cache();
    put(&path, vec![]).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let path = &path;
            scope.spawn(move || {
                for round in 0..10 {
                    // A lock of its own each time, as another process has it.
                    put(
                        path,
                        vec![entry(&format!("{writer}-{round}"), b"value", at(0))],
                    )
                    .unwrap();
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..200 {
                read(&path, &key(1), at(0), DAY).unwrap();
            }
        });
    });
    assert_eq!(names(&path, at(0)).len(), 40);
    assert_eq!(folder.others(), [] as [&str; 0]);
}

#[test]
fn a_writer_that_does_not_let_go_is_told_of() {
    let folder = Folder::new();
    let path = folder.cache();
    put(&path, vec![]).unwrap();
    let held = File::open(folder.0.join("cache.lock")).unwrap();
    held.lock().unwrap();
    let error = put(&path, vec![]).unwrap_err();
    assert_eq!(error.kind, SealedErrorKind::Busy);
    assert!(
        error
            .to_string()
            .contains("is being written by another process"),
        "{error}"
    );
    // Reading needs no lock.
    assert_eq!(names(&path, at(0)), [] as [&str; 0]);
    // Who removed the lock's file while it was held has not locked others out for ever.
    fs::remove_file(folder.0.join("cache.lock")).unwrap();
    put(&path, vec![entry("a", b"1", at(0))]).unwrap();
}

#[test]
fn what_killed_writers_left_is_removed() {
    let folder = Folder::new();
    let path = folder.cache();
    let left = folder.0.join("cache.0123456789abcdef.tmp");
    let recent = folder.0.join("cache.fedcba9876543210.tmp");
    let other = folder.0.join("cache.mine.tmp");
    for path in [&left, &recent, &other] {
        fs::write(path, "x").unwrap();
    }
    for path in [&left, &other] {
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(7_200))
            .unwrap();
    }
    put(&path, vec![]).unwrap();
    assert!(!left.exists() && recent.exists() && other.exists());
}
