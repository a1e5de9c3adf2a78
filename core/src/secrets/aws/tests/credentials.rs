//! The provider chain reads the process's environment, so each case is a process of its own: this
//! test program again, running [`probe`] alone.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::*;

/// What the probe prints before its report.
const MARK: &str = "PROBED ";

/// In a process started by [`Case::run`]: reads what the variables say, and reports.
#[test]
fn probe() {
    let Ok(name) = std::env::var("PROBE_NAME") else {
        return;
    };
    let variable = |name: &str| std::env::var(name).ok();
    let deadline = variable("PROBE_DEADLINE_MS").map_or(10_000, |text| text.parse().unwrap());
    let aws = Aws::new(AwsSettings {
        role_arn: variable("PROBE_ROLE"),
        external_id: variable("PROBE_EXTERNAL_ID"),
        endpoint: variable("PROBE_ENDPOINT"),
        ..AwsSettings::default()
    });
    run(async {
        if let Some(replacement) = variable("PROBE_THEN_COPY") {
            assert!(read(&aws, &name).await.is_err());
            std::fs::copy(
                replacement,
                variable("AWS_SHARED_CREDENTIALS_FILE").unwrap(),
            )
            .unwrap();
        }
        let started = Instant::now();
        let outcome = aws
            .read(&name, &current(), within(Duration::from_millis(deadline)))
            .await;
        let waited = started.elapsed().as_millis() as u64;
        let report = match outcome {
            Ok(fetched) => {
                let session = aws
                    .inner
                    .sessions
                    .get(&name, None, within(LONG))
                    .await
                    .unwrap();
                json!({
                    "value": text(&fetched), "waited": waited, "region": aws.region(), "from": session.region_from,
                    "provider": session.identity.provider, "tail": session.identity.key_tail,
                    "expires": session.identity.expires_at.is_some(),
                })
            }
            Err(failure) => json!({
                "kind": failure.kind.as_str(), "text": failure.text, "hint": failure.hint, "waited": waited,
                "message": failure.to_error().to_string(), "region": failure.region, "code": failure.aws_code,
            }),
        };
        println!("{MARK}{report}");
    });
}

/// The surroundings of one probe.
struct Case {
    command: Command,
    home: PathBuf,
}

impl Case {
    /// Without any configuration of AWS, and without a metadata service.
    fn new(name: &str) -> Self {
        let home = std::env::temp_dir().join(unique("home"));
        std::fs::create_dir_all(&home).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args([
                "--exact",
                "secrets::aws::tests::credentials::probe",
                "--nocapture",
            ])
            .env_clear()
            .env("HOME", &home)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("PROBE_NAME", name);
        Self { command, home }
    }

