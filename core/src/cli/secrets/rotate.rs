//! `tallylight secrets rotate`: puts a new value in use, in steps that can be taken back.
//!
//! The invariant: until the new version is promoted the old value stays in use; see `pending`.

use serde_json::{Value, json};

use super::args::RotateArgs;
use super::input;
use super::pending::Pending;
use super::say::{self, Trouble};
use super::session::Session;
use super::terminal::Terminal;
use super::values::Given;
use super::{CHANGES, check, generate, refusal};
use crate::cli::os;
use crate::cli::output::{End, Failure, Level, paint};
use crate::scrub;
use crate::secrets::aws::{Listed, PENDING, new_token};
use crate::secrets::failure::FailureKind;
use crate::secrets::file::MAX_VALUE_BYTES;
use crate::secrets::request::{CURRENT, Which};

pub(super) fn run(options: &RotateArgs, session: &Session<'_>) -> Result<i32, End> {
    refusal::name(&options.name, "NAME", &session.declarations)?;
    let terminal = Terminal::open();
    if !options.yes && !options.dry_run && terminal.is_none() {
        return Err(
            Failure::usage("there is no terminal to ask on whether to go on")
                .hint("give --yes")
                .into(),
        );
    }
    let known = describe(options, session)?;
    let pending = known
        .version_with(PENDING)
        .filter(|pending| known.version_with(CURRENT) != Some(pending));
    if options.cancel {
        return cancel(options, pending, terminal.as_ref(), session);
    }
    if let Some(pending) = pending {
        return Err(Failure::new(format!(
            "a rotation of {} is under way: version {} is pending",
            options.name,
            say::clean(pending)
        ))
        .hint(format!(
            "let it end, or take it back with `tallylight secrets rotate {} --cancel`",
            options.name
        ))
        .into());
    }
    if options.lambda {
        return by_function(options, &known, terminal.as_ref(), session);
    }
    let Some(current) = known.version_with(CURRENT).map(str::to_owned) else {
        return Err(
            Failure::new(format!("{} has no current value to rotate", options.name))
                .hint(format!(
                    "give it one with `tallylight secrets setup --name {}`",
                    options.name
                ))
                .into(),
        );
    };
    if options.dry_run {
        return plan(options, &current, session);
    }
    let given = new_value(options, terminal.as_ref(), session)?;
    if is_current(options, &given, session)? {
        report(options, "unchanged", &known, None, session)?;
        return Ok(0);
    }
    let question = format!(
        "Rotate {}{}: version {} becomes AWSPREVIOUS. Go on?",
        options.name,
        place(session),
        say::clean(&current)
    );
    confirm(options, terminal.as_ref(), &question)?;
    let pending = Pending::put(session, &options.name, &given, &current)?;
    test(options, &given, pending.version(), session)?;
    let version = pending.promote()?;
    let work = session.aws.describe(&options.name, session.until());
    let now = session
        .finish("looking at the result", work)
        .unwrap_or(known);
    report(
        options,
        "rotated",
        &now,
        Some((&version, &current)),
        session,
    )?;
    Ok(0)
}

fn describe(options: &RotateArgs, session: &Session<'_>) -> Result<Listed, End> {
    let work = session.aws.describe(&options.name, session.until());
    let known = session
        .wait(&format!("asking AWS about {}", options.name), work)?
        .map_err(Trouble::from)?;
    if known.deleted_at.is_some() {
        return Err(
            Failure::new(format!("{} is marked for deletion", options.name))
                .hint(format!(
                    "`aws secretsmanager restore-secret --secret-id {}` brings it back",
                    options.name
                ))
                .into(),
        );
    }
    Ok(known)
}

