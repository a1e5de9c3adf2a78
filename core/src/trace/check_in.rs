//! Check-ins: a job tells that it runs, ran well or failed, and the server tells when it did not run.
//!
//! Source: <https://develop.sentry.dev/sdk/telemetry/check-ins/>.

use serde_json::{Map, Value, json};

use super::ids::{TraceId, random};
use super::{Facts, Traces};
use crate::errors::{Category, DiscardReason, EventId, Item, Outcome};

/// Longest name of a monitor; a longer one is cut. The limit of Sentry's own database.
pub const MAX_SLUG_BYTES: usize = 50;

/// How a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckInStatus {
    /// It has started.
    InProgress,
    /// It ended well.
    Ok,
    /// It failed.
    Error,
}

impl CheckInStatus {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Ok => "ok",
            Self::Error => "error",
        }
    }

    /// The status of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::InProgress, Self::Ok, Self::Error]
            .into_iter()
            .find(|status| status.name() == name)
    }
}

/// When a job is to run.
#[derive(Debug, Clone, PartialEq)]
pub enum Schedule {
    /// As cron writes it: `0 2 * * *`.
    Crontab(String),
    /// Every so many of a unit: `year`, `month`, `week`, `day`, `hour` or `minute`.
    Every(u64, String),
}

/// What a monitor is created with, or changed to, by a check-in.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Monitor {
    /// When the job is to run; without it the server changes nothing.
    pub schedule: Option<Schedule>,
    /// Minutes after which a check-in that did not come is missed.
    pub checkin_margin: Option<f64>,
    /// Minutes after which a job that did not end has failed.
    pub max_runtime: Option<f64>,
    /// Failures in a row that make an issue.
    pub failure_issue_threshold: Option<u64>,
    /// Successes in a row that resolve it.
    pub recovery_threshold: Option<u64>,
    /// The time zone of the schedule, as the tz database names it; UTC otherwise.
    pub timezone: Option<String>,
    /// Whose it is, `user:` or `team:`.
    pub owner: Option<String>,
}

/// A check-in.
#[derive(Debug, Clone, Copy)]
pub struct CheckIn<'a> {
    /// The monitor's name; what a URL could not hold is replaced by a dash.
    pub slug: &'a str,
    /// How the job does.
    pub status: CheckInStatus,
    /// Of the check-in that this one ends; none begins one.
    pub id: Option<EventId>,
    /// Seconds that the job took.
    pub duration: Option<f64>,
    /// What the monitor is to be.
    pub monitor: Option<&'a Monitor>,
    /// The trace that the job is in.
    pub trace_id: Option<TraceId>,
}

impl Traces {
    /// Captures a check-in and answers its id, for the check-in that ends it. One without a usable name
    /// is discarded as `invalid`.
    pub fn check_in(&self, check_in: &CheckIn<'_>) -> (EventId, Outcome) {
        let id = check_in
            .id
            .unwrap_or_else(|| EventId(u128::from_ne_bytes(random())));
        let errors = &self.shared.errors;
        let slug = slug_of(check_in.slug);
        if slug.is_empty() {
            errors.discard(Category::CheckIn, DiscardReason::Invalid, 1);
            return (id, Outcome::Discarded(DiscardReason::Invalid));
        }
        let payload = payload(&self.shared.facts.load(), check_in, id, &slug);
        let outcome = errors.capture(&Item {
            category: Category::CheckIn,
            id,
            payload: &payload,
            trace: None,
            attachments: &[],
            profile: None,
        });
        (id, outcome)
    }
}

fn payload(facts: &Facts, check_in: &CheckIn<'_>, id: EventId, slug: &str) -> String {
    let mut payload = Map::new();
    let mut insert = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            payload.insert(key.to_owned(), value);
        }
    };
    insert("check_in_id", Some(json!(id.to_string())));
    insert("monitor_slug", Some(json!(slug)));
    insert("status", Some(json!(check_in.status.name())));
    let is_duration = |seconds: &f64| seconds.is_finite() && *seconds >= 0.0;
    let duration = check_in.duration.filter(is_duration);
    insert("duration", duration.map(|seconds| json!(seconds)));
    let release = facts.release.as_ref();
    insert("release", release.map(|release| json!(release)));
    insert("environment", Some(json!(facts.environment)));
    insert("monitor_config", check_in.monitor.and_then(config_of));
    let contexts = check_in
        .trace_id
        .map(|trace| json!({ "trace": { "trace_id": trace.to_string() } }));
    insert("contexts", contexts);
    Value::Object(payload).to_string()
}

