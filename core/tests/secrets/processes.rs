//! Forks, shutdown and deadlines: what becomes of callers and of values.

use std::thread;
use std::time::{Duration, Instant};

use crate::secrets_support::{get, lab, name};
use tallylight::ErrorKind;
use tallylight::secrets::{Request, SecretsConfig};

#[test]
fn shutdown_wipes_and_answers_so() {
    let Some(lab) = lab() else { return };
    let name = name("wiped");
    lab.service
        .create(&name, "canary-of-the-shutdown-test")
        .unwrap();
    let tally = lab.tally(lab.config());
    get(&tally, &name).unwrap();
    let mut changes = tally.secrets().subscribe(None).unwrap();
    let secrets = tally.secrets().clone();
    tally.shutdown();
    assert!(secrets.peek(&Request::new(&name)).is_none());
    let error = secrets.get_blocking(&Request::new(&name)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert_eq!(changes.next_blocking(Some(Duration::from_secs(5))), None);
    assert!(changes.is_closed());
}

#[test]
fn a_forked_child_reads_on() {
    let Some(lab) = lab() else { return };
    let (warm, cold) = (name("warm"), name("cold"));
    lab.service.create(&warm, "warm-value").unwrap();
    lab.service.create(&cold, "cold-value").unwrap();
    let tally = lab.tally(lab.config());
    get(&tally, &warm).unwrap();
    // SAFETY: the child calls only what is meant for a forked child, then ends at once.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let warm_is_there = tally.secrets().peek(&Request::new(&warm)).is_some();
        let cold_is_read = get(&tally, &cold).is_ok_and(|value| value == "cold-value");
        let code = i32::from(!(warm_is_there && cold_is_read));
        // SAFETY: ends the child without running the parent's destructors.
        unsafe { libc::_exit(code) };
    }
    let mut status = 0;
    // SAFETY: `pid` is our child, and `status` outlives the call.
    unsafe { libc::waitpid(pid, &mut status, 0) };
    assert_eq!(libc::WEXITSTATUS(status), 0);
    assert_eq!(get(&tally, &cold).unwrap(), "cold-value");
    assert_eq!(lab.calls(&warm), 1);
}

#[test]
fn a_forked_child_does_not_ask_elsewhere_for_what_its_parent_had_from_a_file() {
    let Some(lab) = lab() else { return };
    let name = name("inherited");
    let variable = format!("{}_FILE", name.to_uppercase().replace('-', "_"));
    let path = std::env::temp_dir().join(&name);
    std::fs::write(&path, "from the file").unwrap();
    lab.service.create(&name, "from aws").unwrap();
    // SAFETY: no other test of this binary reads or writes this variable.
    unsafe { std::env::set_var(&variable, &path) };
    let tally = lab.tally(SecretsConfig {
        ttl: Duration::from_millis(200),
        ..lab.config()
    });
    assert_eq!(get(&tally, &name).unwrap(), "from the file");
    // SAFETY: the child calls only what is meant for a forked child, then ends at once.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        let until = Instant::now() + Duration::from_secs(1);
        let mut code = 0;
        while Instant::now() < until {
            if !get(&tally, &name).is_ok_and(|value| value == "from the file") {
                code = 1;
            }
            thread::sleep(Duration::from_millis(5));
        }
        // SAFETY: ends the child without running the parent's destructors.
        unsafe { libc::_exit(code) };
    }
    let mut status = 0;
    // SAFETY: `pid` is our child, and `status` outlives the call.
    unsafe { libc::waitpid(pid, &mut status, 0) };
    std::fs::remove_file(&path).unwrap();
    assert_eq!(libc::WEXITSTATUS(status), 0);
    assert_eq!(lab.calls(&name), 0);
}

#[test]
fn the_longest_deadline_ends_and_hurts_nobody_else() {
    let Some(lab) = lab() else { return };
    let name = name("endless");
    lab.service.create(&name, "v1").unwrap();
    let tally = lab.tally(lab.config());
    let longest = Request::new(&name).deadline(Duration::from_secs(600));
    assert!(tally.secrets().refresh_blocking(&longest).is_ok());
    assert!(tally.secrets().both_blocking(&longest).is_ok());
    let endless = Request::new(&name).deadline(Duration::MAX);
    for answer in [
        tally.secrets().refresh_blocking(&endless),
        tally.secrets().get_blocking(&endless),
    ] {
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::InvalidValue);
    }
    assert_eq!(get(&tally, &name).unwrap(), "v1");
    assert!(
        tally
            .secrets()
            .refresh_blocking(&Request::new(&name))
            .is_ok()
    );
}
