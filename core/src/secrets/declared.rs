//! The secrets that a service says it has, and the further names that each goes by.
//!
//! The built-in three are the service's own; settings add to them. `prefetch`, the command line and
//! the typed accessors take the list from here, the file and environment sources the aliases. The
//! invariant: every name and alias in a [`Declarations`] is valid, so that nothing later fails on one.

use std::collections::BTreeMap;

use serde::Serialize;

use super::name::SecretName;
use crate::error::{Error, ErrorKind};

/// The key that Supabase's service role signs its requests with.
pub const SUPABASE_SERVICE_ROLE: &str = "cineview-supabase-service-role";
/// The key that the services and the AI engine know each other by.
pub const AI_ENGINE_API: &str = "cineview-ai-engine-api";
/// The key of Google's Gemini API.
pub const GEMINI_API: &str = "cineview-gemini-api";

/// Name, alias and description of each built-in secret.
const BUILT_IN: [(&str, &str, &str); 3] = [
    (
        SUPABASE_SERVICE_ROLE,
        "SUPABASE_SERVICE_ROLE_KEY",
        "Supabase's service role key",
    ),
    (
        AI_ENGINE_API,
        "AI_ENGINE_API_KEY",
        "the key of the AI engine's own API",
    ),
    (GEMINI_API, "GEMINI_API_KEY", "the key of the Gemini API"),
];

const ALIASES: &str = "TALLYLIGHT_SECRETS_ALIASES";
const DECLARED: &str = "TALLYLIGHT_SECRETS_DECLARED";
/// Longest alias in bytes.
const MAX_ALIAS_BYTES: usize = 256;

/// A secret that the service says it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Declared {
    /// Its name, or its ARN.
    pub name: String,
    /// Environment variables that hold it beside the one of its name, such as `GEMINI_API_KEY`;
    /// each also with `_FILE` at its end.
    pub aliases: Vec<String>,
    /// What it is, in a few words; empty where nobody said.
    pub description: String,
}

/// The built-in and the configured secrets, and everyone's aliases.
#[derive(Debug, Clone)]
pub(crate) struct Declarations {
    all: Vec<Declared>,
    /// By short name, so that an ARN has the aliases of its name.
    aliases: BTreeMap<String, Vec<String>>,
}

impl Declarations {
    /// The built-in secrets, then those of the settings in their order. An alias does not declare a
    /// secret: it may be one that another service needs.
    ///
    /// # Errors
    /// `invalid_config` for a name or alias that cannot be one.
    pub(crate) fn new(
        declared: &[String],
        aliases: &BTreeMap<String, Vec<String>>,
    ) -> Result<Self, Error> {
        let mut all = Vec::new();
        let mut by_name: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, alias, description) in BUILT_IN {
            by_name.insert(name.to_owned(), vec![alias.to_owned()]);
            all.push((name.to_owned(), description));
        }
        for (at, text) in declared.iter().enumerate() {
            check_name(text, &place("secrets.declared", at))?;
            if !all.iter().any(|(known, _)| known == text) {
                all.push((text.clone(), ""));
            }
        }
        for (at, (name, added)) in aliases.iter().enumerate() {
            let place = place("secrets.aliases", at);
            let name = check_name(name, &place)?;
            let own = name.variable();
            let known = by_name.entry(name.short_name().to_owned()).or_default();
            for alias in added {
                check_alias(alias, &place)?;
                if *alias != own && !known.contains(alias) {
                    known.push(alias.clone());
                }
            }
        }
        let mut declarations = Self {
            all: Vec::new(),
            aliases: by_name,
        };
        declarations.all = all
            .into_iter()
            .map(|(name, description)| Declared {
                aliases: SecretName::parse(&name)
                    .map(|name| declarations.aliases(&name).to_vec())
                    .unwrap_or_default(),
                name,
                description: description.to_owned(),
            })
            .collect();
        Ok(declarations)
    }

    /// Every declared secret, the built-in ones first.
    pub(crate) fn all(&self) -> &[Declared] {
        &self.all
    }

    /// The further variables of a secret, declared or not, in the order in which they are asked.
    pub(crate) fn aliases(&self, name: &SecretName) -> &[String] {
        self.aliases
            .get(name.short_name())
            .map_or(&[], Vec::as_slice)
    }
}