/// Lower case letters, digits, dashes and underscores, as the server would make it.
fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for c in name.trim().chars() {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_alphanumeric() || c == '_' {
            slug.push(c);
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
        if slug.len() == MAX_SLUG_BYTES {
            break;
        }
    }
    slug.trim_matches('-').to_owned()
}

/// None without a schedule, which the server cannot do without.
fn config_of(monitor: &Monitor) -> Option<Value> {
    let schedule = match monitor.schedule.as_ref()? {
        Schedule::Crontab(value) => json!({ "type": "crontab", "value": value }),
        Schedule::Every(value, unit) => json!({ "type": "interval", "value": value, "unit": unit }),
    };
    let mut config = Map::from_iter([("schedule".to_owned(), schedule)]);
    for (key, value) in [
        (
            "checkin_margin",
            monitor.checkin_margin.map(|value| json!(value)),
        ),
        ("max_runtime", monitor.max_runtime.map(|value| json!(value))),
        (
            "failure_issue_threshold",
            monitor.failure_issue_threshold.map(|value| json!(value)),
        ),
        (
            "recovery_threshold",
            monitor.recovery_threshold.map(|value| json!(value)),
        ),
        (
            "timezone",
            monitor.timezone.as_ref().map(|value| json!(value)),
        ),
        ("owner", monitor.owner.as_ref().map(|value| json!(value))),
    ] {
        if let Some(value) = value {
            config.insert(key.to_owned(), value);
        }
    }
    Some(Value::Object(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_in_is_as_the_server_reads_it() {
        let monitor = Monitor {
            schedule: Some(Schedule::Every(2, "hour".to_owned())),
            max_runtime: Some(30.0),
            failure_issue_threshold: Some(2),
            timezone: Some("Europe/Berlin".to_owned()),
            ..Monitor::default()
        };
        let check_in = CheckIn {
            slug: "Backup",
            status: CheckInStatus::Error,
            id: None,
            duration: Some(1.5),
            monitor: Some(&monitor),
            trace_id: TraceId::parse("0af7651916cd43dd8448eb211c80319c"),
        };
        let facts = Facts {
            release: Some("app@1".to_owned()),
            environment: "test".to_owned(),
            ..Facts::default()
        };
        let read = |check_in: &CheckIn<'_>| -> Value {
            serde_json::from_str(&payload(&facts, check_in, EventId(7), "backup")).unwrap()
        };
        assert_eq!(
            read(&check_in),
            json!({
                "check_in_id": "00000000000000000000000000000007",
                "monitor_slug": "backup",
                "status": "error",
                "duration": 1.5,
                "release": "app@1",
                "environment": "test",
                "monitor_config": {
                    "schedule": { "type": "interval", "value": 2, "unit": "hour" },
                    "max_runtime": 30.0,
                    "failure_issue_threshold": 2,
                    "timezone": "Europe/Berlin",
                },
                "contexts": { "trace": { "trace_id": "0af7651916cd43dd8448eb211c80319c" } },
            })
        );
        // Without a schedule the server would refuse the rest.
        let without = Monitor {
            schedule: None,
            ..monitor.clone()
        };
        let check_in = CheckIn {
            monitor: Some(&without),
            duration: Some(f64::NAN),
            ..check_in
        };
        let read = read(&check_in);
        assert!(read.get("monitor_config").is_none() && read.get("duration").is_none());
    }

    #[test]
    fn a_name_becomes_what_a_url_can_hold() {
        for (name, slug) in [
            ("nightly-backup", "nightly-backup"),
            ("  Nightly Backup! ", "nightly-backup"),
            ("a//b__c", "a-b__c"),
            ("---", ""),
            ("", ""),
            ("é", ""),
        ] {
            assert_eq!(slug_of(name), slug, "{name}");
        }
        assert_eq!(slug_of(&"x".repeat(80)).len(), MAX_SLUG_BYTES);
    }
}
