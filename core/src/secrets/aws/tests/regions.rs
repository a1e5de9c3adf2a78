use super::super::manage;
use super::*;

impl World {
    /// A client with a second region.
    fn two_regions(&self) -> Aws {
        made_up(AwsSettings {
            second_region: Some(SECOND.to_owned()),
            attempt_timeout: Duration::from_millis(700),
            ..self.settings()
        })
    }

    /// A secret with a replica under the same name.
    fn replicated(&self, what: &str) -> String {
        let name = self.secret(what, "of the first");
        self.service(SECOND).create(&name, "of the second").unwrap();
        name
    }

    fn calls_in(&self, region: &str) -> u64 {
        let counts = self.proxy.counts();
        counts.by_region.get(region).copied().unwrap_or_default()
    }

    fn fault_in_first(&self, mode: Mode) {
        self.proxy.reset().unwrap();
        self.proxy.mode(Rule::new(mode).region(FIRST)).unwrap();
    }
}

#[test]
fn the_second_region_answers_while_the_first_is_out() {
    let Some(world) = World::open() else { return };
    let name = world.replicated("outage");
    run(async {
        for (mode, calls) in [
            (Mode::ServerError, 3),
            (Mode::Unavailable, 3),
            (Mode::Reset, 3),
            // Time is what the second region needs.
            (Mode::Hang, 1),
        ] {
            let aws = world.two_regions();
            world.fault_in_first(mode);
            let fetched = read(&aws, &name).await.unwrap();
            assert_eq!(text(&fetched), "of the second", "{mode:?}");
            assert_eq!(fetched.region.as_deref(), Some(SECOND), "{mode:?}");
            assert_eq!(world.calls_in(FIRST), calls, "{mode:?}");
            assert_eq!(world.calls_in(SECOND), 1, "{mode:?}");
        }
        world.proxy.reset().unwrap();
        let fetched = read(&world.two_regions(), &name).await.unwrap();
        assert_eq!(text(&fetched), "of the first");
        assert_eq!(world.calls_in(SECOND), 0);
    });
}

#[test]
fn the_second_region_is_never_asked_after_a_refusal() {
    let Some(world) = World::open() else { return };
    let name = world.replicated("refusal");
    run(async {
        for mode in [
            Mode::AccessDenied,
            Mode::NotFound,
            Mode::Deleted,
            Mode::ExpiredToken,
            Mode::InvalidToken,
            Mode::Throttle,
        ] {
            let aws = world.two_regions();
            world.fault_in_first(mode);
            let failure = failure(&aws, &name).await;
            assert_eq!(failure.region.as_deref(), Some(FIRST), "{mode:?}");
            assert_eq!(world.calls_in(SECOND), 0, "{mode:?}");
        }
    });
}

#[test]
fn a_missing_replica_is_no_news_of_the_secret() {
    let Some(world) = World::open() else { return };
    let name = world.secret("no-replica", "v");
    run(async {
        let aws = world.two_regions();
        for second in [None, Some(Mode::AccessDenied), Some(Mode::ServerError)] {
            let mut rules = vec![Rule::new(Mode::ServerError).region(FIRST)];
            rules.extend(second.map(|mode| Rule::new(mode).region(SECOND)));
            world.proxy.rules(rules).unwrap();
            let failure = failure(&aws, &name).await;
            assert_eq!(failure.kind, FailureKind::ServerFault, "{second:?}");
            assert_eq!(failure.region.as_deref(), Some(FIRST), "{second:?}");
            assert!(failure.text.contains(SECOND), "{}", failure.text);
        }
    });
}

#[test]
fn two_hanging_regions_cost_no_more_than_the_deadline() {
    let Some(world) = World::open() else { return };
    let name = world.replicated("both-hang");
    run(async {
        let aws = made_up(AwsSettings {
            second_region: Some(SECOND.to_owned()),
            ..world.settings()
        });
        world.mode(Mode::Hang);
        let started = Instant::now();
        let result = aws
            .read(&name, &current(), within(Duration::from_millis(600)))
            .await;
        assert_eq!(result.err().unwrap().kind, FailureKind::TimedOut);
        assert!(
            started.elapsed() < Duration::from_secs(4),
            "{:?}",
            started.elapsed()
        );
        assert_eq!((world.calls_in(FIRST), world.calls_in(SECOND)), (1, 1));
        // The first, though it hangs, leaves the second half of the time.
        world.fault_in_first(Mode::Hang);
        let fetched = aws
            .read(&name, &current(), within(Duration::from_secs(3)))
            .await
            .unwrap();
        assert_eq!(text(&fetched), "of the second");
    });
}

#[test]
fn an_arn_is_read_in_its_own_region_and_its_replica_in_the_second() {
    let Some(world) = World::open() else { return };
    let other = "ap-southeast-2";
    let name = unique("arn");
    world.service(other).create(&name, "far away").unwrap();
    world.service(SECOND).create(&name, "replica").unwrap();
    run(async {
        let aws = world.two_regions();
        let far = world.service(other);
        let (_, described) = far
            .call("DescribeSecret", &serde_json::json!({ "SecretId": name }))
            .unwrap();
        let arn = described["ARN"].as_str().unwrap().to_owned();
        let fetched = read(&aws, &arn).await.unwrap();
        assert_eq!(
            (text(&fetched), fetched.region.as_deref()),
            ("far away", Some(other))
        );
        assert_eq!((world.calls_in(FIRST), world.calls_in(other)), (0, 1));

        world.proxy.reset().unwrap();
        world
            .proxy
            .mode(Rule::new(Mode::ServerError).region(other))
            .unwrap();
        // moto's ARNs differ by more than the region, AWS's do not: what counts is what was asked.
        let failure = failure(&aws, &arn).await;
        assert_eq!(failure.kind, FailureKind::ServerFault);
        let asked = world.proxy.requests().pop().unwrap();
        assert_eq!(asked.secrets, [arn.replace(other, SECOND)]);
    });
}

#[test]
fn a_write_never_goes_to_the_second_region() {
    let Some(world) = World::open() else { return };
    let name = world.replicated("write");
    run(async {
        let aws = world.two_regions();
        world.fault_in_first(Mode::ServerError);
        let value = manage::NewValue {
            bytes: b"new",
            is_binary: false,
            token: &manage::new_token(),
        };
        let failure = aws
            .put(&name, value, &[CURRENT], within(LONG))
            .await
            .err()
            .unwrap();
        assert_eq!(failure.kind, FailureKind::ServerFault);
        assert_eq!((world.calls_in(FIRST), world.calls_in(SECOND)), (3, 0));
    });
}
