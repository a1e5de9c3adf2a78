//! A file system that hangs holds up nothing but its own files.
#![cfg(all(feature = "secrets-aws", target_os = "linux"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod secrets_support;

use std::ffi::{CStr, c_char, c_int, c_uint};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use secrets_support::{eventually, get, name, tally};
use tallylight::secrets::{Request, SealKey, SecretsConfig};
use tallylight::{ErrorKind, Tallylight};

/// Every path with this in it is on the file system that hangs.
const DEAD: &str = "dead-mount";
/// Of the sealed cache.
const KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
/// What is hung may take of the pool's eight threads.
const MOST_THREADS: usize = 4;
const DEADLINE: Duration = Duration::from_millis(300);

/// The dead file system is the process's, as its environment is: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());
static IS_DEAD: AtomicBool = AtomicBool::new(true);
/// Threads that wait for the dead file system, now and at the most.
static HUNG: AtomicUsize = AtomicUsize::new(0);
static MOST_HUNG: AtomicUsize = AtomicUsize::new(0);

/// Stands before the C library's own, which the standard library calls.
///
/// # Safety
/// As that one: `path` is a string of C.
#[unsafe(no_mangle)]
unsafe extern "C" fn open64(path: *const c_char, flags: c_int, mode: c_uint) -> c_int {
    // SAFETY: the caller's promise.
    let text = unsafe { CStr::from_ptr(path) };
    let is_there = text
        .to_bytes()
        .windows(DEAD.len())
        .any(|part| part == DEAD.as_bytes());
    if is_there && IS_DEAD.load(Ordering::Relaxed) {
        let hung = HUNG.fetch_add(1, Ordering::Relaxed) + 1;
        MOST_HUNG.fetch_max(hung, Ordering::Relaxed);
        while IS_DEAD.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(5));
        }
        HUNG.fetch_sub(1, Ordering::Relaxed);
    }
    // SAFETY: the arguments are the caller's.
    unsafe { libc::openat(libc::AT_FDCWD, path, flags, mode) }
}

/// A file of a secret with this name, which the environment names from now on.
fn file(folder: &Path, name: &str) {
    std::fs::create_dir_all(folder).unwrap();
    let path = folder.join(name);
    IS_DEAD.store(false, Ordering::Relaxed);
    std::fs::write(&path, format!("value of {name}")).unwrap();
    IS_DEAD.store(true, Ordering::Relaxed);
    let variable = format!("{}_FILE", name.to_uppercase().replace('-', "_"));
    // SAFETY: no thread of ours is running yet.
    unsafe { std::env::set_var(variable, path) };
}

/// Nobody listens there, and finding that out takes a look-up of the name, on the pool.
fn config() -> SecretsConfig {
    for (name, value) in [
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ] {
        // SAFETY: no thread of ours is running yet.
        unsafe { std::env::set_var(name, value) };
    }
    SecretsConfig {
        region: Some("eu-west-1".to_owned()),
        endpoint: Some("http://localhost:1".to_owned()),
        ..SecretsConfig::default()
    }
}

/// Asks for all at once, and again; each answer comes at its deadline.
fn ask_in_vain(tally: &Tallylight, names: &[String]) {
    for _ in 0..3 {
        thread::scope(|scope| {
            for name in names {
                scope.spawn(move || {
                    let began = Instant::now();
                    let request = Request::new(name).deadline(DEADLINE);
                    let error = tally.secrets().refresh_blocking(&request).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
                    let took = began.elapsed();
                    assert!(took < DEADLINE * 5, "{took:?}");
                });
            }
        });
    }
}

fn folders() -> (PathBuf, PathBuf) {
    MOST_HUNG.store(0, Ordering::Relaxed);
    let root = std::env::temp_dir().join(name("hanging"));
    (root.join("healthy"), root.join(DEAD))
}

#[test]
fn twelve_files_that_hang_hold_up_no_other_file_and_no_call_to_aws() {
    let _alone = ALONE.lock();
    let (healthy, dead) = folders();
    let names: Vec<String> = (0..12).map(|_| name("hangs")).collect();
    for name in &names {
        file(&dead, name);
    }
    let (well, remote) = (name("well"), name("remote"));
    file(&healthy, &well);
    let tally = tally(config());
    ask_in_vain(&tally, &names);
    assert_eq!(get(&tally, &well).unwrap(), format!("value of {well}"));
    assert_eq!(
        get(&tally, &remote).unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert_eq!(MOST_HUNG.load(Ordering::Relaxed), 1);
    // Back again it is read.
    IS_DEAD.store(false, Ordering::Relaxed);
    for name in &names {
        eventually("read", || {
            get(&tally, name).is_ok_and(|value| value == format!("value of {name}"))
        });
    }
    std::fs::remove_dir_all(healthy.parent().unwrap()).unwrap();
}

#[test]
fn many_folders_that_hang_leave_threads_for_aws_and_the_sealed_cache() {
    let _alone = ALONE.lock();
    let (healthy, dead) = folders();
    let names: Vec<String> = (0..12).map(|_| name("hangs")).collect();
    for name in &names {
        file(&dead.join(name), name);
    }
    let remote = name("remote");
    std::fs::create_dir_all(&healthy).unwrap();
    let tally = tally(SecretsConfig {
        cache_file: Some(healthy.join("cache")),
        cache_key: Some(SealKey::parse(KEY).unwrap()),
        ..config()
    });
    ask_in_vain(&tally, &names);
    assert_eq!(
        get(&tally, &remote).unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert!(MOST_HUNG.load(Ordering::Relaxed) <= MOST_THREADS);
    let cache = tally.secrets().status().cache_file.unwrap();
    assert_eq!(cache.last_error, None);
    IS_DEAD.store(false, Ordering::Relaxed);
    std::fs::remove_dir_all(healthy.parent().unwrap()).unwrap();
}

#[test]
fn a_sealed_cache_that_hangs_takes_one_thread() {
    let _alone = ALONE.lock();
    let (healthy, dead) = folders();
    std::fs::create_dir_all(&dead).unwrap();
    std::fs::create_dir_all(&healthy).unwrap();
    IS_DEAD.store(false, Ordering::Relaxed);
    std::fs::write(dead.join("cache"), "anything").unwrap();
    IS_DEAD.store(true, Ordering::Relaxed);
    let tally = tally(SecretsConfig {
        cache_file: Some(dead.join("cache")),
        cache_key: Some(SealKey::parse(KEY).unwrap()),
        ..config()
    });
    for _ in 0..3 {
        assert!(get(&tally, &name("remote")).is_err());
    }
    assert_eq!(MOST_HUNG.load(Ordering::Relaxed), 1);
    IS_DEAD.store(false, Ordering::Relaxed);
    std::fs::remove_dir_all(healthy.parent().unwrap()).unwrap();
}

#[cfg(feature = "cli")]
#[test]
fn the_doctor_says_which_files_hang_and_ends() {
    let _alone = ALONE.lock();
    let (healthy, dead) = folders();
    let (well, first, second) = (name("well"), name("hangs"), name("hangs"));
    file(&healthy, &well);
    file(&dead, &first);
    file(&dead, &second);
    let began = Instant::now();
    let doctor = ["tallylight", "secrets", "doctor", "--deadline", "300ms"];
    let names = [&first, &second, &well];
    let args = doctor.map(str::to_owned).into_iter();
    let code = tallylight::cli::run(args.chain(names.map(Clone::clone)).collect());
    assert_eq!(code, 1);
    let took = began.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    IS_DEAD.store(false, Ordering::Relaxed);
    std::fs::remove_dir_all(healthy.parent().unwrap()).unwrap();
}