/// The aliases of `TALLYLIGHT_SECRETS_ALIASES`: `NAME=ALIAS`, separated by commas; a name may come
/// again for a further alias.
///
/// # Errors
/// `invalid_config`, naming the entry.
pub(crate) fn parse_aliases(text: &str) -> Result<BTreeMap<String, Vec<String>>, Error> {
    let mut aliases: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (at, entry) in entries(text) {
        let place = place(ALIASES, at);
        // A name may hold `=`, an alias never does.
        let Some((name, alias)) = entry.rsplit_once('=') else {
            return invalid(format!(
                "{place} has no `=`; give NAME=ALIAS, such as {GEMINI_API}=GEMINI_API_KEY"
            ));
        };
        let (name, alias) = (name.trim(), alias.trim());
        check_name(name, &place)?;
        check_alias(alias, &place)?;
        let known = aliases.entry(name.to_owned()).or_default();
        if !known.iter().any(|other| other == alias) {
            known.push(alias.to_owned());
        }
    }
    Ok(aliases)
}

/// The names of `TALLYLIGHT_SECRETS_DECLARED`, separated by commas.
///
/// # Errors
/// `invalid_config`, naming the entry.
pub(crate) fn parse_declared(text: &str) -> Result<Vec<String>, Error> {
    let mut names: Vec<String> = Vec::new();
    for (at, entry) in entries(text) {
        check_name(entry, &place(DECLARED, at))?;
        if !names.iter().any(|other| other == entry) {
            names.push(entry.to_owned());
        }
    }
    Ok(names)
}

/// The entries of a list that are not blank, each with its index.
fn entries(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split(',')
        .map(str::trim)
        .enumerate()
        .filter(|(_, entry)| !entry.is_empty())
}

fn place(list: &str, at: usize) -> String {
    format!("entry {} of {list}", at + 1)
}

fn check_name(text: &str, place: &str) -> Result<SecretName, Error> {
    SecretName::parse(text).or_else(|error| invalid(format!("{place}: {error}")))
}

/// An alias is an environment variable. The text is not repeated: it may be the value.
fn check_alias(text: &str, place: &str) -> Result<(), Error> {
    let is_valid = text.len() <= MAX_ALIAS_BYTES
        && text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_valid {
        return Ok(());
    }
    invalid(format!(
        "{place}: an alias is the name of an environment variable, such as GEMINI_API_KEY: letters, digits and _, \
         at most {MAX_ALIAS_BYTES} of them; this one ({} bytes, not shown) is none",
        text.len()
    ))
}

