//! `tallylight secrets doctor`: what works of the way to the secrets, and how to mend the rest.
//!
//! The invariants: nothing is written, in AWS or here; it fails exactly when a service with these
//! settings could not read one of the secrets, or has a sealed cache that is of no use; and what was
//! not tested is never called good.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::args::{Connection, DoctorArgs, Who};
use super::files;
use super::findings::{Finding, Findings, Verdict};
use super::origin::{self, Origin};
use super::say::{self, Trouble};
use super::session::Session;
use super::{permissions, refusal, sealed_cache};
use crate::cli::FAILED;
use crate::cli::format::span;
use crate::cli::output::{End, Level, paint};
use crate::secrets::Source;
use crate::secrets::aws::{self, DoctorReport};
use crate::secrets::failure::{Failure, FailureKind};
use crate::secrets::name::SecretName;

/// How long all calls together may take.
const WHOLE: Duration = Duration::from_secs(30);
/// How long `--policy` tries to learn the account.
const GLANCE: Duration = Duration::from_secs(5);
/// AWS refuses signatures 300 s off; from the first on it is told, from the second on it is bad.
const SKEW_TOLD: u64 = 30;
const SKEW_BAD: u64 = 240;
/// Credentials that cannot renew themselves and end so soon are told.
const SOON: u64 = 15 * 60;

pub(super) fn run(options: &DoctorArgs, session: &Session<'_>) -> Result<i32, End> {
    let mut names = Vec::new();
    for (at, name) in options.names.iter().enumerate() {
        let place = format!("argument {}", at + 1);
        names.push(refusal::name(name, &place, &session.declarations)?);
    }
    if options.names.is_empty() {
        for known in session.declarations.all() {
            names.push(SecretName::parse(&known.name).map_err(Trouble::from)?);
        }
    }
    if let Some(who) = options.policy {
        return print_policy(who, &names, session);
    }
    let mut findings = Findings::default();
    surroundings(&mut findings, session);
    let origins: Vec<Origin> = names.iter().map(|name| Origin::of(name, session)).collect();
    let asked: Vec<String> = names
        .iter()
        .zip(&origins)
        .filter(|(_, origin)| origin.aws && origin.file.is_none())
        .map(|(name, _)| name.as_str().to_owned())
        .collect();
    let report = if asked.is_empty() {
        None
    } else {
        let work = session.aws.doctor(&asked, session.within(WHOLE));
        Some(session.wait("testing", work)?)
    };
    if let Some(report) = &report {
        way_to_aws(&mut findings, report, &options.connection);
    }
    let files = files::findings(&names, &origins, session)?;
    for ((name, origin), file) in names.iter().zip(&origins).zip(files) {
        let finding = match file {
            Some(file) => file,
            None => secret(name, origin, report.as_ref(), session),
        };
        findings.add("secrets", finding);
    }
    if let Some(report) = &report {
        permissions::add(&mut findings, report, &origins);
    }
    if let Some(finding) = sealed_cache::finding(session)? {
        findings.add("sealed cache", finding);
    }
    let missing = report
        .as_ref()
        .map(permissions::missing)
        .unwrap_or_default();
    if options.json {
        say::document(
            session.output,
            document(&findings, report.as_ref(), &missing, session),
        )?;
    } else {
        let colour = session.output.colour();
        let mut text = findings.text(colour);
        if !missing.is_empty() {
            let title = paint("missing IAM statements", Level::Strong, colour);
            text.push_str(&format!("\n{title}\n{:#}\n", Value::Array(missing)));
        }
        say::data(session.output, &text)?;
    }
    Ok(if findings.verdict() == Verdict::Bad {
        FAILED
    } else {
        0
    })
}

/// The environment and the sources that follow from it.
fn surroundings(findings: &mut Findings, session: &Session<'_>) {
    let environment = &session.environment;
    findings.add(
        "environment",
        Finding::good(
            "environment",
            format!("{} ({})", environment.name, environment.reason),
        ),
    );
    let sources = session.config.secrets.sources;
    let mut told: Vec<String> = Vec::new();
    for source in sources.list() {
        told.push(match source {
            Source::Environment if !session.is_development() => {
                "environment (silent: this is no development)".to_owned()
            }
            Source::Aws if session.is_development() && !origin::has_aws(session) => {
                "aws (silent: nothing says how to reach it)".to_owned()
            }
            source => source.to_string(),
        });
    }
    findings.add("environment", Finding::good("sources", told.join(", ")));
}