    fn set(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    fn unset(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Credentials in variables, and the proxy as the endpoint.
    fn usual(self, world: &World) -> Self {
        self.set("AWS_ENDPOINT_URL", &world.proxy.url())
            .set("AWS_REGION", FIRST)
            .set("AWS_ACCESS_KEY_ID", "AKIAEXAMPLEEXAMPLE01")
            .set("AWS_SECRET_ACCESS_KEY", "canary/secret+key")
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn run(mut self) -> Value {
        let output = self.command.output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        std::fs::remove_dir_all(&self.home).unwrap();
        assert!(
            !printed.contains("canary") && !errors.contains("canary"),
            "{printed}{errors}"
        );
        let Some((_, report)) = printed.split_once(MARK) else {
            panic!("{printed}{errors}");
        };
        serde_json::from_str(report.lines().next().unwrap()).unwrap()
    }
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn variables_name_region_credentials_and_endpoint() {
    let Some(world) = World::open() else { return };
    let name = world.secret("env", "v");
    let report = Case::new(&name).usual(&world).run();
    assert_eq!(report["value"], "v", "{report}");
    assert_eq!(
        (&report["region"], &report["from"]),
        (&json!(FIRST), &json!("AWS_REGION"))
    );
    assert_eq!(
        (&report["provider"], &report["tail"]),
        (&json!("EnvironmentVariable"), &json!("LE01"))
    );
    let report = Case::new(&name)
        .usual(&world)
        .unset("AWS_ENDPOINT_URL")
        .set("AWS_ENDPOINT_URL_SECRETS_MANAGER", &world.proxy.url())
        .unset("AWS_REGION")
        .set("AWS_DEFAULT_REGION", FIRST)
        .run();
    assert_eq!(
        (&report["value"], &report["from"]),
        (&json!("v"), &json!("AWS_DEFAULT_REGION"))
    );
}

#[test]
fn without_credentials_or_region_the_hint_says_what_to_set() {
    let Some(world) = World::open() else { return };
    let name = world.secret("none", "v");
    let report = Case::new(&name)
        .usual(&world)
        .unset("AWS_SECRET_ACCESS_KEY")
        .unset("AWS_ACCESS_KEY_ID")
        .run();
    assert_eq!(report["kind"], "credentials", "{report}");
    assert!(
        report["text"]
            .as_str()
            .unwrap()
            .contains("no AWS credentials"),
        "{report}"
    );
    assert!(
        report["hint"].as_str().unwrap().contains("AWS_PROFILE"),
        "{report}"
    );
    let report = Case::new(&name).usual(&world).unset("AWS_REGION").run();
    assert_eq!(report["kind"], "credentials", "{report}");
    assert!(
        report["message"].as_str().unwrap().contains("AWS_REGION"),
        "{report}"
    );
    assert_eq!(world.proxy.counts().total, 0);
    // An ARN says its region.
    let (_, described) = world
        .service(FIRST)
        .call("DescribeSecret", &json!({ "SecretId": name }))
        .unwrap();
    let report = Case::new(described["ARN"].as_str().unwrap())
        .usual(&world)
        .unset("AWS_REGION")
        .run();
    assert_eq!(report["value"], "v", "{report}");
}

#[test]
fn a_profile_names_region_and_credentials_or_a_process_that_has_them() {
    let Some(world) = World::open() else { return };
    let name = world.secret("profile", "v");
    let case = Case::new(&name);
    let config = case.file("config", &format!("[profile ops]\nregion = {FIRST}\n"));
    let keys = case.file(
        "credentials",
        "[ops]\naws_access_key_id = AKIAEXAMPLEEXAMPLE02\naws_secret_access_key = canary\n",
    );
    let report = case
        .set("AWS_PROFILE", "ops")
        .set("AWS_CONFIG_FILE", path(&config))
        .set("AWS_SHARED_CREDENTIALS_FILE", path(&keys))
        .set("AWS_ENDPOINT_URL", &world.proxy.url())
        .run();
    assert_eq!(
        (&report["value"], &report["tail"]),
        (&json!("v"), &json!("LE02")),
        "{report}"
    );
    assert_eq!(report["from"], "the AWS profile");

    let case = Case::new(&name);
    let process = r#"{"Version":1,"AccessKeyId":"AKIAEXAMPLEEXAMPLE03","SecretAccessKey":"canary","SessionToken":"canary","Expiration":"2099-01-01T00:00:00Z"}"#;
    let printed = case.file("printed.json", process);
    let config = case.file(
        "config",
        &format!(
            "[default]\nregion = {FIRST}\ncredential_process = cat {}\n",
            path(&printed)
        ),
    );
    let report = case
        .set("AWS_CONFIG_FILE", path(&config))
        .set("AWS_ENDPOINT_URL", &world.proxy.url())
        .run();
    assert_eq!(
        (&report["value"], &report["tail"]),
        (&json!("v"), &json!("LE03")),
        "{report}"
    );
    assert_eq!(report["expires"], true);
}

#[test]
fn a_profile_that_needs_sso_says_how_to_do_without() {
    let case = Case::new("x");
    let config = case.file(
        "config",
        "[default]\nregion = us-east-1\nsso_session = s\nsso_account_id = 123456789012\nsso_role_name = r\n\
         [sso-session s]\nsso_region = us-east-1\nsso_start_url = https://example.com/start\n",
    );
    let report = case.set("AWS_CONFIG_FILE", path(&config)).run();
    assert_eq!(report["kind"], "credentials", "{report}");
    assert!(
        report["hint"]
            .as_str()
            .unwrap()
            .contains("export-credentials"),
        "{report}"
    );
}

#[test]
fn after_expired_credentials_new_ones_are_picked_up() {
    let Some(world) = World::open() else { return };
    let name = world.secret("renew", "v");
    world
        .proxy
        .mode(Rule::new(Mode::ExpiredToken).next(1))
        .unwrap();
    let case = Case::new(&name);
    let keys =
        |id: &str| format!("[default]\naws_access_key_id = {id}\naws_secret_access_key = canary\n");
    let old = case.file("credentials", &keys("AKIAEXAMPLEEXAMPLE04"));
    let new = case.file("new", &keys("AKIAEXAMPLEEXAMPLE05"));
    let report = case
        .set("AWS_SHARED_CREDENTIALS_FILE", path(&old))
        .set("PROBE_THEN_COPY", path(&new))
        .set("AWS_REGION", FIRST)
        .set("AWS_ENDPOINT_URL", &world.proxy.url())
        .run();
    assert_eq!(
        (&report["value"], &report["tail"]),
        (&json!("v"), &json!("LE05")),
        "{report}"
    );
}

#[test]
fn a_role_is_assumed_once_and_its_refusal_is_told_as_it_was() {
    let Some(world) = World::open() else { return };
    let name = world.secret("role", "v");
    let role = "arn:aws:iam::123456789012:role/reader";
    let case = || {
        Case::new(&name)
            .usual(&world)
            .set("PROBE_ROLE", role)
            .set("PROBE_EXTERNAL_ID", "ours")
    };
    let report = case().run();
    // moto keeps secrets by account, and this role is in another than the caller.
    assert!(
        report["value"] == "v" || report["kind"] == "not_found",
        "{report}"
    );
    assert_eq!(world.proxy.counts().operation("AssumeRole"), 1);
    if report["value"] == "v" {
        assert_eq!(
            report["provider"],
            "AssumeRoleProvider from EnvironmentVariable"
        );
        assert_eq!(report["expires"], true);
    }
    for (mode, kind) in [
        (Mode::AccessDenied, "denied"),
        (Mode::ExpiredToken, "credentials"),
        (Mode::InvalidToken, "credentials"),
        (Mode::Throttle, "throttled"),
        (Mode::ServerError, "server_fault"),
        (Mode::Reset, "unreachable"),
    ] {
        world.proxy.reset().unwrap();
        world
            .proxy
            .mode(Rule::new(mode).operation("AssumeRole"))
            .unwrap();
        let report = case().run();
        assert_eq!(report["kind"], kind, "{mode:?}: {report}");
        assert!(
            report["message"].as_str().unwrap().contains(role),
            "{report}"
        );
        assert_eq!(world.proxy.counts().total, 1, "{mode:?}");
    }
    world.mode(Mode::Hang);
    let report = case().set("PROBE_DEADLINE_MS", "500").run();
    assert_eq!(report["kind"], "timed_out", "{report}");
    assert!(report["waited"].as_u64().unwrap() < 4_000, "{report}");
}

#[test]
fn a_machine_whose_metadata_service_is_silent_holds_nobody_up() {
    let Some(world) = World::open() else { return };
    // It accepts and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", silent.local_addr().unwrap());
    let case = || {
        Case::new("x")
            .unset("AWS_EC2_METADATA_DISABLED")
            .set("AWS_EC2_METADATA_SERVICE_ENDPOINT", &address)
            .set("AWS_ENDPOINT_URL", &world.proxy.url())
    };
    let report = case()
        .set("AWS_REGION", FIRST)
        .set("PROBE_DEADLINE_MS", "300")
        .run();
    assert_eq!(report["kind"], "timed_out", "{report}");
    assert!(report["waited"].as_u64().unwrap() < 4_000, "{report}");
    // Not even where the deadline would allow it.
    let report = case().set("PROBE_DEADLINE_MS", "60000").run();
    assert_eq!(report["kind"], "credentials", "{report}");
    assert!(report["waited"].as_u64().unwrap() < 10_000, "{report}");
}

#[test]
fn a_machine_hands_out_region_and_credentials() {
    let Some(world) = World::open() else { return };
    let name = world.secret("machine", "v");
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", server.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in server.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4_096];
            let length = stream.read(&mut request).unwrap();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let path = request.split_whitespace().nth(1).unwrap_or_default();
            let body = match path {
                "/latest/api/token" => "token".to_owned(),
                "/latest/meta-data/placement/region" => FIRST.to_owned(),
                path if path.ends_with("/security-credentials/") || path.ends_with("/security-credentials-extended/") => "role".to_owned(),
                _ => json!({
                    "Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "ASIAEXAMPLEEXAMPLE06", "AccountId": "123456789012",
                    "SecretAccessKey": "canary", "Token": "canary", "Expiration": "2099-01-01T00:00:00Z",
                    "LastUpdated": "2024-01-01T00:00:00Z",
                })
                .to_string(),
            };
            let head = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\nx-aws-ec2-metadata-token-ttl-seconds: 60\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all((head + &body).as_bytes()).unwrap();
        }
    });
    let report = Case::new(&name)
        .unset("AWS_EC2_METADATA_DISABLED")
        .set("AWS_EC2_METADATA_SERVICE_ENDPOINT", &address)
        .set("AWS_ENDPOINT_URL", &world.proxy.url())
        .run();
    assert_eq!(
        (&report["value"], &report["tail"]),
        (&json!("v"), &json!("LE06")),
        "{report}"
    );
    assert_eq!(report["from"], "the machine's metadata service");
}

#[test]
fn tls_goes_through_the_proxy_of_the_environment_and_plain_text_does_not() {
    let Some(world) = World::open() else { return };
    let name = world.secret("proxied", "v");
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let report = Case::new(&name)
        .usual(&world)
        .set("HTTP_PROXY", &address)
        .set("HTTPS_PROXY", &address)
        .run();
    assert_eq!(report["value"], "v", "{report}");
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = proxy.accept().unwrap();
        let mut request = [0; 4_096];
        let length = stream.read(&mut request).unwrap();
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    let report = Case::new(&name)
        .usual(&world)
        .set("AWS_ENDPOINT_URL", "https://secretsmanager.example.invalid")
        .set("HTTPS_PROXY", &address)
        .run();
    assert_eq!(report["kind"], "unreachable", "{report}");
    assert!(
        asked
            .join()
            .unwrap()
            .starts_with("CONNECT secretsmanager.example.invalid:443")
    );
}

#[test]
fn what_is_wrong_with_the_way_there_is_named() {
    let Some(world) = World::open() else { return };
    let usual = || Case::new("x").usual(&world);
    let report = usual()
        .set("AWS_ENDPOINT_URL", "http://secretsmanager.example.invalid")
        .run();
    assert_eq!(report["kind"], "unreachable", "{report}");
    assert!(
        report["hint"].as_str().unwrap().contains("name servers"),
        "{report}"
    );
    // Plain text where TLS is expected.
    let port = world.proxy.url().replace("http:", "https:");
    let report = usual().set("AWS_ENDPOINT_URL", &port).run();
    assert_eq!(report["kind"], "unreachable", "{report}");
    for endpoint in ["not a url", "http://", "ftp://x"] {
        let report = usual().set("AWS_ENDPOINT_URL", endpoint).run();
        assert!(
            report["message"]
                .as_str()
                .unwrap()
                .contains("AWS_ENDPOINT_URL"),
            "{report}"
        );
    }
}

#[test]
fn the_endpoint_that_was_used_is_the_one_to_check() {
    let Some(world) = World::open() else { return };
    let nowhere = "http://secretsmanager.example.invalid";
    let usual = || Case::new("x").usual(&world);
    for (case, variable) in [
        (
            usual().set("AWS_ENDPOINT_URL", nowhere),
            "AWS_ENDPOINT_URL,",
        ),
        (
            usual().set("AWS_ENDPOINT_URL_SECRETS_MANAGER", nowhere),
            "AWS_ENDPOINT_URL_SECRETS_MANAGER",
        ),
        (
            usual()
                .set("AWS_ENDPOINT_URL_SECRETS_MANAGER", &world.proxy.url())
                .set("PROBE_ENDPOINT", nowhere),
            "TALLYLIGHT_SECRETS_ENDPOINT",
        ),
        (
            usual()
                .set("PROBE_ENDPOINT", nowhere)
                .set("PROBE_ROLE", "arn:aws:iam::123456789012:role/reader"),
            "TALLYLIGHT_SECRETS_ENDPOINT",
        ),
        (
            usual()
                .set("AWS_ENDPOINT_URL_STS", nowhere)
                .set("PROBE_ROLE", "arn:aws:iam::123456789012:role/reader"),
            "AWS_ENDPOINT_URL_STS",
        ),
    ] {
        let report = case.run();
        assert_eq!(report["kind"], "unreachable", "{report}");
        let hint = report["hint"].as_str().unwrap();
        assert!(hint.contains(variable), "{variable}: {report}");
        if variable.starts_with("TALLYLIGHT") {
            assert!(!hint.contains("AWS_ENDPOINT_URL"), "{report}");
        }
    }
}
