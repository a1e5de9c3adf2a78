//! A stand-in for AWS, the program in an environment of ours, and the hunt for values in what it printed.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use fault_proxy::{FaultProxy, Service};
use serde_json::Value;

use crate::cli_support::tallylight;

/// AWS, as far as a test needs it.
pub(crate) struct Stage {
    pub(crate) proxy: FaultProxy,
    pub(crate) aws: Service,
    folder: PathBuf,
    declared: Vec<String>,
    variables: Vec<(String, String)>,
}

/// A command that has ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) err: String,
}

impl Stage {
    /// None, and a line that says so, where there is no server.
    pub(crate) fn new() -> Option<Self> {
        let Some(moto) = fault_proxy::moto() else {
            println!(
                "skipped: {} is not set; run `cargo xtask test`, or `cargo xtask services`",
                fault_proxy::MOTO_VARIABLE
            );
            return None;
        };
        let folder = std::env::temp_dir().join(unique("tallylight-cli"));
        std::fs::create_dir_all(&folder).unwrap();
        Some(Self {
            proxy: FaultProxy::start(&moto).unwrap(),
            aws: Service::new(&moto).region("us-east-1"),
            folder,
            declared: Vec::new(),
            variables: Vec::new(),
        })
    }

    /// A name of its own, declared.
    pub(crate) fn declare(&mut self, label: &str) -> String {
        let name = unique(label);
        self.declared.push(name.clone());
        name
    }

    /// A variable for every later run.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.variables.push((name.to_owned(), value.to_owned()));
    }

    /// A file of its own, readable by its owner alone.
    pub(crate) fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> String {
        use std::os::unix::fs::OpenOptionsExt;
        let path = self.folder.join(name);
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .unwrap();
        file.write_all(contents.as_ref()).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.join(name).to_str().unwrap().to_owned()
    }

    /// `tallylight secrets` with these arguments, not started yet.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = secrets(args);
        command
            .env("AWS_ENDPOINT_URL", self.proxy.url())
            .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLEEXAMPLE12")
            .env("AWS_SECRET_ACCESS_KEY", "an-example-of-a-secret-key")
            .env("AWS_REGION", "us-east-1")
            .env("TALLYLIGHT_SECRETS_DECLARED", self.declared.join(","))
            .envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        ended(self.command(args), b"")
    }

    pub(crate) fn run_with(&self, args: &[&str], stdin: &[u8]) -> Ran {
        ended(self.command(args), stdin)
    }

    /// The value that AWS holds.
    pub(crate) fn stored(&self, name: &str, stage: &str) -> Value {
        let asked = serde_json::json!({ "SecretId": name, "VersionStage": stage });
        self.aws.call("GetSecretValue", &asked).unwrap().1
    }

    pub(crate) fn text(&self, name: &str) -> String {
        let stored = self.stored(name, "AWSCURRENT");
        stored["SecretString"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Whether a version has the pending stage.
    pub(crate) fn has_pending(&self, name: &str) -> bool {
        let asked = serde_json::json!({ "SecretId": name });
        let known = self.aws.call("DescribeSecret", &asked).unwrap().1;
        known["VersionIdsToStages"]
            .to_string()
            .contains("AWSPENDING")
    }

    pub(crate) fn writes(&self) -> u64 {
        let counts = self.proxy.counts();
        [
            "CreateSecret",
            "PutSecretValue",
            "UpdateSecretVersionStage",
            "RotateSecret",
        ]
        .into_iter()
        .map(|operation| counts.operation(operation))
        .sum()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// `tallylight secrets` in an environment without any setting of AWS or of ours.
pub(crate) fn secrets(args: &[&str]) -> Command {
    let mut command = tallylight(["secrets"]);
    let ours = |name: &str| {
        name.starts_with("AWS_")
            || name.starts_with("TALLYLIGHT_")
            || name.contains("SENTRY")
            || name == "NODE_ENV"
    };
    for (name, _) in std::env::vars() {
        if ours(&name) {
            command.env_remove(name);
        }
    }
    command
        .args(args)
        // No profile of whoever runs the tests, and no metadata service.
        .env("AWS_CONFIG_FILE", "/nonexistent")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

pub(crate) fn ended(mut command: Command, stdin: &[u8]) -> Ran {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let stdin = stdin.to_vec();
    // One that does not read is free not to.
    let writing = std::thread::spawn(move || {
        let _ = input.write_all(&stdin);
    });
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        bytes: output.stdout,
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Ran {
    /// That it ended so, and with no value in anything it printed.
    #[track_caller]
    pub(crate) fn ends(self, code: i32, values: &[&str]) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        for value in values {
            clean(&self.out, value);
            clean(&self.err, value);
        }
        if code == 1 || code == 2 {
            assert!(
                self.err.contains("error: ")
                    || self.out.contains("fix: ")
                    || self.out.contains("\"fix\""),
                "{}",
                self.err
            );
        }
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

/// That a value is in a text in none of the ways in which it may get there.
#[track_caller]
pub(crate) fn clean(text: &str, value: &str) {
    for form in forms(value) {
        assert!(!text.contains(&form), "{form} in {text}");
    }
}

fn forms(value: &str) -> Vec<String> {
    let hex: String = value.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let json = serde_json::to_string(value).unwrap();
    let mut forms = vec![
        value.to_owned(),
        hex,
        percent,
        json.trim_matches('"').to_owned(),
        format!("{:?}", value.as_bytes()),
        value.chars().rev().collect(),
    ];
    for line in value.lines().filter(|line| line.len() >= 16) {
        forms.push(line.to_owned());
    }
    // The three alignments, without the characters that neighbours share.
    for before in 0..3 {
        let padded = [&vec![b'x'; before][..], value.as_bytes()].concat();
        let whole = padded.len() / 3 * 3;
        let from = if before == 0 { 0 } else { 4 };
        forms.push(STANDARD_NO_PAD.encode(&padded[..whole])[from..].to_owned());
        forms.push(URL_SAFE_NO_PAD.encode(&padded[..whole])[from..].to_owned());
    }
    forms.push(STANDARD.encode(value));
    forms
}

/// A name that no other test has, in this or another run on the same server.
pub(crate) fn unique(label: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    format!(
        "{label}-{:x}-{}-{}",
        now.as_micros(),
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}

#[test]
fn the_hunt_finds_each_form() {
    let value = "canary/value+0123456789";
    for text in [
        format!("x{value}y"),
        STANDARD.encode(format!("key={value};")),
        URL_SAFE_NO_PAD.encode(format!("{{{value}}}")),
    ] {
        assert!(
            std::panic::catch_unwind(|| clean(&text, value)).is_err(),
            "{text}"
        );
    }
    clean("canary", value);
}
