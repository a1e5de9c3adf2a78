//! Sessions: the region, the caller's credentials, and the SDK's clients made of them.
//!
//! A session is opened by the first call and renewed shortly before its credentials expire. The
//! invariants: one caller at a time opens one, nobody waits for it past a deadline, and nothing but
//! the SDK's provider chain finds credentials. A session whose credentials the service refused is
//! not used again, so that new ones are picked up wherever they appear (a renewed profile, another
//! variable).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use aws_config::{Region, SdkConfig};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::SharedHttpClient;
use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};

use super::AwsSettings;
use super::clock::ServiceClock;
use super::credentials::{Found, Identity, find};
use super::endpoint::EndpointNames;
use super::http;
use super::limit::AnswerLimit;
use crate::secrets::failure::{Failure, FailureKind};

/// Credentials are renewed this long before they expire, or at half of their life if that is later.
const RENEWED_BEFORE: Duration = Duration::from_secs(60);
/// Credentials that name no expiry may have been replaced where they came from.
const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(15 * 60);
/// While old credentials are still good, how long a renewal may hold everybody up, and how long
/// after a failed one the next is tried.
const RENEWAL_PATIENCE: Duration = Duration::from_secs(1);
const NEXT_RENEWAL: Duration = Duration::from_secs(10);

/// What stands for the region in an endpoint, so that the second region has one too.
const REGION_HERE: &str = "{region}";

/// Opens sessions and keeps the newest.
pub(super) struct Sessions {
    settings: AwsSettings,
    http: SharedHttpClient,
    current: tokio::sync::Mutex<Option<Arc<Session>>>,
    /// Of the newest session.
    region: Mutex<Option<String>>,
    clock: ServiceClock,
    #[cfg(test)]
    pub(super) has_made_up: bool,
}

impl Sessions {
    pub(super) fn new(settings: AwsSettings) -> Self {
        Self {
            http: http::client(),
            current: tokio::sync::Mutex::new(None),
            region: Mutex::new(settings.region.clone()),
            clock: ServiceClock::default(),
            #[cfg(test)]
            has_made_up: false,
            settings,
        }
    }

    pub(super) fn settings(&self) -> &AwsSettings {
        &self.settings
    }

    /// The region that names without one are read from, once it is known.
    pub(super) fn region(&self) -> Option<String> {
        self.region.lock().clone()
    }

    /// Seconds that the service's clock is ahead of ours, once it has answered.
    pub(super) fn skew(&self) -> Option<i64> {
        self.clock.ahead()
    }

    /// A session whose credentials are good as far as is known. `region` is one that the caller
    /// knows to be meant; without any, roles are assumed there.
    pub(super) async fn get(
        &self,
        name: &str,
        region: Option<&str>,
        until: Instant,
    ) -> Result<Arc<Session>, Failure> {
        let late = || credentials_late(name);
        let mut current = timeout_at(until, self.current.lock())
            .await
            .map_err(|_| late())?;
        let old = current.clone().filter(|session| !session.is_refused());
        let now = SystemTime::now();
        // One that was opened for an ARN need not know a region, and a region may appear.
        let is_enough = |session: &Session| region.is_some() || session.region.is_some();
        let old = old.filter(|session| is_enough(session));
        if let Some(session) = &old
            && !session.is_due(now)
        {
            return Ok(Arc::clone(session));
        }
        let old = old.filter(|session| session.is_good(now));
        let patience = match old {
            Some(_) => until.min(Instant::now() + RENEWAL_PATIENCE),
            None => until,
        };
        let finding = async {
            #[cfg(test)]
            if self.has_made_up {
                return Ok(super::credentials::tests::made_up(&self.settings, &self.http).await);
            }
            find(&self.settings, &self.http, name, region).await
        };
        match (timeout_at(patience, finding).await, old) {
            (Ok(Ok(found)), _) => {
                let session = Arc::new(Session::new(found, self));
                *self.region.lock() = session.region.clone();
                *current = Some(Arc::clone(&session));
                Ok(session)
            }
            (_, Some(old)) => {
                old.postpone(now + NEXT_RENEWAL);
                Ok(old)
            }
            (Ok(Err(failure)), None) => Err(failure),
            (Err(_), None) => Err(late()),
        }
    }
}

