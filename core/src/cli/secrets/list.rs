//! `tallylight secrets list`: which secrets exist, how old they are and what would answer here.
//!
//! The invariant: no value is read, so it needs no permission to read one.

use std::time::SystemTime;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::args::ListArgs;
use super::origin::Origin;
use super::refusal;
use super::say::{self, Trouble};
use super::session::Session;
use crate::cli::FAILED;
use crate::cli::format::MISSING;
use crate::cli::output::{End, Level};
use crate::cli::table::{Cell, Column, Table};
use crate::secrets::Source;
use crate::secrets::aws::{Listed, Wanted};
use crate::secrets::failure::{Failure, FailureKind};
use crate::secrets::name::SecretName;
use crate::secrets::request::CURRENT;

static COLUMNS: [Column; 7] = [
    Column::text("secret", 0),
    Column::text("in AWS", 1),
    Column::text("from here", 2),
    Column::text("changed", 3),
    Column::text("rotation", 5),
    Column::text("versions", 6),
    Column::text("deleted", 4),
];

/// What AWS says of a secret; none where it is not asked.
type State = Option<Result<Listed, Failure>>;

/// One secret.
struct Row {
    name: String,
    is_declared: bool,
    description: String,
    state: State,
    /// What would answer, and the file's or variable's name.
    answers: Option<Source>,
    place: Option<String>,
}

pub(super) fn run(options: &ListArgs, session: &Session<'_>) -> Result<i32, End> {
    let mut rows = Vec::new();
    let mut names = Vec::new();
    // Checked as a name, so that a value typed in its place is refused and not repeated.
    if let Some(prefix) = &options.prefix {
        refusal::name(prefix, "--prefix", &session.declarations)?;
    }
    let prefix = options.prefix.as_deref().unwrap_or_default();
    let declared = session.declarations.all().iter();
    for known in declared.filter(|known| known.name.starts_with(prefix)) {
        let name = SecretName::parse(&known.name).map_err(Trouble::from)?;
        let origin = Origin::of(&name, session);
        names.push((name, origin, known.description.clone()));
    }
    let is_aws_on = session.config.secrets.sources.aws;
    let wanted = match (&options.prefix, options.all) {
        (Some(prefix), _) => Some(Wanted::Prefix(prefix.clone())),
        (None, true) => Some(Wanted::All),
        (None, false) => None,
    };
    let asks = is_aws_on && (wanted.is_some() || names.iter().any(|(_, origin, _)| origin.aws));
    let mut others = Vec::new();
    let mut states: Vec<State> = names.iter().map(|_| None).collect();
    if asks {
        let declared: Vec<String> = names
            .iter()
            .map(|(name, ..)| name.as_str().to_owned())
            .collect();
        states = describe(&declared, session)?;
        if let Some(wanted) = &wanted {
            let work = session.aws.list(wanted, session.until());
            others = session.wait("listing", work)?.map_err(Trouble::from)?;
        }
    }
    for ((name, origin, description), state) in names.into_iter().zip(states) {
        let is_in_aws = matches!(&state, Some(Ok(known)) if known.deleted_at.is_none());
        let answers = origin.answers(is_in_aws);
        rows.push(Row {
            is_declared: true,
            description,
            answers,
            place: origin.place(answers),
            name: name.as_str().to_owned(),
            state,
        });
    }
    for known in others {
        let is_there = rows.iter().any(|row| {
            row.name == known.name
                || matches!(&row.state, Some(Ok(other)) if other.arn.is_some() && other.arn == known.arn)
        });
        if !is_there {
            rows.push(other(known, session));
        }
    }
    let failures: Vec<Trouble> = told_once(&rows);
    if options.json {
        let secrets: Vec<Value> = rows.iter().map(document).collect();
        say::document(
            session.output,
            json!({ "environment": session.environment.name, "region": session.aws.region(), "secrets": secrets }),
        )?;
    } else {
        let table = Table {
            columns: &COLUMNS,
            rows: rows.iter().map(cells).collect(),
        };
        say::data(session.output, &say::table(&table, session.output.colour()))?;
        let region = session
            .aws
            .region()
            .map(|region| format!(", {region}"))
            .unwrap_or_default();
        say::message(
            session.output,
            &format!("{}{region}", session.environment.name),
        );
        if rows.is_empty() {
            say::message(session.output, "no secret's name starts so");
        }
        if !asks {
            say::message(session.output, not_asked(is_aws_on));
        }
    }
    for trouble in &failures {
        say::trouble(session.output, trouble);
    }
    Ok(if failures.is_empty() { 0 } else { FAILED })
}

fn not_asked(is_on: bool) -> &'static str {
    if is_on {
        "AWS was not asked: this is development, and nothing says how to reach it; set AWS_REGION and credentials"
    } else {
        "AWS was not asked: the source aws is switched off by TALLYLIGHT_SECRETS_SOURCES"
    }
}

/// Describes each, all at once.
fn describe(names: &[String], session: &Session<'_>) -> Result<Vec<State>, End> {
    let until = session.until();
    let described = session.wait("asking AWS", async {
        let mut tasks = JoinSet::new();
        for (at, name) in names.iter().enumerate() {
            let (aws, name) = (session.aws.clone(), name.clone());
            tasks.spawn(async move { (at, aws.describe(&name, until).await) });
        }
        let mut states: Vec<State> = names.iter().map(|_| None).collect();
        while let Some(Ok((at, described))) = tasks.join_next().await {
            if let Some(state) = states.get_mut(at) {
                *state = Some(described);
            }
        }
        states
    })?;
    Ok(described)
}

