//! `get` and `refresh`.

use fault_proxy::{Mode, Rule};

use crate::stage::{Stage, ended};

const VALUE: &str = "canary-get-0123456789";
const OTHER: &str = "canary-get-9876543210";

#[test]
fn a_value_is_shown_only_when_it_is_asked_for() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let name = stage.declare("cli-get");
    let version = stage.aws.create(&name, VALUE).unwrap();
    let ran = stage.run(&["get", &name]).ends(0, &[VALUE]);
    for part in [
        "[redacted]",
        "aws",
        version.as_str(),
        "us-east-1",
        "AWSCURRENT",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    let json = stage
        .run(&["get", &name, "--json"])
        .ends(0, &[VALUE])
        .json();
    assert_eq!(
        (&json["source"], &json["version"]),
        (&"aws".into(), &version.as_str().into())
    );
    assert!(
        json.get("value").is_none() && json["ageSeconds"].is_u64(),
        "{json}"
    );

    let ran = stage.run(&["get", &name, "--reveal"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, VALUE));
    crate::stage::clean(&ran.err, VALUE);
    assert!(
        ran.err.contains("from aws") && ran.err.contains(&version),
        "{}",
        ran.err
    );
    assert_eq!(
        stage.run(&["get", &name, "--reveal", "--newline"]).out,
        format!("{VALUE}\n")
    );
    let json = stage.run(&["get", &name, "--reveal", "--json"]).json();
    assert_eq!(json["value"], VALUE);
}

#[test]
fn a_value_that_nobody_could_read_is_a_failure() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let name = stage.declare("cli-closed");
    stage.aws.create(&name, VALUE).unwrap();
    for (redirection, more, code) in [
        (">&-", &[][..], 1),
        (">&-", &["--json"][..], 1),
        (">/dev/null", &[][..], 0),
    ] {
        let program = stage.command(&[&["get", &name, "--reveal"], more].concat());
        let mut shell = std::process::Command::new("sh");
        shell
            .args(["-c", &format!("exec \"$@\" {redirection}"), "sh"])
            .arg(program.get_program())
            .args(program.get_args());
        for (variable, value) in program.get_envs() {
            match value {
                Some(value) => shell.env(variable, value),
                None => shell.env_remove(variable),
            };
        }
        let ran = ended(shell, b"").ends(code, &[VALUE]);
        if code == 1 {
            assert!(
                ran.err.contains("standard output") && ran.err.contains("\nhint: "),
                "{}",
                ran.err
            );
        }
    }
}

#[test]
fn a_key_a_stage_and_a_version_can_be_asked_for() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let name = stage.declare("cli-keys");
    let document =
        format!("{{\"user\": \"u\", \"password\": \"{VALUE}\", \"deep\": {{\"n\": \"{OTHER}\"}}}}");
    let first = stage.aws.create(&name, &document).unwrap();
    let get = |more: &[&str]| stage.run(&[&["get", &name, "--reveal"], more].concat());
    assert_eq!(get(&["--key", "password"]).out, VALUE);
    assert_eq!(get(&["--key", "/deep/n"]).out, OTHER);
    let ran = stage
        .run(&["get", &name, "--key", "nope"])
        .ends(1, &[VALUE, OTHER]);
    assert!(ran.err.contains("password, user"), "{}", ran.err);

    let second = stage.aws.put_pending(&name, "canary-of-the-next").unwrap();
    assert_eq!(get(&["--stage", "AWSPENDING"]).out, "canary-of-the-next");
    assert_eq!(get(&["--version", &first]).out, document);
    assert_eq!(get(&["--version", &second]).out, "canary-of-the-next");
    assert_eq!(get(&[]).out, document);
}

#[test]
fn the_source_that_answers_a_service_answers_here() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let name = stage.declare("cli-source");
    let variable = name.to_ascii_uppercase().replace('-', "_");
    stage.set(&variable, OTHER);
    stage.run(&["get", &name]).ends(1, &[OTHER]);
    stage.set("TALLYLIGHT_ENVIRONMENT", "development");
    let json = stage
        .run(&["get", &name, "--json"])
        .ends(0, &[OTHER])
        .json();
    assert_eq!(json["source"], "environment");
    let file = stage.file("secret", format!("{VALUE}\n"));
    stage.set(&format!("{variable}_FILE"), &file);
    assert_eq!(stage.run(&["get", &name, "--reveal"]).out, VALUE);
}

