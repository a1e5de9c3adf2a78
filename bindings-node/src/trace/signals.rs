//! Check-ins, sessions and authentication failures.

use napi_derive::napi;
use tallylight::errors::EventId;
use tallylight::trace::{CheckIn, CheckInStatus, Monitor, Schedule, SessionEnd};
use tallylight::{Error, ErrorKind};

use super::trace_of;
use crate::boundary::{Result, contained};

/// A check-in of a job, and what its monitor is to be.
#[napi(object, object_to_js = false)]
pub struct CheckInRequest {
    /// The monitor's name.
    pub slug: String,
    /// `in_progress`, `ok` or `error`.
    pub status: String,
    /// The id of the check-in that this one ends.
    pub id: Option<String>,
    /// Seconds that the job took.
    pub duration: Option<f64>,
    /// The trace that the job is in.
    pub trace_id: Option<String>,
    /// The schedule as cron writes it.
    pub crontab: Option<String>,
    /// The schedule as every so many...
    pub every: Option<u32>,
    /// ...of this unit.
    pub unit: Option<String>,
    /// Minutes after which a check-in is missed.
    pub checkin_margin: Option<f64>,
    /// Minutes after which a job has failed.
    pub max_runtime: Option<f64>,
    /// Failures in a row that make an issue.
    pub failure_issue_threshold: Option<u32>,
    /// Successes in a row that resolve it.
    pub recovery_threshold: Option<u32>,
    /// The time zone of the schedule.
    pub timezone: Option<String>,
    /// Whose it is.
    pub owner: Option<String>,
}

impl CheckInRequest {
    fn monitor(&self) -> Option<Monitor> {
        let schedule = match (&self.crontab, self.every, &self.unit) {
            (Some(crontab), ..) => Schedule::Crontab(crontab.clone()),
            (None, Some(every), Some(unit)) => Schedule::Every(u64::from(every), unit.clone()),
            _ => return None,
        };
        Some(Monitor {
            schedule: Some(schedule),
            checkin_margin: self.checkin_margin,
            max_runtime: self.max_runtime,
            failure_issue_threshold: self.failure_issue_threshold.map(u64::from),
            recovery_threshold: self.recovery_threshold.map(u64::from),
            timezone: self.timezone.clone(),
            owner: self.owner.clone(),
        })
    }
}

/// Captures a check-in; answers its id, for the one that ends it.
#[napi]
pub fn check_in(request: CheckInRequest) -> Result<String> {
    contained(|| {
        let status = CheckInStatus::parse(&request.status).ok_or_else(|| {
            let message = format!(
                "a check-in has no status {:?}; use in_progress, ok or error",
                request.status
            );
            Error::new(ErrorKind::InvalidValue, message)
        })?;
        let monitor = request.monitor();
        let (id, _) = tallylight::global()?.traces().check_in(&CheckIn {
            slug: &request.slug,
            status,
            id: request.id.as_deref().map(EventId::parse).transpose()?,
            duration: request.duration,
            monitor: monitor.as_ref(),
            trace_id: request.trace_id.as_deref().map(trace_of).transpose()?,
        });
        Ok(id.to_string())
    })
}

/// Starts the session of this process; whether there is one now.
#[napi]
pub fn start_session(user: Option<String>) -> Result<bool> {
    contained(|| {
        Ok(tallylight::global()?
            .traces()
            .start_session(user.as_deref()))
    })
}

/// Ends the session of this process; whether there was one.
#[napi]
pub fn end_session(end: String) -> Result<bool> {
    contained(|| {
        let known = SessionEnd::parse(&end).ok_or_else(|| {
            let message = format!("a session has no end {end:?}; use exited, crashed or abnormal");
            Error::new(ErrorKind::InvalidValue, message)
        })?;
        Ok(tallylight::global()?.traces().end_session(known))
    })
}

/// Counts an error into the session of this process.
#[napi]
pub fn session_errored() -> Result<()> {
    contained(|| {
        tallylight::global()?.traces().session_errored();
        Ok(())
    })
}

/// Counts an authentication failure; answers the event to capture, as JSON, when one is due.
#[napi]
pub fn count_authentication_failure(reason: String) -> Result<Option<String>> {
    contained(|| {
        let tally = tallylight::global()?;
        let due = tally.traces().count_authentication_failure(&reason, None);
        Ok(due.map(|report| report.event))
    })
}
