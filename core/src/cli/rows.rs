//! The tables of the picture: figures, operations, errors by type, other instruments.

use std::cmp::Ordering;

use super::document::{Document, Figures, Operation};
use super::format::{MISSING, count, duration, percent, quantity, rate};
use super::light::{ERROR_RATE_LIMITS, P95_LIMITS, level_of};
use super::output::Level;
use super::table::{Cell, Column, Table};
use super::view::Sort;

/// One bar of the errors by type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ErrorBar {
    pub(crate) name: String,
    pub(crate) operation: String,
    pub(crate) count: String,
    pub(crate) recent: String,
    /// Share of the longest bar, 0 to 1.
    pub(crate) share: f64,
}

static FIGURE_COLUMNS: [Column; 10] = [
    Column::text("requests served", 0),
    Column::number("count", 5),
    Column::number("per s", 3),
    Column::number("errors", 6),
    Column::number("error rate", 1),
    Column::number("p50", 4),
    Column::number("p95", 2),
    Column::number("p99", 5),
    Column::number("p99.9", 8),
    Column::number("max", 7),
];

static OPERATION_COLUMNS: [Column; 10] = [
    Column::text("operation", 0),
    Column::text("kind", 6),
    Column::number("count", 2),
    Column::number("per s", 8),
    Column::number("errors", 7),
    Column::number("error rate", 3),
    Column::number("p50", 4),
    Column::number("p95", 1),
    Column::number("p99", 5),
    Column::number("max", 9),
];

static INSTRUMENT_COLUMNS: [Column; 8] = [
    Column::text("instrument", 0),
    Column::text("type", 3),
    Column::number("value", 1),
    Column::number("per s", 2),
    Column::number("mean", 4),
    Column::number("p50", 5),
    Column::number("p95", 4),
    Column::number("max", 5),
];

/// The cells every table of figures has in common, in the order count, per s, errors, rate, durations.
struct FigureCells {
    count: Cell,
    per_second: Cell,
    errors: Cell,
    error_rate: Cell,
    durations: [Cell; 5],
}

/// `judged` figures are those of requests served: the limits are meant for them alone.
fn cells(figures: Option<&Figures>, judged: bool) -> FigureCells {
    let nothing = Figures::default();
    let figures = figures.unwrap_or(&nothing);
    let quiet = figures.count == Some(0.0);
    let level = |value, limits| {
        if judged && !quiet {
            level_of(value, limits)
        } else {
            Level::Plain
        }
    };
    let time = |value| {
        if quiet {
            MISSING.to_owned()
        } else {
            duration(value)
        }
    };
    let rate_shown = if quiet {
        MISSING.to_owned()
    } else {
        percent(figures.error_rate)
    };
    FigureCells {
        count: count(figures.count).into(),
        per_second: rate(figures.per_second).into(),
        errors: count(figures.errors).into(),
        error_rate: Cell::new(rate_shown, level(figures.error_rate, ERROR_RATE_LIMITS)),
        durations: [
            time(figures.p50).into(),
            Cell::new(time(figures.p95), level(figures.p95, P95_LIMITS)),
            time(figures.p99).into(),
            time(figures.p999).into(),
            time(figures.max).into(),
        ],
    }
}

/// Requests served and model calls, by window.
pub(crate) fn figures_table(document: &Document) -> Table {
    let row = |name: &str, figures: Option<&Figures>, served: bool| {
        let cells = cells(figures, served);
        let level = if served && name.contains('5') {
            Level::Strong
        } else {
            Level::Plain
        };
        let mut row = vec![
            Cell::new(name, level),
            cells.count,
            cells.per_second,
            cells.errors,
            cells.error_rate,
        ];
        row.extend(cells.durations);
        row
    };
    let served = &document.requests;
    let mut rows = vec![
        row("last 1 min", served.minute.as_ref(), true),
        row("last 5 min", served.five_minutes.as_ref(), true),
        row("last 1 h", served.hour.as_ref(), true),
        row("since start", served.total.as_ref(), true),
    ];
    if document.models.total.is_some() {
        rows.push(row(
            "model calls, 5 min",
            document.models.five_minutes.as_ref(),
            false,
        ));
        let mut total = document.models.total.clone().unwrap_or_default();
        // The document has a rate of model calls for its windows only.
        let average = || Some(total.count? / document.uptime.filter(|seconds| *seconds > 0.0)?);
        total.per_second = total.per_second.or_else(average);
        rows.push(row("model calls, all", Some(&total), false));
    }
    Table {
        columns: &FIGURE_COLUMNS,
        rows,
    }
}

