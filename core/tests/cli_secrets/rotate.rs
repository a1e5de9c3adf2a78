//! `rotate`: promoted, or taken back.

use std::process::Stdio;

use fault_proxy::{Mode, Rule};

use crate::cli_support::{interrupt, moment};
use crate::stage::{Stage, clean};

const OLD: &str = "canary-of-the-old-value";
const NEW: &str = "canary-of-the-new-value";

fn stage_with(label: &str) -> Option<(Stage, String, String)> {
    let mut stage = Stage::new()?;
    let name = stage.declare(label);
    let version = stage.aws.create(&name, OLD).unwrap();
    Some((stage, name, version))
}

#[test]
fn a_new_value_that_is_checked_comes_into_use() {
    let Some((stage, name, old)) = stage_with("cli-rotate") else {
        return;
    };
    let plan = stage.run(&["rotate", &name, "--dry-run"]).ends(3, &[OLD]);
    assert!(plan.out.contains(&old), "{}", plan.out);
    assert_eq!(stage.writes(), 0);

    let seen = stage.path("seen");
    let check = format!("cat > '{seen}'; echo ok $TALLYLIGHT_SECRET_NAME; cat '{seen}' >&2");
    let args = [
        "rotate",
        &name,
        "--from-stdin",
        "--yes",
        "--json",
        "--check",
        &check,
    ];
    let ran = stage
        .run_with(&args, format!("{NEW}\n").as_bytes())
        .ends(0, &[OLD, NEW]);
    assert_eq!(std::fs::read_to_string(&seen).unwrap(), NEW);
    assert!(
        ran.err.contains(&format!("ok {name}")) && ran.err.contains("[redacted]"),
        "{}",
        ran.err
    );
    let json = ran.json();
    assert_eq!(
        (&json["action"], &json["previousVersion"]),
        (&"rotated".into(), &old.as_str().into())
    );
    let current = stage.stored(&name, "AWSCURRENT");
    assert_eq!(
        (&current["SecretString"], &current["VersionId"]),
        (&NEW.into(), &json["version"])
    );
    assert_eq!(stage.stored(&name, "AWSPREVIOUS")["SecretString"], OLD);
    assert!(!stage.has_pending(&name));

    // Once more, as after a lost answer: it is in use already.
    let writes = stage.writes();
    let ran = stage
        .run_with(&["rotate", &name, "--from-stdin", "--yes"], NEW.as_bytes())
        .ends(0, &[OLD, NEW]);
    assert!(ran.out.starts_with("unchanged"), "{}", ran.out);
    assert_eq!(stage.writes(), writes);
}

#[test]
fn a_value_can_be_made_here() {
    let Some((stage, name, _)) = stage_with("cli-generate") else {
        return;
    };
    let ran = stage.run(&[
        "rotate",
        &name,
        "--generate",
        "48",
        "--charset",
        "hex",
        "--yes",
    ]);
    let value = stage.text(&name);
    assert_eq!(value.len(), 48);
    assert!(
        value.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{value}"
    );
    let ran = ran.ends(0, &[OLD, &value]);
    assert!(
        ran.out.contains("AWSCURRENT") && ran.out.contains("AWSPREVIOUS"),
        "{}",
        ran.out
    );
}

#[test]
fn a_check_that_refuses_leaves_the_old_value_in_use() {
    let Some((stage, name, old)) = stage_with("cli-refused") else {
        return;
    };
    for (check, says) in [
        ("cat; exit 3", "did not accept"),
        ("kill -9 $$", "did not accept"),
        ("sleep 60 & sleep 60", "--check-timeout"),
        ("no-such-command-here", "did not accept"),
    ] {
        let args = [
            "rotate",
            &name,
            "--from-stdin",
            "--yes",
            "--check-timeout",
            "2s",
            "--check",
            check,
        ];
        let ran = stage.run_with(&args, NEW.as_bytes()).ends(1, &[OLD, NEW]);
        assert!(ran.err.contains(says), "{check}: {}", ran.err);
        assert!(
            ran.err
                .contains(&format!("taken back; version {old} is in use")),
            "{}",
            ran.err
        );
        assert!(!stage.has_pending(&name), "{check}");
        assert_eq!(stage.text(&name), OLD);
    }
}

