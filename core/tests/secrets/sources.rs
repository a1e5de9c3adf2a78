//! Which source answers, and what of its value.

use std::thread;
use std::time::Duration;

use crate::secrets_support::{get, lab, name, tally_in};
use tallylight::ErrorKind;
use tallylight::secrets::{ChangeKind, Request, SecretsConfig, Source, Sources};

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
    let tally = crate::secrets_support::tally(SecretsConfig::default());
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
