//! `tallylight secrets setup`: creates or updates secrets, from a person or from a document.
//!
//! The invariants: nothing is written before everything is known (a person has typed all values, a
//! document is read to its end, AWS was asked what it has), and a second run does nothing.

use super::args::SetupArgs;
use super::input::{self, MAX_INPUT_BYTES};
use super::outcome::{Row, line, report, row};
use super::plan::{self, Action, Assigned, Decided, Making, Target};
use super::say::{self, Trouble};
use super::session::Session;
use super::terminal::Terminal;
use super::values::{self, Given};
use super::{CHANGES, origin, refusal};
use crate::cli::output::{End, Failure};
use crate::secrets::environment;
use crate::secrets::failure::FailureKind;

pub(super) fn run(options: &SetupArgs, session: &Session<'_>) -> Result<i32, End> {
    let targets = targets(options, session)?;
    let files = value_files(options, &targets, session)?;
    let terminal = Terminal::open();
    let is_interactive = !options.from_stdin
        && options.file.is_none()
        && !options.from_env
        && options.value_files.is_empty();
    let mut given = if is_interactive {
        ask(options, &targets, terminal.as_ref(), session)?
    } else {
        read(options, &targets, session)?
    };
    for (at, value) in files {
        given.retain(|(known, _)| *known != at);
        given.push((at, value));
    }
    given.sort_by_key(|(at, _)| *at);
    if given.is_empty() && !is_interactive {
        return Err(nothing_given(options, &targets).into());
    }

    let mut rows = Vec::new();
    let mut decided = Vec::new();
    for (at, value) in given {
        let Some(target) = targets.get(at) else {
            continue;
        };
        match decide(target, &value, session)? {
            Ok(decision) => decided.push((target, value, decision)),
            Err(trouble) => {
                say::trouble(session.output, &trouble);
                rows.push(Row {
                    name: target.name.as_str().to_owned(),
                    outcome: Err(trouble),
                    note: None,
                });
            }
        }
    }
    let has_changes = decided
        .iter()
        .any(|(.., decision)| decision.action != Action::Unchanged);
    if options.dry_run {
        for (target, _, decision) in &decided {
            rows.push(row(
                target,
                decision.action,
                decision.version.clone(),
                decision.note,
            ));
        }
        return report(options, &rows, session).map(|code| match code {
            0 if has_changes => CHANGES,
            code => code,
        });
    }
    if has_changes
        && !options.yes
        && let Some(terminal) = &terminal
    {
        for (target, _, decision) in &decided {
            terminal.say(&format!(
                "  {:9}  {}\n",
                decision.action.word(),
                target.name.as_str()
            ));
        }
        let region = session.aws.region().unwrap_or_else(|| "AWS".to_owned());
        if !terminal.confirm(&format!("Write to {region}?"))? {
            return Err(Failure::new("not confirmed; nothing was written")
                .hint("say y, or give --yes")
                .into());
        }
    }
    for (target, value, decision) in &decided {
        rows.push(write(options, target, value, decision, session)?);
        if !options.json
            && let Some(row) = rows.last()
        {
            say::data(session.output, &line(row, false, session))?;
        }
    }
    report(options, &rows, session)
}

/// The secrets that are meant.
fn targets(options: &SetupArgs, session: &Session<'_>) -> Result<Vec<Target>, End> {
    let declarations = &session.declarations;
    let mut targets: Vec<Target> = Vec::new();
    let mut add = |name: crate::secrets::name::SecretName| {
        if targets
            .iter()
            .any(|known| known.name.as_str() == name.as_str())
        {
            return;
        }
        let declared = declarations
            .all()
            .iter()
            .find(|known| known.name == name.as_str());
        targets.push(Target {
            variables: origin::variables(&name, declarations),
            description: declared
                .map(|known| known.description.clone())
                .unwrap_or_default(),
            name,
        });
    };
    for (at, name) in options.names.iter().enumerate() {
        let place = format!("argument {}", at + 1);
        add(refusal::declared(name, &place, declarations)?);
    }
    for name in &options.others {
        add(refusal::name(name, "--name", declarations)?);
    }
    if options.names.is_empty() {
        let is_one_meant = !options.others.is_empty() || !options.value_files.is_empty();
        let has_document = options.from_stdin || options.file.is_some() || options.from_env;
        if !is_one_meant || has_document {
            for known in declarations.all() {
                add(refusal::name(&known.name, "a declared name", declarations)?);
            }
        } else {
            for given in &options.value_files {
                let (name, _) = refusal::value_file(given, declarations)?;
                if declarations.all().iter().any(|known| known.name == name) {
                    add(refusal::name(name, "--value-file", declarations)?);
                }
            }
        }
    }
    Ok(targets)
}

