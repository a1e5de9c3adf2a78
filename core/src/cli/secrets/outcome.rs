//! What `setup` did, or would do, to each secret: as lines and as a document.

use serde_json::{Value, json};

use super::args::SetupArgs;
use super::plan::{Action, Target};
use super::say::{self, Trouble};
use super::session::Session;
use crate::cli::FAILED;
use crate::cli::output::{End, Level, paint};

/// What became of one secret.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) outcome: Result<(Action, Option<String>), Trouble>,
    pub(super) note: Option<&'static str>,
}

/// A row of what was or would be done.
pub(super) fn row(
    target: &Target,
    action: Action,
    version: Option<String>,
    note: Option<&'static str>,
) -> Row {
    Row {
        name: target.name.as_str().to_owned(),
        outcome: Ok((action, version)),
        note,
    }
}

/// One row as text.
pub(super) fn line(row: &Row, is_plan: bool, session: &Session<'_>) -> String {
    let (word, level, version) = match &row.outcome {
        Ok((action, version)) => {
            let word = if is_plan {
                action.word()
            } else {
                action.done()
            };
            let level = match action {
                Action::Unchanged => Level::Faint,
                _ if is_plan => Level::Strong,
                _ => Level::Good,
            };
            (word, level, version.as_deref().filter(|_| !is_plan))
        }
        Err(_) => ("failed", Level::Critical, None),
    };
    let word = paint(&format!("{word:9}"), level, session.output.colour());
    let mut line = format!("{word}  {}", row.name);
    if let Some(version) = version {
        line.push_str(&format!("  version {}", say::clean(version)));
    }
    if let Some(note) = row.note {
        line.push_str(&format!("  ({note})"));
    }
    line.push('\n');
    line
}

/// Prints the result, as far as it is not printed yet, and answers with the exit code.
pub(super) fn report(options: &SetupArgs, rows: &[Row], session: &Session<'_>) -> Result<i32, End> {
    let failed = rows.iter().filter(|row| row.outcome.is_err()).count();
    let region = session.aws.region();
    if options.json {
        let secrets: Vec<Value> = rows
            .iter()
            .map(|row| document(row, options.dry_run))
            .collect();
        say::document(
            session.output,
            json!({ "dryRun": options.dry_run, "region": region, "secrets": secrets }),
        )?;
    } else {
        if options.dry_run {
            for row in rows {
                say::data(session.output, &line(row, true, session))?;
            }
        }
        let count = |wanted| {
            rows.iter()
                .filter(|row| matches!(row.outcome, Ok((action, _)) if action == wanted))
                .count()
        };
        let (created, updated) = (count(Action::Create), count(Action::Update));
        let (create, update) = match options.dry_run {
            true => ("to create", "to update"),
            false => ("created", "updated"),
        };
        let mut summary = format!(
            "{created} {create}, {updated} {update}, {} unchanged",
            count(Action::Unchanged)
        );
        if failed > 0 {
            summary.push_str(&format!(", {failed} failed"));
        }
        if let Some(region) = region {
            summary.push_str(&format!(" in {region}"));
        }
        say::message(session.output, &summary);
    }
    Ok(if failed > 0 { FAILED } else { 0 })
}

fn document(row: &Row, is_plan: bool) -> Value {
    let (action, version, error) = match &row.outcome {
        Ok((action, version)) if is_plan => (action.word(), version.clone(), Value::Null),
        Ok((action, version)) => (action.done(), version.clone(), Value::Null),
        Err(trouble) => ("failed", None, trouble.json()),
    };
    say::object([
        ("name", json!(row.name)),
        ("action", json!(action)),
        ("version", json!(version)),
        ("note", json!(row.note)),
        ("error", error),
    ])
}
