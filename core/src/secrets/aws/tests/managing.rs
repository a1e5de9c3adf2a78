use super::super::doctor::Verdict;
use super::super::list::Wanted;
use super::super::manage::{NewSecret, NewValue, PENDING, new_token};
use super::*;

fn value<'a>(bytes: &'a [u8], token: &'a str) -> NewValue<'a> {
    NewValue {
        bytes,
        is_binary: false,
        token,
    }
}

#[test]
fn a_secret_is_created_once_however_often_it_is_sent() {
    let Some(world) = World::open() else { return };
    let name = unique("create");
    let token = new_token();
    run(async {
        let aws = world.aws();
        let new = NewSecret {
            name: &name,
            value: value(b"first", &token),
            description: Some("of a test"),
            kms_key: None,
        };
        // The first answer is lost on the way: the secret is there all the same.
        world.proxy.mode(Rule::new(Mode::Cut).next(1)).unwrap();
        let created = aws.create(&new, within(LONG)).await;
        match created {
            Ok(written) => assert_eq!(written.version.as_deref(), Some(&*token)),
            // moto knows no idempotent creation.
            Err(failure) => {
                assert_eq!(failure.aws_code.as_deref(), Some("ResourceExistsException"));
                assert!(
                    failure.hint.contains("put a new version"),
                    "{}",
                    failure.hint
                );
            }
        }
        assert_eq!(text(&read(&aws, &name).await.unwrap()), "first");
        let listed = aws.describe(&name, within(LONG)).await.unwrap();
        assert_eq!(listed.description.as_deref(), Some("of a test"));
        assert_eq!(listed.version_with(CURRENT), Some(&*token));
        assert!(listed.created_at.is_some() && listed.deleted_at.is_none() && !listed.rotates);
    });
}

#[test]
fn a_rotation_goes_from_pending_to_current_and_back_out() {
    let Some(world) = World::open() else { return };
    let name = world.secret("rotate", "one");
    run(async {
        let aws = world.aws();
        let (two, three) = (new_token(), new_token());
        let written = aws
            .put(&name, value(b"two", &two), &[PENDING], within(LONG))
            .await
            .unwrap();
        assert_eq!(
            (written.version.as_deref(), &*written.region),
            (Some(&*two), FIRST)
        );
        assert_eq!(text(&read(&aws, &name).await.unwrap()), "one");

        let before = aws.promote(&name, &two, within(LONG)).await.unwrap();
        assert!(before.is_some());
        assert_eq!(text(&read(&aws, &name).await.unwrap()), "two");
        let listed = aws.describe(&name, within(LONG)).await.unwrap();
        assert_eq!(listed.version_with(CURRENT), Some(&*two));
        assert_eq!(listed.version_with(PENDING), None);
        assert_eq!(listed.version_with("AWSPREVIOUS"), before.as_deref());
        // Once more changes nothing.
        assert_eq!(
            aws.promote(&name, &two, within(LONG))
                .await
                .unwrap()
                .as_deref(),
            Some(&*two)
        );

        aws.put(&name, value(b"three", &three), &[PENDING], within(LONG))
            .await
            .unwrap();
        assert_eq!(
            aws.cancel_pending(&name, within(LONG))
                .await
                .unwrap()
                .as_deref(),
            Some(&*three)
        );
        assert_eq!(aws.cancel_pending(&name, within(LONG)).await.unwrap(), None);
        assert_eq!(text(&read(&aws, &name).await.unwrap()), "two");

        // moto would break the secret; without a function nothing is sent.
        let failure = aws
            .rotate_with_function(&name, &new_token(), within(LONG))
            .await
            .err()
            .unwrap();
        assert_eq!(failure.kind, FailureKind::Invalid);
        assert_eq!(world.proxy.counts().operation("RotateSecret"), 0);
    });
}

#[test]
fn a_stage_that_was_moved_though_the_answer_was_lost_is_moved() {
    let Some(world) = World::open() else { return };
    let name = world.secret("moved", "one");
    run(async {
        let aws = world.aws();
        let two = new_token();
        aws.put(&name, value(b"two", &two), &[PENDING], within(LONG))
            .await
            .unwrap();
        let cut = Rule::new(Mode::Cut)
            .operation("UpdateSecretVersionStage")
            .next(1);
        world.proxy.mode(cut).unwrap();
        aws.promote(&name, &two, within(LONG)).await.unwrap();
        let listed = aws.describe(&name, within(LONG)).await.unwrap();
        assert_eq!(listed.version_with(CURRENT), Some(&*two));
    });
}

