//! Where events go: Sentry's DSN.
//!
//! Source: <https://develop.sentry.dev/sdk/overview/#parsing-the-dsn>.

use std::fmt;

use crate::error::{Error, ErrorKind};

/// A Sentry DSN, `scheme://key@host[:port][/path]/project`.
#[derive(Clone, PartialEq, Eq)]
pub struct Dsn {
    is_https: bool,
    public_key: String,
    host: String,
    port: Option<u16>,
    path: String,
    project: String,
}

impl Dsn {
    /// Reads a DSN.
    ///
    /// # Errors
    /// `invalid_config`, saying what is wrong and never the text itself, which holds a key.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |what: &str| {
            Error::new(
                ErrorKind::InvalidConfig,
                format!(
                    "the DSN {what}; copy it from the project's settings, it looks like https://key@host/1"
                ),
            )
        };
        let text = text.trim();
        let (is_https, rest) = if let Some(rest) = text.strip_prefix("https://") {
            (true, rest)
        } else if let Some(rest) = text.strip_prefix("http://") {
            (false, rest)
        } else {
            return Err(wrong("does not begin with https:// or http://"));
        };
        if rest
            .bytes()
            .any(|b| b <= b' ' || b == 0x7f || b == b'?' || b == b'#' || b == b'\\')
        {
            return Err(wrong("holds a character that no DSN has"));
        }
        let (keys, rest) = rest
            .split_once('@')
            .ok_or_else(|| wrong("has no key before an @"))?;
        // An old DSN has a secret key behind the public one; nobody needs it any more.
        let public_key = keys.split(':').next().unwrap_or_default();
        if public_key.is_empty() || public_key.contains('/') {
            return Err(wrong("has no key before its @"));
        }
        let (authority, path) = rest
            .split_once('/')
            .ok_or_else(|| wrong("has no project after its host"))?;
        let (path, project) = match path.trim_end_matches('/').rsplit_once('/') {
            Some((path, project)) => (path, project),
            None => ("", path.trim_end_matches('/')),
        };
        if project.is_empty() {
            return Err(wrong("has no project after its host"));
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                let port = port
                    .parse::<u16>()
                    .ok()
                    .filter(|port| *port > 0)
                    .ok_or_else(|| wrong("has a port that is no number from 1 to 65535"))?;
                (host, Some(port))
            }
            _ => (authority, None),
        };
        if host.is_empty() || host.contains('@') {
            return Err(wrong("has no host"));
        }
        Ok(Self {
            is_https,
            public_key: public_key.to_owned(),
            host: host.to_owned(),
            port,
            path: path.to_owned(),
            project: project.to_owned(),
        })
    }

    /// Where envelopes are sent.
    #[must_use]
    pub fn envelope_url(&self) -> String {
        let slash = if self.path.is_empty() { "" } else { "/" };
        format!(
            "{}{slash}{}/api/{}/envelope/",
            self.origin(),
            self.path,
            self.project
        )
    }

    /// Scheme, host and port.
    #[must_use]
    pub fn origin(&self) -> String {
        let scheme = if self.is_https { "https" } else { "http" };
        match self.port {
            Some(port) => format!("{scheme}://{}:{port}", self.host),
            None => format!("{scheme}://{}", self.host),
        }
    }

    /// The project's id.
    #[must_use]
    pub fn project(&self) -> &str {
        &self.project
    }

    /// The key that says whose events they are; no secret, but of use to nobody else.
    #[must_use]
    pub fn public_key(&self) -> &str {
        &self.public_key
    }

    /// The whole text, with the key.
    #[must_use]
    pub fn reveal(&self) -> String {
        let slash = if self.path.is_empty() { "" } else { "/" };
        let origin = self.origin();
        let (scheme, rest) = origin.split_once("://").unwrap_or(("https", &origin));
        format!(
            "{scheme}://{}@{rest}{slash}{}/{}",
            self.public_key, self.path, self.project
        )
    }
}

/// Without the key.
impl fmt::Display for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.path.is_empty() { "" } else { "/" };
        write!(f, "{}{slash}{}/{}", self.origin(), self.path, self.project)
    }
}

impl fmt::Debug for Dsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dsn({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_of_envelopes_keeps_port_and_path() {
        let dsn = Dsn::parse("http://abc@127.0.0.1:8000/sentry/7").unwrap();
        assert_eq!(
            dsn.envelope_url(),
            "http://127.0.0.1:8000/sentry/api/7/envelope/"
        );
        let dsn = Dsn::parse("https://abc:secret@o1.ingest.sentry.io/42/").unwrap();
        assert_eq!(
            dsn.envelope_url(),
            "https://o1.ingest.sentry.io/api/42/envelope/"
        );
        assert_eq!(dsn.public_key(), "abc");
        assert_eq!(dsn.reveal(), "https://abc@o1.ingest.sentry.io/42");
        assert_eq!(
            Dsn::parse("http://k@[::1]:9000/1").unwrap().origin(),
            "http://[::1]:9000"
        );
        assert_eq!(
            Dsn::parse("http://k@[::1]/1").unwrap().origin(),
            "http://[::1]"
        );
    }

    #[test]
    fn what_is_no_dsn_is_refused_without_its_text() {
        for text in [
            "",
            "abc",
            "ftp://k@h/1",
            "https://h/1",
            "https://@h/1",
            "https://k@/1",
            "https://k@h",
            "https://k@h/",
            "https://k@h:0/1",
            "https://k@h:port/1",
            "https://sensitive@h /1",
            "https://a@b@c/1",
        ] {
            let error = Dsn::parse(text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{text}");
            assert!(!error.to_string().contains("sensitive"), "{error}");
        }
    }

    #[test]
    fn what_is_shown_holds_no_key() {
        let dsn = Dsn::parse("https://abc@h/1").unwrap();
        assert_eq!(format!("{dsn} {dsn:?}"), "https://h/1 Dsn(https://h/1)");
    }
}
