//! The status document as a reader sees it: typed, and lenient.
//!
//! Only what makes the document unreadable as a whole is an error. A field that is missing, of the
//! wrong type or not finite is `None` and shown as `-`; unknown fields are passed over. Every string
//! in here has been cleaned, so whoever shows it need not think of escape sequences.

use serde_json::{Map, Value};

use super::names::{Series, told_apart};
use super::text::{clean, cut};
use super::time::Moment;

/// The version of the document that this command reads.
pub(crate) const SCHEMA_VERSION: u32 = crate::status::SCHEMA_VERSION;

/// How much of a long list or string is kept: far more than anyone scrolls through.
const MOST_ROWS: usize = 5_000;
const MOST_CHARS: usize = 200;

/// Why an answer is no status document.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Malformed {
    /// Not JSON; how it starts, and where it went wrong.
    NotJson { start: String, reason: String },
    /// JSON, but something else.
    NotStatus(&'static str),
    /// A version of the document that this command does not know.
    Version(String),
}

/// Figures of one set of requests or calls. Durations are milliseconds, rates percent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Figures {
    pub(crate) count: Option<f64>,
    pub(crate) errors: Option<f64>,
    pub(crate) error_rate: Option<f64>,
    pub(crate) per_second: Option<f64>,
    pub(crate) p50: Option<f64>,
    pub(crate) p95: Option<f64>,
    pub(crate) p99: Option<f64>,
    pub(crate) p999: Option<f64>,
    pub(crate) max: Option<f64>,
}

/// Figures over the last minute, five minutes and hour, and since the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Windows {
    pub(crate) minute: Option<Figures>,
    pub(crate) five_minutes: Option<Figures>,
    /// How much of the five minutes the service has seen so far, in seconds.
    pub(crate) five_minutes_covered: Option<f64>,
    pub(crate) hour: Option<Figures>,
    pub(crate) total: Option<Figures>,
}

/// One operation.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Operation {
    /// Name and labels.
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) windows: Windows,
}

/// Errors of one type in one operation.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ErrorRow {
    pub(crate) name: String,
    pub(crate) operation: String,
    pub(crate) count: Option<f64>,
    pub(crate) recent: Option<f64>,
}

/// A counter or a gauge.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Instrument {
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) value: Option<f64>,
    pub(crate) per_second: Option<f64>,
}

/// A plain histogram.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Distribution {
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) count: Option<f64>,
    pub(crate) mean: Option<f64>,
    pub(crate) p50: Option<f64>,
    pub(crate) p95: Option<f64>,
    pub(crate) p99: Option<f64>,
    pub(crate) max: Option<f64>,
}

/// One step of the recent past.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) time: Moment,
    pub(crate) requests: Option<f64>,
    pub(crate) p50: Option<f64>,
    pub(crate) p95: Option<f64>,
    pub(crate) p99: Option<f64>,
}

/// What Tallylight says about itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Telemetry {
    pub(crate) series: Option<f64>,
    pub(crate) max_series: Option<f64>,
    pub(crate) memory: Option<f64>,
    /// Recordings refused, by reason; only those that happened.
    pub(crate) drops: Vec<(String, f64)>,
    pub(crate) clamped: Option<f64>,
    pub(crate) overflowed: Option<f64>,
    pub(crate) truncated: Option<f64>,
    pub(crate) ticker_running: Option<bool>,
    pub(crate) ticker_restarts: Option<f64>,
}

/// A whole status document.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Document {
    pub(crate) time: Option<Moment>,
    pub(crate) environment: Option<String>,
    pub(crate) environment_reason: Option<String>,
    pub(crate) service: Option<String>,
    pub(crate) release: Option<String>,
    pub(crate) runtime: Option<String>,
    pub(crate) pid: Option<f64>,
    pub(crate) sdk: Option<String>,
    pub(crate) uptime: Option<f64>,
    pub(crate) requests: Windows,
    pub(crate) models: Windows,
    pub(crate) operations: Vec<Operation>,
    pub(crate) errors: Vec<ErrorRow>,
    pub(crate) counters: Vec<Instrument>,
    pub(crate) gauges: Vec<Instrument>,
    pub(crate) distributions: Vec<Distribution>,
    pub(crate) history: Vec<Point>,
    pub(crate) history_step: Option<f64>,
    pub(crate) telemetry: Telemetry,
}

