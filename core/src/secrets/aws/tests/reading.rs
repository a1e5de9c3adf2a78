use std::sync::Arc;

use super::*;

#[test]
fn a_value_comes_with_its_version_and_costs_one_call() {
    let Some(world) = World::open() else { return };
    let name = world.secret("plain", "s3cret");
    run(async {
        let aws = world.aws();
        assert_eq!(aws.region().as_deref(), Some(FIRST));
        let fetched = read(&aws, &name).await.unwrap();
        assert_eq!(text(&fetched), "s3cret");
        assert!(!fetched.binary);
        assert_eq!(fetched.stages, [CURRENT]);
        assert_eq!(fetched.region.as_deref(), Some(FIRST));
        assert_eq!(fetched.version.as_deref().map(str::len), Some(36));
        let arn = fetched.arn.unwrap();
        assert_eq!(text(&read(&aws, &arn).await.unwrap()), "s3cret");
        let counts = world.proxy.counts();
        assert_eq!((counts.total, world.gets()), (2, 2));
        assert_eq!(counts.connections, 1, "connections are kept");
    });
}

#[test]
fn stages_versions_and_binary_values_are_read() {
    let Some(world) = World::open() else { return };
    let name = unique("versions");
    let service = world.service(FIRST);
    let old = service.create(&name, "one").unwrap();
    let pending = service.put_pending(&name, "two").unwrap();
    let blob = unique("binary");
    let created = serde_json::json!({ "Name": blob, "SecretBinary": "AP+A/g==" });
    assert_eq!(service.call("CreateSecret", &created).unwrap().0, 200);
    run(async {
        let aws = world.aws();
        let staged = Which::Stage("AWSPENDING".to_owned());
        let fetched = aws.read(&name, &staged, within(LONG)).await.unwrap();
        assert_eq!(
            (text(&fetched), fetched.version.as_deref()),
            ("two", Some(&*pending))
        );
        assert_eq!(text(&read(&aws, &name).await.unwrap()), "one");
        service.promote(&name, &old, &pending).unwrap();
        assert_eq!(text(&read(&aws, &name).await.unwrap()), "two");
        let by_id = aws
            .read(&name, &Which::Version(old.clone()), within(LONG))
            .await;
        assert_eq!(text(&by_id.unwrap()), "one");
        let fetched = read(&aws, &blob).await.unwrap();
        assert!(fetched.binary);
        assert_eq!(*fetched.bytes, [0x00, 0xff, 0x80, 0xfe]);
        let missing = Which::Stage("NOWHERE".to_owned());
        let failure = aws.read(&name, &missing, within(LONG)).await.err().unwrap();
        assert_eq!(failure.kind, FailureKind::NotFound);
        let missing = Which::Version("00000000-0000-4000-8000-000000000000".to_owned());
        let failure = aws.read(&name, &missing, within(LONG)).await.err().unwrap();
        assert_eq!(failure.kind, FailureKind::NotFound);
        assert!(failure.hint.contains("no such version"), "{}", failure.hint);
    });
}