fn invalid<T>(message: String) -> Result<T, Error> {
    Err(Error::new(ErrorKind::InvalidConfig, message))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn declarations(declared: &str, aliases: &str) -> Declarations {
        Declarations::new(
            &parse_declared(declared).unwrap(),
            &parse_aliases(aliases).unwrap(),
        )
        .unwrap()
    }

    fn aliases<'a>(declarations: &'a Declarations, name: &str) -> &'a [String] {
        declarations.aliases(&SecretName::parse(name).unwrap())
    }

    #[test]
    fn the_built_in_secrets_are_declared_with_their_aliases() {
        let declarations = declarations("", "");
        let names: Vec<_> = declarations.all().iter().map(|one| &*one.name).collect();
        assert_eq!(names, [SUPABASE_SERVICE_ROLE, AI_ENGINE_API, GEMINI_API]);
        assert_eq!(declarations.all()[0].aliases, ["SUPABASE_SERVICE_ROLE_KEY"]);
        assert_eq!(declarations.all()[1].aliases, ["AI_ENGINE_API_KEY"]);
        assert_eq!(declarations.all()[2].aliases, ["GEMINI_API_KEY"]);
        assert_eq!(aliases(&declarations, "another"), [] as [&str; 0]);
    }

    #[test]
    fn settings_add_secrets_and_aliases_once() {
        let declarations = declarations(
            " prod/db , cineview-gemini-api,prod/db,, a=b ",
            "cineview-gemini-api=GEMINI_API_KEY, cineview-gemini-api=GOOGLE_KEY,a=b=C,\nprod/db=PROD_DB,undeclared=U",
        );
        let names: Vec<_> = declarations.all().iter().map(|one| &*one.name).collect();
        assert_eq!(names[3..], ["prod/db", "a=b"]);
        assert_eq!(
            declarations.all()[2].aliases,
            ["GEMINI_API_KEY", "GOOGLE_KEY"]
        );
        assert_eq!(aliases(&declarations, "a=b"), ["C"]);
        assert_eq!(aliases(&declarations, "undeclared"), ["U"]);
        // Its own variable is no alias.
        assert_eq!(aliases(&declarations, "prod/db"), [] as [&str; 0]);
    }

    #[test]
    fn an_arn_has_the_aliases_of_its_name() {
        let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:cineview-gemini-api-AbCdEf";
        let declarations = declarations(arn, &format!("{arn}=FROM_ARN"));
        assert_eq!(declarations.all()[3].name, arn);
        for name in [arn, GEMINI_API] {
            assert_eq!(aliases(&declarations, name), ["GEMINI_API_KEY", "FROM_ARN"]);
        }
    }

    #[test]
    fn a_bad_entry_is_named_and_not_repeated() {
        for (text, says) in [
            ("a=A,b", "entry 2 of TALLYLIGHT_SECRETS_ALIASES has no `=`"),
            (
                "a=A,,=B",
                "entry 3 of TALLYLIGHT_SECRETS_ALIASES: a secret's name is empty",
            ),
            (
                "a=canary-value",
                "entry 1 of TALLYLIGHT_SECRETS_ALIASES: an alias is",
            ),
            ("a=1canary", "an alias is"),
            ("a=", "an alias is"),
            (
                "canary value=A",
                "entry 1 of TALLYLIGHT_SECRETS_ALIASES: a secret's name looks like",
            ),
        ] {
            let error = parse_aliases(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidConfig);
            assert!(error.to_string().contains(says), "{text}: {error}");
            assert!(!error.to_string().contains("canary"), "{error}");
        }
        let error = parse_declared("a,b:c").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("entry 2 of TALLYLIGHT_SECRETS_DECLARED: a secret's name has ':'"),
            "{error}"
        );
        let given = BTreeMap::from([("a".to_owned(), vec!["no alias".to_owned()])]);
        let error = Declarations::new(&[], &given).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("entry 1 of secrets.aliases: an alias")
        );
        let error = Declarations::new(&["no name".to_owned()], &BTreeMap::new()).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("entry 1 of secrets.declared: ")
        );
    }

    proptest! {
        #[test]
        fn any_text_is_a_list_or_an_error(text in any::<String>()) {
            let _ = parse_declared(&text);
            if let Ok(aliases) = parse_aliases(&text) {
                prop_assert!(Declarations::new(&[], &aliases).is_ok());
            }
        }

        #[test]
        fn any_list_alike_is_a_list_or_an_error(text in "[a-z=A-Z,: é]{0,40}") {
            if let Ok(names) = parse_declared(&text) {
                prop_assert!(Declarations::new(&names, &BTreeMap::new()).is_ok());
            }
            if let Ok(aliases) = parse_aliases(&text) {
                prop_assert!(Declarations::new(&[], &aliases).is_ok());
            }
        }
    }
}