impl Document {
    /// Reads a document out of a response body.
    pub(crate) fn parse(body: &str) -> Result<Self, Malformed> {
        let value: Value = serde_json::from_str(body).map_err(|error| Malformed::NotJson {
            start: cut(&clean(body.trim_start(), 80), 60),
            reason: clean(&error.to_string(), MOST_CHARS),
        })?;
        let Value::Object(root) = &value else {
            return Err(Malformed::NotStatus("it is JSON, but no object"));
        };
        match root.get("schemaVersion") {
            None | Some(Value::Null) => {}
            Some(version) if version.as_f64() == Some(f64::from(SCHEMA_VERSION)) => {}
            Some(version) => return Err(Malformed::Version(clean(&version.to_string(), 20))),
        }
        if !root.get("metrics").is_some_and(Value::is_object) {
            return Err(Malformed::NotStatus("it has no `metrics`"));
        }
        Ok(Self::read(Fields(root)))
    }

    fn read(root: Fields<'_>) -> Self {
        let service = root.object("service");
        let process = root.object("process");
        let history = root.object("history");
        Self {
            time: root.moment("timestamp"),
            environment: root.text("environment"),
            environment_reason: root.text("environmentReason"),
            service: service.text("name"),
            release: service.text("release"),
            runtime: process.text("runtime"),
            pid: process.number("pid"),
            sdk: process.text("sdkVersion"),
            uptime: process.number("uptimeSeconds"),
            requests: windows(root, Some(figures(root.object("metrics")))),
            models: models(root.object("models")),
            operations: named(root.rows("operations"), operation),
            errors: root.rows("errors").map(error_row).collect(),
            counters: named(root.rows("counters"), instrument),
            gauges: named(root.rows("gauges"), instrument),
            distributions: named(root.rows("histograms"), distribution),
            history: history.rows("points").filter_map(point).collect(),
            history_step: history.number("stepSeconds").filter(|step| *step > 0.0),
            telemetry: telemetry(root.object("telemetry")),
        }
    }
}

fn figures(from: Fields<'_>) -> Figures {
    let first = |names: [&str; 3]| names.iter().find_map(|name| from.number(name));
    Figures {
        count: first(["totalRequests", "totalCalls", "count"]),
        errors: first(["totalErrors", "errors", ""]),
        error_rate: from.number("errorRate"),
        per_second: first(["requestsPerSecond", "callsPerSecond", "perSecond"]),
        p50: from.number("p50Duration"),
        p95: from.number("p95Duration"),
        p99: from.number("p99Duration"),
        p999: from.number("p999Duration"),
        max: from.number("maxDuration"),
    }
}

fn windows(from: Fields<'_>, total: Option<Figures>) -> Windows {
    let windows = from.object("windows");
    let window = |name| windows.has(name).then(|| figures(windows.object(name)));
    Windows {
        minute: window("1m"),
        five_minutes: window("5m"),
        five_minutes_covered: windows.object("5m").number("coveredSeconds"),
        hour: window("1h"),
        total,
    }
}

fn models(from: Fields<'_>) -> Windows {
    let total = figures(from);
    if total.count.is_some_and(|count| count > 0.0) {
        windows(from, Some(total))
    } else {
        Windows::default()
    }
}

fn operation(from: Fields<'_>, name: String) -> Operation {
    Operation {
        name,
        kind: from.text("kind").unwrap_or_default(),
        windows: windows(from, Some(figures(from))),
    }
}

/// The rows of a list, each with the name that tells it from the others.
fn named<'a, Row>(
    rows: impl Iterator<Item = Fields<'a>>,
    read: impl Fn(Fields<'a>, String) -> Row,
) -> Vec<Row> {
    let rows: Vec<Fields<'a>> = rows.collect();
    let names = told_apart(&rows.iter().map(|row| series(*row)).collect::<Vec<_>>());
    rows.into_iter()
        .zip(names)
        .map(|(row, name)| read(row, name))
        .collect()
}

