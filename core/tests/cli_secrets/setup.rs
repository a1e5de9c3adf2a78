//! `setup` from documents and files, and `list`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fault_proxy::{Mode, Rule};

use crate::stage::{Stage, unique};

const VALUE: &str = "canary-setup-0123456789";
const OTHER: &str = "other-canary-9876543210";

#[test]
fn a_second_run_writes_nothing() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let name = stage.declare("cli-twice");
    let document = format!("{{\"{name}\": \"{VALUE}\"}}");
    let plan = stage
        .run_with(&["setup", "--from-stdin", "--dry-run"], document.as_bytes())
        .ends(3, &[VALUE]);
    assert_eq!(plan.out, format!("create     {name}\n"));
    assert_eq!(stage.writes(), 0);

    let ran = stage
        .run_with(&["setup", "--from-stdin"], document.as_bytes())
        .ends(0, &[VALUE]);
    assert!(
        ran.out.starts_with(&format!("created    {name}  version ")),
        "{}",
        ran.out
    );
    assert!(
        ran.err
            .contains("1 created, 0 updated, 0 unchanged in us-east-1"),
        "{}",
        ran.err
    );
    assert_eq!(stage.text(&name), VALUE);

    let ran = stage
        .run_with(&["setup", "--from-stdin", "--json"], document.as_bytes())
        .ends(0, &[VALUE]);
    assert_eq!(ran.json()["secrets"][0]["action"], "unchanged");
    assert_eq!(stage.writes(), 1);
    stage
        .run_with(&["setup", "--from-stdin", "--dry-run"], document.as_bytes())
        .ends(0, &[VALUE]);

    let document = format!("{{\"{name}\": \"{OTHER}\"}}");
    let plan = stage.run_with(
        &["setup", "--from-stdin", "--dry-run", "--json"],
        document.as_bytes(),
    );
    let plan = plan.ends(3, &[VALUE, OTHER]).json();
    assert_eq!(
        (&plan["dryRun"], &plan["secrets"][0]["action"]),
        (&true.into(), &"update".into())
    );
    stage
        .run_with(&["setup", "--from-stdin"], document.as_bytes())
        .ends(0, &[VALUE, OTHER]);
    assert_eq!(stage.text(&name), OTHER);
}

#[test]
fn an_env_file_gives_declared_secrets_by_name_variable_and_alias() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let (first, second) = (stage.declare("cli-first"), stage.declare("cli-second"));
    stage.set(
        "TALLYLIGHT_SECRETS_ALIASES",
        &format!("{second}=CLI_SECOND_KEY"),
    );
    let file = stage.file(
        ".env",
        format!("# all\nexport {first}='{VALUE}'\nAWS_REGION=canary-of-another\nCLI_SECOND_KEY=\"{OTHER}\\n\"\n"),
    );
    let ran = stage
        .run(&["setup", "--file", &file])
        .ends(0, &[VALUE, OTHER, "canary-of-another"]);
    assert!(ran.err.contains("left out line 3"), "{}", ran.err);
    assert!(!ran.err.contains("warning"), "{}", ran.err);
    assert_eq!(stage.text(&first), VALUE);
    assert_eq!(stage.text(&second), format!("{OTHER}\n"));

    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let ran = stage
        .run(&["setup", &first, "--file", &file])
        .ends(0, &[VALUE, OTHER]);
    assert!(
        ran.err
            .contains("warning: every user of this machine may read"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("left out line 3, line 4"), "{}", ran.err);
    assert_eq!(stage.writes(), 2);
}