fn new_value(
    options: &RotateArgs,
    terminal: Option<&Terminal>,
    session: &Session<'_>,
) -> Result<Given, End> {
    if let Some(count) = options.generate {
        let bytes = generate::generate(count, options.charset)?;
        say::message(
            session.output,
            &format!(
                "made {count} characters, {} bits of chance",
                options.charset.bits(count)
            ),
        );
        return Given::new(bytes, false)
            .map_err(|why| Failure::new(format!("the value {why}")).into());
    }
    if options.from_stdin {
        let bytes = input::stdin("--from-stdin", MAX_VALUE_BYTES + 2)?;
        return input::one_value(&bytes, "--from-stdin", options.binary);
    }
    if let Some(path) = &options.value_file {
        let bytes = input::file(path, "--value-file", MAX_VALUE_BYTES + 2, session.output)?;
        return input::one_value(&bytes, "--value-file", options.binary);
    }
    let Some(terminal) = terminal else {
        return Err(Failure::usage("there is no terminal to ask on for the new value")
            .hint("give it by --from-stdin or --value-file PATH, or have one made by --generate N")
            .into());
    };
    terminal.say("Type or paste the new value; it is not shown. Ctrl-C ends without a change.\n");
    if options.multiline {
        terminal.say("An empty line ends it.\n");
    }
    match terminal.value("  new value: ", options.multiline)? {
        Some(bytes) => Given::new(bytes, options.binary)
            .map_err(|why| Failure::new(format!("the value {why}")).into()),
        None => Err(Failure::new("no new value was given; nothing was changed")
            .hint("type one, or have one made by --generate 40")
            .into()),
    }
}

/// Whether the new value is in use already, as after a lost answer.
fn is_current(options: &RotateArgs, given: &Given, session: &Session<'_>) -> Result<bool, End> {
    let which = Which::Stage(CURRENT.to_owned());
    let work = session.aws.read(&options.name, &which, session.until());
    match session.wait("comparing", work)? {
        Ok(stored) => {
            scrub::register(&stored.bytes);
            Ok(given.is_stored(&stored))
        }
        // Who may rotate need not be who may read.
        Err(failure) if failure.kind == FailureKind::Denied => Ok(false),
        Err(failure) => Err(Trouble::from(failure).into()),
    }
}

fn confirm(options: &RotateArgs, terminal: Option<&Terminal>, question: &str) -> Result<(), End> {
    match terminal {
        Some(terminal) if !options.yes => match terminal.confirm(question)? {
            true => Ok(()),
            false => Err(Failure::new("not confirmed; nothing was changed")
                .hint("say y, or give --yes")
                .into()),
        },
        _ => Ok(()),
    }
}

/// Fails where something speaks against the new value: a signal, or the check.
fn test(
    options: &RotateArgs,
    given: &Given,
    version: &str,
    session: &Session<'_>,
) -> Result<(), End> {
    if let Some(command) = &options.check {
        let variables = [
            ("TALLYLIGHT_SECRET_NAME", options.name.as_str()),
            ("TALLYLIGHT_SECRET_VERSION", version),
        ];
        check::run(
            command,
            &given.bytes,
            variables,
            options.check_timeout,
            session.output,
        )?
        .map_err(|why| Failure::new(why).hint("the old value is in use as before"))?;
        say::message(session.output, "the check accepted it");
    }
    match os::received() {
        Some(signal) => Err(End::Signal(signal)),
        None => Ok(()),
    }
}

/// `--cancel`.
fn cancel(
    options: &RotateArgs,
    pending: Option<&str>,
    terminal: Option<&Terminal>,
    session: &Session<'_>,
) -> Result<i32, End> {
    if options.dry_run
        && let Some(pending) = pending
    {
        let line = format!(
            "would take back the pending version {}\n",
            say::clean(pending)
        );
        print(
            options,
            json!({ "name": options.name, "action": "cancel", "version": pending }),
            &line,
            session,
        )?;
        return Ok(CHANGES);
    }
    // Also where the current version still has the stage, after a rotation that was cut off.
    if let Some(pending) = pending {
        let question = format!(
            "Take back version {} of {}?",
            say::clean(pending),
            options.name
        );
        confirm(options, terminal, &question)?;
    }
    let work = session.aws.cancel_pending(&options.name, session.until());
    let version = session
        .finish("taking the pending version back", work)
        .map_err(Trouble::from)?;
    let (action, line) = match &version {
        Some(version) => (
            "cancelled",
            format!(
                "cancelled  {}  version {}\n",
                options.name,
                say::clean(version)
            ),
        ),
        None => (
            "unchanged",
            format!("unchanged  {}  no version is pending\n", options.name),
        ),
    };
    print(
        options,
        json!({ "name": options.name, "action": action, "version": version }),
        &line,
        session,
    )?;
    Ok(0)
}

