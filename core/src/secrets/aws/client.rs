//! Sessions: the region, the caller's credentials, and the SDK's clients made of them.
//!
//! A session is opened by the first call and renewed shortly before its credentials expire. The
//! invariants: one caller at a time opens one, nobody waits for it past a deadline, and nothing but
//! the SDK's provider chain finds credentials. A session whose credentials the service refused is
//! not used again, so that new ones are picked up wherever they appear (a renewed profile, another
//! variable).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::identity::IdentityCache;
use aws_config::imds;
use aws_config::meta::region::ProvideRegion;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_secretsmanager::config::{
    ConfigBag, Credentials, Intercept, ProvideCredentials, RuntimeComponents,
    SharedCredentialsProvider, SharedHttpClient,
};
use aws_sdk_secretsmanager::error::{BoxError, SdkError};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use parking_lot::Mutex;
use tokio::time::{Instant, timeout_at};

use super::AwsSettings;
use super::classify::{Action, Refused, Subject, chain, plain};
use super::http;
use crate::secrets::failure::{Failure, FailureKind};

/// Credentials are renewed this long before they expire, or at half of their life if that is later.
const RENEWED_BEFORE: Duration = Duration::from_secs(60);
/// Credentials that name no expiry may have been replaced where they came from.
const ASKED_AGAIN_AFTER: Duration = Duration::from_secs(15 * 60);
/// While old credentials are still good, how long a renewal may hold everybody up, and how long
/// after a failed one the next is tried.
const RENEWAL_PATIENCE: Duration = Duration::from_secs(1);
const NEXT_RENEWAL: Duration = Duration::from_secs(10);
/// The metadata service is on the machine itself; where there is none, its address may swallow
/// packets.
const METADATA_TIMEOUT: Duration = Duration::from_secs(1);
/// Under which an assumed role appears in the audit log.
const ROLE_SESSION: &str = "tallylight";

/// Opens sessions and keeps the newest.
pub(super) struct Sessions {
    settings: AwsSettings,
    http: SharedHttpClient,
    current: tokio::sync::Mutex<Option<Arc<Session>>>,
    /// Of the newest session.
    region: Mutex<Option<String>>,
    clock: ServiceClock,
}

