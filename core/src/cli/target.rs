//! Which service: turns what was typed into the URL of a status document.

use ureq::http::Uri;

use super::output::Failure;
use super::text;

/// Where a service serves its status, unless its owner chose another place.
pub(crate) const STATUS_PATH: &str = "/api/monitoring/status";
const DEFAULT: &str = "http://127.0.0.1:3000/api/monitoring/status";

/// The URL of a status document. Its credentials are sent, never shown.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) uri: Uri,
}

impl Target {
    /// From the argument, else the environment's `fallback`, else the default.
    pub(crate) fn choose(given: Option<&str>, fallback: Option<&str>) -> Result<Self, Failure> {
        let fallback = fallback.map(str::trim).filter(|text| !text.is_empty());
        match (given, fallback) {
            (Some(given), _) => Self::parse(given),
            (None, Some(fallback)) => Self::parse(fallback).map_err(|mut failure| {
                failure.message = format!("{}: {}", super::args::STATUS_URL, failure.message);
                failure
            }),
            (None, None) => Self::parse(DEFAULT),
        }
    }

    fn parse(typed: &str) -> Result<Self, Failure> {
        let shown = without_credentials(&text::clean(typed, 200));
        let wrong = |why: &str| {
            Failure::usage(format!("`{shown}` is not the address of a service: {why}")).hint(
                format!("write a URL such as {DEFAULT}, or host:port, or :port"),
            )
        };
        let typed = typed.trim();
        if typed.is_empty() {
            return Err(wrong("it is empty"));
        }
        let spelt = if typed.contains("://") {
            typed.to_owned()
        } else if typed.starts_with(':') {
            format!("http://127.0.0.1{typed}")
        } else if typed.bytes().all(|b| b.is_ascii_digit()) {
            format!("http://127.0.0.1:{typed}")
        } else {
            format!("http://{typed}")
        };
        // A fragment is the browser's business and never sent.
        let spelt = spelt.split('#').next().unwrap_or_default();
        let uri: Uri = spelt.parse().map_err(|error| wrong(&format!("{error}")))?;
        match uri.scheme_str() {
            Some("http" | "https") => {}
            _ => return Err(wrong("only http and https are understood")),
        }
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        if authority.host().is_empty() {
            return Err(wrong("it names no host"));
        }
        let after_host = authority.as_str().rsplit('@').next().unwrap_or_default();
        let has_colon = after_host
            .rsplit(']')
            .next()
            .is_some_and(|rest| rest.contains(':'));
        if has_colon && authority.port_u16().is_none_or(|port| port == 0) {
            return Err(wrong("the port must be a number from 1 to 65535"));
        }
        if uri.path() == "/" && uri.query().is_none() {
            let scheme = uri.scheme_str().unwrap_or("http");
            let full = format!("{scheme}://{authority}{STATUS_PATH}");
            return Ok(Self {
                uri: full.parse().map_err(|error| wrong(&format!("{error}")))?,
            });
        }
        Ok(Self { uri })
    }

    /// As it may be shown.
    pub(crate) fn shown(&self) -> String {
        text::clean(&without_credentials(&self.uri.to_string()), 300)
    }

    /// The same service, asked at the usual place.
    pub(crate) fn at_usual_path(&self) -> Option<String> {
        if self.uri.path() == STATUS_PATH {
            return None;
        }
        let authority = self.uri.authority()?.as_str();
        Some(without_credentials(&format!(
            "{}://{authority}{STATUS_PATH}",
            self.uri.scheme_str()?
        )))
    }

    pub(crate) fn is_https(&self) -> bool {
        self.uri.scheme_str() == Some("https")
    }

    /// Whether the service is on this machine: then no proxy can reach it.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.uri.host().unwrap_or_default().trim_matches(['[', ']']);
        host.eq_ignore_ascii_case("localhost")
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }
}

/// `http://user:password@host` without the part that is nobody's business.
fn without_credentials(url: &str) -> String {
    let (scheme, rest) = url
        .split_once("://")
        .map_or(("", url), |(scheme, rest)| (scheme, rest));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or_default();
    let separator = if url.contains("://") { "://" } else { "" };
    format!("{scheme}{separator}{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(typed: &str) -> String {
        Target::choose(Some(typed), None).unwrap().uri.to_string()
    }

    #[test]
    fn short_spellings_are_completed() {
        let path = STATUS_PATH;
        for (typed, url) in [
            ("localhost:8080", format!("http://localhost:8080{path}")),
            (":8080", format!("http://127.0.0.1:8080{path}")),
            ("8080", format!("http://127.0.0.1:8080{path}")),
            ("shop.example", format!("http://shop.example{path}")),
            (
                "https://shop.example/",
                format!("https://shop.example{path}"),
            ),
            ("[::1]:3000", format!("http://[::1]:3000{path}")),
            (
                "https://shop.example/ops/state",
                "https://shop.example/ops/state".to_owned(),
            ),
            (
                "shop.example/ops?full=1#top",
                "http://shop.example/ops?full=1".to_owned(),
            ),
        ] {
            assert_eq!(shown(typed), url, "{typed}");
        }
    }

    #[test]
    fn the_argument_beats_the_environment_and_both_the_default() {
        let url = |given, fallback| Target::choose(given, fallback).unwrap().shown();
        assert_eq!(url(None, None), DEFAULT);
        assert_eq!(url(None, Some(" ")), DEFAULT);
        assert_eq!(url(None, Some("a:1")), "http://a:1/api/monitoring/status");
        assert_eq!(
            url(Some("b:2"), Some("a:1")),
            "http://b:2/api/monitoring/status"
        );
        let failure = Target::choose(None, Some("ftp://x")).unwrap_err();
        assert!(
            failure.message.starts_with("TALLYLIGHT_STATUS_URL: "),
            "{}",
            failure.message
        );
    }

    #[test]
    fn what_is_no_address_is_a_usage_error_with_a_hint() {
        for typed in [
            "",
            "  ",
            "ftp://x",
            "http://",
            "http://a:99999",
            "http://a:x",
            "a:0",
            "a b",
            "http://[::1",
            "file:///etc/passwd",
            "\x1b[2J",
        ] {
            let failure = Target::choose(Some(typed), None).unwrap_err();
            assert_eq!(failure.code, 2, "{typed}");
            assert!(failure.hint.is_some());
            assert!(!failure.message.contains('\x1b'));
        }
    }

    #[test]
    fn credentials_are_never_shown() {
        let target = Target::choose(Some("https://ann:s3cret@shop.example"), None).unwrap();
        assert_eq!(target.shown(), "https://shop.example/api/monitoring/status");
        let other = Target::choose(Some("http://ann:s3cret@shop.example/x"), None).unwrap();
        assert_eq!(
            other.at_usual_path().as_deref(),
            Some("http://shop.example/api/monitoring/status")
        );
        let failure =
            Target::choose(Some("http://ann:s3cret@shop.example:99999"), None).unwrap_err();
        assert!(!failure.message.contains("s3cret"), "{}", failure.message);
    }

    #[test]
    fn this_machine_is_recognised() {
        for (typed, expected) in [
            (":1", true),
            ("localhost", true),
            ("[::1]:3", true),
            ("127.9.9.9", true),
            ("10.0.0.1", false),
            ("localhost.example", false),
        ] {
            assert_eq!(
                Target::choose(Some(typed), None).unwrap().is_loopback(),
                expected,
                "{typed}"
            );
        }
    }
}
