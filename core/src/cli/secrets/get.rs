//! `tallylight secrets get`: reads a secret as a service would.
//!
//! The invariant: without `--reveal` the value is dropped unseen. With it, it is the one thing that
//! does not pass the scrubber, and goes to stdout alone.

use std::io::{self, IsTerminal, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::args::GetArgs;
use super::refusal;
use super::say::{self, Trouble};
use super::session::Session;
use super::syscalls::is_stdout_closed;
use crate::cli::format::span;
use crate::cli::output::{End, Failure, Level};
use crate::cli::table::Cell;
use crate::scrub::REDACTED;
use crate::secrets::{Request, Secret};

pub(super) fn run(options: &GetArgs, session: &Session<'_>) -> Result<i32, End> {
    refusal::name(&options.name, "NAME", &session.declarations)?;
    // Before the value is read: to a file that has the number of a closed one it must never go.
    if options.reveal && is_stdout_closed() {
        return Err(Failure::new(
            "standard output is closed, so nobody could read the value; it was not read",
        )
        .hint("leave --reveal out to test whether it can be read, or send the value somewhere")
        .into());
    }
    let request = Request {
        name: &options.name,
        key: options.key.as_deref(),
        stage: options.stage.as_deref(),
        version: options.version.as_deref(),
        max_age: None,
        deadline: session.deadline,
    };
    let instance = session.instance()?;
    let doing = format!("reading {}", options.name);
    let secret = session
        .wait(&doing, instance.secrets().get_with(&request))?
        .map_err(Trouble::from)?;
    match (options.json, options.reveal) {
        (true, is_revealed) => print_json(&secret, is_revealed, session)?,
        (false, false) => {
            let facts = facts(&secret, options.key.as_deref());
            say::data(session.output, &say::facts(&facts, session.output.colour()))?;
        }
        (false, true) => reveal(&secret, options, session)?,
    }
    // Before the values of the cache go, so that whatever is printed later is still scrubbed.
    drop(secret);
    drop(instance);
    Ok(0)
}

fn facts(secret: &Secret, key: Option<&str>) -> Vec<(&'static str, Cell)> {
    let plain = |text: &str| Cell::new(say::clean(text), Level::Plain);
    let mut facts = vec![("name", Cell::new(say::clean(secret.name()), Level::Strong))];
    facts.extend(key.map(|key| ("key", plain(key))));
    facts.push(("source", plain(secret.source().as_str())));
    facts.extend(secret.version().map(|version| ("version", plain(version))));
    if !secret.stages().is_empty() {
        facts.push(("stages", plain(&secret.stages().join(", "))));
    }
    facts.extend(secret.region().map(|region| ("region", plain(region))));
    facts.extend(secret.arn().map(|arn| ("arn", plain(arn))));
    facts.push((
        "read",
        plain(&format!("{} ago", span(secret.age().as_secs_f64()))),
    ));
    let kind = if secret.is_binary() { "binary" } else { "text" };
    facts.push((
        "value",
        Cell::new(
            format!("{REDACTED} ({kind}; --reveal writes it)"),
            Level::Faint,
        ),
    ));
    facts
}

fn print_json(secret: &Secret, is_revealed: bool, session: &Session<'_>) -> Result<(), End> {
    let mut document = say::object([
        ("name", json!(secret.name())),
        ("source", json!(secret.source().as_str())),
        ("version", json!(secret.version())),
        ("stages", json!(secret.stages())),
        ("region", json!(secret.region())),
        ("arn", json!(secret.arn())),
        ("fetchedAt", say::stamp(Some(secret.fetched_at()))),
        ("ageSeconds", json!(secret.age().as_secs())),
        ("binary", json!(secret.is_binary())),
    ]);
    if !is_revealed {
        return say::document(session.output, document);
    }
    crate::scrub::scrub_json(&mut document);
    match secret.reveal() {
        Ok(text) if !secret.is_binary() => document["value"] = Value::from(text),
        _ => document["valueBase64"] = Value::from(STANDARD.encode(secret.reveal_bytes())),
    }
    let text = Zeroizing::new(format!("{document:#}\n"));
    warn(session);
    session.output.data(&text)
}

fn reveal(secret: &Secret, options: &GetArgs, session: &Session<'_>) -> Result<(), End> {
    let is_terminal = io::stdout().is_terminal();
    let text = secret.reveal().ok().filter(|_| !secret.is_binary());
    let is_harmless = text.is_some_and(|text| {
        !text
            .chars()
            .any(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\r'))
    });
    if is_terminal && !is_harmless {
        return Err(Failure::new(format!(
            "secret {} is binary or has control characters, which a terminal would obey",
            say::clean(secret.name())
        ))
        .hint("write it to a file or a pipe: `--reveal > file`, or use --json")
        .into());
    }
    let mut about = format!("{} from {}", secret.name(), secret.source());
    if let Some(version) = secret.version() {
        about.push_str(&format!(", version {version}"));
    }
    if let Some(region) = secret.region() {
        about.push_str(&format!(", {region}"));
    }
    about.push_str(&format!(", read {} ago", span(secret.age().as_secs_f64())));
    say::message(session.output, &about);
    warn(session);
    let mut stdout = io::stdout().lock();
    stdout.write_all(secret.reveal_bytes())?;
    let ends_line = secret.reveal_bytes().ends_with(b"\n");
    if options.newline || (is_terminal && !ends_line) {
        stdout.write_all(b"\n")?;
    }
    stdout.flush()?;
    Ok(())
}

fn warn(session: &Session<'_>) {
    if io::stdout().is_terminal() {
        say::warning(
            session.output,
            "the value stays in this terminal's history until you clear it",
        );
    }
}