#[test]
fn secrets_are_listed_by_prefix_and_over_many_pages() {
    let Some(world) = World::open() else { return };
    let prefix = unique("list");
    let names: Vec<String> = (0..105)
        .map(|number| format!("{prefix}/{number:03}"))
        .collect();
    for name in &names {
        world.service(FIRST).create(name, "v").unwrap();
    }
    let gone = &names[3];
    world.service(FIRST).delete(gone).unwrap();
    run(async {
        let aws = world.aws();
        let listed = aws
            .list(&Wanted::Prefix(format!("{prefix}/")), within(LONG))
            .await
            .unwrap();
        assert_eq!(
            listed.iter().map(|one| &one.name).collect::<Vec<_>>(),
            names.iter().collect::<Vec<_>>()
        );
        assert!(listed[3].deleted_at.is_some() && listed[4].deleted_at.is_none());
        assert_eq!(world.proxy.counts().operation("ListSecrets"), 2);
        let all = aws.list(&Wanted::All, within(LONG)).await.unwrap();
        assert!(
            names
                .iter()
                .all(|name| all.iter().any(|one| one.name == *name))
        );
        world.proxy.mode(Rule::new(Mode::AccessDenied)).unwrap();
        let failure = aws.list(&Wanted::All, within(LONG)).await.err().unwrap();
        assert!(
            failure.hint.contains("secretsmanager:ListSecrets on *"),
            "{}",
            failure.hint
        );
    });
}

#[test]
fn a_value_is_in_no_failure_of_a_write() {
    let Some(world) = World::open() else { return };
    let name = world.secret("canary", "v");
    run(async {
        let aws = world.aws();
        let canary = "canary-value-5f1d";
        let message = format!("Value '{canary}' at 'secretString' failed to satisfy constraint");
        let rule = Rule::error(400, "ValidationException").message(message);
        world.proxy.mode(rule).unwrap();
        let token = new_token();
        let put = aws
            .put(
                &name,
                value(canary.as_bytes(), &token),
                &[CURRENT],
                within(LONG),
            )
            .await;
        let new = NewSecret {
            name: &name,
            value: value(canary.as_bytes(), &token),
            description: None,
            kms_key: None,
        };
        let created = aws.create(&new, within(LONG)).await;
        for failure in [put.err().unwrap(), created.err().unwrap()] {
            assert!(
                failure.text.contains("failed to satisfy"),
                "{}",
                failure.text
            );
            assert!(!format!("{failure:?}").contains(canary));
        }
    });
}

#[test]
fn the_doctor_finds_all_well() {
    let Some(world) = World::open() else { return };
    let names = vec![world.secret("doctor", "v"), unique("doctor-none")];
    run(async {
        let report = world.aws().doctor(&names, within(LONG)).await;
        assert_eq!(report.region.as_deref(), Some(FIRST));
        assert_eq!(report.region_from, Some("the test"));
        assert_eq!(report.endpoint.as_deref(), Some(&*world.proxy.url()));
        let identity = report.identity.as_ref().unwrap();
        assert_eq!((&*identity.provider, &*identity.key_tail), ("Test", "TEST"));
        assert_eq!(report.account(), Some("123456789012"));
        assert_eq!(report.seconds_left(std::time::SystemTime::now()), None);
        assert!(report.clock_skew_seconds.unwrap().abs() < 60);
        assert!(report.missing.is_empty(), "{:?}", report.missing);
        let verdict = |call: &str, name: Option<&String>| {
            let found = report.calls.iter().find(|check| {
                check.call == call && check.name.as_deref() == name.map(String::as_str)
            });
            found.unwrap_or_else(|| panic!("{call}")).verdict.clone()
        };
        assert!(matches!(
            verdict("GetSecretValue", Some(&names[0])),
            Verdict::Allowed
        ));
        assert!(matches!(
            verdict("GetSecretValue", Some(&names[1])),
            Verdict::Missing(_)
        ));
        assert!(matches!(
            verdict("DescribeSecret", Some(&names[0])),
            Verdict::Allowed
        ));
        assert!(matches!(
            verdict("kms:Decrypt", Some(&names[0])),
            Verdict::Allowed
        ));
        assert!(matches!(
            verdict("kms:Decrypt", Some(&names[1])),
            Verdict::NotTested(_)
        ));
        assert!(matches!(
            verdict("BatchGetSecretValue", None),
            Verdict::Allowed
        ));
        assert!(matches!(verdict("ListSecrets", None), Verdict::Allowed));
        for call in ["PutSecretValue", "CreateSecret", "UpdateSecretVersionStage"] {
            assert!(
                matches!(verdict(call, None), Verdict::NotTested(why) if why.contains("never writes"))
            );
            assert_eq!(world.proxy.counts().operation(call), 0);
        }
    });
}

