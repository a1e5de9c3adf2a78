//! One request to the server: over TLS or not, through a proxy or not, never for longer than its
//! time.
//!
//! Made on the I/O thread, at its first request; root certificates are read then, and only for
//! `https`.

use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{
    CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT,
};
use hyper::{Method, Request, Uri};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::{Client, ResponseFuture};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::dsn::Dsn;
use super::facts;
use crate::fork;

/// How long a connection nobody uses stays open: shorter than servers keep theirs, since one that
/// the server has just closed costs an attempt.
const IDLE: Duration = Duration::from_secs(20);
/// What of an answer is read.
const LARGEST_ANSWER: usize = 64 << 10;
/// What of an answer is shown.
const SHOWN: usize = 200;

/// What the variables for proxies say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Proxies {
    all: String,
    http: String,
    https: String,
    no: String,
}

impl Proxies {
    /// Reads `ALL_PROXY`, `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY` in either case.
    pub(crate) fn from_variables(get: &impl Fn(&str) -> Option<String>) -> Self {
        let first =
            |upper: &str, lower: &str| get(upper).or_else(|| get(lower)).unwrap_or_default();
        Self {
            all: first("ALL_PROXY", "all_proxy"),
            // A request's `Proxy` header becomes HTTP_PROXY in CGI, so there it is anyone's.
            http: if get("REQUEST_METHOD").is_some() {
                String::new()
            } else {
                first("HTTP_PROXY", "http_proxy")
            },
            https: first("HTTPS_PROXY", "https_proxy"),
            no: first("NO_PROXY", "no_proxy"),
        }
    }

    fn to(&self, uri: &Uri) -> Option<Intercept> {
        let host = uri.host().unwrap_or_default();
        let is_loopback = host.eq_ignore_ascii_case("localhost")
            || host
                .trim_matches(['[', ']'])
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        if is_loopback {
            return None;
        }
        Matcher::builder()
            .all(self.all.as_str())
            .http(self.http.as_str())
            .https(self.https.as_str())
            .no(self.no.as_str())
            .build()
            .intercept(uri)
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) rate_limits: Option<String>,
    pub(crate) retry_after: Option<String>,
    /// The server's own words about an error.
    pub(crate) text: String,
}

/// An envelope as it goes out.
pub(crate) struct Body {
    pub(crate) bytes: Vec<u8>,
    pub(crate) is_gzip: bool,
}

type Send = Box<dyn Fn(Request<Full<Bytes>>) -> ResponseFuture>;

/// The way to one server.
pub(crate) struct Transport {
    send: Send,
    uri: Uri,
    headers: HeaderMap,
    timeout: Duration,
}

impl Transport {
    /// Reads root certificates where they are needed: on the blocking pool.
    ///
    /// # Errors
    /// What is wrong and what to do, as text.
    pub(crate) fn prepare(
        dsn: &Dsn,
        proxies: &Proxies,
        timeout: Duration,
    ) -> Result<Parts, String> {
        let uri: Uri = dsn
            .envelope_url()
            .parse()
            .map_err(|error| format!("the DSN's address {dsn} is none ({error})"))?;
        let tls = (uri.scheme_str() == Some("https")).then(tls).transpose()?;
        let version = env!("CARGO_PKG_VERSION");
        let agent = format!("{}/{version}", facts::sdk_name());
        let auth = format!(
            "Sentry sentry_version=7, sentry_client={agent}, sentry_key={}",
            dsn.public_key()
        );
        let value = |text: &str| {
            HeaderValue::from_str(text)
                .map_err(|_| format!("the key of the DSN for {dsn} holds what no header may"))
        };
        let mut auth = value(&auth)?;
        auth.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert("x-sentry-auth", auth);
        headers.insert(USER_AGENT, value(&agent)?);
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-sentry-envelope"),
        );
        Ok(Parts {
            tls,
            proxy: proxies.to(&uri),
            uri,
            headers,
            timeout,
        })
    }

    /// Sends an envelope.
    ///
    /// # Errors
    /// Why nobody answered, as text.
    pub(crate) async fn post(&self, body: Body) -> Result<Answer, String> {
        match tokio::time::timeout(self.timeout, self.exchange(body)).await {
            Ok(answer) => answer,
            Err(_) => Err(format!(
                "did not answer within {} ms",
                self.timeout.as_millis()
            )),
        }
    }

    async fn exchange(&self, body: Body) -> Result<Answer, String> {
        let mut request = Request::new(Full::new(Bytes::from(body.bytes)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        if body.is_gzip {
            request
                .headers_mut()
                .insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        let response = (self.send)(request)
            .await
            .map_err(|error| format!("cannot be reached ({})", innermost(&error)))?;
        let (head, body) = response.into_parts();
        let header = |name: &str| {
            let value = head.headers.get(name)?.to_str().ok()?;
            Some(value.to_owned())
        };
        let status = head.status.as_u16();
        // Read to its end, so that the connection can be used again.
        let body = Limited::new(body, LARGEST_ANSWER).collect().await;
        let text = match body {
            Ok(body) if status >= 300 => {
                let bytes = body.to_bytes();
                let text = String::from_utf8_lossy(&bytes);
                text.trim().chars().take(SHOWN).collect()
            }
            _ => String::new(),
        };
        Ok(Answer {
            status,
            rate_limits: header("x-sentry-rate-limits"),
            retry_after: header(RETRY_AFTER.as_str()),
            text,
        })
    }
}

/// A transport before it is tied to the runtime of the I/O thread.
pub(crate) struct Parts {
    uri: Uri,
    headers: HeaderMap,
    timeout: Duration,
    tls: Option<rustls::ClientConfig>,
    proxy: Option<Intercept>,
}

impl Parts {
    /// On the I/O thread.
    pub(crate) fn assemble(self) -> Transport {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(self.timeout));
        http.set_nodelay(true);
        let tunnel = |proxy: Intercept, http: HttpConnector| {
            let tunnel = Tunnel::new(proxy.uri().clone(), http);
            match proxy.basic_auth() {
                Some(auth) => tunnel.with_auth(auth.clone()),
                None => tunnel,
            }
        };
        let mut builder = Client::builder(TokioExecutor::new());
        builder
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE);
        let send: Send = match (self.tls, self.proxy) {
            (None, None) => {
                let client = builder.build(http);
                Box::new(move |request| client.request(request))
            }
            (None, Some(proxy)) => {
                let client = builder.build(tunnel(proxy, http));
                Box::new(move |request| client.request(request))
            }
            (Some(tls), None) => {
                let client = builder.build(HttpsConnector::from((http, tls)));
                Box::new(move |request| client.request(request))
            }
            (Some(tls), Some(proxy)) => {
                let client = builder.build(HttpsConnector::from((tunnel(proxy, http), tls)));
                Box::new(move |request| client.request(request))
            }
        };
        Transport {
            send,
            uri: self.uri,
            headers: self.headers,
            timeout: self.timeout,
        }
    }
}

