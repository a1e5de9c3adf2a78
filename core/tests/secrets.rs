//! What the secret cache promises, against a stand-in for AWS.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod secrets_support;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use secrets_support::{eventually, get, lab, name, tally_in};
use tallylight::ErrorKind;
use tallylight::secrets::{ChangeKind, Request, SecretsConfig, Source, Sources};

#[test]
fn a_thousand_first_readers_ask_once_and_once_more_at_expiry() {
    let Some(lab) = lab() else { return };
    let name = name("first");
    lab.service.create(&name, "v1").unwrap();
    let tally = lab.tally(SecretsConfig {
        ttl: Duration::from_millis(1_500),
        ..lab.config()
    });
    let everybody = |threads: usize, each: usize| {
        let start = Barrier::new(threads);
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    start.wait();
                    for _ in 0..each {
                        assert_eq!(get(&tally, &name).unwrap(), "v1");
                    }
                });
            }
        });
    };
    everybody(1_000, 1);
    assert_eq!(lab.calls(&name), 1);
    // Nobody reads between here and the end of freshness, so nothing is refreshed ahead.
    thread::sleep(Duration::from_millis(1_800));
    let calls = lab.calls(&name);
    assert!(calls <= 2, "{calls} calls before expiry");
    everybody(1_000, 1);
    eventually("one refresh", || lab.calls(&name) >= 2);
    thread::sleep(Duration::from_millis(100));
    assert!(lab.calls(&name) <= calls + 1);
}

#[test]
fn a_missing_secret_is_asked_for_once_by_a_hundred_readers() {
    let Some(lab) = lab() else { return };
    let name = name("missing");
    let tally = lab.tally(lab.config());
    for _ in 0..100 {
        let error = get(&tally, &name).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains(&name), "{error}");
    }
    assert_eq!(lab.calls(&name), 1);
    assert!(tally.secrets().status().refused >= 99);
}

#[test]
fn name_arn_and_current_stage_are_one_secret() {
    let Some(lab) = lab() else { return };
    let name = name("one");
    lab.service.create(&name, "v1").unwrap();
    let tally = lab.tally(lab.config());
    let secrets = tally.secrets();
    let by_name = secrets.get_blocking(&Request::new(&name)).unwrap();
    let arn = by_name.arn().unwrap().to_owned();
    let by_arn = secrets.peek(&Request::new(&arn)).expect("warm by its ARN");
    assert!(by_arn.same_value(&by_name));
    assert!(
        secrets
            .peek(&Request::new(&name).stage("AWSCURRENT"))
            .is_some()
    );
    assert!(
        secrets
            .peek(&Request::new(&name).stage("AWSPENDING"))
            .is_none()
    );
    let version = by_name.version().unwrap().to_owned();
    let by_version = secrets
        .get_blocking(&Request::new(&name).version(&version))
        .unwrap();
    assert!(by_version.same_value(&by_name));
    assert_eq!(by_name.source(), Source::Aws);
    assert_eq!(by_name.region(), Some(secrets_support::REGION));
}

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

#[test]
fn a_batch_is_read_in_few_calls() {
    let Some(lab) = lab() else { return };
    let names: Vec<String> = (0..45).map(|_| name("batch")).collect();
    for name in &names {
        lab.service
            .create(name, &format!("value of {name}"))
            .unwrap();
    }
    let missing = name("batch-missing");
    let tally = lab.tally(lab.config());
    let mut asked: Vec<&str> = names.iter().map(String::as_str).collect();
    asked.push(&missing);
    let answers = tally.secrets().prefetch_blocking(&asked);
    assert_eq!(answers.len(), 46);
    for (name, answer) in answers {
        if name == missing {
            assert_eq!(answer.unwrap_err().kind(), ErrorKind::NotFound);
        } else {
            assert_eq!(
                answer.unwrap().reveal().unwrap(),
                format!("value of {name}")
            );
        }
    }
    assert_eq!(lab.proxy.counts().operation("BatchGetSecretValue"), 3);
    assert!(lab.proxy.counts().operation("GetSecretValue") <= 1);
    for name in &names {
        assert!(tally.secrets().peek(&Request::new(name)).is_some());
    }
}