#[test]
fn a_failure_on_the_way_takes_the_pending_version_back() {
    let Some((stage, name, _)) = stage_with("cli-half") else {
        return;
    };
    // The promotion fails, and what comes after it works again.
    stage
        .proxy
        .mode(
            Rule::new(Mode::AccessDenied)
                .operation("UpdateSecretVersionStage")
                .next(1),
        )
        .unwrap();
    let args = ["rotate", &name, "--from-stdin", "--yes"];
    let ran = stage.run_with(&args, NEW.as_bytes()).ends(1, &[OLD, NEW]);
    assert!(ran.err.contains("taken back"), "{}", ran.err);
    assert!(!stage.has_pending(&name));

    // The answer to the put is lost for good: the version may be there.
    stage
        .proxy
        .mode(Rule::new(Mode::Cut).operation("PutSecretValue"))
        .unwrap();
    stage.run_with(&args, NEW.as_bytes()).ends(1, &[OLD, NEW]);
    assert!(!stage.has_pending(&name));

    // Nothing works any more: it says what is left to do.
    stage
        .proxy
        .mode(Rule::new(Mode::AccessDenied).operation("UpdateSecretVersionStage"))
        .unwrap();
    let ran = stage.run_with(&args, NEW.as_bytes()).ends(1, &[OLD, NEW]);
    assert!(
        ran.err.contains("could not be taken back") && ran.err.contains("--cancel"),
        "{}",
        ran.err
    );
    assert!(stage.has_pending(&name));
    stage.proxy.mode(Rule::new(Mode::Ok)).unwrap();
    let ran = stage.run_with(&args, NEW.as_bytes()).ends(1, &[OLD, NEW]);
    assert!(
        ran.err.contains("under way") && ran.err.contains("--cancel"),
        "{}",
        ran.err
    );
    stage
        .run(&["rotate", &name, "--cancel", "--dry-run"])
        .ends(3, &[OLD, NEW]);
    let ran = stage
        .run(&["rotate", &name, "--cancel", "--yes"])
        .ends(0, &[OLD, NEW]);
    assert!(ran.out.starts_with("cancelled"), "{}", ran.out);
    assert!(!stage.has_pending(&name));
    assert_eq!(stage.text(&name), OLD);
    let ran = stage
        .run(&["rotate", &name, "--cancel", "--yes"])
        .ends(0, &[]);
    assert!(ran.out.starts_with("unchanged"), "{}", ran.out);
}

#[test]
fn ctrl_c_leaves_no_pending_version_and_no_check() {
    let Some((stage, name, _)) = stage_with("cli-interrupt") else {
        return;
    };
    let running = stage.path("running");
    let check = format!("echo $$ > '{running}.new'; mv '{running}.new' '{running}'; sleep 300");
    let mut child = stage
        .command(&[
            "rotate",
            &name,
            "--generate",
            "40",
            "--yes",
            "--check",
            &check,
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !std::path::Path::new(&running).exists() {
        assert!(child.try_wait().unwrap().is_none());
        moment();
    }
    assert!(stage.has_pending(&name));
    interrupt(&child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(
        err.contains("taken back") && err.contains("interrupted"),
        "{err}"
    );
    clean(&err, OLD);
    assert!(!stage.has_pending(&name));
    let check: i32 = std::fs::read_to_string(&running)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    // SAFETY: signal 0 only asks whether the process is there.
    while unsafe { libc::kill(check, 0) } == 0 {
        moment();
    }
}

#[test]
fn what_cannot_be_rotated_says_so() {
    let Some((mut stage, name, _)) = stage_with("cli-cannot") else {
        return;
    };
    let missing = stage.declare("cli-not-there");
    let rotate = |stage: &Stage, name: &str, more: &[&str]| {
        stage
            .run(&[&["rotate", name, "--yes"], more].concat())
            .ends(1, &[OLD])
    };
    let ran = rotate(&stage, &missing, &["--generate", "40"]);
    assert!(ran.err.contains("tallylight secrets setup"), "{}", ran.err);
    let ran = rotate(&stage, &name, &["--lambda"]);
    assert!(ran.err.contains("no rotation function"), "{}", ran.err);
    stage
        .run_with(&["rotate", &name, "--from-stdin", "--yes"], b"")
        .ends(2, &[]);
    stage
        .run_with(&["rotate", &name, "--from-stdin", "--yes"], &[b'a'; 70_000])
        .ends(2, &[]);
    stage.aws.delete(&name).unwrap();
    let ran = rotate(&stage, &name, &["--generate", "40"]);
    assert!(ran.err.contains("restore-secret"), "{}", ran.err);
}
