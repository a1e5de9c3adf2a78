//! The source of last resort: the environment variable of a secret's name, in development only.
//!
//! The invariant: outside of development no variable is read here at all, so that a production
//! service whose AWS fails cannot be answered by what somebody left in its environment.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use zeroize::Zeroizing;

use super::failure::{Failure, FailureKind};
use super::fetched::Fetched;
use super::file::MAX_VALUE_BYTES;
use super::name::SecretName;
use super::value::Source;

/// The environments that are development.
const DEVELOPMENT: [&str; 4] = ["development", "dev", "local", "test"];

/// Whether an environment of this name reads secrets from variables.
pub(crate) fn is_development(environment: &str) -> bool {
    DEVELOPMENT
        .iter()
        .any(|name| environment.trim().eq_ignore_ascii_case(name))
}

/// What a variable answered.
pub(crate) struct FromVariable {
    pub(crate) variable: String,
    pub(crate) outcome: Result<Fetched, Failure>,
}

/// The value of the first variable that is set: of the secret's name, then of its aliases. An empty
/// one counts as unset; a value is taken as it is, white space and all.
pub(crate) fn read(
    name: &SecretName,
    aliases: &[String],
    in_development: bool,
    get: impl Fn(&str) -> Option<OsString>,
) -> Option<FromVariable> {
    if !in_development {
        return None;
    }
    let own = name.variable();
    let (variable, value) = std::iter::once(&own).chain(aliases).find_map(|variable| {
        let value = Zeroizing::new(get(variable)?.into_vec());
        (!value.is_empty()).then_some((variable, value))
    })?;
    let outcome = if value.len() > MAX_VALUE_BYTES {
        let mut failure = Failure::new(
            FailureKind::Invalid,
            name.as_str(),
            format!(
                "the variable {variable} holds {} bytes; a secret has at most {MAX_VALUE_BYTES}",
                value.len()
            ),
        );
        failure.place = Some(("variable", variable.clone()));
        Err(failure)
    } else {
        Ok(Fetched::plain(value, Source::Environment))
    };
    Some(FromVariable {
        variable: variable.clone(),
        outcome,
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn name() -> SecretName {
        SecretName::parse("cineview-gemini-api").unwrap()
    }

    fn from(pairs: &[(&str, &[u8])]) -> impl Fn(&str) -> Option<OsString> {
        let pairs: Vec<(String, Vec<u8>)> = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.to_vec()))
            .collect();
        move |name| {
            let (_, value) = pairs.iter().find(|(known, _)| known == name)?;
            Some(OsString::from_vec(value.clone()))
        }
    }

    fn read_as(pairs: &[(&str, &[u8])]) -> Option<(String, Vec<u8>)> {
        let found = read(&name(), &["GEMINI_API_KEY".to_owned()], true, from(pairs))?;
        let fetched = found.outcome.ok().unwrap();
        assert_eq!(fetched.source, Source::Environment);
        Some((found.variable, fetched.bytes.to_vec()))
    }

    #[test]
    fn production_reads_no_variable() {
        let asked = Cell::new(false);
        let get = |_: &str| {
            asked.set(true);
            Some(OsString::from("value"))
        };
        assert!(read(&name(), &["GEMINI_API_KEY".to_owned()], false, get).is_none());
        assert!(!asked.get());
    }

    #[test]
    fn the_name_goes_before_its_aliases_and_empty_is_unset() {
        assert_eq!(read_as(&[]), None);
        let both: [(&str, &[u8]); 2] = [
            ("CINEVIEW_GEMINI_API", b"own"),
            ("GEMINI_API_KEY", b"alias"),
        ];
        assert_eq!(
            read_as(&both),
            Some(("CINEVIEW_GEMINI_API".to_owned(), b"own".to_vec()))
        );
        let empty: [(&str, &[u8]); 2] =
            [("CINEVIEW_GEMINI_API", b""), ("GEMINI_API_KEY", b"alias")];
        assert_eq!(
            read_as(&empty),
            Some(("GEMINI_API_KEY".to_owned(), b"alias".to_vec()))
        );
        assert_eq!(read_as(&[("GEMINI_API_KEY", b"")]), None);
    }

    #[test]
    fn a_value_is_taken_as_it_is() {
        for value in [&b"\xff\xfe\x01"[..], b" a \n", b" "] {
            let (_, read) = read_as(&[("CINEVIEW_GEMINI_API", value)]).unwrap();
            assert_eq!(read, value);
        }
    }

    #[test]
    fn a_value_that_is_too_long_names_its_variable() {
        let long = vec![b'x'; MAX_VALUE_BYTES + 1];
        assert!(read_as(&[("CINEVIEW_GEMINI_API", &long[1..])]).is_some());
        let found = read(&name(), &[], true, from(&[("CINEVIEW_GEMINI_API", &long)])).unwrap();
        let failure = found.outcome.err().unwrap();
        assert_eq!(failure.kind, FailureKind::Invalid);
        assert!(
            failure
                .text
                .contains("CINEVIEW_GEMINI_API holds 65537 bytes")
        );
        assert_eq!(
            failure.place,
            Some(("variable", "CINEVIEW_GEMINI_API".to_owned()))
        );
    }

    #[test]
    fn development_goes_by_four_names() {
        for name in [
            "development",
            "dev",
            "local",
            "test",
            "Development",
            "TEST",
            " dev ",
        ] {
            assert!(is_development(name), "{name}");
        }
        for name in [
            "production",
            "",
            "staging",
            "devel",
            "testing",
            "prod",
            "develop ment",
        ] {
            assert!(!is_development(name), "{name}");
        }
    }
}
