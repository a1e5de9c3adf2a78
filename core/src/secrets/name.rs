//! Names of secrets, and the environment variables that belong to them.
//!
//! Every name that a caller, a setting or the command line gives is parsed here first. The
//! invariant: a text that is refused does not appear in the error, since whoever gives a secret's
//! value where its name belongs must not find it in a log.

use std::ops::Range;

use crate::error::{Error, ErrorKind};

/// Longest name in bytes, by AWS.
const MAX_NAME_BYTES: usize = 512;
/// Longest ARN in bytes, by AWS.
const MAX_ARN_BYTES: usize = 2_048;
/// Letters and digits that AWS adds to a name in its ARN, after a hyphen.
const SUFFIX_CHARS: usize = 6;
const ALLOWED: &str = "letters, digits and / _ + = . @ -";

/// The name or the ARN of a secret, checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SecretName {
    text: Box<str>,
    arn: Option<Arn>,
}

/// Where the parts of an ARN are in its text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Arn {
    partition: Part,
    region: Part,
    account: Part,
    /// Without the suffix.
    name: Part,
}

/// A range that is ordered and hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Part {
    from: usize,
    to: usize,
}

impl SecretName {
    /// The name that `text` is: a plain one, or an ARN of any partition, complete or without its
    /// suffix.
    ///
    /// # Errors
    /// `invalid_name`, saying what is wrong and where, without the text.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        if text.is_empty() {
            return refuse(
                "is empty; give the name that the secret is stored under, or its ARN".to_owned(),
            );
        }
        let blank = || has_blanks(text).then_some("white space or control characters in it");
        if let Some(kind) = value_like(text).or_else(blank) {
            let trimmed = text.trim();
            if trimmed.len() < text.len() && Self::parse(trimmed).is_ok() {
                return refuse("has white space at its start or end; trim it".to_owned());
            }
            return refuse(format!(
                "looks like the value of a secret, not a name ({kind}, {} bytes, not shown); \
                 give the name that the value is stored under",
                text.len()
            ));
        }
        if text.starts_with("arn:") {
            return parse_arn(text);
        }
        check_length(text, MAX_NAME_BYTES, "a name")?;
        check_characters(text, 0)?;
        Ok(Self {
            text: text.into(),
            arn: None,
        })
    }

    /// The name or ARN as it was given.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The name; of an ARN the name in it, without the suffix.
    ///
    /// A hyphen and six letters or digits at an ARN's end are taken for the suffix, as AWS does
    /// itself: nothing tells whether an ARN is complete.
    pub(crate) fn short_name(&self) -> &str {
        self.part(|arn| arn.name).unwrap_or(&self.text)
    }

    pub(crate) fn is_arn(&self) -> bool {
        self.arn.is_some()
    }

    #[cfg(test)]
    /// The partition of an ARN, such as `aws` or `aws-cn`.
    pub(crate) fn partition(&self) -> Option<&str> {
        self.part(|arn| arn.partition)
    }

    /// The region of an ARN.
    pub(crate) fn region(&self) -> Option<&str> {
        self.part(|arn| arn.region)
    }

    #[cfg(test)]
    /// The account of an ARN, twelve digits.
    pub(crate) fn account(&self) -> Option<&str> {
        self.part(|arn| arn.account)
    }

    /// The environment variable of this secret: `CINEVIEW_GEMINI_API` for `cineview-gemini-api`.
    pub(crate) fn variable(&self) -> String {
        self.short_name()
            .chars()
            .map(|c| match c.to_ascii_uppercase() {
                c @ ('A'..='Z' | '0'..='9') => c,
                _ => '_',
            })
            .collect()
    }

    /// The environment variable that names a file with the value: `CINEVIEW_GEMINI_API_FILE`.
    pub(crate) fn file_variable(&self) -> String {
        file_variable_of(&self.variable())
    }

    fn part(&self, which: impl FnOnce(&Arn) -> Part) -> Option<&str> {
        let part = which(self.arn.as_ref()?);
        self.text.get(part.from..part.to)
    }
}

/// The variable that names a file, for a variable that holds a value.
pub(super) fn file_variable_of(variable: &str) -> String {
    format!("{variable}_FILE")
}

