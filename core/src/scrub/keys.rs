//! Which fields of a document hold a secret, by their names.

/// What the name of a field says of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    /// `db_password`, `apiKey`.
    Secret,
    /// `username`, `token_uri`: names and places, that ordinary text may say.
    Ordinary,
    /// Anything else: the value decides, by [`is_credential_like`].
    Unknown,
}

impl Judgement {
    /// The same, for a field within another: what is under `credentials` is secret.
    pub(super) fn under(self, outer: Self) -> Self {
        match (self, outer) {
            (Self::Unknown, Self::Secret) => Self::Secret,
            _ => self,
        }
    }
}

/// The last word of a name that says a value is ordinary, whatever stands before: `token_uri`.
const ORDINARY_LAST: [&str; 42] = [
    "account",
    "algorithm",
    "arn",
    "bucket",
    "class",
    "client",
    "created",
    "database",
    "date",
    "db",
    "dbname",
    "description",
    "email",
    "endpoint",
    "engine",
    "environment",
    "expires",
    "expiry",
    "file",
    "host",
    "hostname",
    "id",
    "identifier",
    "length",
    "method",
    "mode",
    "name",
    "namespace",
    "path",
    "port",
    "prefix",
    "project",
    "provider",
    "region",
    "schema",
    "scope",
    "stage",
    "type",
    "uri",
    "user",
    "username",
    "version",
];
/// Words that say that a value is secret.
const SECRET_WORDS: [&str; 17] = [
    "auth",
    "authorization",
    "cert",
    "certificate",
    "code",
    "cookie",
    "dsn",
    "hash",
    "jwt",
    "key",
    "keys",
    "pass",
    "pin",
    "pwd",
    "salt",
    "session",
    "signature",
];
/// What says so within a name, also unseparated: `PGPASSWORD`, `apikey`.
const SECRET_INFIXES: [&str; 14] = [
    "accesskey",
    "apikey",
    "bearer",
    "connectionstring",
    "credential",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "signingkey",
    "token",
    "private",
    "webhook",
];
/// From this length a value under an unknown name may be a credential.
const MIN_CREDENTIAL: usize = 20;

/// Judges a field by its name, in camel case, snake case or any other.
pub(super) fn judge(key: &[u8]) -> Judgement {
    let words = words(&String::from_utf8_lossy(key));
    let joined = words.concat();
    let last = words.last().map(String::as_str).unwrap_or_default();
    let is_place_of_secret =
        last == "url" && !joined.contains("webhook") && !joined.contains("secret");
    if ORDINARY_LAST.contains(&last) || is_place_of_secret || joined.contains("publickey") {
        return Judgement::Ordinary;
    }
    let is_secret = SECRET_INFIXES.iter().any(|infix| joined.contains(infix))
        || words
            .iter()
            .any(|word| SECRET_WORDS.contains(&word.as_str()));
    if is_secret {
        Judgement::Secret
    } else {
        Judgement::Unknown
    }
}

/// The words of a name, in lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for character in name.chars() {
        let begins_word = !character.is_alphanumeric() || character.is_uppercase() && was_lower;
        if begins_word && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if character.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(character.to_lowercase());
        }
        was_lower = character.is_lowercase() || character.is_numeric();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Whether a value whose field says nothing is long and odd enough to be a credential: no
/// sentence, no address of a machine, a person or a resource.
pub(super) fn is_credential_like(value: &[u8]) -> bool {
    let is_host_or_path = value.contains(&b'.')
        && value.iter().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_:/".contains(byte)
        });
    value.len() >= MIN_CREDENTIAL
        && !value.iter().any(u8::is_ascii_whitespace)
        && value.iter().any(u8::is_ascii_alphabetic)
        && value
            .iter()
            .any(|byte| !byte.is_ascii_lowercase() && *byte != b'-')
        && !is_host_or_path
        && !value.windows(3).any(|it| it == b"://")
        && !value.starts_with(b"arn:")
        && !value.starts_with(b"/")
        && !value.contains(&b'@')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged_by_their_words() {
        for (judgement, names) in [
            (
                Judgement::Secret,
                "password dbPassword DB_PASSWORD PGPASSWORD apiKey api_key APIKey secret \
                 client_secret accessToken token private_key key keys credentials dsn auth \
                 authorization cert signing-key webhook_url pin pass tls.certificate jwt",
            ),
            (
                Judgement::Ordinary,
                "username user host hostname port engine dbname dbInstanceIdentifier token_uri \
                 auth_uri private_key_id keyId tokenType client_email secretName region arn \
                 public_key auth_provider_x509_cert_url",
            ),
            (Judgement::Unknown, "monkey author value config compass a"),
        ] {
            for name in names.split_whitespace() {
                assert_eq!(judge(name.as_bytes()), judgement, "{name}");
            }
        }
    }

    #[test]
    fn a_long_odd_value_is_like_a_credential() {
        for value in [
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "8f14e45fceea167a5a36dedd4bea2543",
            "SG.abcdefghijk.lmnopqrstuvwxyz",
        ] {
            assert!(is_credential_like(value.as_bytes()), "{value}");
        }
        for value in [
            "cineview-prod.cluster-abc123.us-east-1.rds.amazonaws.com",
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:a",
            "https://oauth2.googleapis.com/token",
            "robot@project.iam.gserviceaccount.com",
            "a sentence that is long enough",
            "cineview-production-database",
            "/var/lib/cineview/data/x1",
            "123456789012345678901",
            "Short1",
        ] {
            assert!(!is_credential_like(value.as_bytes()), "{value}");
        }
    }
}