fn series(from: Fields<'_>) -> Series {
    let labels = from.object("labels").0.iter().take(32).map(|(key, value)| {
        let value = value
            .as_str()
            .map_or_else(|| value.to_string(), ToOwned::to_owned);
        (clean(key, 100), clean(&value, 100))
    });
    Series::new(
        from.text("name").unwrap_or_else(|| "(no name)".to_owned()),
        labels.collect(),
    )
}

/// A unit as it is read: UCUM's annotations without their braces, and nothing for a bare number.
fn unit(from: Fields<'_>) -> String {
    let unit = from.text("unit").unwrap_or_default();
    let bare = unit
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'))
        .unwrap_or(&unit);
    if bare == "1" {
        String::new()
    } else {
        bare.to_owned()
    }
}

fn error_row(from: Fields<'_>) -> ErrorRow {
    ErrorRow {
        name: from.text("type").unwrap_or_else(|| "(no type)".to_owned()),
        operation: from
            .text("operation")
            .map(|name| Series::new(name, Vec::new()).name)
            .unwrap_or_default(),
        count: from.number("count"),
        recent: from.number("lastWindowCount"),
    }
}

fn instrument(from: Fields<'_>, name: String) -> Instrument {
    Instrument {
        name,
        unit: unit(from),
        value: from.signed("value"),
        per_second: from.number("perSecond"),
    }
}

fn distribution(from: Fields<'_>, name: String) -> Distribution {
    Distribution {
        name,
        unit: unit(from),
        count: from.number("count"),
        mean: from.number("mean"),
        p50: from.number("p50"),
        p95: from.number("p95"),
        p99: from.number("p99"),
        max: from.number("max"),
    }
}

fn point(from: Fields<'_>) -> Option<Point> {
    Some(Point {
        time: from.moment("timestamp")?,
        requests: from.number("requests"),
        p50: from.number("p50Duration"),
        p95: from.number("p95Duration"),
        p99: from.number("p99Duration"),
    })
}

fn telemetry(from: Fields<'_>) -> Telemetry {
    let drops = from.object("drops");
    Telemetry {
        series: from.number("series"),
        max_series: from.number("maxSeries"),
        memory: from.number("memoryBytes"),
        drops: drops
            .0
            .keys()
            .take(32)
            .filter_map(|reason| Some((clean(reason, 40), drops.number(reason)?)))
            .filter(|(_, count)| *count > 0.0)
            .collect(),
        clamped: from.number("clamped"),
        overflowed: from.number("overflowed"),
        truncated: from.number("truncated"),
        ticker_running: from.0.get("tickerRunning").and_then(Value::as_bool),
        ticker_restarts: from.number("tickerRestarts"),
    }
}

/// An object whose fields may be anything.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a Map<String, Value>);

static NOTHING: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);

impl<'a> Fields<'a> {
    fn has(self, name: &str) -> bool {
        self.0.get(name).is_some_and(Value::is_object)
    }

