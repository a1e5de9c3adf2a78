//! `tallylight events show`: all of one event.

use serde_json::{Map, Value, json};

use super::args::ShowArgs;
use super::chain;
use super::source::{Found, Spool, State};
use super::summary::{exceptions, line, message};
use crate::cli::output::{End, Failure, Level, Output, paint};
use crate::cli::say;
use crate::cli::table::Cell;

/// Breadcrumbs that are shown, the last ones.
const CRUMBS: usize = 20;
/// A value of an event is no longer than this in a line; `--json` has all of it.
const VALUE: usize = 300;

pub(super) fn run(options: &ShowArgs, output: &Output) -> Result<i32, End> {
    let spool = Spool::open(&options.which)?;
    let found = choose(&options.id, spool.events()?, &spool.folder())?;
    let found = spool.whole(found);
    if options.json {
        let mut document = found.document();
        document["event"] = found.event;
        say::document(output, document)?;
        return Ok(0);
    }
    say::data(output, &page(&found, output.colour()))?;
    Ok(0)
}

/// The one event that the argument names.
fn choose(id: &str, all: Vec<Found>, folder: &str) -> Result<Found, Failure> {
    let wanted: String = id
        .chars()
        .filter(|c| *c != '-')
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let is_latest = wanted == "latest";
    let is_id =
        !wanted.is_empty() && wanted.len() <= 32 && wanted.bytes().all(|b| b.is_ascii_hexdigit());
    if !is_latest && !is_id {
        return Err(
            Failure::usage(format!("`{}` is no event id", line(id, 40))).hint(
                "give `latest`, or an id or its beginning as `tallylight events list` shows it",
            ),
        );
    }
    let mut matching: Vec<Found> = all
        .into_iter()
        .filter(|found| is_latest || found.id.starts_with(&wanted))
        .collect();
    if !is_latest && matching.iter().any(|found| found.id != matching[0].id) {
        return Err(
            Failure::new(format!("{} events begin with {wanted}", matching.len()))
                .hint("give more digits; `tallylight events list --json` has whole ids"),
        );
    }
    if matching.is_empty() {
        let what = if is_latest {
            "no event".to_owned()
        } else {
            format!("no event that begins with {wanted}")
        };
        return Err(Failure::new(format!("there is {what} in {folder}"))
            .hint("what a server took leaves the spool; `tallylight events list` shows what is here, --dir names another folder"));
    }
    Ok(matching.swap_remove(0))
}

fn page(found: &Found, colour: bool) -> String {
    let event = &found.event;
    let summary = found.summary();
    let mut out = format!("{}\n", paint(&summary.title, Level::Strong, colour));
    out.push_str(&say::facts(&facts(found), colour));
    if let Some(text) = message(event).filter(|_| !exceptions(event).is_empty()) {
        section(&mut out, "message", colour);
        out.push_str(&format!("  {}\n", line(text, VALUE)));
    }
    if !exceptions(event).is_empty() {
        out.push('\n');
        out.push_str(&chain::page(event, colour));
    }
    spans(&mut out, event, colour);
    breadcrumbs(&mut out, event, colour);
    for (title, value) in [
        ("tags", &event["tags"]),
        ("user", &event["user"]),
        ("request", &event["request"]),
        ("extra", &event["extra"]),
    ] {
        pairs(&mut out, title, value, colour);
    }
    for (name, context) in event["contexts"].as_object().into_iter().flatten() {
        pairs(&mut out, &line(name, 60), context, colour);
    }
    out
}

fn facts(found: &Found) -> Vec<(&'static str, Cell)> {
    let event = &found.event;
    let summary = found.summary();
    let text = |value: &Value| value.as_str().map(|text| line(text, VALUE));
    let plain = |text: String| Cell::new(text, Level::Plain);
    let state = match (found.state, &found.to) {
        (State::Waiting, Some(to)) => format!("waiting for {to}{}", tries(found.attempts)),
        (State::Held, _) => format!("held: it stands for {} identical events", found.copies),
        (State::Sent, Some(to)) => format!("sent to {to}"),
        (State::Kept, _) => "kept on this machine: there is no DSN".to_owned(),
        (state, None) => state.word().to_owned(),
    };
    let mut facts = vec![
        ("id", plain(found.id.clone())),
        ("kind", plain(found.kind.name().to_owned())),
        (
            "level",
            Cell::new(summary.level.clone(), summary.emphasis()),
        ),
        (
            "captured",
            plain(format!(
                "{} ({})",
                say::stamp(Some(found.captured_at)).as_str().unwrap_or("-"),
                say::ago(Some(found.captured_at))
            )),
        ),
        ("state", Cell::new(state, found.state.level())),
    ];
    if found.copies > 1 && found.state != State::Held {
        facts.push(("copies", plain(found.copies.to_string())));
    }
    for (name, value) in [
        ("environment", &event["environment"]),
        ("release", &event["release"]),
        ("server", &event["server_name"]),
        ("transaction", &event["transaction"]),
        ("logger", &event["logger"]),
        ("trace", &event["contexts"]["trace"]["trace_id"]),
    ] {
        if let Some(value) = text(value).filter(|value| !value.is_empty()) {
            facts.push((name, plain(value)));
        }
    }
    if !found.attachments.is_empty() {
        let names: Vec<String> = found
            .attachments
            .iter()
            .map(|name| line(name, 80))
            .collect();
        facts.push(("attachments", plain(names.join(", "))));
    }
    facts
}