#[test]
fn the_doctor_names_each_missing_statement() {
    let Some(world) = World::open() else { return };
    let names = vec![world.secret("ill", "v"), world.secret("kms", "v")];
    run(async {
        world
            .proxy
            .rules(vec![
                Rule::new(Mode::AccessDenied)
                    .operation("GetSecretValue")
                    .secret(&names[0]),
                Rule::new(Mode::AccessDenied).operation("ListSecrets"),
                Rule::new(Mode::AccessDenied)
                    .operation("GetSecretValue")
                    .secret(&names[1])
                    .message("Access to KMS is not allowed"),
            ])
            .unwrap();
        let report = world.aws().doctor(&names, within(LONG)).await;
        let missing: Vec<(String, String)> = report
            .missing
            .iter()
            .map(|one| {
                let text = |key: &str| one[key].as_str().unwrap().to_owned();
                (text("Action"), text("Resource"))
            })
            .collect();
        let arn = format!(
            "arn:aws:secretsmanager:{FIRST}:123456789012:secret:{}-??????",
            names[0]
        );
        assert_eq!(
            missing[0],
            ("secretsmanager:GetSecretValue".to_owned(), arn)
        );
        assert_eq!(missing[1].0, "kms:Decrypt");
        assert_eq!(
            missing[2],
            ("secretsmanager:ListSecrets".to_owned(), "*".to_owned())
        );
        assert_eq!(missing.len(), 3);

        world.mode(Mode::Skew);
        let report = world.aws().doctor(&names, within(LONG)).await;
        let skew = report.clock_skew_seconds.unwrap();
        assert!((3_500..3_700).contains(&skew), "{skew}");
        world.mode(Mode::Hang);
        let started = Instant::now();
        let report = world
            .aws()
            .doctor(&names, within(Duration::from_millis(500)))
            .await;
        assert!(started.elapsed() < Duration::from_secs(4));
        assert!(
            report
                .calls
                .iter()
                .all(|check| !matches!(check.verdict, Verdict::Allowed))
        );
    });
}

#[test]
fn the_doctor_sees_whether_the_second_region_would_do() {
    let Some(world) = World::open() else { return };
    let names = vec![world.secret("there", "v"), world.secret("not-there", "v")];
    world.service(SECOND).create(&names[0], "replica").unwrap();
    run(async {
        let settings = AwsSettings {
            second_region: Some(SECOND.to_owned()),
            ..world.settings()
        };
        let verdicts = |report: &super::super::doctor::DoctorReport, call: &str| -> Vec<Verdict> {
            let checks = report.calls.iter().filter(|check| check.call == call);
            checks.map(|check| check.verdict.clone()).collect()
        };
        let in_second = "GetSecretValue in the second region";
        let report = made_up(settings.clone()).doctor(&names, within(LONG)).await;
        match verdicts(&report, in_second).as_slice() {
            [Verdict::Allowed, Verdict::Unknown(failure)] => {
                assert!(failure.text.contains(SECOND), "{}", failure.text);
                assert!(failure.hint.contains("replicate-secret-to-regions"));
            }
            other => panic!("{other:?}"),
        }
        // An outage of the first region is not papered over by the second.
        world
            .proxy
            .rules(vec![
                Rule::new(Mode::ServerError).region(FIRST),
                Rule::new(Mode::AccessDenied)
                    .region(SECOND)
                    .secret(&names[1]),
            ])
            .unwrap();
        let report = made_up(settings).doctor(&names, within(LONG)).await;
        for verdict in verdicts(&report, "GetSecretValue") {
            assert!(matches!(verdict, Verdict::Unknown(_)), "{verdict:?}");
        }
        assert!(matches!(
            verdicts(&report, in_second).as_slice(),
            [Verdict::Allowed, Verdict::Denied(_)]
        ));
        assert_eq!(report.missing.len(), 1);
        let resource = report.missing[0]["Resource"].as_str().unwrap();
        assert!(
            resource.contains(SECOND) && resource.contains(&names[1]),
            "{resource}"
        );
    });
}