/// What a text is that somebody may have given by mistake where a name or a path belongs.
pub(super) fn value_like(text: &str) -> Option<&'static str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let is_upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    if text.starts_with("-----BEGIN") {
        Some("a PEM block")
    } else if text.starts_with(['{', '[', '"']) {
        Some("JSON")
    } else if text.contains("://") {
        Some("a URL")
    } else if text.starts_with("eyJ")
        && text.split('.').count() == 3
        && text
            .split('.')
            .all(|part| part.len() >= 10 && part.chars().all(is_word))
    {
        Some("a JSON Web Token")
    } else if text.starts_with("AIza") && text.len() == 39 && text.chars().all(is_word) {
        Some("a Google API key")
    } else if (text.starts_with("AKIA") || text.starts_with("ASIA"))
        && text.len() == 20
        && text.chars().all(is_upper)
    {
        Some("an AWS access key")
    } else {
        None
    }
}

/// White space, or what binary becomes as text: no name has it, many a value does.
fn has_blanks(text: &str) -> bool {
    text.chars()
        .any(|c| c.is_whitespace() || c.is_control() || c == char::REPLACEMENT_CHARACTER)
}

/// `arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:NAME[-suffix]`.
fn parse_arn(text: &str) -> Result<SecretName, Error> {
    const FORM: &str = "arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:NAME";
    check_length(text, MAX_ARN_BYTES, "an ARN")?;
    let parts = split_parts(text);
    let [_, partition, service, region, account, kind, name] = parts.as_slice() else {
        return refuse(format!(
            "is an ARN of {} parts where a secret's has 7; its form is {FORM}",
            parts.len()
        ));
    };
    let is_label = |part: &Range<usize>| {
        let label = &text[part.clone()];
        !label.is_empty()
            && label.len() <= 32
            && label
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    if is_label(service) && &text[service.clone()] != "secretsmanager" {
        return refuse(format!(
            "is the ARN of something of {}; a secret's has the form {FORM}",
            &text[service.clone()]
        ));
    }
    if !is_label(service) || &text[kind.clone()] != "secret" {
        return refuse(format!("is no secret's ARN; its form is {FORM}"));
    }
    for (part, what) in [(partition, "partition"), (region, "region")] {
        if !is_label(part) {
            return refuse(format!(
                "is an ARN without a valid {what} at place {}; its form is {FORM}",
                part.start + 1
            ));
        }
    }
    let digits = &text[account.clone()];
    if digits.len() != 12 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return refuse(format!(
            "is an ARN whose account, at place {}, is not twelve digits; its form is {FORM}",
            account.start + 1
        ));
    }
    let full = &text[name.clone()];
    if full.is_empty() {
        return refuse(format!(
            "is an ARN that ends without a name; its form is {FORM}"
        ));
    }
    if let Some(colon) = full.find(':') {
        return refuse(format!(
            "is an ARN with more after its name, from place {}, as a task definition has it; \
             give the ARN up to there, and the JSON key, stage or version as options",
            name.start + colon + 1
        ));
    }
    check_characters(full, name.start)?;
    let short = without_suffix(full);
    check_length(short, MAX_NAME_BYTES, "the name in an ARN")?;
    let part = |range: &Range<usize>| Part {
        from: range.start,
        to: range.end,
    };
    Ok(SecretName {
        text: text.into(),
        arn: Some(Arn {
            partition: part(partition),
            region: part(region),
            account: part(account),
            name: Part {
                from: name.start,
                to: name.start + short.len(),
            },
        }),
    })
}

/// The ranges between the first six colons, and the rest.
fn split_parts(text: &str) -> Vec<Range<usize>> {
    let mut start = 0;
    text.splitn(7, ':')
        .map(|part| {
            let range = start..start + part.len();
            start = range.end + 1;
            range
        })
        .collect()
}

fn without_suffix(name: &str) -> &str {
    match name.rsplit_once('-') {
        Some((short, suffix))
            if !short.is_empty()
                && suffix.len() == SUFFIX_CHARS
                && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
        {
            short
        }
        _ => name,
    }
}

fn check_length(text: &str, limit: usize, what: &str) -> Result<(), Error> {
    if text.len() > limit {
        return refuse(format!(
            "has {} bytes; {what} has at most {limit}",
            text.len()
        ));
    }
    Ok(())
}

