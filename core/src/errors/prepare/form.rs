//! What a server would refuse, written as it takes it: a tag with a line break, a release with a
//! slash. Source: relay's `relay-event-normalization/src/event.rs` and `relay-event-schema`.

use std::borrow::Cow;

use super::keys::Keys;
use super::literal::Literal;
use super::place::{Form, Pairs};
use super::text::{self, Hints, Kind};

/// Characters of a tag's name.
const MAX_NAME: usize = 200;
/// From this length a name may be what people are known by: an address, a card's number.
pub(super) const MIN_TELLING: usize = 6;

/// Whether a text has its form already.
pub(super) fn accepts(form: Form, literal: &Literal<'_>) -> bool {
    match form {
        Form::Any | Form::Object | Form::List | Form::Scalar | Form::Unsigned => true,
        Form::Line => !literal.is_escaped && !literal.raw.is_empty(),
        Form::Level | Form::Platform | Form::Release | Form::Environment | Form::Dist => {
            !literal.is_escaped
                && matches!(make(form, literal.raw), Some(Cow::Borrowed(it)) if it.len() == literal.raw.len())
        }
    }
}

/// A text in its form; `None` where nothing is better than what there is.
pub(super) fn make(form: Form, text: &str) -> Option<Cow<'_, str>> {
    match form {
        Form::Any | Form::Object | Form::List | Form::Scalar | Form::Unsigned => Some(text.into()),
        Form::Line => {
            let line = replace(text, |it| it.is_control(), ' ');
            (!line.trim().is_empty()).then_some(line)
        }
        Form::Level => Some(level(text).into()),
        Form::Platform => Some(if text == "rust" { "native" } else { text }.into()),
        Form::Release => release(text),
        Form::Environment => environment(text),
        Form::Dist => {
            let allowed = |it: char| it.is_ascii_alphanumeric() || "_.-".contains(it);
            let dist = replace(text.trim(), |it| !allowed(it), '-');
            (!dist.is_empty()).then_some(dist)
        }
    }
}

/// A release as a server takes it: one line without slashes.
pub(in crate::errors) fn release(text: &str) -> Option<Cow<'_, str>> {
    let text = text.trim();
    if matches!(text, "" | "." | "..") {
        return None;
    }
    Some(replace(
        text,
        |it| it.is_control() || "/\\".contains(it),
        '-',
    ))
}

/// An environment's name as a server takes it.
pub(in crate::errors) fn environment(text: &str) -> Option<Cow<'_, str>> {
    let text = text.trim();
    if text.is_empty() || text.eq_ignore_ascii_case("none") {
        return None;
    }
    Some(replace(text, |it| it.is_control() || it == '/', '-'))
}

/// The level that a server knows by that name; names of `console` and `log` are known too.
fn level(text: &str) -> &str {
    match text {
        "fatal" | "error" | "warning" | "info" | "debug" => text,
        "critical" | "alert" | "emergency" | "panic" => "fatal",
        "warn" => "warning",
        "err" | "assert" => "error",
        "trace" | "verbose" | "silly" => "debug",
        "log" | "notice" | "information" => "info",
        _ => text,
    }
}

/// A field's name as it may leave and as a server takes it, if it does so only otherwise.
pub(super) fn name(
    pairs: Option<Pairs>,
    name: &str,
    hints: Hints,
    keys: Keys<'_>,
) -> Option<String> {
    let clean = (name.len() >= MIN_TELLING)
        .then(|| text::scrub_hinted(name, hints, Kind::Prose, keys))
        .flatten()
        .map(|clean| clean.text);
    if pairs != Some(Pairs::Tags) {
        return clean;
    }
    let allowed = |it: char| it.is_ascii_alphanumeric() || "_.:-".contains(it);
    let known = clean.as_deref().unwrap_or(name);
    if known.len() <= MAX_NAME && !known.is_empty() && known.chars().all(allowed) {
        return None;
    }
    let named: String = known
        .chars()
        .take(MAX_NAME)
        .map(|it| if allowed(it) { it } else { '_' })
        .collect();
    Some(if named.is_empty() {
        "_".to_owned()
    } else {
        named
    })
}

fn replace(text: &str, is_wrong: impl Fn(char) -> bool, instead: char) -> Cow<'_, str> {
    if text.chars().any(&is_wrong) {
        text.chars()
            .map(|it| if is_wrong(it) { instead } else { it })
            .collect::<String>()
            .into()
    } else {
        text.into()
    }
}