#[test]
fn a_broken_document_is_told_by_its_place() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let name = stage.declare("cli-broken");
    for (document, says) in [
        (format!("{name}={VALUE}\n{OTHER}\n"), "line 2"),
        (
            format!("{{\"{name}\": \"{VALUE}\", \"{OTHER}\": }}"),
            "line 1, column",
        ),
        (format!("{{\"{name}\": 5}}"), "member 1"),
        (format!("{name}={VALUE}\n{name}={OTHER}\n"), "line 2"),
        (
            format!("{name}={VALUE}\n{}={OTHER}\n", variable(&name)),
            "two different values",
        ),
        (format!("{name}=\n{OTHER}=x\n"), "no value in it"),
    ] {
        let ran = stage.run_with(&["setup", "--from-stdin"], document.as_bytes());
        let code = if says == "no value in it" { 1 } else { 2 };
        let ran = ran.ends(code, &[VALUE, OTHER]);
        assert!(
            ran.err.contains(says) && ran.err.contains("hint: "),
            "{says}: {}",
            ran.err
        );
    }
    let ran = stage
        .run_with(&["setup", "--from-stdin"], b"\xff\xfe")
        .ends(2, &[]);
    assert!(ran.err.contains("--binary"), "{}", ran.err);
    assert_eq!(stage.proxy.counts().total, 0);
}

#[test]
fn the_environment_and_files_of_their_own_give_values_too() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let (first, second) = (stage.declare("cli-env"), stage.declare("cli-own"));
    let variable = variable(&first);
    stage.set(&variable, VALUE);
    let file = stage.file("key", [0, 159, 146, 150, b'\n']);
    let pair = format!("{second}={file}");
    let ran = stage.run(&["setup", "--value-file", &pair]).ends(2, &[]);
    assert!(ran.err.contains("--binary"), "{}", ran.err);
    let args = [
        "setup",
        "--from-env",
        &first,
        &second,
        "--value-file",
        &pair,
        "--binary",
    ];
    stage.run(&args).ends(0, &[VALUE]);
    assert_eq!(stage.text(&first), VALUE);
    let stored = stage.stored(&second, "AWSCURRENT")["SecretBinary"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(stored, STANDARD.encode([0, 159, 146, 150, b'\n']));
    stage.run(&args).ends(0, &[VALUE]);
    assert_eq!(stage.writes(), 2);

    let revealed = stage.run(&["get", &second, "--reveal"]).ends(0, &[]);
    assert_eq!(revealed.bytes, [0, 159, 146, 150, b'\n']);

    let other = unique("cli-undeclared");
    let pair = format!("{other}=-");
    stage
        .run_with(&["setup", "--value-file", &pair], b"x")
        .ends(2, &[]);
    let args = [
        "setup",
        "--name",
        &other,
        "--value-file",
        &pair,
        "--description",
        "of a test",
    ];
    stage
        .run_with(&args, format!("{OTHER}\n").as_bytes())
        .ends(0, &[OTHER]);
    assert_eq!(stage.text(&other), OTHER);
}

#[test]
fn an_answer_that_is_lost_makes_no_second_version() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let name = stage.declare("cli-lost");
    let document = format!("{name}={VALUE}");
    stage
        .proxy
        .mode(Rule::new(Mode::Cut).operation("CreateSecret").next(1))
        .unwrap();
    let ran = stage
        .run_with(&["setup", "--from-stdin"], document.as_bytes())
        .ends(0, &[VALUE]);
    assert!(ran.out.starts_with("created"), "{}", ran.out);
    assert_eq!(versions(&stage, &name), 1);

    let document = format!("{name}={OTHER}");
    stage
        .proxy
        .mode(Rule::new(Mode::Cut).operation("PutSecretValue").next(1))
        .unwrap();
    stage
        .run_with(&["setup", "--from-stdin"], document.as_bytes())
        .ends(0, &[VALUE, OTHER]);
    assert_eq!(stage.text(&name), OTHER);
    assert_eq!(versions(&stage, &name), 2);
}

#[test]
fn one_secret_that_fails_holds_up_no_other() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let (first, second) = (stage.declare("cli-a-denied"), stage.declare("cli-b-good"));
    let message = format!("not allowed to put {VALUE}");
    stage
        .proxy
        .mode(
            Rule::new(Mode::AccessDenied)
                .operation("CreateSecret")
                .secret(&first)
                .message(message),
        )
        .unwrap();
    let document = format!("{first}={VALUE}\n{second}={OTHER}\n");
    let ran = stage.run_with(&["setup", "--from-stdin", "--json"], document.as_bytes());
    let secrets = ran.ends(1, &[VALUE, OTHER]).json()["secrets"].clone();
    assert_eq!(secrets[0]["error"]["code"], "denied", "{secrets}");
    assert_eq!(secrets[1]["action"], "created", "{secrets}");
    assert_eq!(stage.text(&second), OTHER);
}