/// Each fault: what it means, how many calls it costs, and the code that is passed on.
#[test]
fn every_fault_means_what_it_says_and_costs_a_bounded_number_of_calls() {
    use FailureKind::*;
    let Some(world) = World::open() else { return };
    let name = world.secret("faults", "canary-value-of-faults");
    let faults = [
        (Mode::Reset, Unreachable, 3, None),
        (Mode::Cut, Unreachable, 3, None),
        (Mode::Garbage, Unreachable, 3, None),
        (
            Mode::ServerError,
            ServerFault,
            3,
            Some("InternalServiceError"),
        ),
        (Mode::Unavailable, ServerFault, 3, None),
        (Mode::Throttle, Throttled, 3, Some("ThrottlingException")),
        (Mode::AccessDenied, Denied, 1, Some("AccessDeniedException")),
        (
            Mode::NotFound,
            NotFound,
            1,
            Some("ResourceNotFoundException"),
        ),
        (Mode::Deleted, NotFound, 1, Some("InvalidRequestException")),
        (
            Mode::ExpiredToken,
            Credentials,
            1,
            Some("ExpiredTokenException"),
        ),
        (
            Mode::InvalidToken,
            Credentials,
            1,
            Some("UnrecognizedClientException"),
        ),
        // The answer tells the time, so the next request may be signed right: once.
        (
            Mode::Skew,
            Credentials,
            2,
            Some("InvalidSignatureException"),
        ),
        (
            Mode::TooSkewed,
            Credentials,
            2,
            Some("RequestTimeTooSkewed"),
        ),
    ];
    run(async {
        for (mode, kind, calls, code) in faults {
            let aws = world.aws();
            world.proxy.reset().unwrap();
            world.mode(mode);
            let failure = failure(&aws, &name).await;
            assert_eq!(failure.kind, kind, "{mode:?}: {failure:?}");
            assert_eq!(world.gets(), calls, "{mode:?}");
            assert_eq!(failure.aws_code.as_deref(), code, "{mode:?}");
            assert_eq!(failure.region.as_deref(), Some(FIRST), "{mode:?}");
            assert_eq!(failure.name, name, "{mode:?}");
            assert!(!failure.hint.is_empty(), "{mode:?}");
            let is_answer = mode != Mode::Reset;
            assert_eq!(
                failure.request_id.is_some(),
                is_answer,
                "{mode:?}: {failure:?}"
            );
            assert!(!format!("{failure:?}").contains("canary"), "{mode:?}");
            // Well again, the very same client reads.
            world.proxy.reset().unwrap();
            assert_eq!(
                text(&read(&aws, &name).await.unwrap()),
                "canary-value-of-faults",
                "{mode:?}"
            );
            assert_eq!(world.gets(), 1, "{mode:?}");
        }
    });
}

#[test]
fn a_refused_connection_is_unreachable_and_says_so() {
    let Some(world) = World::open() else { return };
    let name = world.secret("refused", "v");
    run(async {
        let aws = world.aws();
        read(&aws, &name).await.unwrap();
        world.mode(Mode::Refuse);
        let failure = failure(&aws, &name).await;
        assert_eq!(failure.kind, FailureKind::Unreachable);
        assert!(failure.text.contains("refused"), "{}", failure.text);
        world.proxy.reset().unwrap();
        read(&aws, &name).await.unwrap();
    });
}

#[test]
fn one_fault_is_got_over_by_another_attempt() {
    let Some(world) = World::open() else { return };
    let name = world.secret("once", "v");
    run(async {
        for mode in [
            Mode::Reset,
            Mode::ServerError,
            Mode::Unavailable,
            Mode::Throttle,
            Mode::Skew,
        ] {
            let aws = world.aws();
            world.proxy.reset().unwrap();
            world.proxy.mode(Rule::new(mode).next(1)).unwrap();
            assert_eq!(text(&read(&aws, &name).await.unwrap()), "v", "{mode:?}");
            assert_eq!(world.gets(), 2, "{mode:?}");
        }
    });
}

#[test]
fn a_server_that_never_answers_costs_no_more_than_the_deadline() {
    let Some(world) = World::open() else { return };
    let name = world.secret("hang", "v");
    run(async {
        let aws = made_up(AwsSettings {
            attempt_timeout: Duration::from_millis(300),
            ..world.settings()
        });
        world.mode(Mode::Hang);
        let started = Instant::now();
        let failure = failure(&aws, &name).await;
        assert_eq!(failure.kind, FailureKind::TimedOut);
        assert_eq!(world.gets(), 3, "an attempt of its own time each");
        assert!(started.elapsed() < LONG / 2);

        world.proxy.reset().unwrap();
        world.mode(Mode::Hang);
        let aws = world.aws();
        let started = Instant::now();
        let result = aws
            .read(&name, &current(), within(Duration::from_millis(400)))
            .await;
        assert_eq!(result.err().unwrap().kind, FailureKind::TimedOut);
        assert!(started.elapsed() >= Duration::from_millis(400));
        assert!(
            started.elapsed() < Duration::from_secs(4),
            "{:?}",
            started.elapsed()
        );
        assert_eq!(world.gets(), 1);
    });
}

#[test]
fn a_slow_answer_counts_while_the_deadline_lasts() {
    let Some(world) = World::open() else { return };
    let name = world.secret("slow", "v");
    run(async {
        let aws = world.aws();
        world
            .proxy
            .mode(Rule::new(Mode::Slow).delay_ms(500))
            .unwrap();
        assert_eq!(text(&read(&aws, &name).await.unwrap()), "v");
        let late = aws
            .read(&name, &current(), within(Duration::from_millis(100)))
            .await;
        assert_eq!(late.err().unwrap().kind, FailureKind::TimedOut);
    });
}

