//! `tallylight secrets refresh`: asks the sources now, past every cache, and renews the sealed one.

use std::time::Duration;

use serde_json::{Value, json};

use super::args::RefreshArgs;
use super::refusal;
use super::say::{self, Trouble};
use super::session::Session;
use crate::Tallylight;
use crate::cli::FAILED;
use crate::cli::output::{End, Level, paint};
use crate::secrets::{CacheFileStatus, Request, Secret};

/// How long the writing of the sealed cache is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn run(options: &RefreshArgs, session: &Session<'_>) -> Result<i32, End> {
    let mut names = options.names.clone();
    if names.is_empty() {
        names.extend(
            session
                .declarations
                .all()
                .iter()
                .map(|known| known.name.clone()),
        );
    }
    for (at, name) in names.iter().enumerate() {
        refusal::name(name, &format!("argument {}", at + 1), &session.declarations)?;
    }
    let instance = session.instance()?;
    let mut secrets: Vec<Value> = Vec::new();
    let mut failed = 0;
    let mut from_aws = 0;
    for name in &names {
        let mut request = Request::new(name);
        request.deadline = session.deadline;
        let work = instance.secrets().refresh(&request);
        match session.wait(&format!("refreshing {name}"), work)? {
            Ok(secret) => {
                from_aws += usize::from(secret.region().is_some());
                if !options.json {
                    say::data(session.output, &line(&secret, session))?;
                }
                secrets.push(document(&secret));
            }
            Err(error) => {
                failed += 1;
                let trouble = Trouble::from(error);
                say::trouble(session.output, &trouble);
                secrets.push(json!({ "name": name, "error": trouble.json() }));
            }
        }
    }
    let cache = match session.config.secrets.cache_file {
        Some(_) if from_aws > 0 => Some(written(&instance, session)?),
        _ => None,
    };
    let is_cache_broken = cache
        .as_ref()
        .is_some_and(|cache| cache.last_error.is_some());
    if let Some(CacheFileStatus {
        last_error: Some(error),
        ..
    }) = &cache
    {
        say::trouble(
            session.output,
            &Trouble::new("io", format!("the sealed cache was not written: {error}")),
        );
    }
    if options.json {
        let mut document = json!({ "secrets": secrets });
        if let Some(cache) = cache {
            document["cacheFile"] = json!(cache);
        }
        say::document(session.output, document)?;
    } else if let Some(CacheFileStatus {
        written: Some(at),
        entries,
        ..
    }) = &cache
    {
        say::message(
            session.output,
            &format!("sealed cache written at {at}, {entries} entries"),
        );
    }
    Ok(if failed > 0 || is_cache_broken {
        FAILED
    } else {
        0
    })
}

/// The sealed cache is written behind: waits until it was, or failed to be.
fn written(instance: &Tallylight, session: &Session<'_>) -> Result<CacheFileStatus, End> {
    instance.secrets().flush(PATIENCE);
    session.wait("writing the sealed cache", async {})?;
    let mut status = instance.secrets().status().cache_file.unwrap_or_default();
    if status.written.is_none() && status.last_error.is_none() {
        status.last_error = Some("it took too long".to_owned());
    }
    Ok(status)
}

fn line(secret: &Secret, session: &Session<'_>) -> String {
    let word = paint("refreshed", Level::Good, session.output.colour());
    let mut line = format!(
        "{word}  {}  from {}",
        say::clean(secret.name()),
        secret.source()
    );
    if let Some(version) = secret.version() {
        line.push_str(&format!(", version {}", say::clean(version)));
    }
    if let Some(region) = secret.region() {
        line.push_str(&format!(", {}", say::clean(region)));
    }
    line.push('\n');
    line
}

fn document(secret: &Secret) -> Value {
    say::object([
        ("name", json!(secret.name())),
        ("source", json!(secret.source().as_str())),
        ("version", json!(secret.version())),
        ("region", json!(secret.region())),
        ("arn", json!(secret.arn())),
        ("fetchedAt", say::stamp(Some(secret.fetched_at()))),
        ("ageSeconds", json!(secret.age().as_secs())),
    ])
}