/// A region, credentials and clients.
pub(super) struct Session {
    sdk: SdkConfig,
    /// In place of AWS's own for Secrets Manager alone.
    endpoint: Option<String>,
    pub(super) region: Option<String>,
    /// What named the region.
    #[cfg_attr(
        not(any(feature = "cli", test)),
        expect(dead_code, reason = "told by the command line alone")
    )]
    pub(super) region_from: &'static str,
    pub(super) identity: Identity,
    renew_at: Mutex<SystemTime>,
    is_refused: AtomicBool,
    /// What named the endpoints.
    pub(super) endpoint_names: EndpointNames,
    clock: ServiceClock,
    clients: Mutex<Vec<(String, Client)>>,
}

impl Session {
    fn new(found: Found, sessions: &Sessions) -> Self {
        Self {
            renew_at: Mutex::new(renewal(SystemTime::now(), found.identity.expires_at)),
            sdk: found.sdk,
            endpoint: sessions.settings.endpoint.clone(),
            region: found.region,
            region_from: found.region_from,
            identity: found.identity,
            is_refused: AtomicBool::new(false),
            endpoint_names: EndpointNames::of(&sessions.settings),
            clock: sessions.clock.clone(),
            clients: Mutex::default(),
        }
    }

    /// The client of a region.
    pub(super) fn client(&self, region: &str) -> Client {
        let mut clients = self.clients.lock();
        if let Some((_, client)) = clients.iter().find(|(known, _)| known == region) {
            return client.clone();
        }
        let mut config = aws_sdk_secretsmanager::config::Builder::from(&self.sdk)
            .region(Region::new(region.to_owned()))
            .interceptor(self.clock.clone())
            .interceptor(AnswerLimit);
        if let Some(endpoint) = &self.endpoint {
            config = config.endpoint_url(endpoint.replace(REGION_HERE, region));
        }
        let client = Client::from_conf(config.build());
        clients.push((region.to_owned(), client.clone()));
        client
    }

    /// Who is calling, according to AWS.
    #[cfg(any(feature = "cli", test))]
    pub(super) fn sts(&self, region: &str) -> aws_sdk_sts::Client {
        let config = aws_sdk_sts::config::Builder::from(&self.sdk)
            .region(Region::new(region.to_owned()))
            .interceptor(self.clock.clone())
            .interceptor(AnswerLimit)
            .build();
        aws_sdk_sts::Client::from_conf(config)
    }

    /// The endpoint that stands in for AWS's own, if one does.
    #[cfg(any(feature = "cli", test))]
    pub(super) fn endpoint(&self) -> Option<String> {
        let of_service = || std::env::var("AWS_ENDPOINT_URL_SECRETS_MANAGER").ok();
        let of_all = || self.sdk.endpoint_url().map(str::to_owned);
        self.endpoint.clone().or_else(of_service).or_else(of_all)
    }

    /// Has the next call look for other credentials.
    pub(super) fn refuse(&self) {
        self.is_refused.store(true, Ordering::Relaxed);
    }

    fn is_refused(&self) -> bool {
        self.is_refused.load(Ordering::Relaxed)
    }

    fn is_due(&self, now: SystemTime) -> bool {
        *self.renew_at.lock() <= now
    }

    fn is_good(&self, now: SystemTime) -> bool {
        self.identity.expires_at.is_none_or(|at| now < at)
    }

    fn postpone(&self, until: SystemTime) {
        *self.renew_at.lock() = until;
    }
}

/// When credentials that expire at `expiry` are to be renewed.
fn renewal(now: SystemTime, expiry: Option<SystemTime>) -> SystemTime {
    match expiry {
        None => now + ASKED_AGAIN_AFTER,
        Some(expiry) => {
            let left = expiry.duration_since(now).unwrap_or_default();
            now + left.saturating_sub(RENEWED_BEFORE).max(left / 2)
        }
    }
}

fn credentials_late(name: &str) -> Failure {
    Failure::new(
        FailureKind::TimedOut,
        name,
        "the AWS credentials could not be loaded in time",
    )
    .hint("check what hands them out: the metadata service of the machine, STS, or the credential process")
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(1_700_000_000);

    #[test]
    fn credentials_are_renewed_before_they_expire_and_not_all_the_time() {
        let now = SystemTime::UNIX_EPOCH + START;
        let in_seconds = |seconds| now + Duration::from_secs(seconds);
        assert_eq!(renewal(now, Some(in_seconds(3_600))), in_seconds(3_540));
        // Short-lived ones at half of their life.
        assert_eq!(renewal(now, Some(in_seconds(40))), in_seconds(20));
        assert_eq!(renewal(now, Some(now)), now);
        assert_eq!(renewal(now, Some(now - Duration::from_secs(5))), now);
        assert_eq!(renewal(now, None), in_seconds(900));
    }
}