/// Region, credentials, caller and clock.
fn way_to_aws(findings: &mut Findings, report: &DoctorReport, connection: &Connection) {
    const AREA: &str = "AWS";
    findings.add(AREA, region(report, connection));
    if let Some(endpoint) = &report.endpoint {
        findings.add(AREA, Finding::good("endpoint", endpoint.clone()));
    }
    findings.add(AREA, credentials(report));
    match &report.caller {
        Some(Ok(caller)) => findings.add(AREA, Finding::good("caller", caller.arn.clone())),
        Some(Err(failure)) => {
            let verdict = match failure.kind {
                FailureKind::Credentials => Verdict::Bad,
                // STS may be out of reach where Secrets Manager is not, as in a private subnet.
                _ => Verdict::Warning,
            };
            findings.add(AREA, Finding::of("caller", verdict, failure));
        }
        None => {}
    }
    if let Some(seconds) = report.clock_skew_seconds {
        let off = seconds.unsigned_abs();
        let direction = if seconds > 0 { "behind" } else { "ahead of" };
        let text = format!("{off} s {direction} AWS's");
        let fix = "set this machine's clock, and keep it set (NTP): AWS refuses signatures more than 300 s off";
        findings.add(
            AREA,
            match off {
                0..SKEW_TOLD => Finding::good("clock", format!("{off} s off")),
                SKEW_TOLD..SKEW_BAD => Finding::warning("clock", text, fix),
                _ => Finding::bad("clock", text, fix),
            },
        );
    }
}

fn region(report: &DoctorReport, connection: &Connection) -> Finding {
    const FIX: &str = "set AWS_REGION or TALLYLIGHT_SECRETS_REGION, or a region in the profile that AWS_PROFILE names";
    let by_variable = || {
        let variables = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter();
        variables
            .filter_map(|name| Some((std::env::var(name).ok()?, name)))
            .find(|(region, _)| !region.is_empty())
    };
    match (&report.region, report.region_from) {
        (Some(region), _) if connection.region.is_some() => {
            Finding::good("region", format!("{region} (from --region)"))
        }
        (Some(region), Some(from)) => Finding::good("region", format!("{region} (from {from})")),
        (Some(region), None) => Finding::good("region", region.clone()),
        (None, _) if report.identity.is_ok() => Finding::bad("region", "none is configured", FIX),
        // The SDK was not asked for one, for want of credentials.
        (None, _) => match by_variable() {
            Some((region, from)) => Finding::good("region", format!("{region} (from {from})")),
            None => Finding::warning("region", "no variable names one", FIX),
        },
    }
}

fn credentials(report: &DoctorReport) -> Finding {
    let identity = match &report.identity {
        Ok(identity) => identity,
        Err(failure) => return Finding::of("credentials", Verdict::Bad, failure),
    };
    let mut text = format!("{}, key ****{}", identity.provider, identity.key_tail);
    if let Some(role) = &identity.role {
        text.push_str(&format!(", as {role}"));
    }
    match report.seconds_left(SystemTime::now()) {
        None => Finding::good("credentials", format!("{text}, no expiry known")),
        Some(0) => Finding::bad(
            "credentials",
            format!("{text}, expired"),
            "sign in again, or use a role, which renews itself",
        ),
        Some(left) if left < SOON && identity.provider == "EnvironmentVariable" => {
            Finding::warning(
                "credentials",
                format!("{text}, expires in {}", span(left as f64)),
                "sign in again in time, or use a role, which renews itself",
            )
        }
        Some(left) => Finding::good(
            "credentials",
            format!("{text}, expires in {}", span(left as f64)),
        ),
    }
}

