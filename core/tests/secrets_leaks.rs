//! No secret leaves: a canary goes through every path, and nothing that comes out holds it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod secrets_support;

use std::fmt::Write as _;
use std::panic;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use fault_proxy::{Mode, Rule};
use secrets_support::{eventually, lab, name};
use tallylight::secrets::{Request, SealKey, SecretsConfig};
use tallylight::{Error, Kind, Labels, scrub};

const CANARY: &str = "cAnArY/+7f3\"9d\\2e=&%  x";

/// The canary as it may be written.
fn forms() -> Vec<String> {
    let json = serde_json::to_string(CANARY).unwrap();
    let hex: String = CANARY.bytes().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    let percent: String = CANARY
        .bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect();
    vec![
        CANARY.to_owned(),
        json.trim_matches('"').to_owned(),
        format!("{CANARY:?}").trim_matches('"').to_owned(),
        percent,
        BASE64_STANDARD.encode(CANARY),
        BASE64_URL_SAFE_NO_PAD.encode(CANARY),
        hex,
    ]
}

#[track_caller]
fn assert_clean(what: &str, text: &str) {
    for form in forms() {
        assert!(!text.contains(&form), "{what} holds {form:?}: {text}");
    }
    // A part of it is a leak too.
    assert!(!text.contains("cAnArY"), "{what}: {text}");
}

