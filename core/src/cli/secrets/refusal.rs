//! Wrong arguments of `tallylight secrets`, told without repeating them.
//!
//! What was typed in a wrong place may be a value: a usage error shows the names of our own options
//! and nothing else of the command line.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::output::Failure;
use crate::secrets::declared::Declarations;
use crate::secrets::name::SecretName;

/// Why a value is no argument.
const WHY: &str = "a value would stay in the shell's history and be seen by others in `ps`";

/// A usage error of clap, without what was typed.
pub(crate) fn refusal(error: &clap::Error) -> Failure {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        Some(ContextValue::Strings(texts)) => Some(texts.join(", ")),
        _ => None,
    };
    let argument = context(ContextKind::InvalidArg);
    // Of an option that is not ours nobody knows whether it is a value with two hyphens in front.
    let known = argument
        .as_deref()
        .filter(|_| error.kind() != ErrorKind::UnknownArgument);
    let message = match (error.kind(), known) {
        (ErrorKind::UnknownArgument, _) => match context(ContextKind::SuggestedArg) {
            Some(option) => {
                format!("there is an argument that is not understood (did you mean {option}?)")
            }
            None => "there is an argument that is not understood".to_owned(),
        },
        (ErrorKind::InvalidSubcommand, _) => match context(ContextKind::SuggestedSubcommand) {
            Some(name) => format!("there is no such command (did you mean {name}?)"),
            None => {
                "there is no such command; there are setup, list, get, rotate, refresh and doctor"
                    .to_owned()
            }
        },
        (ErrorKind::InvalidValue | ErrorKind::ValueValidation, Some(option)) => {
            let mut message = format!("what was given for {option} is not possible");
            if let Some(valid) = context(ContextKind::ValidValue) {
                message.push_str(&format!("; it is one of {valid}"));
            } else if let Some(why) = std::error::Error::source(error) {
                // Of our own parsers, which repeat nothing.
                message.push_str(&format!(": {why}"));
            }
            message
        }
        (ErrorKind::ArgumentConflict, Some(option)) => match context(ContextKind::PriorArg) {
            Some(other) => format!("{option} cannot be used with {other}"),
            None => format!("{option} cannot be used with what else was given"),
        },
        (ErrorKind::MissingRequiredArgument, Some(option)) => format!("it needs {option}"),
        (ErrorKind::InvalidValue, None) => "an option is not possible as it was given".to_owned(),
        (_, Some(option)) => format!("{option} is not possible as it was given"),
        (_, None) => "the arguments are not understood".to_owned(),
    };
    let note = match error.kind() {
        ErrorKind::ArgumentConflict | ErrorKind::MissingRequiredArgument => "",
        _ => " (what was typed is not repeated: it may be a value)",
    };
    Failure::usage(format!("{message}{note}"))
}

/// A name of a secret out of an argument; `place` says which, such as `NAME` or `--name`.
pub(super) fn name(
    given: &str,
    place: &str,
    declarations: &Declarations,
) -> Result<SecretName, Failure> {
    let is_declared = declarations.all().iter().any(|known| known.name == given);
    if given.contains('=') && !is_declared {
        return Err(Failure::usage(format!(
            "{place} looks like NAME=VALUE; it is not read and not repeated: {WHY}"
        ))
        .hint(
            "type the value hidden (`tallylight secrets setup NAME`), or give it by --from-stdin, --file, --from-env or \
             --value-file NAME=PATH; if it was one, it is in the history now, so replace it",
        ));
    }
    SecretName::parse(given).map_err(|error| {
        Failure::usage(format!("{place}: {error}")).hint(format!(
            "give the name of a secret, such as {}; a value is never an argument: {WHY}",
            crate::secrets::GEMINI_API
        ))
    })
}

/// A declared secret out of an argument.
pub(super) fn declared(
    given: &str,
    place: &str,
    declarations: &Declarations,
) -> Result<SecretName, Failure> {
    let name = name(given, place, declarations)?;
    if declarations.all().iter().any(|known| known.name == given) {
        return Ok(name);
    }
    let all: Vec<&str> = declarations
        .all()
        .iter()
        .map(|known| known.name.as_str())
        .collect();
    Err(Failure::usage(format!(
        "{place} is no declared secret (it is not repeated: it may be a value); declared are {}",
        all.join(", ")
    ))
    .hint("for another secret write --name NAME, or declare it in TALLYLIGHT_SECRETS_DECLARED"))
}

/// Splits `NAME=PATH` of `--value-file`.
pub(super) fn value_file<'a>(
    given: &'a str,
    declarations: &Declarations,
) -> Result<(&'a str, &'a str), Failure> {
    // A declared name may hold `=` itself.
    let declared = declarations
        .all()
        .iter()
        .find_map(|known| given.strip_prefix(known.name.as_str())?.strip_prefix('='))
        .and_then(|path| Some((given.get(..given.len() - path.len() - 1)?, path)));
    let split = declared.or_else(|| given.split_once('='));
    match split {
        Some((name, path)) if !path.is_empty() => Ok((name, path)),
        _ => Err(Failure::usage("--value-file takes NAME=PATH (what was typed is not repeated)")
            .hint("such as --value-file cineview-gemini-api=key.txt; `-` as the path is standard input")),
    }
}