#[test]
fn what_fails_says_why_and_what_to_do() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let name = stage.declare("cli-fails");
    stage.aws.create(&name, VALUE).unwrap();
    for (mode, says) in [
        (Mode::AccessDenied, "allow secretsmanager:GetSecretValue"),
        (Mode::NotFound, "tallylight secrets setup"),
        (Mode::Deleted, "restore-secret"),
        (Mode::ExpiredToken, "sign in again"),
        (Mode::Reset, "hint: "),
        (Mode::Garbage, "AWS_ENDPOINT_URL"),
    ] {
        stage.proxy.mode(Rule::new(mode)).unwrap();
        let ran = stage.run(&["get", &name]).ends(1, &[VALUE]);
        assert!(
            ran.err.contains(says) && ran.err.contains(&name),
            "{mode:?}: {}",
            ran.err
        );
        assert!(ran.err.contains("\nhint: "), "{}", ran.err);
    }
    stage.proxy.mode(Rule::new(Mode::Hang)).unwrap();
    let ran = stage
        .run(&["get", &name, "--deadline", "300ms"])
        .ends(1, &[VALUE]);
    assert!(
        ran.err.contains("in time") || ran.err.contains("deadline"),
        "{}",
        ran.err
    );
}

#[test]
fn a_refresh_reads_past_the_sealed_cache_and_renews_it() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let name = stage.declare("cli-refresh");
    stage.aws.create(&name, VALUE).unwrap();
    stage.set("TALLYLIGHT_SECRETS_CACHE_FILE", &stage.path("sealed"));
    stage.set("TALLYLIGHT_SECRETS_CACHE_KEY", &"0f".repeat(32));
    let ran = stage.run(&["refresh", &name]).ends(0, &[VALUE]);
    assert!(
        ran.out
            .starts_with(&format!("refreshed  {name}  from aws, version ")),
        "{}",
        ran.out
    );
    assert!(ran.err.contains("sealed cache written"), "{}", ran.err);
    let sealed = std::fs::read(stage.path("sealed")).unwrap();
    crate::stage::clean(&String::from_utf8_lossy(&sealed), VALUE);

    let version = stage.aws.put(&name, OTHER).unwrap();
    let json = stage
        .run(&["refresh", &name, "--json"])
        .ends(0, &[VALUE, OTHER])
        .json();
    assert_eq!(json["secrets"][0]["version"], version.as_str());
    assert!(json["cacheFile"]["written"].is_string(), "{json}");

    stage.proxy.mode(Rule::new(Mode::Refuse)).unwrap();
    // What was written answers a start during an outage; a refresh is no place for it.
    assert_eq!(stage.run(&["get", &name, "--reveal"]).out, OTHER);
    let json = stage
        .run(&["refresh", &name, "--json"])
        .ends(1, &[VALUE, OTHER])
        .json();
    assert_eq!(json["secrets"][0]["error"]["code"], "unavailable");
}

#[test]
fn options_reach_aws() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let name = stage.declare("cli-options");
    let (url, role) = (stage.proxy.url(), "arn:aws:iam::123456789012:role/reader");
    let mut command = stage.command(&[
        "get",
        &name,
        "--region",
        "eu-west-3",
        "--endpoint-url",
        &url,
        "--role-arn",
        role,
    ]);
    command
        .env_remove("AWS_ENDPOINT_URL")
        .env_remove("AWS_REGION");
    let ran = ended(command, b"").ends(1, &[]);
    assert!(ran.err.contains("eu-west-3"), "{}", ran.err);
    let counts = stage.proxy.counts();
    assert_eq!(counts.operation("AssumeRole"), 1);
    assert_eq!(counts.by_region.keys().collect::<Vec<_>>(), ["eu-west-3"]);
}
