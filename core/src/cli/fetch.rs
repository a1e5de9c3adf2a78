//! Asks a service for its status document, within limits of time and size.

use std::error::Error as _;
use std::io;
use std::time::Duration;

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Error};

use super::document::{Document, Malformed, SCHEMA_VERSION};
use super::output::Failure;
use super::target::{STATUS_PATH, Target};
use super::text;

/// The longest answer that is read. A full document of 2,000 series has less than half of it.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
const MOST_REDIRECTS: u32 = 3;

/// An answer, as text and as the document in it.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) body: String,
    pub(crate) document: Document,
}

/// Asks one service, over and over.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    target: Target,
    timeout: Duration,
    /// The proxy on the way, as it may be shown.
    proxy: Option<String>,
}

impl Client {
    /// Reads the environment (proxies, certificates) now, so that polling threads never do.
    pub(crate) fn new(target: Target, timeout: Duration) -> Result<Self, Failure> {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(MOST_REDIRECTS)
            .timeout_global(Some(timeout))
            .timeout_connect(Some(timeout))
            // Node closes idle connections after 5 s; a poll must not race with that.
            .max_idle_age(Duration::from_secs(2))
            .user_agent(concat!("tallylight/", env!("CARGO_PKG_VERSION")))
            .accept("application/json");
        if target.is_loopback() {
            config = config.proxy(None);
        }
        if target.is_https()
            && let Some(roots) = own_authorities()?
        {
            config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        let agent = config.build().new_agent();
        let proxy = agent
            .config()
            .proxy()
            .filter(|proxy| !proxy.is_no_proxy(&target.uri));
        let proxy =
            proxy.map(|proxy| text::clean(&format!("{}:{}", proxy.host(), proxy.port()), 100));
        Ok(Self {
            agent,
            target,
            timeout,
            proxy,
        })
    }

    /// One poll.
    pub(crate) fn poll(&self) -> Result<Answer, Failure> {
        let mut response = self
            .agent
            .get(self.target.uri.clone())
            // A status from a cache is a status of the past.
            .header("cache-control", "no-cache")
            .call()
            .map_err(|error| self.on_the_way(self.failure(&error)))?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(self.refused_by_status(status));
        }
        let bytes = response
            .body_mut()
            .with_config()
            .limit(MOST_BYTES)
            .read_to_vec()
            .map_err(|error| self.failure(&error))?;
        let body = String::from_utf8(bytes).map_err(|_| {
            self.malformed(&Malformed::NotJson {
                start: String::new(),
                reason: "it is not UTF-8 text".to_owned(),
            })
        })?;
        let body = body
            .strip_prefix('\u{feff}')
            .map(ToOwned::to_owned)
            .unwrap_or(body);
        match Document::parse(&body) {
            Ok(document) => Ok(Answer { body, document }),
            Err(malformed) => Err(self.malformed(&malformed)),
        }
    }

    fn refused_by_status(&self, status: u16) -> Failure {
        let url = self.target.shown();
        let failure = Failure::new(format!(
            "{url} answered with HTTP status {status}{}",
            reason(status)
        ));
        match status {
            404 | 405 => failure.hint(self.usual_place()),
            401 | 403 => failure.hint("the service wants credentials: write them into the URL (https://user:password@host) or into TALLYLIGHT_STATUS_URL"),
            400 if !self.target.is_https() => failure.hint("if this port speaks TLS, write https:// before the host"),
            429 => failure.hint("ask less often: --interval 10s"),
            500..=599 => failure.hint("the service, or the proxy before it, is in trouble: its own log says why"),
            _ => failure.hint(format!("a status document comes with status 200, usually at {STATUS_PATH}")),
        }
    }

    /// With a proxy between, it is the proxy that was spoken to.
    fn on_the_way(&self, mut failure: Failure) -> Failure {
        if let Some(proxy) = &self.proxy {
            failure.message = format!("{} (through the proxy {proxy})", failure.message);
            failure.hint =
                Some("is the proxy well? NO_PROXY names the hosts that need none".to_owned());
        }
        failure
    }

    fn usual_place(&self) -> String {
        match self.target.at_usual_path() {
            Some(url) => {
                format!("the endpoint is usually at {STATUS_PATH}: try `tallylight status {url}`")
            }
            None => format!(
                "this service does not serve {STATUS_PATH}: is it another service's port, or is the route not mounted yet?"
            ),
        }
    }

    fn malformed(&self, malformed: &Malformed) -> Failure {
        let url = self.target.shown();
        match malformed {
            Malformed::NotJson { start, reason } if start.is_empty() => {
                Failure::new(format!("the answer of {url} is not JSON: {reason}")).hint(self.usual_place())
            }
            Malformed::NotJson { start, reason } => {
                let web = start.starts_with('<');
                let what = if web { "a web page".to_owned() } else { format!("not JSON ({reason})") };
                Failure::new(format!("the answer of {url} is {what}; it starts with `{start}`")).hint(self.usual_place())
            }
            Malformed::NotStatus(why) => {
                Failure::new(format!("the answer of {url} is not a status document: {why}")).hint(self.usual_place())
            }
            Malformed::Version(version) => Failure::new(format!(
                "{url} serves version {version} of the status document; this command reads version {SCHEMA_VERSION}"
            ))
            .hint("use the tallylight command of the same release as the service's SDK"),
        }
    }

