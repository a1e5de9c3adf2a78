//! Which names say that what stands under them is nobody's business.
//!
//! Called for each name of a field that an application chose, a header, a query's parameter or a
//! variable, on the caller's thread; so it looks at each letter once and allocates nothing. The
//! names are those of Sentry's own scrubbers, and what their sources leave to a server:
//! <https://github.com/getsentry/sentry-python/blob/master/sentry_sdk/scrubber.py>,
//! <https://github.com/getsentry/relay/blob/master/relay-pii/src/regexes.rs>.

/// Letters of a name that are looked at; a longer one is judged by its end.
const MAX_LETTERS: usize = 64;

/// What says so anywhere in a name, written in lower case without separators: `dbPassword`,
/// `X-Api-Key`. Sorted by their first letters.
const INFIXES: [&str; 29] = [
    "accesskey",
    "accesstoken",
    "anonkey",
    "apikey",
    "authorization",
    "bearer",
    "clientsecret",
    "connectionstring",
    "cookie",
    "credential",
    "csrf",
    "encryptionkey",
    "masterkey",
    "mysqlpwd",
    "passphrase",
    "passwd",
    "password",
    "phpsessid",
    "privatekey",
    "refreshtoken",
    "rolekey",
    "secret",
    "servicekey",
    "sessionid",
    "sessionkey",
    "signature",
    "signingkey",
    "twofactor",
    "xsrf",
];
/// What says so as a word of its own: `auth` does, `author` does not.
const WORDS: [&str; 16] = [
    "auth",
    "cvc",
    "cvv",
    "dsn",
    "jwt",
    "otp",
    "pass",
    "pgpass",
    "pin",
    "pwd",
    "session",
    "sid",
    "ssn",
    "symfony",
    "token",
    "sentrysid",
];
/// What says so only of a parameter in a URL, where it is how services take their keys.
const PARAMETERS: [&str; 4] = ["code", "key", "sig", "sign"];
/// What tells of a person's address, which counts only where such is not to be captured.
const ADDRESSES: [&str; 4] = ["forwardedfor", "ipaddress", "realip", "remoteaddr"];
/// Last words of a name that say that its value is about a secret and none: `token_count`.
const ORDINARY: [&str; 25] = [
    "algorithm",
    "at",
    "count",
    "enabled",
    "expires",
    "expiry",
    "file",
    "host",
    "kind",
    "len",
    "length",
    "limit",
    "max",
    "method",
    "min",
    "name",
    "path",
    "port",
    "provider",
    "region",
    "size",
    "status",
    "ttl",
    "type",
    "version",
];

/// Which list of [`INFIXES`] a letter begins: where it starts and ends.
const FIRST: [(u8, u8); 26] = first_letters();

const fn first_letters() -> [(u8, u8); 26] {
    let mut table = [(0, 0); 26];
    let mut i = 0;
    while i < INFIXES.len() {
        let letter = (INFIXES[i].as_bytes()[0] - b'a') as usize;
        if table[letter].1 == 0 {
            table[letter].0 = i as u8;
        }
        table[letter].1 = i as u8 + 1;
        i += 1;
    }
    table
}

/// What a name is judged by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys<'a> {
    /// Further names, as the application wrote them.
    pub(super) further: &'a [String],
    /// Whether people's addresses may be captured.
    pub(super) may_tell_people: bool,
}

impl Keys<'_> {
    /// Whether a field of that name holds what must not leave.
    pub(super) fn is_sensitive(self, name: &str) -> bool {
        self.judge(name, false)
    }

    /// As [`Self::is_sensitive`], of a parameter in a URL.
    pub(super) fn is_sensitive_parameter(self, name: &str) -> bool {
        self.judge(name, true)
    }

    fn judge(self, name: &str, is_parameter: bool) -> bool {
        let name = Letters::of(name);
        let letters = name.letters();
        if letters.is_empty() {
            return false;
        }
        let is_listed = self
            .further
            .iter()
            .any(|further| contains(letters, Letters::of(further).letters()));
        if is_listed {
            return true;
        }
        let says_so = has_infix(letters)
            || name.has_word(&WORDS)
            || letters.ends_with(b"token")
            || is_parameter && PARAMETERS.iter().any(|it| it.as_bytes() == letters)
            || !self.may_tell_people
                && ADDRESSES
                    .iter()
                    .any(|address| contains(letters, address.as_bytes()));
        says_so && !ORDINARY.iter().any(|it| it.as_bytes() == name.last_word())
    }
}