/// The values of `--value-file`.
fn value_files(
    options: &SetupArgs,
    targets: &[Target],
    session: &Session<'_>,
) -> Result<Vec<Assigned>, End> {
    let mut values: Vec<Assigned> = Vec::new();
    let mut is_stdin_taken = options.from_stdin;
    for given in &options.value_files {
        let (name, path) = refusal::value_file(given, &session.declarations)?;
        let Some(at) = targets
            .iter()
            .position(|target| target.name.as_str() == name)
        else {
            return Err(Failure::usage(
                "--value-file names a secret that is neither declared nor given by --name (what was typed is not repeated)",
            )
            .hint("add --name NAME with the same name to create it")
            .into());
        };
        if path == "-" && std::mem::replace(&mut is_stdin_taken, true) {
            return Err(Failure::usage("standard input can be read once only")
                .hint("use `-` for one value, and files for the others")
                .into());
        }
        if values.iter().any(|(known, _)| *known == at) {
            return Err(Failure::usage(format!("--value-file gives {name} twice")).into());
        }
        let option = format!("--value-file {name}");
        values.push((
            at,
            input::single(path, &option, options.binary, session.output)?,
        ));
    }
    Ok(values)
}

/// The values of a document or the environment.
fn read(
    options: &SetupArgs,
    targets: &[Target],
    session: &Session<'_>,
) -> Result<Vec<Assigned>, End> {
    if options.from_env {
        return from_environment(targets, session);
    }
    let (bytes, from) = if options.from_stdin {
        (
            input::stdin("--from-stdin", MAX_INPUT_BYTES)?,
            "standard input",
        )
    } else if let Some(path) = &options.file {
        (
            input::file(path, "--file", MAX_INPUT_BYTES, session.output)?,
            "the file",
        )
    } else {
        return Ok(Vec::new());
    };
    if is_blank(&bytes) {
        return Err(Failure::usage(format!("{from} is empty, and so gives no value"))
            .hint(
                "pipe in a JSON object of names and values, or NAME=VALUE lines, such as \
                 `sops -d secrets.json | tallylight secrets setup --from-stdin`; did what stands before the pipe fail?",
            )
            .into());
    }
    let wrong = |why: String| {
        Failure::usage(format!("{from} {why}")).hint(
            "give a JSON object of names and values, or NAME=VALUE lines; for one value alone use --value-file NAME=-",
        )
    };
    let (entries, is_json) = values::parse(&bytes).map_err(wrong)?;
    let assignment = plan::assign(entries, targets).map_err(wrong)?;
    if !assignment.left_out.is_empty() {
        let places = assignment.left_out.join(", ");
        let text = format!(
            "left out {places}: no declared secret goes by that name (--name NAME adds one)"
        );
        // An .env file holds much else; a JSON document was made for this.
        if is_json {
            say::warning(session.output, &text);
        } else {
            say::message(session.output, &text);
        }
    }
    Ok(assignment.values)
}

/// Whether there is nothing to be seen in it.
fn is_blank(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    bytes.trim_ascii().is_empty()
}

fn from_environment(targets: &[Target], session: &Session<'_>) -> Result<Vec<Assigned>, End> {
    let mut values = Vec::new();
    for (at, target) in targets.iter().enumerate() {
        let aliases = session.declarations.aliases(&target.name);
        let found = environment::read(&target.name, aliases, true, |name| std::env::var_os(name));
        let Some(found) = found else {
            continue;
        };
        let fetched = found.outcome.map_err(Trouble::from)?;
        let is_binary = std::str::from_utf8(&fetched.bytes).is_err();
        let given = Given::new(fetched.bytes, is_binary)
            .map_err(|why| Failure::usage(format!("the variable {} {why}", found.variable)))?;
        values.push((at, given));
    }
    Ok(values)
}