    fn failure(&self, error: &Error) -> Failure {
        let url = self.target.shown();
        let host = self.target.uri.host().unwrap_or_default();
        let failure = |what: String| Failure::new(format!("{url}: {what}"));
        match error {
            Error::Timeout(_) => failure(format!("no answer within {}", super::format::duration(Some(self.timeout.as_secs_f64() * 1e3))))
                .hint("the service hangs or the network drops packets; --timeout 30s waits longer"),
            Error::HostNotFound => self.unknown_host(host),
            Error::TooManyRedirects | Error::RedirectFailed => failure(format!("redirected more than {MOST_REDIRECTS} times"))
                .hint("give the URL that the redirects should lead to; a login page in between cannot be passed"),
            Error::BodyExceedsLimit(_) => failure(format!("the answer is longer than {} MB", MOST_BYTES / 1024 / 1024))
                .hint(self.usual_place()),
            Error::LargeResponseHeader(..) | Error::Protocol(_) | Error::Http(_) => {
                failure(format!("the answer is not HTTP ({})", text::clean(&error.to_string(), 120)))
                    .hint("is this the service's HTTP port? If it speaks TLS, write https:// before the host")
            }
            Error::ConnectProxyFailed(_) | Error::InvalidProxyUrl => failure(format!("the proxy failed ({})", text::clean(&error.to_string(), 120)))
                .hint("look at HTTPS_PROXY, HTTP_PROXY and ALL_PROXY, or name the host in NO_PROXY"),
            Error::Io(io) => self.io_failure(io, host),
            _ => self.tls_or_other(&error.to_string()),
        }
    }

    fn io_failure(&self, error: &io::Error, host: &str) -> Failure {
        let url = self.target.shown();
        let failure = |what: &str| Failure::new(format!("{url}: {what}"));
        match error.kind() {
            io::ErrorKind::ConnectionRefused => failure("connection refused: nothing listens there")
                .hint("is the service running, and on this port? `tallylight status host:port` names another"),
            io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
                failure("the connection was closed before the whole answer came")
                    .hint("the service may be restarting; if the port speaks TLS, write https:// before the host")
            }
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => {
                failure("the host cannot be reached").hint("is the network up, and the VPN if the service is behind one?")
            }
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => {
                failure("no answer in time").hint("the service hangs or the network drops packets; --timeout 30s waits longer")
            }
            _ => {
                let said = error.to_string();
                if said.contains("failed to lookup address") {
                    return self.unknown_host(host);
                }
                let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
                self.tls_or_other(&format!("{said}{cause}"))
            }
        }
    }

    fn unknown_host(&self, host: &str) -> Failure {
        Failure::new(format!(
            "no host named `{}` is known",
            text::clean(host, 100)
        ))
        .hint("look at the spelling, and at whether this network's DNS knows the name")
    }

    fn tls_or_other(&self, said: &str) -> Failure {
        let url = self.target.shown();
        let said = text::clean(said, 200);
        if said.contains("corrupt message") || said.contains("InvalidContentType") {
            return Failure::new(format!("{url}: the port does not speak TLS"))
                .hint("write http:// instead of https://");
        }
        if said.contains("certificate") {
            return Failure::new(format!("{url}: the certificate is not trusted ({said})"))
                .hint("for a certificate of your own authority, name its PEM file in SSL_CERT_FILE; else look at the host name and the expiry date");
        }
        Failure::new(format!("{url}: {said}")).hint("`curl -v` with the same URL shows more")
    }
}

/// The certificates in `SSL_CERT_FILE`, the variable that curl, OpenSSL and Python honour too.
fn own_authorities() -> Result<Option<RootCerts>, Failure> {
    let Some(path) = std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty()) else {
        return Ok(None);
    };
    let shown = text::clean(&path.to_string_lossy(), 200);
    let wrong = |why: String| {
        Failure::usage(format!("SSL_CERT_FILE names {shown}, {why}"))
            .hint("it must be a file of PEM certificates; unset it to trust the public authorities")
    };
    let pem =
        std::fs::read(&path).map_err(|error| wrong(format!("which cannot be read: {error}")))?;
    let certificates: Vec<Certificate<'static>> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(wrong("which holds no certificate".to_owned()));
    }
    Ok(Some(RootCerts::new_with_certs(&certificates)))
}

fn reason(status: u16) -> String {
    ureq::http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .map(|reason| format!(" {reason}"))
        .unwrap_or_default()
}