fn tries(attempts: u64) -> String {
    match attempts {
        0 => String::new(),
        1 => " (tried once)".to_owned(),
        many => format!(" (tried {many} times)"),
    }
}

fn section(out: &mut String, title: &str, colour: bool) {
    out.push_str(&format!("\n{}\n", paint(title, Level::Strong, colour)));
}

fn breadcrumbs(out: &mut String, event: &Value, colour: bool) {
    let crumbs = event["breadcrumbs"]["values"]
        .as_array()
        .or_else(|| event["breadcrumbs"].as_array());
    let Some(crumbs) = crumbs.filter(|crumbs| !crumbs.is_empty()) else {
        return;
    };
    let from = crumbs.len().saturating_sub(CRUMBS);
    let left_out = match from {
        0 => String::new(),
        many => format!(" (the last {CRUMBS}; {many} older ones with --json)"),
    };
    section(out, &format!("breadcrumbs{left_out}"), colour);
    for crumb in crumbs.iter().skip(from) {
        let field = |name: &str| crumb[name].as_str().unwrap_or_default();
        let what = match field("message") {
            "" => compact(&crumb["data"]),
            message => message.to_owned(),
        };
        let category = match field("category") {
            "" => field("type"),
            category => category,
        };
        out.push_str(&format!(
            "  {}  {}  {}\n",
            paint(&line(&time(&crumb["timestamp"]), 30), Level::Faint, colour),
            line(category, 40),
            line(&what, VALUE)
        ));
    }
}

/// The time of day of a timestamp in either of its forms.
fn time(value: &Value) -> String {
    use crate::cli::time::Moment;
    let moment = match value {
        Value::String(text) => Moment::parse(text),
        // A timestamp in seconds is far below what a cast could lose.
        other => other
            .as_f64()
            .map(|seconds| Moment((seconds * 1_000.0) as i64)),
    };
    moment.map_or_else(|| "-".to_owned(), Moment::clock)
}

fn spans(out: &mut String, event: &Value, colour: bool) {
    let Some(spans) = event["spans"].as_array().filter(|spans| !spans.is_empty()) else {
        return;
    };
    section(out, &format!("{} spans", spans.len()), colour);
    for span in spans.iter().take(CRUMBS) {
        let field = |name: &str| line(span[name].as_str().unwrap_or("-"), 100);
        out.push_str(&format!("  {}  {}\n", field("op"), field("description")));
    }
    if spans.len() > CRUMBS {
        out.push_str(&format!("  {} more with --json\n", spans.len() - CRUMBS));
    }
}

/// Names and values under a title. Tags come as an object or as a list of pairs.
fn pairs(out: &mut String, title: &str, value: &Value, colour: bool) {
    let listed: Map<String, Value>;
    let fields = match value {
        Value::Object(fields) => fields,
        Value::Array(pairs) => {
            listed = pairs
                .iter()
                .filter_map(|pair| Some((pair[0].as_str()?.to_owned(), pair[1].clone())))
                .collect();
            &listed
        }
        _ => return,
    };
    let facts: Vec<(String, Cell)> = fields
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| {
            let text = match value {
                Value::String(text) => text.clone(),
                other => compact(other),
            };
            (
                format!("  {}", line(name, 60)),
                Cell::new(line(&text, VALUE), Level::Plain),
            )
        })
        .collect();
    if facts.is_empty() {
        return;
    }
    section(out, title, colour);
    let facts: Vec<(&str, Cell)> = facts
        .iter()
        .map(|(name, cell)| (name.as_str(), cell.clone()))
        .collect();
    out.push_str(&say::facts(&facts, colour));
}

fn compact(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        other => json!(other).to_string(),
    }
}
