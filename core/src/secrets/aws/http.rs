//! The HTTP client under the SDK, for Secrets Manager and for what hands out credentials alike.
//!
//! Nothing is loaded or connected before the first request. The system's root certificates (some
//! milliseconds) are loaded by the first request over TLS only, so that a plain-text endpoint (a
//! test server, the metadata service of a machine) costs nothing.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use parking_lot::Mutex;

use crate::fork;

/// How long a connection nobody uses stays open. Readings come in bursts an hour apart, and a
/// connection that a load balancer has silently dropped costs an attempt.
const IDLE: Duration = Duration::from_secs(20);

/// A client that makes its connections on demand. Clones share them.
pub(super) fn client() -> SharedHttpClient {
    let known = Arc::new(Known::default());
    http_client_fn(move |settings, _| {
        SharedHttpConnector::new(OnDemand {
            known: Arc::clone(&known),
            settings: settings.clone(),
        })
    })
}

/// Connectors (each is a pool of connections) by what they were made for.
#[derive(Default)]
struct Known {
    connectors: Mutex<Vec<(Purpose, SharedHttpConnector)>>,
}

#[derive(PartialEq, Eq, Clone, Copy)]
struct Purpose {
    is_tls: bool,
    connect: Option<Duration>,
    read: Option<Duration>,
}

struct OnDemand {
    known: Arc<Known>,
    settings: HttpConnectorSettings,
}

impl fmt::Debug for OnDemand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnDemand")
    }
}

impl HttpConnector for OnDemand {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let purpose = Purpose {
            is_tls: request.uri().starts_with("https:"),
            connect: self.settings.connect_timeout(),
            read: self.settings.read_timeout(),
        };
        self.known.connector(purpose, &self.settings).call(request)
    }
}

impl Known {
    fn connector(&self, purpose: Purpose, settings: &HttpConnectorSettings) -> SharedHttpConnector {
        // The root certificates are behind a lock of the whole process, which a forked child must
        // not find half open.
        let _inside = fork::enter();
        let mut connectors = self.connectors.lock();
        if let Some((_, connector)) = connectors.iter().find(|(known, _)| *known == purpose) {
            return connector.clone();
        }
        let builder = Connector::builder()
            .connector_settings(settings.clone())
            .pool_idle_timeout(IDLE);
        let connector = SharedHttpConnector::new(if purpose.is_tls {
            builder
                // As the AWS command line does, but never for plain text: those endpoints are near.
                .proxy_config(ProxyConfig::from_env())
                .tls_provider(tls::Provider::Rustls(
                    tls::rustls_provider::CryptoMode::Ring,
                ))
                .build()
        } else {
            builder.build_http()
        });
        connectors.push((purpose, connector.clone()));
        connector
    }
}
