//! How often the source is asked, however many readers there are.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use crate::secrets_support::{eventually, get, lab, name};
use tallylight::ErrorKind;
use tallylight::secrets::{Request, SecretsConfig, Source};

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
    assert_eq!(by_name.region(), Some(crate::secrets_support::REGION));
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