/// Refuses what AWS refuses; `before` bytes of ASCII stand before `text`.
fn check_characters(text: &str, before: usize) -> Result<(), Error> {
    let is_bad = |c: char| {
        !(c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '+' | '=' | '.' | '@' | '-'))
    };
    match text.chars().enumerate().find(|(_, c)| is_bad(*c)) {
        None => Ok(()),
        Some((at, c)) => refuse(format!(
            "has {c:?} at place {}; use {ALLOWED}, or give an ARN, which starts with arn:",
            before + at + 1
        )),
    }
}

fn refuse<T>(what: String) -> Result<T, Error> {
    Err(Error::new(
        ErrorKind::InvalidName,
        format!("a secret's name {what}"),
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn text(value: &Value) -> String {
        match value {
            Value::String(text) => text.clone(),
            Value::Array(parts) => parts.iter().map(text).collect(),
            _ => value["chars"]
                .as_str()
                .unwrap()
                .repeat(value["times"].as_u64().unwrap() as usize),
        }
    }

    #[test]
    fn the_shared_vectors_hold() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../tests/vectors/secret_names.json"
        );
        let cases: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        for case in cases["valid"].as_array().unwrap() {
            let input = text(&case["input"]);
            let name = SecretName::parse(&input).unwrap_or_else(|error| panic!("{input}: {error}"));
            assert_eq!(name.as_str(), input);
            assert_eq!(name.short_name(), text(&case["shortName"]), "{input}");
            assert_eq!(name.variable(), text(&case["variable"]), "{input}");
            assert_eq!(name.file_variable(), format!("{}_FILE", name.variable()));
            assert_eq!(name.partition(), case["partition"].as_str(), "{input}");
            assert_eq!(name.region(), case["region"].as_str(), "{input}");
            assert_eq!(name.account(), case["account"].as_str(), "{input}");
            assert_eq!(name.is_arn(), case["region"].is_string());
        }
        for case in cases["invalid"].as_array().unwrap() {
            let input = text(&case["input"]);
            let error = SecretName::parse(&input).unwrap_err();
            assert_eq!(error.kind().code(), case["error"], "{input}");
            let says = case["says"].as_str().unwrap();
            assert!(error.to_string().contains(says), "{input}: {error}");
        }
    }

    #[test]
    fn a_refused_text_is_not_in_the_error() {
        for value in [
            "canary-value with spaces",
            "postgres://canary-value@host/db",
            "{\"password\":\"canary-value\"}",
            "-----BEGIN PRIVATE KEY-----\ncanary-value\n-----END PRIVATE KEY-----",
            "canary-value!",
            "canary-value\u{0}",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:canary-value!",
            "arn:aws:secretsmanager:canary-value:x:y:z",
            "arn:aws:canary-value!:eu-west-1:123456789012:secret:a",
        ] {
            let error = format!("{:?}", SecretName::parse(value).unwrap_err());
            assert!(!error.contains("canary-value"), "{value}: {error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_name_or_an_error(text in any::<String>()) {
            match SecretName::parse(&text) {
                Ok(name) => prop_assert!(name.as_str() == text && !name.short_name().is_empty()),
                Err(error) => prop_assert_eq!(error.kind(), ErrorKind::InvalidName),
            }
        }

        #[test]
        fn anything_after_arn_is_a_name_or_an_error(
            text in "arn:[a-z0-9:é -]{0,12}:?(secretsmanager)?:[a-z0-9:-]{0,12}:[0-9]{0,13}:(secret)?:[A-Za-z0-9/_+=.@:é-]{0,20}"
        ) {
            if let Ok(name) = SecretName::parse(&text) {
                prop_assert!(name.region().is_some() && name.account().is_some());
                prop_assert!(text.contains(name.short_name()));
            }
        }

        #[test]
        fn every_plain_name_is_taken_and_has_a_variable(text in "[A-Za-z0-9/_+=.@-]{1,512}") {
            prop_assume!(value_like(&text).is_none() && !text.starts_with("arn:"));
            let name = SecretName::parse(&text).unwrap();
            prop_assert_eq!(name.variable().len(), text.len());
            prop_assert!(name.variable().bytes().all(|b| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'_')));
        }
    }
}
