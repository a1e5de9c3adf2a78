use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// A folder of this test's own, gone when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("tallylight-file-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn name() -> SecretName {
    SecretName::parse("cineview-gemini-api").unwrap()
}

fn read_at(path: impl Into<PathBuf>) -> Result<FromFile, Failure> {
    let located = Located {
        variable: "CINEVIEW_GEMINI_API_FILE".to_owned(),
        path: path.into(),
    };
    read(&name(), &located)
}

fn value(bytes: &[u8]) -> Vec<u8> {
    let folder = Folder::new();
    let found = read_at(folder.file("value", bytes)).ok().unwrap();
    assert_eq!(found.fetched.source, Source::File);
    assert!(found.warning.is_none());
    found.fetched.bytes.to_vec()
}

fn failure(path: impl Into<PathBuf>) -> (FailureKind, String) {
    let failure = read_at(path).err().unwrap();
    (failure.kind, failure.to_error().to_string())
}

#[test]
fn the_name_goes_before_its_aliases_and_empty_is_unset() {
    let aliases = ["GEMINI_API_KEY".to_owned()];
    let locate = |pairs: &[(&str, &str)]| {
        locate(&name(), &aliases, |asked| {
            let (_, path) = pairs.iter().find(|(known, _)| *known == asked)?;
            Some(OsString::from(path))
        })
    };
    assert_eq!(locate(&[("CINEVIEW_GEMINI_API", "/a")]), None);
    let both = [
        ("GEMINI_API_KEY_FILE", "/alias"),
        ("CINEVIEW_GEMINI_API_FILE", "/own"),
    ];
    let found = locate(&both).unwrap();
    assert_eq!(found.variable, "CINEVIEW_GEMINI_API_FILE");
    assert_eq!(found.path, Path::new("/own"));
    let empty = [
        ("GEMINI_API_KEY_FILE", "/alias"),
        ("CINEVIEW_GEMINI_API_FILE", ""),
    ];
    assert_eq!(locate(&empty).unwrap().variable, "GEMINI_API_KEY_FILE");
}

#[test]
fn exactly_one_trailing_newline_goes() {
    for (file, expected) in [
        (&b"value"[..], &b"value"[..]),
        (b"value\n", b"value"),
        (b"value\r\n", b"value"),
        (b"value\n\n", b"value\n"),
        (b"value\r\n\r\n", b"value\r\n"),
        (b"value\n\r", b"value\n\r"),
        (b"value\r", b"value\r"),
        (b" value ", b" value "),
        (b"\nvalue", b"\nvalue"),
        (b"\n\n", b"\n"),
        (b"\xff\x00\xfe\n", b"\xff\x00\xfe"),
    ] {
        assert_eq!(value(file), expected, "{file:?}");
    }
}

#[test]
fn an_empty_file_is_refused() {
    let folder = Folder::new();
    for bytes in [&b""[..], b"\n", b"\r\n"] {
        let (kind, text) = failure(folder.file("value", bytes));
        assert_eq!(kind, FailureKind::Invalid);
        assert!(
            text.contains("named by CINEVIEW_GEMINI_API_FILE, is empty"),
            "{text}"
        );
    }
}

#[test]
fn a_value_has_at_most_64_kib_beside_its_newline() {
    let folder = Folder::new();
    let mut bytes = vec![b'x'; MAX_VALUE_BYTES];
    assert_eq!(value(&bytes).len(), MAX_VALUE_BYTES);
    bytes.extend_from_slice(b"\r\n");
    assert_eq!(value(&bytes).len(), MAX_VALUE_BYTES);
    for more in [&b"x"[..], b"xx", b"xxxxxxxxx"] {
        let (kind, text) =
            failure(folder.file("value", &[&bytes[..MAX_VALUE_BYTES], more].concat()));
        assert_eq!(kind, FailureKind::Invalid);
        assert!(
            text.contains(&format!("has {} bytes", MAX_VALUE_BYTES + more.len())),
            "{text}"
        );
    }
}