#[test]
fn a_value_that_is_longer_than_aws_keeps_is_none_of_its_answers() {
    let Some(world) = World::open() else { return };
    let name = world.secret("big", "v");
    run(async {
        let aws = world.aws();
        world
            .proxy
            .mode(Rule::new(Mode::Big).bytes(65_536))
            .unwrap();
        assert_eq!(read(&aws, &name).await.unwrap().bytes.len(), 65_536);
        for bytes in [65_537, 300_000, 20_000_000] {
            world.proxy.mode(Rule::new(Mode::Big).bytes(bytes)).unwrap();
            let failure = read(&aws, &name).await.err().unwrap();
            assert_eq!(failure.kind, FailureKind::Unreachable, "{bytes}");
        }
    });
}

#[test]
fn throttling_slows_everybody_down_and_loses_nobody() {
    let Some(world) = World::open() else { return };
    let name = Arc::new(world.secret("throttle", "v"));
    run(async {
        let aws = world.aws();
        world.proxy.mode(Rule::new(Mode::Throttle).next(6)).unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..30 {
            let (aws, name) = (aws.clone(), Arc::clone(&name));
            tasks.spawn(async move { read(&aws, &name).await.map(drop) });
        }
        let mut failed = 0;
        while let Some(done) = tasks.join_next().await {
            failed += usize::from(done.unwrap().is_err());
        }
        assert_eq!(failed, 0);
        assert_eq!(world.gets(), 36);
        assert!(world.proxy.counts().max_in_flight <= 8);
        assert_eq!(aws.inner.throttle.allowed(), 8, "all is well again");
    });
}

#[test]
fn no_more_calls_are_out_than_configured() {
    let Some(world) = World::open() else { return };
    let name = Arc::new(world.secret("limit", "v"));
    run(async {
        let aws = made_up(AwsSettings {
            concurrency: 3,
            ..world.settings()
        });
        world
            .proxy
            .mode(Rule::new(Mode::Slow).delay_ms(20))
            .unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let (aws, name) = (aws.clone(), Arc::clone(&name));
            tasks.spawn(async move { read(&aws, &name).await.map(drop) });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap().unwrap();
        }
        assert!(world.proxy.counts().max_in_flight <= 3);
    });
}

#[test]
fn whoever_gets_no_turn_is_told_so_in_time() {
    let Some(world) = World::open() else { return };
    let name = world.secret("turn", "v");
    run(async {
        let aws = made_up(AwsSettings {
            concurrency: 1,
            ..world.settings()
        });
        world.mode(Mode::Hang);
        let (hanging, other) = (aws.clone(), name.clone());
        tokio::spawn(async move { read(&hanging, &other).await.map(drop) });
        while world.gets() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let result = aws
            .read(&name, &current(), within(Duration::from_millis(200)))
            .await;
        let failure = result.err().unwrap();
        assert_eq!(failure.kind, FailureKind::TimedOut);
        assert!(failure.text.contains("turn"), "{}", failure.text);
        // Nobody throttles: more calls at one time would hang, too.
        assert!(failure.hint.contains("deadline"), "{}", failure.hint);
        assert!(!failure.hint.contains("CONCURRENCY"), "{}", failure.hint);
        assert_eq!(world.gets(), 1);
    });
}

#[test]
fn names_that_aws_refuses_are_invalid_or_not_found() {
    let Some(world) = World::open() else { return };
    run(async {
        let aws = world.aws();
        let missing = failure(&aws, "there/is+no=such.secret@all").await;
        assert_eq!(missing.kind, FailureKind::NotFound);
        assert!(
            missing.hint.contains("tallylight secrets setup"),
            "{}",
            missing.hint
        );
        assert_eq!(world.gets(), 1);
        world
            .proxy
            .mode(Rule::error(400, "InvalidParameterException"))
            .unwrap();
        assert_eq!(failure(&aws, "x").await.kind, FailureKind::Invalid);
        world
            .proxy
            .mode(Rule::error(400, "DecryptionFailure"))
            .unwrap();
        let denied = failure(&aws, "x").await;
        assert_eq!(denied.kind, FailureKind::Denied);
        assert!(denied.hint.contains("kms:Decrypt"), "{}", denied.hint);
    });
}