    fn object(self, name: &str) -> Fields<'a> {
        Fields(
            self.0
                .get(name)
                .and_then(Value::as_object)
                .unwrap_or(&NOTHING),
        )
    }

    fn rows(self, name: &str) -> impl Iterator<Item = Fields<'a>> {
        let rows = self
            .0
            .get(name)
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        rows.iter()
            .take(MOST_ROWS)
            .filter_map(Value::as_object)
            .map(Fields)
    }

    fn signed(self, name: &str) -> Option<f64> {
        self.0.get(name)?.as_f64().filter(|value| value.is_finite())
    }

    /// A number that cannot be negative: all counts, rates and durations.
    fn number(self, name: &str) -> Option<f64> {
        self.signed(name).filter(|value| *value >= 0.0)
    }

    fn text(self, name: &str) -> Option<String> {
        let text = clean(self.0.get(name)?.as_str()?.trim(), MOST_CHARS);
        (!text.is_empty()).then_some(text)
    }

    fn moment(self, name: &str) -> Option<Moment> {
        Moment::parse(self.0.get(name)?.as_str()?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn every_field_of_a_whole_document_is_found() {
        let document = Document::parse(&samples::document(samples::Mood::Green)).unwrap();
        assert_eq!(document.service.as_deref(), Some("cineview-ai-engine"));
        assert_eq!(document.environment.as_deref(), Some("production"));
        assert!(document.time.is_some());
        let five = document.requests.five_minutes.as_ref().unwrap();
        assert_eq!(five.error_rate, Some(0.26));
        assert_eq!(document.requests.five_minutes_covered, Some(300.0));
        assert_eq!(document.operations[0].name, "POST /analyze");
        assert!(document.models.total.as_ref().unwrap().count.is_some());
        assert!(!document.history.is_empty());
        assert!(document.errors.iter().all(|row| row.count.is_some()));
        assert_eq!(document.telemetry.drops, [("nan".to_owned(), 3.0)]);
        assert_eq!(document.counters[0].value, Some(1_204_332.0));
        assert_eq!(document.distributions[0].p95, Some(0.012));
    }

    #[test]
    fn the_smallest_document_has_only_gaps() {
        let document = Document::parse(r#"{"metrics":{}}"#).unwrap();
        assert_eq!(document.requests.total, Some(Figures::default()));
        assert_eq!(document.requests.five_minutes, None);
        assert_eq!(document.models, Windows::default());
        assert!(document.operations.is_empty());
    }

    #[test]
    fn fields_of_the_wrong_type_are_missing_and_unknown_ones_are_passed_over() {
        let document = Document::parse(
            r#"{"schemaVersion":1,"timestamp":5,"service":"x","extra":[1],"metrics":{"p95Duration":"fast","p50Duration":-4,"maxDuration":2},
               "operations":[7,{"name":null,"kind":3,"labels":{"a":1}}],"errors":{},"history":{"stepSeconds":0,"points":[{"timestamp":"yesterday"}]}}"#,
        )
        .unwrap();
        let total = document.requests.total.unwrap();
        assert_eq!((total.p50, total.p95, total.max), (None, None, Some(2.0)));
        assert_eq!(document.operations.len(), 1);
        assert_eq!(document.operations[0].name, "(no name)");
        assert_eq!(
            (document.time, document.service, document.history_step),
            (None, None, None)
        );
        assert!(document.history.is_empty());
    }

    #[test]
    fn other_answers_are_named_for_what_they_are() {
        let html = Document::parse("<!doctype html>\n<title>Shop\x1b[2J</title>").unwrap_err();
        let Malformed::NotJson { start, .. } = html else {
            panic!("{html:?}")
        };
        assert!(start.starts_with("<!doctype html>␊<title>Shop␛"), "{start}");
        assert!(matches!(
            Document::parse("").unwrap_err(),
            Malformed::NotJson { .. }
        ));
        assert_eq!(
            Document::parse("[1]").unwrap_err(),
            Malformed::NotStatus("it is JSON, but no object")
        );
        assert_eq!(
            Document::parse(r#"{"status":"healthy"}"#).unwrap_err(),
            Malformed::NotStatus("it has no `metrics`")
        );
        for version in ["2", "0", "1.5", "\"1\"", "{}"] {
            let body = format!(r#"{{"schemaVersion":{version},"metrics":{{}}}}"#);
            assert!(
                matches!(Document::parse(&body).unwrap_err(), Malformed::Version(_)),
                "{version}"
            );
        }
        let deep = "[".repeat(100_000);
        assert!(matches!(
            Document::parse(&deep).unwrap_err(),
            Malformed::NotJson { .. }
        ));
    }

    #[test]
    fn hostile_strings_are_cleaned_on_the_way_in() {
        let document = Document::parse(&samples::document(samples::Mood::Hostile)).unwrap();
        let all = format!("{document:?}");
        assert!(!all.contains(|c: char| c.is_control()), "{all}");
    }
}