fn other(known: Listed, session: &Session<'_>) -> Row {
    let (answers, place) = match SecretName::parse(&known.name) {
        Ok(name) => {
            let origin = Origin::of(&name, session);
            let answers = origin.answers(known.deleted_at.is_none());
            (answers, origin.place(answers))
        }
        Err(_) => (None, None),
    };
    Row {
        name: known.name.clone(),
        is_declared: false,
        description: known.description.clone().unwrap_or_default(),
        answers,
        place,
        state: Some(Ok(known)),
    }
}

/// Every failure that is not "there is none", one of each kind: without credentials all are alike.
fn told_once(rows: &[Row]) -> Vec<Trouble> {
    let mut seen: Vec<FailureKind> = Vec::new();
    let mut troubles = Vec::new();
    for row in rows {
        if let Some(Err(failure)) = &row.state
            && failure.kind != FailureKind::NotFound
            && !seen.contains(&failure.kind)
        {
            seen.push(failure.kind);
            troubles.push(Trouble::from(failure));
        }
    }
    troubles
}

fn cells(row: &Row) -> Vec<Cell> {
    let plain = |text: String| Cell::new(text, Level::Plain);
    let known = match &row.state {
        Some(Ok(known)) => Some(known),
        _ => None,
    };
    let exists = match &row.state {
        None => Cell::new("not asked", Level::Faint),
        Some(Ok(known)) if known.deleted_at.is_some() => Cell::new("deleted", Level::Critical),
        Some(Ok(_)) => Cell::new("yes", Level::Good),
        Some(Err(failure)) if failure.kind == FailureKind::NotFound => {
            Cell::new("no", Level::Warning)
        }
        Some(Err(failure)) => Cell::new(failure.kind.as_str(), Level::Critical),
    };
    let from = match (row.answers, &row.place) {
        (None, _) => Cell::new("nothing", Level::Warning),
        (Some(source), None) => plain(source.to_string()),
        (Some(source), Some(place)) => plain(format!("{source} {}", say::clean(place))),
    };
    let text = |of: fn(&Listed) -> String| known.map_or_else(|| MISSING.to_owned(), of);
    vec![
        plain(say::clean(&row.name)),
        exists,
        from,
        plain(text(|known| {
            say::ago(known.changed_at.or(known.created_at))
        })),
        plain(text(rotation)),
        plain(text(versions)),
        plain(text(|known| say::ago(known.deleted_at))),
    ]
}

fn rotation(known: &Listed) -> String {
    match (known.rotates, &known.next_rotation_at) {
        (false, _) => "by hand".to_owned(),
        (true, None) => "on".to_owned(),
        (true, next) => format!("next {}", say::ago(*next)),
    }
}

/// The versions by their stages, AWS's own by short words.
fn versions(known: &Listed) -> String {
    let mut shown: Vec<String> = Vec::new();
    for version in &known.versions {
        for stage in &version.stages {
            let word = match stage.strip_prefix("AWS") {
                Some(own @ ("CURRENT" | "PENDING" | "PREVIOUS")) => own.to_ascii_lowercase(),
                _ => say::clean(stage),
            };
            shown.push(format!("{word} {}", say::short(&version.id)));
        }
    }
    if shown.is_empty() {
        MISSING.to_owned()
    } else {
        shown.join(", ")
    }
}

fn document(row: &Row) -> Value {
    let mut fields = vec![
        ("name", json!(row.name)),
        ("declared", json!(row.is_declared)),
        ("source", json!(row.answers.map(Source::as_str))),
        ("place", json!(row.place)),
    ];
    if !row.description.is_empty() {
        fields.push(("description", json!(row.description)));
    }
    match &row.state {
        None => {}
        Some(Err(failure)) if failure.kind == FailureKind::NotFound => {
            fields.push(("exists", json!(false)));
        }
        Some(Err(failure)) => fields.push(("error", Trouble::from(failure).json())),
        Some(Ok(known)) => {
            let age = known
                .changed_at
                .or(known.created_at)
                .and_then(|moment| SystemTime::now().duration_since(moment).ok());
            let versions: Vec<Value> = known
                .versions
                .iter()
                .map(|version| json!({ "id": version.id, "stages": version.stages }))
                .collect();
            fields.extend([
                ("exists", json!(known.deleted_at.is_none())),
                ("arn", json!(known.arn)),
                ("createdAt", say::stamp(known.created_at)),
                ("changedAt", say::stamp(known.changed_at)),
                ("ageSeconds", json!(age.map(|age| age.as_secs()))),
                ("rotates", json!(known.rotates)),
                ("rotatedAt", say::stamp(known.rotated_at)),
                ("nextRotationAt", say::stamp(known.next_rotation_at)),
                ("rotationFunction", json!(known.rotation_function)),
                ("owner", json!(known.owner)),
                ("kmsKey", json!(known.kms_key)),
                ("primaryRegion", json!(known.primary_region)),
                ("deletedAt", say::stamp(known.deleted_at)),
                ("currentVersion", json!(known.version_with(CURRENT))),
                ("versions", json!(versions)),
            ]);
        }
    }
    say::object(fields)
}