fn nothing_given(options: &SetupArgs, targets: &[Target]) -> Failure {
    let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
    let variables: Vec<String> = targets
        .iter()
        .flat_map(|target| target.variables.clone())
        .collect();
    if options.from_env {
        Failure::new("none of the variables is set")
            .hint(format!("set one of {}", variables.join(", ")))
    } else {
        Failure::new(format!(
            "there is no value in it for any of {}",
            names.join(", ")
        ))
        .hint(format!("name the entries so, or {}", variables.join(", ")))
    }
}

/// Asks a person for each value.
fn ask(
    options: &SetupArgs,
    targets: &[Target],
    terminal: Option<&Terminal>,
    session: &Session<'_>,
) -> Result<Vec<Assigned>, End> {
    let Some(terminal) = terminal else {
        return Err(Failure::usage("there is no terminal to ask on").hint(
            "give the values by --from-stdin, --file PATH, --from-env or --value-file NAME=PATH; never as an argument",
        )
        .into());
    };
    let mut values = Vec::new();
    terminal.say("Type or paste each value; it is not shown. Enter alone skips, Ctrl-C ends without a change.\n");
    if options.multiline {
        terminal.say("An empty line ends a value.\n");
    }
    for (at, target) in targets.iter().enumerate() {
        let name = target.name.as_str();
        // Before anything is typed in vain.
        let known = session.wait(
            &format!("asking AWS about {name}"),
            session.aws.describe(name, session.until()),
        )?;
        let state = match known {
            Ok(known) if known.deleted_at.is_some() => {
                terminal.say(&format!(
                    "\n{name}  is marked for deletion; restore it first\n"
                ));
                continue;
            }
            Ok(known) => format!(
                "exists, changed {}",
                say::ago(known.changed_at.or(known.created_at))
            ),
            Err(failure) if failure.kind == FailureKind::NotFound => {
                "does not exist yet".to_owned()
            }
            Err(failure) if failure.kind == FailureKind::Denied => {
                "cannot be described with these credentials".to_owned()
            }
            Err(failure) => return Err(Trouble::from(failure).into()),
        };
        let region = session
            .aws
            .region()
            .map(|region| format!(" in {region}"))
            .unwrap_or_default();
        let about = match target.description.as_str() {
            "" => String::new(),
            text => format!("  {text}"),
        };
        terminal.say(&format!("\n{name}{about}\n  {state}{region}\n"));
        if let Some(bytes) = terminal.value("  new value: ", options.multiline)? {
            let given =
                Given::new(bytes, false).map_err(|why| Failure::new(format!("the value {why}")))?;
            values.push((at, given));
        }
    }
    terminal.say("\n");
    Ok(values)
}

fn decide(
    target: &Target,
    value: &Given,
    session: &Session<'_>,
) -> Result<Result<Decided, Trouble>, End> {
    let name = target.name.as_str();
    let work = plan::decide(&session.aws, name, value, session.until());
    let decided = session.wait(&format!("comparing {name}"), work)?;
    Ok(match decided {
        Ok(decision) if decision.action == Action::Create && target.name.is_arn() => Err(
            Trouble::new("not_found", format!("secret {name} does not exist"))
                .hint("AWS gives an ARN to what it creates; create it by its name"),
        ),
        Ok(decision) => Ok(decision),
        Err(failure) => Err(Trouble::from(failure)),
    })
}

fn write(
    options: &SetupArgs,
    target: &Target,
    value: &Given,
    decision: &Decided,
    session: &Session<'_>,
) -> Result<Row, End> {
    if decision.action == Action::Unchanged {
        return Ok(row(
            target,
            Action::Unchanged,
            decision.version.clone(),
            decision.note,
        ));
    }
    let name = target.name.as_str();
    let own = Some(target.description.as_str()).filter(|text| !text.is_empty());
    let making = Making {
        description: options.description.as_deref().or(own),
        kms_key: options.kms_key.as_deref(),
    };
    let work = plan::carry_out(&session.aws, name, value, decision, making, session.until());
    Ok(match session.wait(&format!("writing {name}"), work)? {
        Ok((action, written)) => row(target, action, written.version, decision.note),
        Err(failure) => {
            let trouble = Trouble::from(failure);
            say::trouble(session.output, &trouble);
            Row {
                name: name.to_owned(),
                outcome: Err(trouble),
                note: None,
            }
        }
    })
}
