//! Wrong arguments, and the helps.

use crate::stage::{Stage, ended, secrets};

const CANARY: &str = "canary-of-an-argument";

#[test]
fn a_value_as_an_argument_is_refused_and_not_repeated() {
    for args in [
        &["setup", "cineview-gemini-api=canary-of-an-argument"][..],
        &["setup", "canary-of-an-argument"],
        &["setup", "--name", "x=canary-of-an-argument"],
        &["setup", "--value=canary-of-an-argument"],
        &["setup", "--canary-of-an-argument"],
        &["setup", "--value-file", "canary-of-an-argument"],
        &[
            "setup",
            "--value-file",
            "cineview-gemini-api=canary-of-an-argument",
        ],
        &["setup", "--value-file", "canary-of-an-argument=x"],
        &["setup", "--file", "canary-of-an-argument"],
        &["get", "x=canary-of-an-argument"],
        &["get", "cineview-gemini-api", "canary-of-an-argument"],
        &["get", "https://user:canary-of-an-argument@host/"],
        &["get", "x", "--deadline", "canary-of-an-argument"],
        &["rotate", "x=canary-of-an-argument", "--yes"],
        &["rotate", "x", "canary-of-an-argument"],
        &["rotate", "x", "--generate", "canary-of-an-argument"],
        &[
            "rotate",
            "x",
            "--generate",
            "40",
            "--charset",
            "canary-of-an-argument",
        ],
        &["refresh", "x=canary-of-an-argument"],
        &["doctor", "x=canary-of-an-argument"],
        &["doctor", "--policy=canary-of-an-argument"],
        &["canary-of-an-argument"],
    ] {
        let ran = ended(secrets(args), b"").ends(2, &[CANARY]);
        assert_eq!(ran.out, "", "{args:?}");
        assert!(
            ran.err.starts_with("error: ") && ran.err.contains("\nhint: "),
            "{args:?}: {}",
            ran.err
        );
    }
    let ran = ended(secrets(&["setup", "a=canary-of-an-argument"]), b"");
    for part in ["NAME=VALUE", "history", "`ps`", "--from-stdin"] {
        assert!(ran.err.contains(part), "{part}: {}", ran.err);
    }
}

#[test]
fn what_cannot_be_together_is_a_usage_error() {
    for args in [
        &["get"][..],
        &["setup", "--file", "a", "--from-stdin"],
        &["setup", "--from-env", "--multiline"],
        &["setup", "--binary"],
        &["rotate", "x", "--generate", "40", "--from-stdin"],
        &["rotate", "x", "--lambda", "--generate", "40"],
        &["rotate", "x", "--generate", "15"],
        &["rotate", "x", "--check-timeout", "1s"],
        &["get", "x", "--stage", "A", "--version", "B"],
        &["get", "x", "--newline"],
        &["setup"],
        &["rotate", "x", "--generate", "40"],
    ] {
        let ran = ended(secrets(args), b"").ends(2, &[]);
        assert!(ran.err.contains("\nhint: "), "{args:?}: {}", ran.err);
    }
}

#[test]
fn input_with_nothing_in_it_says_what_to_pipe_in() {
    let path = std::env::temp_dir().join(crate::stage::unique("tallylight-empty"));
    std::fs::write(&path, "\n").unwrap();
    let file = path.to_str().unwrap();
    for (args, input, says) in [
        (
            &["setup", "--from-stdin"][..],
            "",
            "standard input is empty",
        ),
        (
            &["setup", "--from-stdin"],
            " \n\n",
            "standard input is empty",
        ),
        (
            &["setup", "--from-stdin"],
            "\u{feff}",
            "standard input is empty",
        ),
        (&["setup", "--file", file], "", "the file is empty"),
    ] {
        let ran = ended(secrets(args), input.as_bytes()).ends(2, &[]);
        assert!(ran.err.contains(says), "{args:?}: {}", ran.err);
        let hint = ran.err.split("\nhint: ").nth(1).unwrap();
        assert!(
            hint.contains("| tallylight secrets setup --from-stdin"),
            "{args:?}: {hint}"
        );
    }
    std::fs::remove_file(path).unwrap();
}

#[test]
fn help_has_examples_for_every_command() {
    for command in ["setup", "list", "get", "rotate", "refresh", "doctor"] {
        let ran = ended(secrets(&[command, "--help"]), b"").ends(0, &[]);
        assert!(
            ran.out
                .contains(&format!("Examples:\n  tallylight secrets {command}")),
            "{}",
            ran.out
        );
        assert!(
            ran.out.lines().all(|line| line.chars().count() <= 100),
            "{}",
            ran.out
        );
    }
    let bare = ended(secrets(&[]), b"");
    assert_eq!((bare.code, bare.out.as_str()), (2, ""));
    assert!(
        bare.err.contains("Usage: tallylight secrets"),
        "{}",
        bare.err
    );
}

#[test]
fn a_setting_that_cannot_be_is_named() {
    let mut command = secrets(&["list"]);
    command.env("TALLYLIGHT_SECRETS_TTL_MS", "soon");
    let ran = ended(command, b"").ends(1, &[]);
    assert!(ran.err.contains("TALLYLIGHT_SECRETS_TTL_MS"), "{}", ran.err);
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    let Some(mut stage) = Stage::new() else {
        return;
    };
    let name = stage.declare("cli-pipe");
    stage.aws.create(&name, "canary-of-a-pipe").unwrap();
    for args in [
        &["list"][..],
        &["get", &name, "--reveal"],
        &["doctor", "--json", &name],
    ] {
        let mut child = stage
            .command(args)
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}");
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(!err.contains("error") && !err.contains("panic"), "{err}");
    }
}