/// What an operation's row is about: its last five minutes, or all of it where there is no window.
fn recent(operation: &Operation) -> Option<&Figures> {
    operation
        .windows
        .five_minutes
        .as_ref()
        .or(operation.windows.total.as_ref())
}

/// Every operation, over the last five minutes.
pub(crate) fn operations_table(document: &Document, sort: Sort) -> Table {
    let mut operations: Vec<&Operation> = document.operations.iter().collect();
    let descending = |a: Option<f64>, b: Option<f64>| b.partial_cmp(&a).unwrap_or(Ordering::Equal);
    let key =
        |operation: &Operation, of: fn(&Figures) -> Option<f64>| recent(operation).and_then(of);
    // Stable, so that equal rows keep the document's order: by kind, name and labels.
    operations.sort_by(|a, b| match sort {
        Sort::Traffic => descending(key(a, |f| f.count), key(b, |f| f.count)),
        Sort::Errors => descending(key(a, |f| f.error_rate), key(b, |f| f.error_rate)),
        Sort::Latency => descending(key(a, |f| f.p95), key(b, |f| f.p95)),
        Sort::Name => a.name.cmp(&b.name),
    });
    let row = |operation: &&Operation| {
        let cells = cells(recent(operation), operation.kind == "server");
        let [p50, p95, p99, _, max] = cells.durations;
        vec![
            Cell::from(operation.name.clone()),
            Cell::new(operation.kind.clone(), Level::Faint),
            cells.count,
            cells.per_second,
            cells.errors,
            cells.error_rate,
            p50,
            p95,
            p99,
            max,
        ]
    };
    Table {
        columns: &OPERATION_COLUMNS,
        rows: operations.iter().map(row).collect(),
    }
}

/// Errors by type, the most frequent first.
pub(crate) fn error_bars(document: &Document) -> Vec<ErrorBar> {
    let mut rows: Vec<_> = document.errors.iter().collect();
    rows.sort_by(|a, b| b.count.partial_cmp(&a.count).unwrap_or(Ordering::Equal));
    let most = rows
        .first()
        .and_then(|row| row.count)
        .unwrap_or(0.0)
        .max(1.0);
    rows.iter()
        .map(|row| ErrorBar {
            name: row.name.clone(),
            operation: row.operation.clone(),
            count: count(row.count),
            recent: count(row.recent),
            share: (row.count.unwrap_or(0.0) / most).clamp(0.0, 1.0),
        })
        .collect()
}

/// Counters, gauges and plain histograms.
pub(crate) fn instruments_table(document: &Document) -> Table {
    let with_unit = |value: Option<f64>, unit: &str| match quantity(value) {
        shown if unit.is_empty() || shown == MISSING => shown,
        shown => format!("{shown} {unit}"),
    };
    let row = |name: &str, kind: &str, rest: [String; 6]| {
        let mut row = vec![Cell::from(name.to_owned()), Cell::new(kind, Level::Faint)];
        row.extend(rest.map(Cell::from));
        row
    };
    let none = String::new;
    let counters = document.counters.iter().map(|counter| {
        let (value, per_second) = (
            with_unit(counter.value, &counter.unit),
            rate(counter.per_second),
        );
        row(
            &counter.name,
            "counter",
            [value, per_second, none(), none(), none(), none()],
        )
    });
    let gauges = document.gauges.iter().map(|gauge| {
        row(
            &gauge.name,
            "gauge",
            [
                with_unit(gauge.value, &gauge.unit),
                none(),
                none(),
                none(),
                none(),
                none(),
            ],
        )
    });
    let distributions = document.distributions.iter().map(|of| {
        let unit = |value| with_unit(value, &of.unit);
        row(
            &of.name,
            "histogram",
            [
                count(of.count),
                none(),
                unit(of.mean),
                unit(of.p50),
                unit(of.p95),
                unit(of.max),
            ],
        )
    });
    Table {
        columns: &INSTRUMENT_COLUMNS,
        rows: counters.chain(gauges).chain(distributions).collect(),
    }
}
