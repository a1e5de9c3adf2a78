//! Region and credentials, by the SDK's provider chain and by nothing else.
//!
//! Variables, the profile (with its processes and roles), a web identity, the container, the
//! machine; then, if one is configured, a role assumed with them. The invariants: a machine that
//! does not answer costs a bounded time, and no key is in what is told of credentials.

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
use aws_sdk_secretsmanager::config::{
    Credentials, ProvideCredentials, SharedCredentialsProvider, SharedHttpClient,
};
use aws_sdk_secretsmanager::error::SdkError;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

use super::AwsSettings;
use super::classify::{Action, Refused, Subject, chain, plain};
use super::endpoint::{EndpointNames, is_private};
use crate::secrets::failure::{Failure, FailureKind};

/// The metadata service is on the machine itself; where there is none, its address may swallow
/// packets.
const METADATA_TIMEOUT: Duration = Duration::from_secs(1);
/// Under which an assumed role appears in the audit log.
const ROLE_SESSION: &str = "tallylight";

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

/// What a session is made of.
pub(super) struct Found {
    pub(super) sdk: SdkConfig,
    pub(super) region: Option<String>,
    /// What named the region.
    pub(super) region_from: &'static str,
    pub(super) identity: Identity,
}

/// Asks the chain. `meant` is a region that the caller knows to be meant; without any other, roles
/// are assumed there.
pub(super) async fn find(
    settings: &AwsSettings,
    http: &SharedHttpClient,
    name: &str,
    meant: Option<&str>,
) -> Result<Found, Failure> {
    let providers = ProviderConfig::without_region()
        .with_http_client(http.clone())
        .with_retry_config(RetryConfig::disabled())
        .with_timeout_config(timeouts(settings));
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
    let mut credentials = chain
        .provide_credentials()
        .await
        .map_err(|error| no_credentials(name, region.as_deref(), &error))?;
    let mut provider = provider_name(&credentials);
    let mut sdk = sdk_config(settings, http, calls_from, credentials.clone()).await;
    if let Some(role) = &settings.role_arn {
        credentials = assume(settings, role, &sdk, name).await?;
        provider = format!("{} from {provider}", provider_name(&credentials));
        sdk = sdk
            .into_builder()
            .credentials_provider(SharedCredentialsProvider::new(credentials.clone()))
            .build();
    }
    Ok(Found {
        sdk,
        region,
        region_from,
        identity: Identity {
            provider,
            key_tail: tail(credentials.access_key_id()),
            expires_at: credentials.expiry(),
            role: settings.role_arn.clone(),
        },
    })
}

/// What clients are made of. The SDK tries nothing again and times nothing: that is done once, in
/// [`super::attempt`].
async fn sdk_config(
    settings: &AwsSettings,
    http: &SharedHttpClient,
    region: Option<Region>,
    credentials: Credentials,
) -> SdkConfig {
    let mut sdk = aws_config::defaults(BehaviorVersion::latest())
        .region(region)
        .credentials_provider(credentials)
        // They are of this session alone, which ends before they do.
        .identity_cache(IdentityCache::no_cache())
        .http_client(http.clone())
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts(settings))
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    if let Some(endpoint) = settings
        .endpoint
        .as_ref()
        .filter(|endpoint| !is_private(endpoint))
    {
        sdk = sdk.endpoint_url(endpoint);
    }
    if let Ok(app) = AppName::new("tallylight") {
        sdk = sdk.app_name(app);
    }
    sdk.load().await
}

/// None but for connecting, which goes on behind a call that was given up.
fn timeouts(settings: &AwsSettings) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(settings.attempt_timeout)
        .disable_read_timeout()
        .disable_operation_timeout()
        .disable_operation_attempt_timeout()
        .build()
}

/// The region, and what named it.
async fn find_region(
    settings: &AwsSettings,
    providers: &ProviderConfig,
    metadata: &imds::Client,
    meant: Option<&str>,
) -> (Option<String>, &'static str) {
    if let Some(region) = &settings.region {
        return (Some(region.clone()), "the setting secrets.region");
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
    let has_profile = std::env::var_os("AWS_PROFILE").is_some_and(|name| !name.is_empty());
    let (text, hint) = if told.contains("no credentials found in chain") && has_profile {
        (
            "no AWS credentials were found".to_owned(),
            "the profile that AWS_PROFILE names has none, or does not exist; `aws configure list` shows what is there",
        )
    } else if told.contains("no credentials found in chain") {
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
    let action = Action::reads("AssumeRole");
    let subject = Subject {
        action,
        name: role,
        region: &region,
        skew: None,
        endpoint: EndpointNames::of(settings).of_call(action),
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

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// For a server that checks no signature.
    pub(in super::super) async fn made_up(
        settings: &AwsSettings,
        http: &SharedHttpClient,
    ) -> Found {
        let credentials = Credentials::new("AKIATESTTESTTESTTEST", "made up", None, None, "Test");
        let region = settings.region.clone().map(Region::new);
        Found {
            identity: Identity {
                provider: provider_name(&credentials),
                key_tail: tail(credentials.access_key_id()),
                expires_at: None,
                role: None,
            },
            sdk: sdk_config(settings, http, region, credentials).await,
            region: settings.region.clone(),
            region_from: "the test",
        }
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

    #[test]
    fn a_private_endpoint_is_not_asked_for_roles() {
        for endpoint in [
            "https://vpce-1.secretsmanager.eu-west-1.vpce.amazonaws.com",
            "https://secretsmanager.cn-north-1.amazonaws.com.cn",
        ] {
            assert!(is_private(endpoint), "{endpoint}");
        }
        for endpoint in ["http://127.0.0.1:5000", "https://moto.internal"] {
            assert!(!is_private(endpoint), "{endpoint}");
        }
    }
}
