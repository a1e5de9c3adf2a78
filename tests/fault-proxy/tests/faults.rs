//! Each mode as a client meets it.

#![allow(clippy::unwrap_used, reason = "a test")]

mod common;

use std::io::ErrorKind;

use common::{Client, Upstream, get};
use fault_proxy::{FaultProxy, Mode, Rule};

fn started() -> (Upstream, FaultProxy) {
    let upstream = Upstream::start("first");
    let proxy = FaultProxy::start(&upstream.url).unwrap();
    (upstream, proxy)
}

#[test]
fn ok_forwards_the_request_and_the_answer_as_they_are() {
    let (upstream, proxy) = started();
    let answer = get(&proxy.url(), "a").unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["server"], "first");
    assert_eq!(answer.json()["got"]["SecretId"], "a");
    assert_eq!(answer.header("x-amzn-requestid"), Some("from-upstream"));
    assert_eq!(upstream.asked(), 1);
}

#[test]
fn errors_carry_code_message_and_request_id_and_reach_nobody_behind() {
    let (upstream, proxy) = started();
    let mut client = Client::connect(&proxy.url()).unwrap();
    for (mode, status, code) in [
        (Mode::ServerError, 500, "InternalServiceError"),
        (Mode::Throttle, 400, "ThrottlingException"),
        (Mode::AccessDenied, 400, "AccessDeniedException"),
        (Mode::ExpiredToken, 400, "ExpiredTokenException"),
        (Mode::InvalidToken, 400, "UnrecognizedClientException"),
        (Mode::NotFound, 400, "ResourceNotFoundException"),
        (Mode::Deleted, 400, "InvalidRequestException"),
        (Mode::Skew, 400, "InvalidSignatureException"),
        (Mode::TooSkewed, 403, "RequestTimeTooSkewed"),
    ] {
        proxy.mode(Rule::new(mode)).unwrap();
        let answer = client.get("a").unwrap();
        assert_eq!(answer.status, status, "{mode:?}");
        assert_eq!(answer.json()["__type"], code, "{mode:?}");
        assert_eq!(answer.header("x-amzn-errortype"), Some(code));
        let seen = proxy.requests().pop().unwrap();
        assert_eq!(
            seen.request_id.as_deref(),
            answer.header("x-amzn-requestid")
        );
        assert!(seen.request_id.is_some() && seen.status == Some(status));
        assert_eq!(seen.mode, mode.name());
    }
    assert_eq!(upstream.asked(), 0);
}

#[test]
fn deleted_secret_is_told_in_the_words_of_aws() {
    let (_upstream, proxy) = started();
    proxy.mode(Rule::new(Mode::Deleted)).unwrap();
    assert_eq!(
        get(&proxy.url(), "a").unwrap().json()["Message"],
        "You can't perform this operation on the secret because it was marked for deletion."
    );
}

#[test]
fn own_error_is_answered_as_told() {
    let (_upstream, proxy) = started();
    proxy
        .mode(Rule::error(400, "DecryptionFailure").message("no key"))
        .unwrap();
    let answer = get(&proxy.url(), "a").unwrap().json();
    assert_eq!(
        (&answer["__type"], &answer["Message"]),
        (&"DecryptionFailure".into(), &"no key".into())
    );
}

#[test]
fn sts_errors_are_xml_under_their_older_names() {
    let (_upstream, proxy) = started();
    proxy
        .mode(Rule::new(Mode::AccessDenied).operation("AssumeRole"))
        .unwrap();
    let body = "Action=AssumeRole&Version=2011-06-15";
    let answer = Client::connect(&proxy.url())
        .unwrap()
        .raw(&format!(
            "POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .unwrap();
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("<Code>AccessDenied</Code>"));
    let id = answer.header("x-amzn-requestid").unwrap();
    assert!(answer.body.contains(id));
}

#[test]
fn refuse_closes_the_port_for_real_and_opens_the_same_one_again() {
    let (_upstream, proxy) = started();
    let url = proxy.url();
    let mut kept = Client::connect(&url).unwrap();
    kept.get("a").unwrap();
    for _ in 0..20 {
        proxy.mode(Rule::new(Mode::Refuse)).unwrap();
        let refused = get(&url, "a").map(|_| ()).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        proxy.mode(Rule::new(Mode::Ok)).unwrap();
        assert_eq!(get(&url, "a").unwrap().status, 200);
    }
    // What was open when the server went down went down with it.
    assert!(kept.get("a").is_err());
}

#[test]
fn reset_ends_the_connection_by_a_reset_after_the_request() {
    let (upstream, proxy) = started();
    proxy.mode(Rule::new(Mode::Reset)).unwrap();
    let failure = get(&proxy.url(), "a").map(|_| ()).unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::ConnectionReset);
    assert_eq!((proxy.counts().total, upstream.asked()), (1, 0));
}