/// Where a secret comes from that is in no file, and whether it does.
fn secret(
    name: &SecretName,
    origin: &Origin,
    report: Option<&DoctorReport>,
    session: &Session<'_>,
) -> Finding {
    let shown = name.as_str();
    let variable = origin.variable.as_deref();
    if !origin.aws {
        return match variable {
            Some(variable) => Finding::good(shown, format!("from the variable {variable}")),
            None => nowhere(name, session),
        };
    }
    let read = report.and_then(|report| {
        let checks = report.calls.iter();
        checks
            .filter(|check| check.call == "GetSecretValue")
            .find(|check| check.name.as_deref() == Some(shown))
    });
    let failure = match read.map(|check| &check.verdict) {
        Some(aws::Verdict::Allowed) => return Finding::good(shown, "from AWS"),
        Some(
            aws::Verdict::Missing(failure)
            | aws::Verdict::Denied(failure)
            | aws::Verdict::Unknown(failure),
        ) => Some(failure),
        _ => None,
    };
    match (variable, failure) {
        // In development a variable answers whatever AWS says.
        (
            Some(variable),
            Some(Failure {
                kind: FailureKind::NotFound,
                ..
            }),
        ) => Finding::good(
            shown,
            format!("from the variable {variable} (AWS has none)"),
        ),
        (Some(variable), failure) => Finding::warning(
            shown,
            match failure {
                Some(failure) => format!("from the variable {variable}; AWS: {}", failure.text),
                None => format!("from the variable {variable}; AWS was not reached"),
            },
            "mend the way to AWS, or take aws out of TALLYLIGHT_SECRETS_SOURCES in development",
        ),
        (None, Some(failure)) => Finding::of(shown, Verdict::Bad, failure),
        (None, None) => {
            Finding::untested(shown, "AWS was not reached").fix("mend what stands above first")
        }
    }
}

fn nowhere(name: &SecretName, session: &Session<'_>) -> Finding {
    let variables = origin::variables(name, &session.declarations);
    let fix = if session.is_development() {
        format!(
            "set {}, or {} to a file's path, or AWS_REGION and credentials to ask AWS",
            variables.join(" or "),
            name.file_variable()
        )
    } else {
        format!(
            "set {} to a file's path, or switch the source aws on",
            name.file_variable()
        )
    };
    Finding::bad(name.as_str(), "no source has it", fix)
}

fn document(
    findings: &Findings,
    report: Option<&DoctorReport>,
    missing: &[Value],
    session: &Session<'_>,
) -> Value {
    let mut document = json!({
        "verdict": findings.verdict().word(),
        "environment": {
            "name": session.environment.name,
            "reason": session.environment.reason,
            "isDevelopment": session.is_development(),
        },
        "sources": session.config.secrets.sources.list().iter().map(|s| s.as_str()).collect::<Vec<_>>(),
        "checks": findings.json(),
        "missingStatements": missing,
    });
    if let Some(report) = report {
        let identity = report.identity.as_ref().ok();
        document["aws"] = say::object([
            ("region", json!(report.region)),
            ("regionFrom", json!(report.region_from)),
            ("endpoint", json!(report.endpoint)),
            (
                "provider",
                json!(identity.map(|identity| &identity.provider)),
            ),
            (
                "accessKeyTail",
                json!(identity.map(|identity| &identity.key_tail)),
            ),
            (
                "expiresAt",
                say::stamp(identity.and_then(|identity| identity.expires_at)),
            ),
            (
                "role",
                json!(identity.and_then(|identity| identity.role.as_deref())),
            ),
            (
                "caller",
                match &report.caller {
                    Some(Ok(caller)) => json!({ "arn": caller.arn, "account": caller.account }),
                    _ => Value::Null,
                },
            ),
            ("clockSkewSeconds", json!(report.clock_skew_seconds)),
            (
                "calls",
                report.calls.iter().map(permissions::document).collect(),
            ),
        ]);
    }
    document
}

/// `--policy`: without AWS at hand the account is a `*`.
fn print_policy(who: Who, names: &[SecretName], session: &Session<'_>) -> Result<i32, End> {
    let names: Vec<String> = names.iter().map(|name| name.as_str().to_owned()).collect();
    let report = match origin::has_aws(session) {
        true => {
            let until = session.within(GLANCE);
            Some(session.wait("asking for the account", session.aws.doctor(&[], until))?)
        }
        false => None,
    };
    let region = report.as_ref().and_then(|report| report.region.as_deref());
    let account = report.as_ref().and_then(DoctorReport::account);
    let policy = match who {
        Who::Service => aws::minimal_policy(&names, region, account),
        Who::Operator => aws::operator_policy(&names, region, account),
    };
    say::document(session.output, policy)?;
    Ok(0)
}