#[test]
fn nothing_that_comes_out_holds_the_value() {
    let Some(lab) = lab() else { return };
    let folder = std::env::temp_dir().join(name("leaks"));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("sealed");
    let tally = lab.tally(SecretsConfig {
        cache_file: Some(file.clone()),
        cache_key: Some(SealKey::parse(&"5c".repeat(32)).unwrap()),
        ..lab.hasty()
    });
    let name = name("leak");
    lab.service.create(&name, CANARY).unwrap();
    let secrets = tally.secrets();
    let request = Request::new(&name);
    let secret = secrets.get_blocking(&request).unwrap();
    assert_eq!(secret.reveal().unwrap(), CANARY);

    let mut out = String::new();
    write!(
        out,
        "{secret:?} {secret} {secret:#?} {secrets:?} {tally:?} {request:?}"
    )
    .unwrap();
    let both = secrets.both_blocking(&request).unwrap();
    write!(out, "{both:?} {:?}", secrets.declared()).unwrap();
    write!(out, "{:?}", Some(vec![secret.clone()])).unwrap();
    assert_clean("what prints itself", &out);

    // Errors of every kind, while the value is known.
    let mut out = String::new();
    for mode in [
        Mode::AccessDenied,
        Mode::ServerError,
        Mode::Garbage,
        Mode::Refuse,
    ] {
        lab.proxy.mode(Rule::new(mode)).unwrap();
        let error = secrets.refresh_blocking(&request).unwrap_err();
        write!(out, "{error} {error:?}").unwrap();
    }
    // An error that quotes the value by mistake, as a service behind it might.
    lab.proxy
        .mode(Rule::error(400, "InvalidParameterException").message(format!("bad value {CANARY}")))
        .unwrap();
    let error = secrets.refresh_blocking(&request).unwrap_err();
    write!(out, "{error} {error:?}").unwrap();
    lab.proxy.mode(Rule::new(Mode::Ok)).unwrap();
    let secret = secrets.refresh_blocking(&request).unwrap();
    write!(out, "{}", secret.json_key("x").unwrap_err()).unwrap();
    write!(
        out,
        "{}",
        secrets.get_blocking(&Request::new(CANARY)).unwrap_err()
    )
    .unwrap();
    let contained = panic::catch_unwind(|| panic!("the password is {CANARY}")).unwrap_err();
    write!(out, "{}", Error::from_panic(&*contained)).unwrap();
    assert_clean("an error", &out);

    // What is measured and told.
    let labels = Labels::from_pairs([("password", CANARY)]).unwrap();
    tally
        .operation("op", &labels, Kind::Server)
        .unwrap()
        .record_ms(1.0);
    assert_clean("the status document", &tally.status().to_json());
    assert_clean("the snapshot", &tally.snapshot().to_json());

    // What the application writes about it.
    for form in forms() {
        let line = scrub(&format!("token={form};")).into_owned();
        assert_clean("a scrubbed line", &line);
        assert!(line.contains("[redacted]"), "{line}");
    }

    eventually("the sealed cache is written", || file.exists());
    let bytes = std::fs::read(&file).unwrap();
    assert_clean("the sealed cache", &String::from_utf8_lossy(&bytes));
    assert!(
        !bytes
            .windows(name.len())
            .any(|part| part == name.as_bytes())
    );
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_restart_during_an_outage_starts_from_the_sealed_cache() {
    let Some(lab) = lab() else { return };
    let folder = std::env::temp_dir().join(name("sealed"));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("cache");
    let key = || SealKey::parse(&"7e".repeat(32)).unwrap();
    let config = |lab: &secrets_support::Lab| SecretsConfig {
        cache_file: Some(file.clone()),
        cache_key: Some(key()),
        max_stale: std::time::Duration::from_secs(600),
        ..lab.hasty()
    };
    let name = name("offline");
    lab.service.create(&name, "kept for the outage").unwrap();
    let first = lab.tally(config(&lab));
    secrets_support::get(&first, &name).unwrap();
    eventually("written", || file.exists());
    drop(first);

    lab.proxy.mode(Rule::new(Mode::Refuse)).unwrap();
    let second = lab.tally(config(&lab));
    let secret = second.secrets().get_blocking(&Request::new(&name)).unwrap();
    assert_eq!(secret.reveal().unwrap(), "kept for the outage");
    assert_eq!(secret.source(), tallylight::secrets::Source::Disk);
    assert!(
        second
            .secrets()
            .get_blocking(&Request::new("never-read"))
            .is_err()
    );

    // Everybody who asks at once is served, not only the first; and at once is not twice.
    let crowd = lab.tally(config(&lab));
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| secrets_support::get(&crowd, &name).unwrap());
        }
        scope.spawn(|| assert!(secrets_support::get(&crowd, "another").is_err()));
    });

    // Where AWS does not answer at all it takes half of the deadline, not all of it.
    lab.proxy.mode(Rule::new(Mode::Hang)).unwrap();
    let hung = lab.tally(config(&lab));
    assert_eq!(
        secrets_support::get(&hung, &name).unwrap(),
        "kept for the outage"
    );
    assert_eq!(
        secrets_support::get(&hung, &name).unwrap(),
        "kept for the outage"
    );
    lab.proxy.mode(Rule::new(Mode::Refuse)).unwrap();

    // With another key, and without the setting, nothing comes from there.
    let mut other = config(&lab);
    other.cache_key = Some(SealKey::parse(&"11".repeat(32)).unwrap());
    let third = lab.tally(other);
    assert!(secrets_support::get(&third, &name).is_err());
    assert!(
        third
            .secrets()
            .status()
            .cache_file
            .unwrap()
            .last_error
            .is_some()
    );
    let fourth = lab.tally(lab.hasty());
    assert!(secrets_support::get(&fourth, &name).is_err());

    // A short process that ends at once has written all the same.
    lab.proxy.mode(Rule::new(Mode::Ok)).unwrap();
    let short = secrets_support::name("short");
    lab.service.create(&short, "from a short process").unwrap();
    let process = lab.tally(config(&lab));
    secrets_support::get(&process, &short).unwrap();
    process.shutdown();
    lab.proxy.mode(Rule::new(Mode::Refuse)).unwrap();
    let after = lab.tally(config(&lab));
    assert_eq!(
        secrets_support::get(&after, &short).unwrap(),
        "from a short process"
    );

    // Revoked as the first thing that a process hears, it is gone from the disk.
    lab.proxy.mode(Rule::new(Mode::NotFound)).unwrap();
    let hears = lab.tally(config(&lab));
    assert!(secrets_support::get(&hears, &short).is_err());
    hears.secrets().flush(std::time::Duration::from_secs(5));
    lab.proxy.mode(Rule::new(Mode::Refuse)).unwrap();
    let after = lab.tally(config(&lab));
    assert!(secrets_support::get(&after, &short).is_err());

    // Revoked, it is gone from the disk too.
    lab.proxy.mode(Rule::new(Mode::Ok)).unwrap();
    let fifth = lab.tally(config(&lab));
    secrets_support::get(&fifth, &name).unwrap();
    lab.proxy.mode(Rule::new(Mode::NotFound)).unwrap();
    assert!(
        fifth
            .secrets()
            .refresh_blocking(&Request::new(&name))
            .is_err()
    );
    let cache_is_empty = || {
        fifth
            .secrets()
            .status()
            .cache_file
            .is_some_and(|file| file.entries == 0)
    };
    eventually("taken out", cache_is_empty);
    lab.proxy.mode(Rule::new(Mode::Refuse)).unwrap();
    let sixth = lab.tally(config(&lab));
    assert!(secrets_support::get(&sixth, &name).is_err());
    std::fs::remove_dir_all(&folder).unwrap();
}
