//! The fault table: what is served, how long a caller waits, what is counted and what the error says.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod secrets_support;

use std::time::{Duration, Instant};

use fault_proxy::{Mode, Rule};
use secrets_support::{Lab, REGION, get, lab, name};
use tallylight::secrets::{ChangeKind, SecretState, SecretsConfig};
use tallylight::{ErrorKind, Tallylight};

/// How a fault is met.
#[derive(Clone, Copy, PartialEq)]
enum Class {
    /// What is known is served on.
    Outage,
    /// What is known goes.
    Revocation,
}

struct Row {
    mode: Mode,
    class: Class,
    error: ErrorKind,
    counted: &'static str,
    /// Whether the service itself answered, with an id.
    answered: bool,
}

const fn outage(mode: Mode, error: ErrorKind, counted: &'static str, answered: bool) -> Row {
    Row {
        mode,
        class: Class::Outage,
        error,
        counted,
        answered,
    }
}

const fn revocation(mode: Mode, error: ErrorKind, counted: &'static str) -> Row {
    Row {
        mode,
        class: Class::Revocation,
        error,
        counted,
        answered: true,
    }
}

use ErrorKind::{Denied, NotFound, Timeout, Unavailable};

const TABLE: [Row; 14] = [
    outage(Mode::Refuse, Unavailable, "unreachable", false),
    outage(Mode::Reset, Unavailable, "unreachable", false),
    outage(Mode::Cut, Unavailable, "unreachable", true),
    outage(Mode::ServerError, Unavailable, "server_fault", true),
    outage(Mode::Unavailable, Unavailable, "server_fault", true),
    outage(Mode::Throttle, Unavailable, "throttled", true),
    outage(Mode::ExpiredToken, Unavailable, "credentials", true),
    outage(Mode::InvalidToken, Unavailable, "credentials", true),
    outage(Mode::Skew, Unavailable, "credentials", true),
    outage(Mode::Hang, Timeout, "timed_out", false),
    outage(Mode::Garbage, Unavailable, "unreachable", true),
    revocation(Mode::AccessDenied, Denied, "denied"),
    revocation(Mode::NotFound, NotFound, "not_found"),
    revocation(Mode::Deleted, NotFound, "not_found"),
];

/// How much longer than its deadline a caller may wait on a machine that is busy with other tests.
const SLACK: Duration = Duration::from_secs(2);

fn failures(tally: &Tallylight, kind: &str) -> u64 {
    tally
        .secrets()
        .status()
        .failures
        .get(kind)
        .copied()
        .unwrap_or(0)
}

fn fail(lab: &Lab, mode: Mode) {
    lab.proxy.mode(Rule::new(mode)).unwrap();
}

/// The call, and how long it took.
fn timed<T>(call: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    (call(), started.elapsed())
}

#[test]
fn cold_a_fault_is_an_error_that_says_what_where_and_which_request() {
    let Some(lab) = lab() else { return };
    for row in &TABLE {
        let name = name("cold");
        lab.service.create(&name, "canary-value-cold").unwrap();
        fail(&lab, row.mode);
        let tally = lab.tally(lab.hasty());
        let (answer, waited) = timed(|| get(&tally, &name));
        let error = answer.expect_err(row.mode.name());
        let text = error.to_string();
        assert_eq!(error.kind(), row.error, "{}: {text}", row.mode.name());
        assert!(
            waited < lab.hasty().deadline + SLACK,
            "{}: {waited:?}",
            row.mode.name()
        );
        assert!(text.contains(&name) && text.contains(REGION), "{text}");
        assert!(!text.contains("canary"), "{text}");
        assert_eq!(
            failures(&tally, row.counted),
            1,
            "{}: {text}",
            row.mode.name()
        );
        let detail = |key| error.details().iter().any(|(known, _)| *known == key);
        assert!(detail("name") && detail("region"), "{:?}", error.details());
        assert_eq!(
            detail("request_id"),
            row.answered,
            "{}: {:?}",
            row.mode.name(),
            error.details()
        );
        lab.proxy.mode(Rule::new(Mode::Ok)).unwrap();
    }
}

#[test]
fn warm_a_fault_is_not_even_noticed() {
    let Some(lab) = lab() else { return };
    for row in &TABLE {
        let name = name("warm");
        lab.service.create(&name, "v1").unwrap();
        let tally = lab.tally(lab.config());
        get(&tally, &name).unwrap();
        fail(&lab, row.mode);
        let calls = lab.calls(&name);
        assert_eq!(get(&tally, &name).unwrap(), "v1", "{}", row.mode.name());
        assert_eq!(lab.calls(&name), calls);
        lab.proxy.mode(Rule::new(Mode::Ok)).unwrap();
    }
}