#[test]
fn cut_breaks_off_in_the_middle_of_the_answer() {
    let (upstream, proxy) = started();
    proxy.mode(Rule::new(Mode::Cut)).unwrap();
    let failure = get(&proxy.url(), "a").map(|_| ()).unwrap_err();
    assert_eq!(failure.kind(), ErrorKind::UnexpectedEof);
    assert_eq!(upstream.asked(), 1);
}

#[test]
fn hang_answers_nothing_until_the_client_gives_up() {
    let (_upstream, proxy) = started();
    proxy.mode(Rule::new(Mode::Hang)).unwrap();
    let mut client = Client::connect(&proxy.url()).unwrap();
    client.send("GetSecretValue", "us-east-1", "{}").unwrap();
    wait_for(|| proxy.counts().in_flight == 1);
    // Other modes are for other requests: this one stays as it is.
    proxy.mode(Rule::new(Mode::Ok)).unwrap();
    get(&proxy.url(), "a").unwrap();
    assert_eq!(proxy.counts().in_flight, 1);
    drop(client);
    wait_for(|| proxy.counts().in_flight == 0);
    assert_eq!(proxy.requests().first().unwrap().status, None);
}

#[test]
fn garbage_and_big_answer_what_no_client_should_swallow() {
    let (_upstream, proxy) = started();
    proxy.mode(Rule::new(Mode::Garbage)).unwrap();
    let garbage = get(&proxy.url(), "a").unwrap();
    assert_eq!(garbage.status, 200);
    assert!(serde_json::from_str::<serde_json::Value>(&garbage.body).is_err());
    proxy.mode(Rule::new(Mode::Big).bytes(3_000_000)).unwrap();
    let big = get(&proxy.url(), "a").unwrap().json();
    assert_eq!(big["SecretString"].as_str().unwrap().len(), 3_000_000);
    proxy.mode(Rule::new(Mode::Unavailable)).unwrap();
    let page = get(&proxy.url(), "a").unwrap();
    assert_eq!(
        (page.status, page.header("content-type")),
        (503, Some("text/html"))
    );
    assert!(page.header("x-amzn-requestid").is_some());
}

#[test]
fn slow_answers_no_sooner_than_told() {
    let (_upstream, proxy) = started();
    proxy.mode(Rule::new(Mode::Slow).delay_ms(120)).unwrap();
    let before = std::time::Instant::now();
    assert_eq!(get(&proxy.url(), "a").unwrap().status, 200);
    assert!(before.elapsed().as_millis() >= 120);
}

#[test]
fn upstream_that_is_away_is_told_from_a_fault() {
    let (_upstream, proxy) = started();
    let other = Upstream::start("second");
    proxy.set_upstream(&other.url).unwrap();
    assert_eq!(get(&proxy.url(), "a").unwrap().json()["server"], "second");
    proxy.set_upstream("http://127.0.0.1:1").unwrap();
    let answer = get(&proxy.url(), "a").unwrap();
    assert_eq!(answer.status, 502);
    assert_eq!(answer.json()["__type"], "FaultProxyUpstream");
    assert!(proxy.set_upstream("https://example.com").is_err());
}

fn wait_for(condition: impl Fn() -> bool) {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !condition() {
        assert!(std::time::Instant::now() < until, "it never came");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}
