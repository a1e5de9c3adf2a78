//! What the picture promises.

use std::time::{Duration, Instant};

use serde_json::json;

use super::super::output::{Failure, Level};
use super::super::samples::{self, Mood, picture, view_of};
use super::super::time::Moment;
use super::*;

fn changed(mood: Mood, change: impl FnOnce(&mut serde_json::Value)) -> Picture {
    let mut value = samples::value(mood);
    change(&mut value);
    Picture::of(&view_of(&value.to_string()), Instant::now())
}

#[test]
fn the_light_follows_the_last_five_minutes() {
    let green = picture(Mood::Green);
    assert_eq!(green.light, Light::Green);
    assert_eq!(
        green.headline,
        "error rate 0.26 %, p95 890 ms in the last 5 min: within limits"
    );
    let yellow = picture(Mood::Yellow);
    assert_eq!(yellow.light, Light::Yellow);
    assert_eq!(
        yellow.headline,
        "error rate 0.81 % is over 0.5 %, p95 1.81 s is over 1.5 s, in the last 5 min"
    );
    assert_eq!(picture(Mood::Red).light, Light::Red);
}

#[test]
fn limits_themselves_are_within_limits() {
    let light = |rate: f64, p95: f64| {
        changed(Mood::Green, |value| {
            value["windows"]["5m"]["errorRate"] = json!(rate);
            value["windows"]["5m"]["p95Duration"] = json!(p95);
        })
        .light
    };
    assert_eq!(light(0.5, 1500.0), Light::Green);
    assert_eq!(light(0.51, 0.0), Light::Yellow);
    assert_eq!(light(0.0, 1500.001), Light::Yellow);
    assert_eq!(light(2.0, 3000.0), Light::Yellow);
    assert_eq!(light(2.01, 0.0), Light::Red);
    assert_eq!(light(0.0, 3000.001), Light::Red);
    assert_eq!(light(2.01, 1600.0), Light::Red);
    assert_eq!(light(0.6, 3001.0), Light::Red);
}

#[test]
fn slow_model_calls_do_not_redden_the_light() {
    let picture = changed(Mood::Green, |value| {
        value["models"]["windows"]["5m"]["p95Duration"] = json!(30_000)
    });
    assert_eq!(picture.light, Light::Green);
    assert!(
        picture
            .figures
            .rows
            .iter()
            .any(|row| row[0].text.starts_with("model calls") && row[6].text == "30.0 s")
    );
    assert!(
        picture.figures.rows[4]
            .iter()
            .all(|cell| cell.level == Level::Plain)
    );
}

#[test]
fn without_traffic_or_figures_there_is_no_green() {
    let empty = picture(Mood::Empty);
    assert_eq!(empty.light, Light::NoTraffic);
    assert_eq!(empty.headline, "no requests in the last 5 min");
    assert!(
        empty.figures.rows.iter().all(|row| row[6].text == "-"),
        "no traffic has no latency"
    );
    let light = |change: fn(&mut serde_json::Value)| changed(Mood::Green, change).light;
    assert_eq!(light(|value| value["windows"] = json!({})), Light::Unknown);
    assert_eq!(
        light(|value| value["windows"]["5m"] = json!({})),
        Light::Unknown
    );
    assert_eq!(
        light(|value| value["windows"]["5m"]["p95Duration"] = json!("fast")),
        Light::Unknown
    );
    assert_eq!(
        light(|value| value["windows"]["5m"]["errorRate"] = json!(null)),
        Light::Unknown
    );
    let known_to_be_bad = changed(Mood::Red, |value| {
        value["windows"]["5m"]["p95Duration"] = json!(null)
    });
    assert_eq!(known_to_be_bad.light, Light::Red);
}

#[test]
fn a_young_service_says_how_long_it_has_been_watched() {
    let picture = changed(Mood::Green, |value| {
        value["windows"]["5m"]["coveredSeconds"] = json!(12.3)
    });
    assert!(
        picture.headline.contains("in the 12 s since the start"),
        "{}",
        picture.headline
    );
}

#[test]
fn old_pictures_are_never_green() {
    let start = Instant::now();
    let mut view = view_of(&samples::document(Mood::Green));
    view.receive(
        Err(Failure::new("connection refused").hint("is it running?")),
        start,
        Moment(0),
    );
    let stale = Picture::of(&view, start + Duration::from_secs(12));
    assert_eq!(stale.light, Light::Stale);
    assert_eq!(stale.headline, "last known: GREEN, at 10:30:00 UTC");
    let (why, hint) = stale.trouble.unwrap();
    assert!(why.ends_with("connection refused"), "{why}");
    assert_eq!(hint.as_deref(), Some("is it running?"));
    assert_eq!(
        stale.figures.rows[1][1].text, "24,060",
        "the last picture stays"
    );
    view.failure = None;
    view.paused = true;
    assert_eq!(Picture::of(&view, start).light, Light::Paused);
}

#[test]
fn before_the_first_answer_there_is_a_wait_and_its_reason() {
    let start = Instant::now();
    let mut view = View::new("http://x".to_owned(), Duration::from_secs(1));
    let waiting = Picture::of(&view, start);
    assert_eq!(
        (waiting.light, waiting.has_document),
        (Light::Waiting, false)
    );
    assert_eq!(waiting.trouble, None);
    view.receive(Err(Failure::new("connection refused")), start, Moment(0));
    assert_eq!(
        Picture::of(&view, start).trouble.unwrap().0,
        "connection refused"
    );
}

#[test]
fn operations_are_sorted_as_asked() {
    let order = |sort| {
        let mut value = samples::value(Mood::Green);
        let rows = [
            ("b", 10, 5.0, 10.0),
            ("a", 30, 0.0, 20.0),
            ("c", 20, 1.0, 30.0),
        ];
        value["operations"] = rows
            .iter()
            .map(|(name, count, rate, p95)| {
                json!({"name": name, "kind": "server", "windows": {"5m": {"totalRequests": count, "errorRate": rate, "p95Duration": p95}}})
            })
            .collect();
        let mut view = view_of(&value.to_string());
        view.sort = sort;
        let picture = Picture::of(&view, Instant::now());
        picture
            .operations
            .rows
            .iter()
            .map(|row| row[0].text.clone())
            .collect::<String>()
    };
    assert_eq!(order(Sort::Traffic), "acb");
    assert_eq!(order(Sort::Errors), "bca");
    assert_eq!(order(Sort::Latency), "cab");
    assert_eq!(order(Sort::Name), "abc");
}

#[test]
fn what_tallylight_could_not_record_is_told() {
    let picture = changed(Mood::Green, |value| {
        value["telemetry"]["overflowed"] = json!(7);
        value["telemetry"]["tickerRunning"] = json!(false);
    });
    assert_eq!(
        picture.warnings,
        [
            "recordings dropped: 3 nan",
            "7 series past the limit, counted together",
            "the background thread is not running"
        ]
    );
    assert!(
        Picture::of(&view_of(r#"{"metrics":{}}"#), Instant::now())
            .warnings
            .is_empty()
    );
}

#[test]
fn errors_are_ranked_and_measured_against_the_most_frequent() {
    let errors = picture(Mood::Green).errors;
    assert_eq!(
        (errors[0].name.as_str(), errors[0].share),
        ("TimeoutError", 1.0)
    );
    assert_eq!(
        (errors[1].count.as_str(), errors[1].recent.as_str()),
        ("87", "0")
    );
    assert!((errors[1].share - 87.0 / 412.0).abs() < 1e-12);
}