#[test]
fn the_list_tells_what_exists_and_what_would_answer() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let (there, missing) = (stage.declare("cli-there"), stage.declare("cli-missing"));
    let (deleted, local) = (stage.declare("cli-deleted"), stage.declare("cli-local"));
    let version = stage.aws.create(&there, VALUE).unwrap();
    stage.aws.create(&deleted, VALUE).unwrap();
    stage.aws.delete(&deleted).unwrap();
    let undeclared = unique("cli-other");
    stage.aws.create(&undeclared, VALUE).unwrap();
    let file = stage.file("local", OTHER);
    stage.set(&format!("{}_FILE", variable(&local)), &file);

    let listed = stage
        .run(&["list", "--json"])
        .ends(0, &[VALUE, OTHER])
        .json();
    let row = |name: &str| {
        let rows = listed["secrets"].as_array().unwrap();
        rows.iter()
            .find(|row| row["name"] == name)
            .cloned()
            .unwrap_or_default()
    };
    assert_eq!(listed["environment"], "production");
    assert_eq!(row(&there)["exists"], true);
    assert_eq!(
        (&row(&there)["source"], &row(&there)["currentVersion"]),
        (&"aws".into(), &version.as_str().into())
    );
    assert_eq!(row(&there)["versions"][0]["stages"][0], "AWSCURRENT");
    assert_eq!(
        (&row(&missing)["exists"], &row(&missing)["source"]),
        (&false.into(), &serde_json::Value::Null)
    );
    assert_eq!(row(&deleted)["exists"], false);
    assert!(row(&deleted)["deletedAt"].is_string());
    assert_eq!(
        (&row(&local)["source"], &row(&local)["place"]),
        (&"file".into(), &format!("{}_FILE", variable(&local)).into())
    );
    assert_eq!(row(&undeclared), serde_json::Value::Null);
    assert_eq!(stage.proxy.counts().operation("GetSecretValue"), 0);

    let all = stage.run(&["list", "--all"]).ends(0, &[VALUE, OTHER]);
    for part in [
        there.as_str(),
        undeclared.as_str(),
        "deleted",
        "secret",
        "from here",
    ] {
        assert!(all.out.contains(part), "{part}: {}", all.out);
    }
    // Declared or not, and the others are not even asked about.
    let asked = stage.proxy.counts().call("DescribeSecret", &missing);
    for prefix in [&undeclared, &there] {
        let some = stage
            .run(&["list", "--prefix", prefix, "--json"])
            .ends(0, &[VALUE, OTHER])
            .json();
        let some = some["secrets"].as_array().unwrap();
        let names: Vec<&str> = some
            .iter()
            .map(|row| row["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, [prefix.as_str()]);
        assert_eq!(some[0]["exists"], true);
    }
    assert_eq!(stage.proxy.counts().call("DescribeSecret", &missing), asked);
    let none = stage
        .run(&["list", "--prefix", "no-such-prefix/"])
        .ends(0, &[]);
    assert!(
        none.err.contains("no secret's name starts so"),
        "{}",
        none.err
    );
    stage
        .run(&["list", "--prefix", "a=canary of a prefix"])
        .ends(2, &["canary of a prefix"]);
    stage
        .proxy
        .mode(Rule::new(Mode::AccessDenied).operation("DescribeSecret"))
        .unwrap();
    let ran = stage.run(&["list"]).ends(1, &[VALUE]);
    assert!(
        ran.out.contains(&there) && ran.out.contains("denied"),
        "{}",
        ran.out
    );
    assert_eq!(ran.err.matches("error: ").count(), 1, "{}", ran.err);
}

fn variable(name: &str) -> String {
    name.to_ascii_uppercase().replace('-', "_")
}

fn versions(stage: &Stage, name: &str) -> usize {
    let asked = serde_json::json!({ "SecretId": name, "IncludeDeprecated": true });
    let known = stage.aws.call("ListSecretVersionIds", &asked).unwrap().1;
    known["Versions"].as_array().unwrap().len()
}