#[test]
fn after_its_time_to_live_an_outage_serves_on_and_a_revocation_ends_it() {
    let Some(lab) = lab() else { return };
    for row in &TABLE {
        let name = name("stale");
        lab.service.create(&name, "v1").unwrap();
        let tally = lab.tally(lab.hasty());
        let mut changes = tally.secrets().subscribe(Some(&name)).unwrap();
        get(&tally, &name).unwrap();
        fail(&lab, row.mode);
        std::thread::sleep(Duration::from_millis(400));
        // The first reader gets the stale value at once, whatever becomes of the refresh behind it.
        let (answer, waited) = timed(|| get(&tally, &name));
        if row.class == Class::Outage {
            assert_eq!(
                answer.unwrap_or_else(|error| panic!("{}: {error}", row.mode.name())),
                "v1"
            );
            assert!(
                waited < Duration::from_millis(300),
                "{}: {waited:?}",
                row.mode.name()
            );
        }
        secrets_support::eventually(row.mode.name(), || failures(&tally, row.counted) >= 1);
        // Counted first, then published.
        let state = match row.class {
            Class::Outage => SecretState::Failing,
            Class::Revocation => SecretState::Missing,
        };
        secrets_support::eventually(row.mode.name(), || {
            tally.secrets().status().entries[0].state == state
        });
        let answer = get(&tally, &name);
        match row.class {
            Class::Outage => {
                assert_eq!(
                    answer.unwrap_or_else(|error| panic!("{}: {error}", row.mode.name())),
                    "v1"
                );
            }
            Class::Revocation => {
                assert_eq!(answer.expect_err(row.mode.name()).kind(), row.error);
                let change = changes.next_blocking(Some(Duration::from_secs(5))).unwrap();
                assert_eq!(change.kind, ChangeKind::Evicted);
            }
        }
        lab.proxy.mode(Rule::new(Mode::Ok)).unwrap();
    }
}

#[test]
fn after_the_maximum_staleness_nobody_is_served_and_nobody_waits_too_long() {
    let Some(lab) = lab() else { return };
    let config = || SecretsConfig {
        ttl: Duration::from_millis(100),
        max_stale: Duration::from_millis(300),
        ..lab.hasty()
    };
    for row in &TABLE {
        let name = name("old");
        lab.service.create(&name, "v1").unwrap();
        let tally = lab.tally(config());
        get(&tally, &name).unwrap();
        fail(&lab, row.mode);
        std::thread::sleep(Duration::from_millis(700));
        let (answer, waited) = timed(|| get(&tally, &name));
        assert_eq!(
            answer.expect_err(row.mode.name()).kind(),
            row.error,
            "{}",
            row.mode.name()
        );
        assert!(
            waited < config().deadline + SLACK,
            "{}: {waited:?}",
            row.mode.name()
        );
        assert!(failures(&tally, row.counted) >= 1);
        lab.proxy.mode(Rule::new(Mode::Ok)).unwrap();
        // The service is back: so is the value, after the pause at the latest.
        secrets_support::eventually("recovered", || get(&tally, &name).is_ok());
    }
}

#[test]
fn an_answer_that_is_none_of_aws_is_not_read() {
    let Some(lab) = lab() else { return };
    for bytes in [70_000, 40_000_000] {
        let name = name("big");
        lab.service.create(&name, "v1").unwrap();
        lab.proxy.mode(Rule::new(Mode::Big).bytes(bytes)).unwrap();
        let tally = lab.tally(lab.hasty());
        let (answer, waited) = timed(|| get(&tally, &name));
        // Refused unread, or its attempts took all the time there was: never a value.
        let kind = answer.unwrap_err().kind();
        assert!(matches!(kind, Unavailable | Timeout), "{bytes}: {kind}");
        assert!(waited < lab.hasty().deadline + SLACK, "{bytes}: {waited:?}");
        lab.proxy.mode(Rule::new(Mode::Ok)).unwrap();
    }
}

#[test]
fn a_slow_answer_is_waited_for_up_to_the_deadline_only() {
    let Some(lab) = lab() else { return };
    let (slow, slower) = (name("slow"), name("slower"));
    lab.service.create(&slow, "v1").unwrap();
    lab.service.create(&slower, "v1").unwrap();
    lab.proxy
        .rules(vec![
            Rule::new(Mode::Slow).secret(&slow).delay_ms(200),
            Rule::new(Mode::Slow).secret(&slower).delay_ms(60_000),
        ])
        .unwrap();
    let tally = lab.tally(lab.hasty());
    assert_eq!(get(&tally, &slow).unwrap(), "v1");
    let (answer, waited) = timed(|| get(&tally, &slower));
    assert_eq!(answer.unwrap_err().kind(), Timeout);
    assert!(waited < lab.hasty().deadline + SLACK, "{waited:?}");
}

#[test]
fn an_outage_costs_a_bounded_number_of_calls() {
    let Some(lab) = lab() else { return };
    let name = name("storm");
    fail(&lab, Mode::ServerError);
    let tally = lab.tally(lab.hasty());
    let until = Instant::now() + Duration::from_secs(2);
    let mut readers = 0;
    while Instant::now() < until {
        assert!(get(&tally, &name).is_err());
        readers += 1;
    }
    let calls = lab.calls(&name);
    assert!(readers > 100, "{readers}");
    assert!(calls <= 15, "{calls} calls in two seconds of outage");
}
