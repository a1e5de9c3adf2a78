//! `tallylight events list`: what was captured here, the newest first.

use serde_json::{Value, json};

use super::args::ListArgs;
use super::source::{Found, Spool};
use crate::cli::output::{End, Level, Output};
use crate::cli::say;
use crate::cli::table::{Cell, Column, Table};

static COLUMNS: [Column; 8] = [
    Column::text("event", 0),
    Column::text("id", 1),
    Column::text("when", 3),
    Column::text("level", 2),
    Column::text("state", 4),
    Column::number("copies", 6),
    Column::text("place", 5),
    Column::text("to", 7),
];
/// Digits of an id that tell it from the others on a machine.
const DIGITS: usize = 8;

pub(super) fn run(options: &ListArgs, output: &Output) -> Result<i32, End> {
    let spool = Spool::open(&options.which)?;
    let all = spool.events()?;
    let shown = all.get(..options.limit.min(all.len())).unwrap_or(&[]);
    if options.json {
        let events: Vec<Value> = shown.iter().map(Found::document).collect();
        say::document(
            output,
            json!({ "folder": spool.folder(), "total": all.len(), "events": events }),
        )?;
        return Ok(0);
    }
    if all.is_empty() {
        say::message(output, &format!("no events in {}", spool.folder()));
        return Ok(0);
    }
    let table = Table {
        columns: &COLUMNS,
        rows: shown.iter().map(cells).collect(),
    };
    say::data(output, &say::table(&table, output.colour()))?;
    let more = match all.len() - shown.len() {
        0 => String::new(),
        rest => format!("; {rest} more with --limit {}", all.len()),
    };
    say::message(output, &format!("{}{more}", spool.folder()));
    Ok(0)
}

fn cells(found: &Found) -> Vec<Cell> {
    let summary = found.summary();
    let plain = |text: String| Cell::new(text, Level::Plain);
    let level = Cell::new(summary.level.clone(), summary.emphasis());
    vec![
        plain(summary.title),
        plain(found.id.chars().take(DIGITS).collect()),
        plain(say::ago(Some(found.captured_at))),
        level,
        Cell::new(found.state.word(), found.state.level()),
        plain(match found.copies {
            0 | 1 => String::new(),
            many => many.to_string(),
        }),
        plain(summary.place),
        plain(found.to.clone().unwrap_or_else(|| "this machine".into())),
    ]
}