fn has_infix(letters: &[u8]) -> bool {
    (0..letters.len()).any(|at| {
        let first = letters[at];
        if !first.is_ascii_lowercase() {
            return false;
        }
        let (from, to) = FIRST[usize::from(first - b'a')];
        INFIXES[usize::from(from)..usize::from(to)]
            .iter()
            .any(|infix| letters[at..].starts_with(infix.as_bytes()))
    })
}

fn contains(letters: &[u8], part: &[u8]) -> bool {
    !part.is_empty() && letters.windows(part.len()).any(|it| it == part)
}

/// A name's letters and digits in lower case, and where its words begin.
struct Letters {
    letters: [u8; MAX_LETTERS],
    len: usize,
    starts: u64,
}

impl Letters {
    fn of(name: &str) -> Self {
        let bytes = name.as_bytes();
        let from = bytes.len().saturating_sub(MAX_LETTERS);
        let mut it = Self {
            letters: [0; MAX_LETTERS],
            len: 0,
            starts: 0,
        };
        let mut begins_word = true;
        let mut was_lower = false;
        for &byte in &bytes[from..] {
            if !byte.is_ascii_alphanumeric() {
                begins_word = true;
                was_lower = false;
                continue;
            }
            if begins_word || byte.is_ascii_uppercase() && was_lower {
                it.starts |= 1 << it.len;
            }
            it.letters[it.len] = byte.to_ascii_lowercase();
            it.len += 1;
            begins_word = false;
            was_lower = !byte.is_ascii_uppercase();
        }
        it
    }

    fn letters(&self) -> &[u8] {
        &self.letters[..self.len]
    }

    fn has_word(&self, words: &[&str]) -> bool {
        let mut starts = self.starts;
        while starts != 0 {
            let start = starts.trailing_zeros() as usize;
            starts &= starts - 1;
            let end = if starts == 0 {
                self.len
            } else {
                starts.trailing_zeros() as usize
            };
            let word = &self.letters[start..end];
            if words.iter().any(|it| it.as_bytes() == word) {
                return true;
            }
        }
        false
    }

    fn last_word(&self) -> &[u8] {
        let start = 63_u32.saturating_sub(self.starts.leading_zeros()) as usize;
        &self.letters[start.min(self.len)..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: Keys<'_> = Keys {
        further: &[],
        may_tell_people: false,
    };

    #[test]
    fn names_of_secrets_are_known_in_any_style() {
        for name in "password dbPassword DB_PASSWORD PGPASSWORD passwd pwd pass apiKey api_key X-Api-Key APIKey \
             secret client_secret clientSecret AWS_SECRET_ACCESS_KEY accessToken access_token token csrf_token csrfmiddlewaretoken \
             refresh_token private_key privateKey authorization Authorization Proxy-Authorization cookie Set-Cookie \
             http.request.header.cookie.sid connect.sid PHPSESSID sessionid session _session user_session dsn SENTRY_DSN jwt \
             credentials auth x-auth otp two-factor XSRF-TOKEN _xsrf X-Forwarded-For x_real_ip REMOTE_ADDR ip_address \
             SUPABASE_SERVICE_ROLE_KEY GEMINI_API_KEY passphrase X-Amz-Signature authToken"
            .split_whitespace()
        {
            assert!(KEYS.is_sensitive(name), "{name}");
        }
    }

    #[test]
    fn names_that_only_sound_like_it_are_ordinary() {
        for name in "author authority monkey key keyboard compass passenger tokens max_tokens input_tokens \
             gen_ai.usage.input_tokens token_count tokenizer token_type sessions session_count side pinned \
             auth_method secret_name password_length spinner bypass code sign email username id name"
            .split_whitespace()
        {
            assert!(!KEYS.is_sensitive(name), "{name}");
        }
    }

    #[test]
    fn a_parameter_of_a_url_has_more_names() {
        for name in ["key", "code", "sig", "access_token", "X-Amz-Signature"] {
            assert!(KEYS.is_sensitive_parameter(name), "{name}");
        }
        assert!(!KEYS.is_sensitive_parameter("page"));
    }

    #[test]
    fn the_application_names_more() {
        let further = ["Internal-Id".to_owned(), "---".to_owned()];
        let keys = Keys {
            further: &further,
            may_tell_people: true,
        };
        assert!(keys.is_sensitive("my_internal_id"));
        assert!(keys.is_sensitive("internalIdCount"));
        assert!(!keys.is_sensitive("identity"));
        assert!(!keys.is_sensitive("remote_addr"));
    }

    #[test]
    fn a_long_name_is_judged_by_its_end() {
        let name = format!("{}_password", "a".repeat(10_000));
        assert!(KEYS.is_sensitive(&name));
        assert!(!KEYS.is_sensitive(""));
        assert!(KEYS.is_sensitive("пароль_password"));
    }
}