/// The system's root certificates, those of Mozilla where it has none.
fn tls() -> Result<rustls::ClientConfig, String> {
    // The certificates are behind a lock of the whole process, which a forked child must not find
    // half open.
    let _inside = fork::enter();
    let builder = || {
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| format!("TLS cannot be set up ({error}); please report it"))
    };
    let builder = match builder()?.with_native_roots() {
        Ok(builder) => builder,
        Err(_) => builder()?.with_webpki_roots(),
    };
    Ok(builder.with_no_client_auth())
}

/// What is behind all the wrapping, which is what people know.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy_of(pairs: &[(&str, &str)], uri: &str) -> Option<String> {
        let proxies = Proxies::from_variables(&|name: &str| {
            let found = pairs.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        let found = proxies.to(&uri.parse().unwrap())?;
        Some(found.uri().to_string())
    }

    #[test]
    fn proxies_are_those_of_the_variables() {
        let vars = [("HTTPS_PROXY", "http://p:1"), ("no_proxy", "internal.test")];
        assert_eq!(
            proxy_of(&vars, "https://o1.ingest.test/api/1/envelope/").as_deref(),
            Some("http://p:1/")
        );
        assert_eq!(proxy_of(&vars, "https://a.internal.test/"), None);
        assert_eq!(proxy_of(&vars, "http://o1.ingest.test/"), None);
        let all = [("ALL_PROXY", "http://p:1")];
        for near in [
            "http://127.0.0.1:80/",
            "http://localhost/",
            "https://[::1]:9/",
        ] {
            assert_eq!(proxy_of(&all, near), None, "{near}");
        }
        assert!(proxy_of(&all, "http://h.test/").is_some());
        let cgi = [("HTTP_PROXY", "http://evil:1"), ("REQUEST_METHOD", "GET")];
        assert_eq!(proxy_of(&cgi, "http://h.test/"), None);
    }

    /// What a request to `dsn` comes to, on a runtime of its own.
    fn posted(dsn: &str, proxies: &Proxies) -> Result<Answer, String> {
        let dsn = Dsn::parse(dsn).unwrap();
        let parts = Transport::prepare(&dsn, proxies, Duration::from_secs(5)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let body = Body {
                bytes: b"{}".to_vec(),
                is_gzip: false,
            };
            parts.assemble().post(body).await
        })
    }

    #[test]
    fn a_server_without_tls_is_no_https_server() {
        let receiver = sentry_receiver::Receiver::start(0).unwrap();
        let dsn = receiver.dsn().replace("http:", "https:");
        let why = posted(&dsn, &Proxies::default()).unwrap_err();
        assert!(why.starts_with("cannot be reached"), "{why}");
        assert_eq!(receiver.counts().unique_events, 0);
        assert_eq!(
            posted(&receiver.dsn(), &Proxies::default()).unwrap().status,
            200
        );
    }

    #[test]
    fn a_proxy_is_asked_for_a_tunnel() {
        use std::io::{Read, Write};
        let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let proxies = Proxies {
            all: format!("http://user:pass@{}", proxy.local_addr().unwrap()),
            ..Proxies::default()
        };
        let asked = std::thread::spawn(move || {
            let (mut stream, _) = proxy.accept().unwrap();
            let mut asked = [0; 1024];
            let read = stream.read(&mut asked).unwrap();
            stream
                .write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
                .unwrap();
            String::from_utf8_lossy(&asked[..read]).into_owned()
        });
        let why = posted("https://key@ingest.test/1", &proxies).unwrap_err();
        assert!(why.starts_with("cannot be reached"), "{why}");
        assert!(!why.contains("pass"), "{why}");
        let asked = asked.join().unwrap();
        assert!(asked.starts_with("CONNECT ingest.test:443 "), "{asked}");
        assert!(asked.contains("Basic dXNlcjpwYXNz"), "{asked}");
    }
}
