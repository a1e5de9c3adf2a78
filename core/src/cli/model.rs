//! The picture: what is shown, as words and cells, before anyone draws it.
//!
//! The live view and the plain text both show exactly this. A picture that is not the present never
//! has a light of its own: it says that it is stale, paused or still waited for.

use std::time::Instant;

use super::document::Document;
use super::format::{MISSING, bytes, count, duration, rate, span};
use super::light::{Light, judge};
use super::rows::{self, ErrorBar};
use super::table::Table;
use super::trend::Trend;
use super::view::{Sort, View};

/// All that is shown.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    pub(crate) light: Light,
    /// Why the light is what it is.
    pub(crate) headline: String,
    /// What is wrong with the picture itself, and a hint.
    pub(crate) trouble: Option<(String, Option<String>)>,
    pub(crate) service: String,
    /// Environment, runtime, uptime.
    pub(crate) about: Vec<String>,
    pub(crate) environment_reason: Option<String>,
    /// The document's own time.
    pub(crate) clock: String,
    pub(crate) source: String,
    /// The part of the source that tells services apart.
    pub(crate) host: String,
    pub(crate) has_document: bool,
    pub(crate) figures: Table,
    pub(crate) operations: Table,
    pub(crate) sort: Sort,
    pub(crate) errors: Vec<ErrorBar>,
    pub(crate) instruments: Table,
    pub(crate) trend: Trend,
    pub(crate) throughput: String,
    /// Quantiles of the last minute, for the plot's legend.
    pub(crate) quantiles: [String; 3],
    /// Recordings that Tallylight could not take, if any.
    pub(crate) warnings: Vec<String>,
    pub(crate) footprint: String,
}

impl Picture {
    pub(crate) fn of(view: &View, now: Instant) -> Self {
        let nothing = Document::default();
        let document = view.document.as_ref().unwrap_or(&nothing);
        let (judged, headline) = judge(&document.requests);
        let clock = document
            .time
            .map_or_else(|| MISSING.to_owned(), |time| time.clock());
        let hint = || {
            view.failure
                .as_ref()
                .and_then(|failure| failure.hint.clone())
        };
        let was = format!("last known: {}, at {clock}", judged.word());
        let (light, headline, trouble) = if view.document.is_none() {
            let trouble = view
                .failure
                .as_ref()
                .map(|failure| (failure.message.clone(), hint()));
            let waited = span(view.waiting_for(now).as_secs_f64());
            (
                Light::Waiting,
                format!("for the first answer, {waited} so far"),
                trouble,
            )
        } else if let Some(why) = view.staleness(now) {
            (Light::Stale, was, Some((why, hint())))
        } else if view.paused {
            (Light::Paused, was, None)
        } else {
            (judged, headline, None)
        };
        let minute = document.requests.minute.as_ref();
        Self {
            light,
            headline,
            trouble,
            service: service(document),
            about: about(document),
            environment_reason: document.environment_reason.clone(),
            clock,
            source: view.source.clone(),
            host: host(&view.source).to_owned(),
            has_document: view.document.is_some(),
            figures: rows::figures_table(document),
            operations: rows::operations_table(document, view.sort),
            sort: view.sort,
            errors: rows::error_bars(document),
            instruments: rows::instruments_table(document),
            trend: Trend::new(document, &view.samples),
            throughput: rate(minute.and_then(|figures| figures.per_second)),
            quantiles: [0, 1, 2].map(|which| {
                let quiet = minute.is_none_or(|figures| figures.count == Some(0.0));
                let value =
                    minute.and_then(|figures| [figures.p50, figures.p95, figures.p99][which]);
                if quiet {
                    MISSING.to_owned()
                } else {
                    duration(value)
                }
            }),
            warnings: warnings(document),
            footprint: footprint(document),
        }
    }
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default()
}

fn service(document: &Document) -> String {
    let name = document
        .service
        .as_deref()
        .unwrap_or("(service without a name)");
    match &document.release {
        Some(release) => format!("{name} {release}"),
        None => name.to_owned(),
    }
}

fn about(document: &Document) -> Vec<String> {
    let mut parts = Vec::new();
    parts.extend(document.environment.clone());
    match (&document.runtime, document.pid) {
        (Some(runtime), Some(pid)) => parts.push(format!("{runtime} pid {pid}")),
        (Some(runtime), None) => parts.push(runtime.clone()),
        (None, _) => {}
    }
    parts.extend(
        document
            .uptime
            .map(|seconds| format!("up {}", span(seconds))),
    );
    parts.extend(
        document
            .sdk
            .as_ref()
            .map(|version| format!("sdk {version}")),
    );
    parts
}

fn warnings(document: &Document) -> Vec<String> {
    let telemetry = &document.telemetry;
    let mut warnings = Vec::new();
    if !telemetry.drops.is_empty() {
        let reasons: Vec<String> = telemetry
            .drops
            .iter()
            .map(|(reason, number)| format!("{} {reason}", count(Some(*number))))
            .collect();
        warnings.push(format!("recordings dropped: {}", reasons.join(", ")));
    }
    let mut number = |value: Option<f64>, what: &str| {
        if value.is_some_and(|value| value > 0.0) {
            warnings.push(format!("{} {what}", count(value)));
        }
    };
    number(
        telemetry.clamped,
        "values above the range, recorded as its end",
    );
    number(
        telemetry.overflowed,
        "series past the limit, counted together",
    );
    number(telemetry.truncated, "label values cut");
    number(
        telemetry.ticker_restarts,
        "restarts of the background thread",
    );
    if telemetry.ticker_running == Some(false) {
        warnings.push("the background thread is not running".to_owned());
    }
    warnings
}

fn footprint(document: &Document) -> String {
    let telemetry = &document.telemetry;
    if telemetry.series.is_none() {
        return String::new();
    }
    let most = telemetry
        .max_series
        .map(|most| format!(" of {}", count(Some(most))))
        .unwrap_or_default();
    format!(
        "{}{most} series in {}",
        count(telemetry.series),
        bytes(telemetry.memory)
    )
}

#[cfg(test)]
#[path = "model_tests.rs"]
mod tests;