impl Sessions {
    pub(super) fn new(settings: AwsSettings) -> Self {
        Self {
            http: http::client(),
            current: tokio::sync::Mutex::new(None),
            region: Mutex::new(settings.region.clone()),
            clock: ServiceClock::default(),
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
        let opening = open(&self.settings, &self.http, &self.clock, name, region);
        match (timeout_at(patience, opening).await, old) {
            (Ok(Ok(session)), _) => {
                let session = Arc::new(session);
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

fn credentials_late(name: &str) -> Failure {
    Failure::new(
        FailureKind::TimedOut,
        name,
        "the AWS credentials could not be loaded in time",
    )
    .hint("check what hands them out: the metadata service of the machine, STS, or the credential process")
}

/// Where the caller's credentials come from; no key is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The SDK's name of the provider, such as `EnvironmentVariable`.
    pub(crate) provider: String,
    /// The last four characters of the access key's id.
    pub(crate) key_tail: String,
    pub(crate) expires_at: Option<SystemTime>,
    /// The role that was assumed with them.
    pub(crate) role: Option<String>,
}

/// A region, credentials and clients.
pub(super) struct Session {
    sdk: SdkConfig,
    pub(super) region: Option<String>,
    /// What named the region.
    pub(super) region_from: &'static str,
    pub(super) identity: Identity,
    renew_at: Mutex<SystemTime>,
    is_refused: AtomicBool,
    clock: ServiceClock,
    clients: Mutex<Vec<(String, Client)>>,
}

impl Session {
    /// The client of a region.
    pub(super) fn client(&self, region: &str) -> Client {
        let mut clients = self.clients.lock();
        if let Some((_, client)) = clients.iter().find(|(known, _)| known == region) {
            return client.clone();
        }
        let config = aws_sdk_secretsmanager::config::Builder::from(&self.sdk)
            .region(Region::new(region.to_owned()))
            .interceptor(self.clock.clone())
            .build();
        let client = Client::from_conf(config);
        clients.push((region.to_owned(), client.clone()));
        client
    }

    /// Who is calling, according to AWS.
    pub(super) fn sts(&self, region: &str) -> aws_sdk_sts::Client {
        let config = aws_sdk_sts::config::Builder::from(&self.sdk)
            .region(Region::new(region.to_owned()))
            .interceptor(self.clock.clone())
            .build();
        aws_sdk_sts::Client::from_conf(config)
    }

    /// The endpoint that stands in for AWS's own, if one does.
    pub(super) fn endpoint(&self) -> Option<String> {
        let of_service = std::env::var("AWS_ENDPOINT_URL_SECRETS_MANAGER").ok();
        of_service.or_else(|| self.sdk.endpoint_url().map(str::to_owned))
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

async fn open(
    settings: &AwsSettings,
    http: &SharedHttpClient,
    clock: &ServiceClock,
    name: &str,
    meant: Option<&str>,
) -> Result<Session, Failure> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(settings.attempt_timeout)
        .disable_read_timeout()
        .disable_operation_timeout()
        .disable_operation_attempt_timeout()
        .build();
    let providers = ProviderConfig::without_region()
        .with_http_client(http.clone())
        .with_retry_config(RetryConfig::disabled())
        .with_timeout_config(timeouts.clone());
    let metadata = imds::Client::builder()
        .configure(&providers)
        .max_attempts(1)
        .connect_timeout(METADATA_TIMEOUT)
        .read_timeout(METADATA_TIMEOUT)
        .operation_attempt_timeout(METADATA_TIMEOUT)
        .operation_timeout(METADATA_TIMEOUT)
        .build();
    let (region, region_from) = find_region(settings, &providers, &metadata, meant).await;
    let calls_from = region
        .as_deref()
        .or(meant)
        .map(|region| Region::new(region.to_owned()));
    let chain = DefaultCredentialsChain::builder()
        .configure(providers)
        .region(calls_from.clone())
        .imds_client(metadata)
        .build()
        .await;
    let found = chain.provide_credentials();
    #[cfg(test)]
    let found = tests::or_made_up(settings, found);
    let mut credentials = found
        .await
        .map_err(|error| no_credentials(name, region.as_deref(), &error))?;
    let mut provider = provider_name(&credentials);
    let mut sdk = aws_config::defaults(BehaviorVersion::latest())
        .region(calls_from)
        .credentials_provider(credentials.clone())
        // They are of this session alone, which ends before they do.
        .identity_cache(IdentityCache::no_cache())
        .http_client(http.clone())
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    if let Some(endpoint) = &settings.endpoint {
        sdk = sdk.endpoint_url(endpoint);
    }
    #[cfg(test)]
    if let Some(endpoint) = &settings.stand_in {
        sdk = sdk.endpoint_url(endpoint);
    }
    if let Ok(app) = AppName::new("tallylight") {
        sdk = sdk.app_name(app);
    }
    let mut sdk = sdk.load().await;
    if let Some(role) = &settings.role_arn {
        credentials = assume(settings, role, &sdk, name).await?;
        provider = format!("{} from {provider}", provider_name(&credentials));
        sdk = sdk
            .into_builder()
            .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
            .build();
    }
    Ok(Session {
        sdk,
        region,
        region_from,
        identity: Identity {
            provider,
            key_tail: tail(credentials.access_key_id()),
            expires_at: credentials.expiry(),
            role: settings.role_arn.clone(),
        },
        renew_at: Mutex::new(renewal(SystemTime::now(), credentials.expiry())),
        is_refused: AtomicBool::new(false),
        clock: clock.clone(),
        clients: Mutex::default(),
    })
}

/// The region, and what named it.
async fn find_region(
    settings: &AwsSettings,
    providers: &ProviderConfig,
    metadata: &imds::Client,
    meant: Option<&str>,
) -> (Option<String>, &'static str) {
    if let Some(region) = &settings.region {
        return (Some(region.clone()), "TALLYLIGHT_SECRETS_REGION");
    }
    let known = |region: Option<Region>| region.map(|r| r.to_string()).filter(|r| !r.is_empty());
    if let region @ Some(_) = known(EnvironmentVariableRegionProvider::new().region().await) {
        let is_first = std::env::var_os("AWS_REGION").is_some_and(|value| !value.is_empty());
        let from = if is_first {
            "AWS_REGION"
        } else {
            "AWS_DEFAULT_REGION"
        };
        return (region, from);
    }
    let profile = ProfileFileRegionProvider::builder()
        .configure(providers)
        .build();
    if let region @ Some(_) = known(profile.region().await) {
        return (region, "the AWS profile");
    }
    // Whoever knows the region needs not wait for a machine that may not answer.
    if meant.is_none() {
        let machine = imds::region::ImdsRegionProvider::builder()
            .configure(providers)
            .imds_client(metadata.clone())
            .build();
        if let region @ Some(_) = known(machine.region().await) {
            return (region, "the machine's metadata service");
        }
    }
    (None, "nothing")
}

/// No region is configured, and the name is no ARN, which would say one.
pub(super) fn no_region(name: &str) -> Failure {
    Failure::new(FailureKind::Credentials, name, "no AWS region is configured").hint(
        "set AWS_REGION, or TALLYLIGHT_SECRETS_REGION, or a region in the profile that AWS_PROFILE names, or ask for \
         it by its ARN",
    )
}

fn no_credentials(
    name: &str,
    region: Option<&str>,
    error: &(dyn std::error::Error + 'static),
) -> Failure {
    let told = chain(error).join(": ");
    let (text, hint) = if told.contains("not enabled") && told.contains("no providers") {
        (
            "no AWS credentials were found".to_owned(),
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the machine or container a role",
        )
    } else if told.contains("cargo feature") {
        (
            "the AWS profile signs in by SSO or `aws login`, which is not built in".to_owned(),
            "run `eval \"$(aws configure export-credentials --format env)\"`, or set the profile's credential_process \
             to `aws configure export-credentials --format process --profile NAME`",
        )
    } else {
        (
            format!("AWS credentials could not be loaded: {}", plain(&told)),
            "check AWS_PROFILE, AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE, AWS_WEB_IDENTITY_TOKEN_FILE, or the role of \
             the machine or container",
        )
    };
    let mut failure = Failure::new(FailureKind::Credentials, name, text).hint(hint);
    failure.region = region.map(str::to_owned);
    failure
}

/// The credentials of a role in another account.
async fn assume(
    settings: &AwsSettings,
    role: &str,
    sdk: &SdkConfig,
    name: &str,
) -> Result<Credentials, Failure> {
    let Some(region) = sdk.region().map(ToString::to_string) else {
        return Err(no_region(name));
    };
    let mut provider = AssumeRoleProvider::builder(role)
        .session_name(ROLE_SESSION)
        .configure(sdk);
    if let Some(id) = &settings.external_id {
        provider = provider.external_id(id);
    }
    let error = match provider.build().await.provide_credentials().await {
        Ok(credentials) => return Ok(credentials),
        Err(error) => error,
    };
    let subject = Subject {
        action: Action::reads("AssumeRole"),
        name: role,
        region: &region,
        skew: None,
    };
    let mut failure = match refused_by_sts(&error) {
        Some(refused) => refused.judge(subject),
        None => no_credentials(role, Some(&region), &error),
    };
    failure.name = name.to_owned();
    failure.text = format!("assuming the role {role}: {}", failure.text);
    Err(failure)
}

fn refused_by_sts(error: &(dyn std::error::Error + 'static)) -> Option<Refused> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(error) = cause.downcast_ref::<SdkError<AssumeRoleError, HttpResponse>>() {
            return Some(Refused::new(error));
        }
        next = cause.source();
    }
    None
}

/// The SDK's name of the provider, which it shows in the debug format alone (there the secret key
/// is redacted).
fn provider_name(credentials: &Credentials) -> String {
    let shown = format!("{credentials:?}");
    let name = shown
        .split_once("provider_name: \"")
        .and_then(|(_, rest)| rest.split_once('"'));
    name.map_or("unknown", |(name, _)| name).to_owned()
}

fn tail(key_id: &str) -> String {
    let from = key_id.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
    // Of a key id too short to be one, nothing.
    if key_id.len() < 12 {
        return String::new();
    }
    key_id.get(from..).unwrap_or_default().to_owned()
}

/// How far the service's clock is ahead of ours, by its last answer. Clones share it.
#[derive(Debug, Clone)]
struct ServiceClock(Arc<AtomicI64>);

const UNKNOWN: i64 = i64::MIN;

impl Default for ServiceClock {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(UNKNOWN)))
    }
}

impl ServiceClock {
    fn ahead(&self) -> Option<i64> {
        match self.0.load(Ordering::Relaxed) {
            UNKNOWN => None,
            seconds => Some(seconds),
        }
    }
}

impl Intercept for ServiceClock {
    fn name(&self) -> &'static str {
        "TallylightServiceClock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let ours = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        if let Some(date) = context.response().headers().get("date")
            && let Ok(theirs) = DateTime::from_str(date, Format::HttpDate)
        {
            self.0
                .store(theirs.secs().saturating_sub(ours as i64), Ordering::Relaxed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(1_700_000_000);

    /// Made-up credentials where a test's server stands in for AWS, else those that are found.
    pub(super) async fn or_made_up<E>(
        settings: &AwsSettings,
        found: impl Future<Output = Result<Credentials, E>>,
    ) -> Result<Credentials, E> {
        match settings.stand_in {
            Some(_) => Ok(Credentials::new(
                "AKIATESTTESTTESTTEST",
                "made up",
                None,
                None,
                "Test",
            )),
            None => found.await,
        }
    }

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

    #[test]
    fn what_is_told_of_credentials_holds_no_key() {
        let credentials = Credentials::new(
            "AKIAIOSFODNN7EXAMPLE",
            "canary/secret/key",
            Some("canary-token".to_owned()),
            None,
            "EnvironmentVariable",
        );
        assert_eq!(provider_name(&credentials), "EnvironmentVariable");
        assert_eq!(tail(credentials.access_key_id()), "MPLE");
        assert_eq!(tail("short"), "");
        assert_eq!(tail(""), "");
        assert_eq!(tail("ääääääääääää"), "ääää");
    }
}
