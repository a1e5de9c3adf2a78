//! What `doctor` says of each call: permitted, denied, or not tested.
//!
//! The invariant: what is the same for every secret is told once, and a call that a service can do
//! without is never worse than a warning.

use serde_json::{Value, json};

use super::findings::{Finding, Findings, Verdict};
use super::origin::Origin;
use super::say::{self, Trouble};
use crate::secrets::aws::{self, CallCheck, DoctorReport};
use crate::secrets::failure::FailureKind;

const AREA: &str = "permissions";

/// Adds a finding for each call, or for each secret where they differ.
pub(super) fn add(findings: &mut Findings, report: &DoctorReport, origins: &[Origin]) {
    let can_do_without = origins.iter().all(|origin| origin.variable.is_some());
    let mut calls: Vec<&'static str> = Vec::new();
    for check in &report.calls {
        if !calls.contains(&check.call) {
            calls.push(check.call);
        }
    }
    for call in calls {
        let checks = report.calls.iter().filter(|check| check.call == call);
        add_call(findings, call, checks, can_do_without);
    }
}

fn add_call<'a>(
    findings: &mut Findings,
    call: &'static str,
    checks: impl Iterator<Item = &'a CallCheck>,
    can_do_without: bool,
) {
    let mut is_allowed = false;
    let mut not_tested = None;
    let mut troubles: Vec<(Finding, FailureKind)> = Vec::new();
    for check in checks {
        let (failure, what) = match &check.verdict {
            // That there is none AWS tells those alone who may ask.
            aws::Verdict::Allowed | aws::Verdict::Missing(_) => {
                is_allowed = true;
                continue;
            }
            aws::Verdict::NotTested(why) => {
                not_tested = Some(*why);
                continue;
            }
            aws::Verdict::Denied(failure) => (failure, "denied"),
            aws::Verdict::Unknown(failure) => (failure, "not known"),
        };
        let subject = match &check.name {
            Some(name) => format!("{call} {name}"),
            None => call.to_owned(),
        };
        let verdict = match call {
            "GetSecretValue" | "kms:Decrypt" if !can_do_without => Verdict::Bad,
            _ => Verdict::Warning,
        };
        let mut finding = Finding::of(subject, verdict, failure);
        finding.text = match call {
            // Told in full with the secret.
            "GetSecretValue" => what.to_owned(),
            _ => format!("{what}: {}{}", finding.text, without(call)),
        };
        troubles.push((finding, failure.kind));
    }
    // Whoever cannot be reached cannot be reached for every secret.
    troubles.dedup_by(|(_, a), (_, b)| a == b && *a != FailureKind::Denied);
    if is_allowed {
        findings.add(AREA, Finding::good(call, "allowed"));
    }
    for (finding, _) in troubles {
        findings.add(AREA, finding);
    }
    if !is_allowed && let Some(why) = not_tested {
        findings.add(AREA, Finding::untested(call, why));
    }
}

/// What a call that a service can do without is good for.
fn without(call: &str) -> &'static str {
    match call {
        "DescribeSecret" => "; a service reads without it, `secrets list`, setup and rotate do not",
        "BatchGetSecretValue" => "; without it each secret is a call of its own",
        "ListSecrets" => "; only `secrets list --all` needs it",
        _ => "",
    }
}

/// The statements that are missing, each once.
pub(super) fn missing(report: &DoctorReport) -> Vec<Value> {
    let mut missing: Vec<Value> = Vec::new();
    for statement in &report.missing {
        if !missing.contains(statement) {
            missing.push(statement.clone());
        }
    }
    missing
}

/// One call for programs.
pub(super) fn document(check: &CallCheck) -> Value {
    let (verdict, failure, why) = match &check.verdict {
        aws::Verdict::Allowed => ("allowed", None, None),
        aws::Verdict::Missing(failure) => ("missing", Some(failure), None),
        aws::Verdict::Denied(failure) => ("denied", Some(failure), None),
        aws::Verdict::Unknown(failure) => ("unknown", Some(failure), None),
        aws::Verdict::NotTested(why) => ("not_tested", None, Some(*why)),
    };
    let error = failure.map_or(Value::Null, |failure| Trouble::from(failure).json());
    say::object([
        ("call", json!(check.call)),
        ("name", json!(check.name)),
        ("verdict", json!(verdict)),
        ("why", json!(why)),
        ("error", error),
    ])
}
