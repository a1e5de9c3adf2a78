//! `doctor`: what it finds, and the fix that each finding ends with.

use fault_proxy::{Mode, Rule};
use serde_json::Value;

use crate::stage::{Stage, ended, secrets};

const VALUE: &str = "canary-of-the-doctor";
const KEY: &str = "an-example-of-a-secret-key";

fn stage_with(label: &str) -> Option<(Stage, String)> {
    let mut stage = Stage::new()?;
    let name = stage.declare(label);
    stage.aws.create(&name, VALUE).unwrap();
    Some((stage, name))
}

fn check(report: &Value, subject: &str) -> Value {
    let checks = report["checks"].as_array().unwrap();
    let found = checks
        .iter()
        .find(|check| check["subject"].as_str().unwrap().starts_with(subject));
    found.cloned().unwrap_or_default()
}

/// How many findings have this mark and word.
fn lines(text: &str, mark: &str) -> usize {
    let findings = text.lines().filter_map(|line| line.strip_prefix("  "));
    findings.filter(|line| line.starts_with(mark)).count()
}

#[test]
fn all_is_well() {
    let Some((stage, name)) = stage_with("cli-well") else {
        return;
    };
    let ran = stage.run(&["doctor", &name]).ends(0, &[VALUE, KEY]);
    for part in [
        "production (no environment is named, and AWS_REGION is set)",
        "us-east-1 (from AWS_REGION)",
        "EnvironmentVariable, key ****LE12",
        "✓ ok",
        "from AWS",
        "GetSecretValue            allowed",
        "? untested  PutSecretValue            it would write; doctor never writes",
        "✓ ok: a service here can read its secrets; 3 not tested",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    assert!(
        !ran.out.contains('\u{1b}') && !ran.out.contains("fix:"),
        "{}",
        ran.out
    );
    let report = stage
        .run(&["doctor", &name, "--json"])
        .ends(0, &[VALUE, KEY])
        .json();
    assert_eq!(
        (&report["verdict"], &report["aws"]["region"]),
        (&"ok".into(), &"us-east-1".into())
    );
    assert_eq!(check(&report, "PutSecretValue")["verdict"], "untested");
    assert_eq!(report["environment"]["isDevelopment"], false);
    assert_eq!(report["missingStatements"], Value::Array(Vec::new()));
    assert_eq!(stage.writes(), 0);
}

#[test]
fn a_call_that_is_denied_names_the_statement_that_is_missing() {
    let Some((stage, name)) = stage_with("cli-denied") else {
        return;
    };
    stage
        .proxy
        .mode(Rule::new(Mode::AccessDenied).operation("GetSecretValue"))
        .unwrap();
    let report = stage
        .run(&["doctor", &name, "--json"])
        .ends(1, &[VALUE, KEY])
        .json();
    assert_eq!(report["verdict"], "fail");
    assert_eq!(check(&report, &name)["verdict"], "fail");
    let statement = &report["missingStatements"][0];
    assert_eq!(
        (&statement["Effect"], &statement["Action"]),
        (&"Allow".into(), &"secretsmanager:GetSecretValue".into())
    );
    let resource = statement["Resource"].as_str().unwrap();
    assert!(
        resource.contains(&format!(":secret:{name}-??????")),
        "{resource}"
    );
    let ran = stage.run(&["doctor", &name]).ends(1, &[VALUE]);
    assert!(
        ran.out
            .contains("✗ fail: 2 to mend, 0 to look at, 4 not tested"),
        "{}",
        ran.out
    );
    assert_eq!(lines(&ran.out, "✗ fail"), 2, "{}", ran.out);
    assert_eq!(lines(&ran.out, "? untested"), 4, "{}", ran.out);
    assert!(
        ran.out.contains("missing IAM statements")
            && ran.out.contains("fix: allow secretsmanager:GetSecretValue")
    );

    // What a service can do without is a warning.
    stage
        .proxy
        .rules(vec![
            Rule::new(Mode::AccessDenied).operation("ListSecrets"),
            Rule::new(Mode::AccessDenied).operation("BatchGetSecretValue"),
            Rule::new(Mode::AccessDenied).operation("DescribeSecret"),
        ])
        .unwrap();
    let report = stage
        .run(&["doctor", &name, "--json"])
        .ends(0, &[VALUE])
        .json();
    assert_eq!(report["verdict"], "warn");
    for call in ["ListSecrets", "BatchGetSecretValue", "DescribeSecret"] {
        let found = check(&report, call);
        assert_eq!(found["verdict"], "warn", "{call}: {report}");
        assert!(found["fix"].as_str().unwrap().contains(call), "{found}");
    }
}

#[test]
fn a_clock_that_is_off_is_told() {
    let Some((stage, name)) = stage_with("cli-skew") else {
        return;
    };
    stage.proxy.mode(Rule::new(Mode::Skew)).unwrap();
    let report = stage
        .run(&["doctor", &name, "--json"])
        .ends(1, &[VALUE, KEY])
        .json();
    let clock = check(&report, "clock");
    assert_eq!(clock["verdict"], "fail", "{report}");
    assert!(clock["fix"].as_str().unwrap().contains("NTP"), "{clock}");
}

#[test]
fn without_a_region_or_credentials_it_says_what_to_set() {
    let Some((stage, name)) = stage_with("cli-nothing") else {
        return;
    };
    let mut command = stage.command(&["doctor", &name, "--json"]);
    command.env_remove("AWS_REGION");
    let report = ended(command, b"").ends(1, &[KEY]).json();
    let region = check(&report, "region");
    assert_eq!(region["verdict"], "fail", "{report}");
    assert!(region["fix"].as_str().unwrap().contains("AWS_REGION"));

    let mut command = stage.command(&["doctor", &name, "--json"]);
    command
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY");
    let report = ended(command, b"").ends(1, &[]).json();
    let credentials = check(&report, "credentials");
    assert_eq!(credentials["verdict"], "fail", "{report}");
    assert_eq!(check(&report, "region")["verdict"], "ok", "{report}");
    assert!(
        credentials["fix"]
            .as_str()
            .unwrap()
            .contains("AWS_ACCESS_KEY_ID"),
        "{credentials}"
    );
    // Nobody asked for it.
    let secret = check(&report, &name);
    assert_eq!(secret["verdict"], "untested", "{report}");
    assert!(secret["fix"].is_string(), "{secret}");

    stage.proxy.mode(Rule::new(Mode::ExpiredToken)).unwrap();
    let report = stage
        .run(&["doctor", &name, "--json"])
        .ends(1, &[KEY])
        .json();
    assert!(
        check(&report, &name)["fix"]
            .as_str()
            .unwrap()
            .contains("sign in again"),
        "{report}"
    );
}

#[test]
fn files_and_variables_are_looked_at_too() {
    let mut command = secrets(&["doctor", "cineview-gemini-api", "--json"]);
    let report = ended(command, b"").ends(1, &[]).json();
    assert_eq!(report["environment"]["isDevelopment"], true);
    let found = check(&report, "cineview-gemini-api");
    assert!(
        found["fix"].as_str().unwrap().contains("GEMINI_API_KEY"),
        "{found}"
    );
    assert!(report.get("aws").is_none());

    command = secrets(&["doctor", "cineview-gemini-api", "--json"]);
    command.env("GEMINI_API_KEY", VALUE);
    let report = ended(command, b"").ends(0, &[VALUE]).json();
    assert_eq!(
        check(&report, "cineview-gemini-api")["text"],
        "from the variable GEMINI_API_KEY"
    );

    let path = std::env::temp_dir().join(crate::stage::unique("tallylight-doctor"));
    std::fs::write(&path, VALUE).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    command = secrets(&["doctor", "cineview-gemini-api", "--json"]);
    command
        .env("CINEVIEW_GEMINI_API_FILE", &path)
        .env("NODE_ENV", "production");
    let report = ended(command, b"").ends(0, &[VALUE]).json();
    let found = check(&report, "cineview-gemini-api");
    assert_eq!(found["verdict"], "warn", "{report}");
    assert!(
        found["fix"].as_str().unwrap().contains("chmod o-r"),
        "{found}"
    );
    std::fs::remove_file(path).unwrap();
}

#[test]
fn it_counts_what_it_shows() {
    let folder = std::env::temp_dir().join(crate::stage::unique("tallylight-doctor"));
    std::fs::create_dir(&folder).unwrap();
    let mut command = secrets(&["doctor", "a-one", "a-two", "a-three"]);
    for (name, mode) in [("ONE", 0o644), ("TWO", 0o644), ("THREE", 0o600)] {
        let path = folder.join(name);
        std::fs::write(&path, VALUE).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode))
            .unwrap();
        command.env(format!("A_{name}_FILE"), path);
    }
    let ran = ended(command, b"").ends(0, &[VALUE]);
    // Two files, though both are mended alike.
    assert_eq!(lines(&ran.out, "! warn"), 2, "{}", ran.out);
    assert!(
        ran.out
            .ends_with("! warn: a service here can read its secrets; 2 to look at\n"),
        "{}",
        ran.out
    );
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_sealed_cache_that_would_not_answer_is_no_good() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let Some((mut stage, name)) = stage_with("cli-cache") else {
        return;
    };
    let sealed = stage.path("sealed");
    stage.set("TALLYLIGHT_SECRETS_CACHE_KEY", &"0f".repeat(32));
    let doctor = |path: &str, key: &str| {
        let mut command = stage.command(&["doctor", &name, "--json"]);
        command
            .env("TALLYLIGHT_SECRETS_CACHE_FILE", path)
            .env("TALLYLIGHT_SECRETS_CACHE_KEY", key.repeat(32));
        let ran = ended(command, b"");
        let code = ran.code;
        let report = ran.ends(code, &[VALUE]).json();
        (code, check(&report, "file"))
    };
    let (code, found) = doctor(&sealed, "0f");
    assert_eq!((code, &found["verdict"]), (0, &"ok".into()), "{found}");
    assert!(found["text"].as_str().unwrap().contains("not written yet"));

    let mut command = stage.command(&["refresh", &name]);
    command.env("TALLYLIGHT_SECRETS_CACHE_FILE", &sealed);
    ended(command, b"").ends(0, &[VALUE]);
    let (code, found) = doctor(&sealed, "0f");
    assert_eq!((code, &found["verdict"]), (0, &"ok".into()), "{found}");
    assert!(
        found["text"].as_str().unwrap().contains("1 value"),
        "{found}"
    );

    // The next reading of AWS replaces it.
    let (code, found) = doctor(&sealed, "1f");
    assert_eq!((code, &found["verdict"]), (0, &"warn".into()), "{found}");
    assert!(found["fix"].as_str().unwrap().contains("key"), "{found}");

    std::fs::set_permissions(&sealed, PermissionsExt::from_mode(0o644)).unwrap();
    let (code, found) = doctor(&sealed, "0f");
    assert_eq!((code, &found["verdict"]), (1, &"fail".into()), "{found}");
    assert!(found["text"].as_str().unwrap().contains("0644"), "{found}");
    assert!(
        found["fix"].as_str().unwrap().contains("chmod 600"),
        "{found}"
    );

    symlink(&sealed, stage.path("link")).unwrap();
    for (path, says) in [
        (stage.path("nowhere/sealed"), "mkdir -p"),
        (stage.path("link"), "symbolic link"),
        (stage.path("."), "directory"),
        (format!("{sealed}/below"), "path in a folder"),
    ] {
        let (code, found) = doctor(&path, "0f");
        assert_eq!(
            (code, &found["verdict"]),
            (1, &"fail".into()),
            "{path}: {found}"
        );
        assert!(found.to_string().contains(says), "{path}: {found}");
        assert!(found["fix"].is_string(), "{path}: {found}");
    }
}

#[test]
fn the_policy_is_printed_and_nothing_else() {
    let policy = ended(secrets(&["doctor", "--policy"]), b"").ends(0, &[]);
    assert_eq!(policy.err, "");
    let statement = &policy.json()["Statement"][0];
    assert_eq!(statement["Resource"].as_array().unwrap().len(), 3);
    assert!(!policy.out.contains("Put"), "{}", policy.out);
    let operator = ended(secrets(&["doctor", "a/b", "--policy=operator"]), b"").ends(0, &[]);
    assert!(
        operator.out.contains("secretsmanager:PutSecretValue")
            && operator.out.contains(":secret:a/b-??????")
    );
    let Some((stage, name)) = stage_with("cli-policy") else {
        return;
    };
    let policy = stage.run(&["doctor", &name, "--policy"]).ends(0, &[VALUE]);
    assert_eq!(policy.err, "");
    let resource = policy.json()["Statement"][0]["Resource"][0]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        resource.starts_with("arn:aws:secretsmanager:us-east-1:123456789012:secret:"),
        "{resource}"
    );
}
