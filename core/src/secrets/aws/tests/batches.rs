use super::*;

impl World {
    fn many(&self, what: &str, count: usize) -> Vec<String> {
        (0..count)
            .map(|number| self.secret(what, &format!("value {number}")))
            .collect()
    }

    fn batches(&self) -> u64 {
        self.proxy.counts().operation("BatchGetSecretValue")
    }
}

async fn batch(aws: &Aws, ids: &[String]) -> Vec<(String, Result<Fetched, Failure>)> {
    aws.read_batch(ids, within(LONG)).await
}

/// All of them, each with its own value.
fn all_read(outcomes: &[(String, Result<Fetched, Failure>)], ids: &[String]) {
    assert_eq!(outcomes.len(), ids.len());
    for (number, (id, outcome)) in outcomes.iter().enumerate() {
        assert_eq!(id, &ids[number]);
        let fetched = outcome
            .as_ref()
            .unwrap_or_else(|failure| panic!("{id}: {failure:?}"));
        assert_eq!(text(fetched), format!("value {number}"));
        assert_eq!(fetched.region.as_deref(), Some(FIRST));
        assert!(fetched.version.is_some() && fetched.arn.is_some());
    }
}

#[test]
fn forty_five_secrets_cost_three_calls() {
    let Some(world) = World::open() else { return };
    let ids = world.many("batch", 45);
    run(async {
        all_read(&batch(&world.aws(), &ids).await, &ids);
        assert_eq!((world.batches(), world.gets()), (3, 0));
    });
}

#[test]
fn one_secret_is_no_batch_and_none_is_no_call() {
    let Some(world) = World::open() else { return };
    let ids = world.many("one", 1);
    run(async {
        let aws = world.aws();
        let twice = [ids[0].clone(), ids[0].clone()];
        all_read(&batch(&aws, &twice).await, &ids);
        assert_eq!((world.batches(), world.gets()), (0, 1));
        assert!(batch(&aws, &[]).await.is_empty());
        assert_eq!(world.proxy.counts().total, 1);
    });
}

#[test]
fn where_a_batch_is_not_permitted_each_is_read_alone_and_that_is_remembered() {
    let Some(world) = World::open() else { return };
    let ids = world.many("denied", 5);
    run(async {
        for rule in [
            Rule::new(Mode::AccessDenied),
            Rule::error(400, "UnknownOperationException"),
        ] {
            let aws = world.aws();
            world.proxy.reset().unwrap();
            world
                .proxy
                .mode(rule.operation("BatchGetSecretValue"))
                .unwrap();
            all_read(&batch(&aws, &ids).await, &ids);
            assert_eq!((world.batches(), world.gets()), (1, 5));
            all_read(&batch(&aws, &ids).await, &ids);
            assert_eq!((world.batches(), world.gets()), (1, 10));
        }
    });
}

#[test]
fn what_a_batch_leaves_out_is_read_alone() {
    let Some(world) = World::open() else { return };
    let mut ids = world.many("partial", 4);
    run(async {
        let aws = world.aws();
        let missing = unique("missing");
        world
            .proxy
            .mode(Rule::new(Mode::AccessDenied).secret(&ids[1]))
            .unwrap();
        ids.push(missing);
        let outcomes = batch(&aws, &ids).await;
        let kinds: Vec<_> = outcomes
            .iter()
            .map(|(_, outcome)| outcome.as_ref().err().map(|failure| failure.kind))
            .collect();
        assert_eq!(
            kinds,
            [
                None,
                Some(FailureKind::Denied),
                None,
                None,
                Some(FailureKind::NotFound)
            ]
        );
        let denied = outcomes[1].1.as_ref().err().unwrap();
        assert!(
            denied.hint.contains("secretsmanager:GetSecretValue"),
            "{}",
            denied.hint
        );
        assert!(denied.request_id.is_some());
        assert_eq!((world.batches(), world.gets()), (1, 2));
        // That was about one secret, not about batches.
        batch(&aws, &ids).await;
        assert_eq!(world.batches(), 2);
    });
}

#[test]
fn an_outage_of_the_batch_is_not_answered_by_many_calls() {
    let Some(world) = World::open() else { return };
    let ids = world.many("outage", 6);
    run(async {
        for (mode, kind, calls) in [
            (Mode::ServerError, FailureKind::ServerFault, 3),
            (Mode::Throttle, FailureKind::Throttled, 3),
            (Mode::ExpiredToken, FailureKind::Credentials, 1),
        ] {
            let aws = world.aws();
            world.proxy.reset().unwrap();
            world.mode(mode);
            let outcomes = batch(&aws, &ids).await;
            assert_eq!(outcomes.len(), ids.len());
            for (id, outcome) in outcomes {
                let failure = outcome.err().unwrap();
                assert_eq!((failure.kind, &failure.name), (kind, &id), "{mode:?}");
            }
            assert_eq!(world.proxy.counts().total, calls, "{mode:?}");
        }
    });
}

#[test]
fn a_batch_ends_with_its_deadline() {
    let Some(world) = World::open() else { return };
    let ids = world.many("deadline", 3);
    run(async {
        world.mode(Mode::Hang);
        let started = Instant::now();
        let outcomes = world
            .aws()
            .read_batch(&ids, within(Duration::from_millis(300)))
            .await;
        assert!(started.elapsed() < Duration::from_secs(4));
        for (_, outcome) in outcomes {
            assert_eq!(outcome.err().unwrap().kind, FailureKind::TimedOut);
        }
    });
}

#[test]
fn arns_and_names_of_several_regions_go_together_by_region() {
    let Some(world) = World::open() else { return };
    let here = world.many("mixed", 2);
    let far = unique("mixed-far");
    world.service(SECOND).create(&far, "far").unwrap();
    let arn_of = |region: &str, name: &str| {
        let (_, described) = world
            .service(region)
            .call("DescribeSecret", &serde_json::json!({ "SecretId": name }))
            .unwrap();
        described["ARN"].as_str().unwrap().to_owned()
    };
    let ids = [
        here[0].clone(),
        arn_of(SECOND, &far),
        here[1].clone(),
        arn_of(FIRST, &here[1]),
    ];
    run(async {
        let outcomes = batch(&world.aws(), &ids).await;
        let values: Vec<_> = outcomes
            .iter()
            .map(|(id, outcome)| (id.clone(), text(outcome.as_ref().unwrap()).to_owned()))
            .collect();
        let expected = ["value 0", "far", "value 1", "value 1"];
        assert_eq!(
            values,
            ids.into_iter()
                .zip(expected.map(str::to_owned))
                .collect::<Vec<_>>()
        );
    });
}

#[test]
fn a_batch_goes_to_the_second_region_during_an_outage() {
    let Some(world) = World::open() else { return };
    let ids = world.many("second", 3);
    for id in &ids {
        world.service(SECOND).create(id, "replica").unwrap();
    }
    run(async {
        let aws = made_up(AwsSettings {
            second_region: Some(SECOND.to_owned()),
            ..world.settings()
        });
        world
            .proxy
            .mode(Rule::new(Mode::Unavailable).region(FIRST))
            .unwrap();
        for (_, outcome) in batch(&aws, &ids).await {
            let fetched = outcome.unwrap();
            assert_eq!(
                (text(&fetched), fetched.region.as_deref()),
                ("replica", Some(SECOND))
            );
        }
        assert_eq!((world.batches(), world.gets()), (4, 0));
    });
}