#[test]
fn a_gigabyte_is_refused_by_its_size() {
    let folder = Folder::new();
    let path = folder.file("value", b"x");
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(1 << 30)
        .unwrap();
    let (kind, text) = failure(&path);
    assert_eq!(kind, FailureKind::Invalid);
    assert!(
        text.contains("has 1073741824 bytes; a secret has at most 65536"),
        "{text}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_lies_about_its_size_is_read_to_the_limit_only() {
    // They say that they have no bytes: one has few, the other more than is taken.
    let found = read_at("/proc/self/comm").ok().unwrap();
    assert!(!found.fetched.bytes.is_empty());
    assert!(
        found
            .warning
            .unwrap()
            .contains("named by CINEVIEW_GEMINI_API_FILE")
    );
    let (kind, text) = failure("/proc/kallsyms");
    assert_eq!(kind, FailureKind::Invalid);
    assert!(text.contains("goes on after 65538 bytes"), "{text}");
}

#[test]
fn what_is_no_file_is_refused_and_not_waited_for() {
    let folder = Folder::new();
    let fifo = folder.path("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let socket = folder.path("socket");
    let _listener = UnixListener::bind(&socket).unwrap();
    let around = folder.path("around");
    symlink(&around, &around).unwrap();
    for (path, says) in [
        (folder.0.clone(), "is a directory"),
        (fifo, "is a pipe, not a file"),
        (socket, "is a socket, not a file"),
        ("/dev/zero".into(), "is a device, not a file"),
        (around, "is a symbolic link that leads to itself"),
        ("/a\0b".into(), "has an impossible name"),
        (
            format!("/{}", "n".repeat(300)).into(),
            "has an impossible name",
        ),
    ] {
        let (kind, text) = failure(path);
        assert_eq!(kind, FailureKind::Invalid, "{text}");
        assert!(text.contains(says), "{text}");
    }
}

#[test]
fn a_missing_file_is_told_with_its_variable_and_path() {
    let folder = Folder::new();
    let path = folder.path("value");
    let failure = read_at(&path).err().unwrap();
    assert_eq!(failure.kind, FailureKind::NotFound);
    assert_eq!(failure.place, Some(("path", path.display().to_string())));
    let text = failure.to_error().to_string();
    assert!(
        text.contains(&format!(
            "the file {}, named by CINEVIEW_GEMINI_API_FILE, does not exist; mount or write it",
            path.display()
        )),
        "{text}"
    );
    let dangling = folder.path("dangling");
    symlink(&path, &dangling).unwrap();
    assert_eq!(failure_kind(&dangling), FailureKind::NotFound);
    let file = folder.file("file", b"x");
    assert_eq!(failure_kind(&file.join("below")), FailureKind::NotFound);
}

fn failure_kind(path: &Path) -> FailureKind {
    failure(path).0
}

#[test]
fn a_file_of_others_is_denied() {
    let refused = Refused::by_system(io::Error::from_raw_os_error(libc::EACCES));
    assert_eq!(refused.kind, FailureKind::Denied);
    let refused = Refused::by_system(io::Error::from_raw_os_error(libc::EIO));
    assert_eq!(refused.kind, FailureKind::Unreachable);
    let folder = Folder::new();
    let path = folder.file("value", b"x");
    fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
    // To the superuser nothing is denied.
    if File::open(&path).is_err() {
        assert_eq!(failure_kind(&path), FailureKind::Denied);
    }
}

#[test]
fn a_value_in_place_of_a_path_is_not_shown() {
    for value in [
        "canary-0123456789",
        "canary/with/slashes+",
        "postgres://canary@host",
        "-----BEGIN canary",
        "/canary\nvalue",
        "{\"canary\":1}",
    ] {
        let failure = read_at(value).err().unwrap();
        let error = format!("{:?}", failure.to_error());
        assert!(!error.contains("canary"), "{error}");
        assert!(
            error.contains("CINEVIEW_GEMINI_API_FILE takes the path of a file"),
            "{error}"
        );
    }
}

#[test]
fn a_file_that_everybody_may_read_is_warned_of() {
    let folder = Folder::new();
    let path = folder.file("value", b"x");
    for (mode, warns) in [(0o600, false), (0o640, false), (0o644, true), (0o604, true)] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let found = read_at(&path).ok().unwrap();
        assert_eq!(found.warning.is_some(), warns, "{mode:o}");
    }
}

/// The stamp that a reading takes when the file has not changed for long.
fn settled_stamp(path: &Path) -> FileStamp {
    let later = SystemTime::now() + Duration::from_secs(60);
    FileStamp::of(&fs::metadata(path).unwrap(), later)
}

#[test]
fn a_stamp_notices_each_way_of_change() {
    let folder = Folder::new();
    let path = folder.file("value", b"one");
    let stamp = settled_stamp(&path);
    assert!(stamp.unchanged(&path));

    fs::write(&path, b"longer").unwrap();
    assert!(!stamp.unchanged(&path));

    let stamp = settled_stamp(&path);
    let other = folder.file("other", b"longer");
    fs::rename(&other, &path).unwrap();
    assert!(!stamp.unchanged(&path));

    let stamp = settled_stamp(&path);
    File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(UNIX_EPOCH + Duration::from_secs(1))
        .unwrap();
    assert!(!stamp.unchanged(&path));

    let stamp = settled_stamp(&path);
    fs::remove_file(&path).unwrap();
    assert!(!stamp.unchanged(&path));
}

#[test]
fn a_swapped_symbolic_link_is_noticed() {
    // As Kubernetes does it: value -> ..data/value, ..data -> ..v1.
    let folder = Folder::new();
    for version in ["..v1", "..v2"] {
        fs::create_dir(folder.path(version)).unwrap();
        fs::write(folder.path(version).join("value"), version).unwrap();
    }
    symlink("..v1", folder.path("..data")).unwrap();
    symlink("..data/value", folder.path("value")).unwrap();
    let path = folder.path("value");
    let stamp = settled_stamp(&path);
    assert!(stamp.unchanged(&path));
    symlink("..v2", folder.path("..data_tmp")).unwrap();
    fs::rename(folder.path("..data_tmp"), folder.path("..data")).unwrap();
    assert!(!stamp.unchanged(&path));
    assert_eq!(&**read_at(&path).ok().unwrap().fetched.bytes, b"..v2");
}

#[test]
fn a_file_that_just_changed_is_read_once_more() {
    let folder = Folder::new();
    let path = folder.file("value", b"one");
    // A second write of as many bytes within the same tick of the file's clock would look alike.
    let changed = fs::metadata(&path).unwrap();
    let soon = UNIX_EPOCH + Duration::from_secs(u64::try_from(changed.ctime()).unwrap() + 2);
    assert!(!FileStamp::of(&changed, soon).unchanged(&path));
    assert!(settled_stamp(&path).unchanged(&path));
}

#[test]
fn any_bytes_of_a_file_are_a_value_or_empty() {
    use proptest::prelude::*;
    let folder = Folder::new();
    proptest!(ProptestConfig::with_cases(64), |(bytes in any::<Vec<u8>>())| {
        let path = folder.file("value", &bytes);
        match read_at(&path) {
            Ok(found) => prop_assert!(bytes.starts_with(&found.fetched.bytes) && bytes.len() - found.fetched.bytes.len() <= 2),
            Err(failure) => prop_assert!(failure.text.ends_with("is empty") && bytes.len() <= 2),
        }
    });
}