#[test]
fn json_keys_and_binary_values_are_read() {
    let Some(lab) = lab() else { return };
    let json = name("json");
    lab.service
        .create(&json, r#"{"user":"app","password":"pa55-word-long","port":5432,"none":null,"a":{"b":"deep"}}"#)
        .unwrap();
    let tally = lab.tally(lab.config());
    let key = |key| tally.secrets().get_blocking(&Request::new(&json).key(key));
    assert_eq!(key("password").unwrap().reveal().unwrap(), "pa55-word-long");
    assert_eq!(key("port").unwrap().reveal().unwrap(), "5432");
    assert_eq!(key("/a/b").unwrap().reveal().unwrap(), "deep");
    assert_eq!(key("a").unwrap().reveal().unwrap(), r#"{"b":"deep"}"#);
    let error = key("passwort").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("password"), "{error}");
    assert_eq!(key("none").unwrap_err().kind(), ErrorKind::InvalidValue);
    assert_eq!(lab.calls(&json), 1);
    let binary = name("binary");
    lab.service
        .call(
            "CreateSecret",
            &serde_json::json!({"Name": binary, "SecretBinary": "AP+A/w=="}),
        )
        .unwrap();
    let secret = tally
        .secrets()
        .get_blocking(&Request::new(&binary))
        .unwrap();
    assert_eq!(secret.reveal_bytes(), [0, 255, 128, 255]);
    assert!(secret.is_binary());
    assert_eq!(secret.reveal().unwrap_err().kind(), ErrorKind::InvalidValue);
    let text = tally
        .secrets()
        .get_blocking(&Request::new(&binary).key("x"));
    assert_eq!(text.unwrap_err().kind(), ErrorKind::InvalidValue);
}

#[test]
fn a_limit_of_age_is_kept() {
    let Some(lab) = lab() else { return };
    let name = name("age");
    lab.service.create(&name, "v1").unwrap();
    let tally = lab.tally(lab.config());
    get(&tally, &name).unwrap();
    thread::sleep(Duration::from_millis(60));
    let young = Request::new(&name).max_age(Duration::from_millis(30));
    assert!(tally.secrets().peek(&young).is_none());
    let secret = tally.secrets().get_blocking(&young).unwrap();
    assert!(secret.age() < Duration::from_secs(5));
    assert_eq!(lab.calls(&name), 2);
}

#[test]
fn the_least_recently_used_go() {
    let Some(lab) = lab() else { return };
    let tally = lab.tally(SecretsConfig {
        max_entries: 3,
        ..lab.config()
    });
    let names: Vec<String> = (0..5).map(|_| name("lru")).collect();
    for name in &names {
        lab.service.create(name, "value").unwrap();
        get(&tally, name).unwrap();
        thread::sleep(Duration::from_millis(20));
    }
    let warm = |name: &String| tally.secrets().peek(&Request::new(name)).is_some();
    assert!(!warm(&names[0]) && !warm(&names[1]));
    assert!(warm(&names[2]) && warm(&names[3]) && warm(&names[4]));
    assert_eq!(tally.secrets().status().evictions, 2);
}

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
fn development_falls_back_to_variables_and_production_never_does() {
    let Some(lab) = lab() else { return };
    let name = "cineview-gemini-api";
    // SAFETY: no other test of this binary reads or writes this variable.
    unsafe { std::env::set_var("GEMINI_API_KEY", "from-the-environment") };
    lab.proxy
        .mode(fault_proxy::Rule::new(fault_proxy::Mode::ServerError))
        .unwrap();
    let tally = tally_in("development", lab.config());
    let secret = tally.secrets().get_blocking(&Request::new(name)).unwrap();
    assert_eq!(secret.reveal().unwrap(), "from-the-environment");
    assert_eq!(secret.source(), Source::Environment);
    for environment in ["production", "staging", "Production", "prod"] {
        let tally = tally_in(environment, lab.config());
        let error = tally
            .secrets()
            .get_blocking(&Request::new(name))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{environment}");
        assert!(!error.to_string().contains("from-the-environment"));
    }
    let off = tally_in(
        "development",
        SecretsConfig {
            sources: Sources::parse("aws").unwrap(),
            ..lab.config()
        },
    );
    assert!(get(&off, name).is_err());
}

#[test]
fn an_override_is_answered_first_until_it_is_cleared() {
    let Some(lab) = lab() else { return };
    let name = name("override");
    lab.service.create(&name, "from-aws").unwrap();
    let tally = lab.tally(lab.config());
    assert_eq!(get(&tally, &name).unwrap(), "from-aws");
    tally.secrets().set_override(&name, "mine").unwrap();
    let secret = tally.secrets().get_sync(&Request::new(&name)).unwrap();
    assert_eq!(
        (secret.reveal().unwrap(), secret.source()),
        ("mine", Source::Override)
    );
    tally.secrets().clear_override(&name);
    assert_eq!(get(&tally, &name).unwrap(), "from-aws");
    assert_eq!(lab.calls(&name), 1);
}

#[test]
fn a_file_is_read_and_read_again_when_it_is_swapped() {
    let name = name("file");
    let variable = format!("{}_FILE", name.to_uppercase().replace('-', "_"));
    let folder = std::env::temp_dir().join(&name);
    std::fs::create_dir_all(folder.join("one")).unwrap();
    std::fs::create_dir_all(folder.join("two")).unwrap();
    std::fs::write(folder.join("one/secret"), "first value\n\n").unwrap();
    std::fs::write(folder.join("two/secret"), "second value\r\n").unwrap();
    let link = folder.join("..data");
    std::os::unix::fs::symlink("one", &link).unwrap();
    // SAFETY: no other test of this binary reads or writes this variable.
    unsafe { std::env::set_var(&variable, link.join("secret")) };
    let tally = secrets_support::tally(SecretsConfig::default());
    let mut changes = tally.secrets().subscribe(Some(&name)).unwrap();
    assert_eq!(get(&tally, &name).unwrap(), "first value\n");
    // As Kubernetes swaps a mounted secret.
    std::os::unix::fs::symlink("two", folder.join("..new")).unwrap();
    std::fs::rename(folder.join("..new"), &link).unwrap();
    let change = changes
        .next_blocking(Some(Duration::from_secs(10)))
        .expect("a change");
    assert_eq!(
        (change.kind, change.source),
        (ChangeKind::Rotated, Source::File)
    );
    let secret = tally.secrets().get_sync(&Request::new(&name)).unwrap();
    assert_eq!(
        (secret.reveal().unwrap(), secret.source()),
        ("second value", Source::File)
    );
    let both = tally.secrets().both_blocking(&Request::new(&name)).unwrap();
    assert_eq!(both.previous.unwrap().reveal().unwrap(), "first value\n");
    // Gone for the moment: what was read is served on.
    std::fs::remove_file(&link).unwrap();
    thread::sleep(Duration::from_millis(1_500));
    assert_eq!(get(&tally, &name).unwrap(), "second value");
    std::fs::remove_dir_all(&folder).unwrap();
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

#[test]
fn name_and_arn_asked_at_once_become_one_secret() {
    let Some(lab) = lab() else { return };
    for _ in 0..5 {
        let name = name("twins");
        lab.service.create(&name, "v1").unwrap();
        let arn = {
            let scout = lab.tally(lab.config());
            let secret = scout.secrets().get_blocking(&Request::new(&name)).unwrap();
            secret.arn().unwrap().to_owned()
        };
        let tally = lab.tally(lab.config());
        let start = Barrier::new(2);
        thread::scope(|scope| {
            for id in [&name, &arn] {
                scope.spawn(|| {
                    start.wait();
                    get(&tally, id).unwrap();
                });
            }
        });
        let status = tally.secrets().status();
        assert_eq!(status.cached, 1, "{:?}", status.entries);
        tally
            .secrets()
            .refresh_blocking(&Request::new(&arn))
            .unwrap();
        let (by_name, by_arn) = (Request::new(&name), Request::new(&arn));
        assert!(
            tally.secrets().peek(&by_name).is_some() && tally.secrets().peek(&by_arn).is_some()
        );
    }
}

#[test]
fn the_async_face_answers_on_any_executor() {
    let Some(lab) = lab() else { return };
    let name = name("async");
    lab.service.create(&name, "v1").unwrap();
    let tally = lab.tally(lab.config());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let value = runtime.block_on(async { tally.secrets().get(&name).await.unwrap() });
    assert_eq!(value.reveal().unwrap(), "v1");
    let answers = runtime.block_on(tally.secrets().prefetch(&[&name, "", "no such name"]));
    let kinds: Vec<_> = answers.iter().map(|(_, answer)| answer.is_ok()).collect();
    assert_eq!(kinds.iter().filter(|ok| **ok).count(), 1);
}

#[test]
fn bad_requests_name_the_fix() {
    let tally = tally_in("production", SecretsConfig::default());
    let long = "n".repeat(600);
    for bad in [
        "",
        " ",
        "a b",
        "-----BEGIN PRIVATE KEY-----",
        &long,
        "naïve",
        "{\"a\":1}",
    ] {
        let error = tally
            .secrets()
            .get_blocking(&Request::new(bad))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidName, "{bad:?}: {error}");
        assert!(error.to_string().len() < 400, "{error}");
        assert!(tally.secrets().peek(&Request::new(bad)).is_none());
    }
    let error = tally
        .secrets()
        .set_override("x", vec![b'x'; 65_537])
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidValue);
    let error = tally
        .secrets()
        .get_sync(&Request::new("never-read"))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotReady);
}

#[test]
fn a_million_missing_names_take_bounded_room() {
    let Some(lab) = lab() else { return };
    lab.proxy
        .mode(fault_proxy::Rule::new(fault_proxy::Mode::NotFound))
        .unwrap();
    let tally = lab.tally(SecretsConfig {
        max_entries: 50,
        ..lab.config()
    });
    let tally = Arc::new(tally);
    for at in 0..300 {
        let _ = get(&tally, &format!("flood-{at}"));
    }
    assert!(tally.secrets().status().entries.len() <= 51);
}