/// `--lambda`.
fn by_function(
    options: &RotateArgs,
    known: &Listed,
    terminal: Option<&Terminal>,
    session: &Session<'_>,
) -> Result<i32, End> {
    if options.dry_run {
        let function = known.rotation_function.as_deref();
        let line = match function {
            Some(function) => format!("would have AWS run {}\n", say::clean(function)),
            None => "would have AWS rotate it\n".to_owned(),
        };
        let document =
            json!({ "name": options.name, "action": "rotate", "rotationFunction": function });
        print(options, document, &line, session)?;
        return Ok(CHANGES);
    }
    let question = format!("Have AWS rotate {}{} now?", options.name, place(session));
    confirm(options, terminal, &question)?;
    let token = new_token();
    let work = session
        .aws
        .rotate_with_function(&options.name, &token, session.until());
    let written = session
        .finish("starting the rotation", work)
        .map_err(Trouble::from)?;
    let version = written.version.unwrap_or(token);
    let line = format!(
        "started  {}  version {}; `tallylight secrets list` shows when it is current\n",
        options.name,
        say::clean(&version)
    );
    let document = json!({ "name": options.name, "action": "started", "version": version, "region": written.region });
    print(options, document, &line, session)?;
    Ok(0)
}

fn plan(options: &RotateArgs, current: &str, session: &Session<'_>) -> Result<i32, End> {
    let check = match &options.check {
        Some(_) => ", have it checked",
        None => "",
    };
    let line = format!(
        "would put a new version of {}{} as AWSPENDING{check}, and make it AWSCURRENT; version {} becomes AWSPREVIOUS\n",
        options.name,
        place(session),
        say::clean(current)
    );
    let document = json!({
        "name": options.name, "action": "rotate", "currentVersion": current, "region": session.aws.region(),
    });
    print(options, document, &line, session)?;
    Ok(CHANGES)
}

fn report(
    options: &RotateArgs,
    action: &str,
    now: &Listed,
    rotated: Option<(&str, &str)>,
    session: &Session<'_>,
) -> Result<(), End> {
    let level = if rotated.is_some() {
        Level::Good
    } else {
        Level::Faint
    };
    let mut text = format!(
        "{}  {}\n",
        paint(action, level, session.output.colour()),
        options.name
    );
    let mut versions = Vec::new();
    // Those without a stage are AWS's to remove.
    for version in now
        .versions
        .iter()
        .filter(|version| !version.stages.is_empty())
    {
        text.push_str(&format!(
            "  {:12} {}\n",
            version.stages.join(", "),
            say::clean(&version.id)
        ));
        versions.push(json!({ "id": version.id, "stages": version.stages }));
    }
    let document = say::object([
        ("name", json!(options.name)),
        ("action", json!(action)),
        ("version", json!(rotated.map(|(version, _)| version))),
        (
            "previousVersion",
            json!(rotated.map(|(_, previous)| previous)),
        ),
        ("region", json!(session.aws.region())),
        ("versions", Value::Array(versions)),
    ]);
    print(options, document, &text, session)
}

fn print(
    options: &RotateArgs,
    document: Value,
    text: &str,
    session: &Session<'_>,
) -> Result<(), End> {
    if options.json {
        say::document(session.output, document)
    } else {
        say::data(session.output, text)
    }
}

fn place(session: &Session<'_>) -> String {
    session
        .aws
        .region()
        .map(|region| format!(" in {region}"))
        .unwrap_or_default()
}
