//! A new version: who sees it, when, and what becomes of the old one.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::secrets_support::{eventually, get, lab, name};
use tallylight::secrets::{ChangeKind, Request, SecretsConfig};

#[test]
fn a_rotation_under_fifty_readers_is_seen_once_and_fails_nobody() {
    let Some(lab) = lab() else { return };
    let name = name("rotated");
    let first = lab.service.create(&name, "old-value-0001").unwrap();
    let ttl = Duration::from_millis(400);
    let tally = lab.tally(SecretsConfig {
        ttl,
        ..lab.config()
    });
    let changes = tally.secrets().subscribe(Some(&name)).unwrap();
    let stop = AtomicUsize::new(0);
    let rotated_at = std::sync::OnceLock::<Instant>::new();
    let stale_for = std::sync::Mutex::new(Duration::ZERO);
    thread::scope(|scope| {
        for _ in 0..50 {
            scope.spawn(|| {
                while stop.load(Ordering::Relaxed) == 0 {
                    let value = get(&tally, &name).expect("no reader sees an error");
                    if let Some(rotated) = rotated_at.get()
                        && value == "old-value-0001"
                    {
                        let mut longest = stale_for.lock().unwrap();
                        *longest = (*longest).max(rotated.elapsed());
                    }
                    thread::sleep(Duration::from_millis(2));
                }
            });
        }
        eventually("read", || {
            tally.secrets().peek(&Request::new(&name)).is_some()
        });
        let second = lab.service.put_pending(&name, "new-value-0002").unwrap();
        lab.service.promote(&name, &first, &second).unwrap();
        rotated_at.set(Instant::now()).unwrap();
        eventually("the new value", || {
            get(&tally, &name).unwrap() == "new-value-0002"
        });
        // Two more periods, in which nothing may be told again.
        thread::sleep(ttl * 2);
        stop.store(1, Ordering::Relaxed);
        let mut changes = changes.clone();
        let change = changes
            .next_blocking(Some(Duration::from_secs(5)))
            .expect("told once");
        assert_eq!(change.kind, ChangeKind::Rotated);
        assert_eq!(change.version.as_deref(), Some(&*second));
        assert_eq!(change.previous_version.as_deref(), Some(&*first));
        assert_eq!(changes.next_blocking(Some(Duration::from_millis(50))), None);
    });
    // In use it is refreshed within its time to live, spread by a tenth, and the time of a reading.
    let longest = *stale_for.lock().unwrap();
    assert!(
        longest < ttl * 5,
        "the old value was served for {longest:?}"
    );
    let both = tally.secrets().both_blocking(&Request::new(&name)).unwrap();
    assert_eq!(both.current.reveal().unwrap(), "new-value-0002");
    assert_eq!(both.previous.unwrap().reveal().unwrap(), "old-value-0001");
}

#[test]
fn a_refused_credential_is_refreshed_once_and_tried_again() {
    let Some(lab) = lab() else { return };
    let name = name("refused");
    let first = lab.service.create(&name, "old-password").unwrap();
    let tally = lab.tally(lab.config());
    assert_eq!(get(&tally, &name).unwrap(), "old-password");
    let second = lab.service.put_pending(&name, "new-password").unwrap();
    lab.service.promote(&name, &first, &second).unwrap();
    let logins = AtomicUsize::new(0);
    let login = |password: &str| {
        logins.fetch_add(1, Ordering::Relaxed);
        if password == "new-password" {
            Ok("in")
        } else {
            Err(401)
        }
    };
    let start = Barrier::new(20);
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                start.wait();
                let answer = tally.secrets().with_secret_blocking(
                    &Request::new(&name),
                    |secret| login(secret.reveal().unwrap()),
                    |status: &i32| *status == 401,
                );
                assert_eq!(answer.unwrap(), "in");
            });
        }
    });
    assert!(
        lab.calls(&name) <= 3,
        "{} calls for 20 refusals",
        lab.calls(&name)
    );
    assert!(logins.load(Ordering::Relaxed) <= 40);
    // The newest is refused too: the call's own error, and no storm of calls.
    let calls = lab.calls(&name);
    for _ in 0..50 {
        let answer = tally.secrets().with_secret_blocking(
            &Request::new(&name),
            |_| Err::<(), _>(401),
            |status: &i32| *status == 401,
        );
        assert!(matches!(
            answer,
            Err(tallylight::secrets::WithSecretError::Call(401))
        ));
    }
    assert!(lab.calls(&name) <= calls + 2);
}

#[test]
fn a_forced_refresh_sees_what_was_written_before_it() {
    let Some(lab) = lab() else { return };
    let name = name("forced");
    lab.service.create(&name, "v1").unwrap();
    let tally = lab.tally(lab.config());
    assert_eq!(get(&tally, &name).unwrap(), "v1");
    let epoch = tally.secrets().epoch().get();
    for round in 2..6 {
        let value = format!("v{round}");
        let known = tally.secrets().peek(&Request::new(&name)).unwrap();
        let version = lab.service.put_pending(&name, &value).unwrap();
        lab.service
            .promote(&name, known.version().unwrap(), &version)
            .unwrap();
        let new = tally
            .secrets()
            .refresh_blocking(&Request::new(&name))
            .unwrap();
        assert_eq!(new.reveal().unwrap(), value);
        assert_eq!(get(&tally, &name).unwrap(), value);
    }
    assert_ne!(tally.secrets().epoch().get(), epoch);
    assert_eq!(tally.secrets().status().changes, 4);
}
