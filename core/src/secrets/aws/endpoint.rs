//! Which setting or variable named the endpoint that is asked, for errors that say what to check.
//!
//! A session reads it when it is opened, as the SDK does for the endpoint itself.

use super::AwsSettings;
use super::classify::Action;

const SETTING: &str = "TALLYLIGHT_SECRETS_ENDPOINT";
const OF_ALL: &str = "AWS_ENDPOINT_URL";
const OF_SECRETS: &str = "AWS_ENDPOINT_URL_SECRETS_MANAGER";
const OF_STS: &str = "AWS_ENDPOINT_URL_STS";

/// The names for both services.
#[derive(Debug, Clone, Copy)]
pub(super) struct EndpointNames {
    secrets: &'static str,
    sts: &'static str,
}

impl EndpointNames {
    pub(super) fn of(settings: &AwsSettings) -> Self {
        let by_variable = |variable| match std::env::var_os(variable) {
            Some(value) if !value.is_empty() => variable,
            // Also where nothing names one: it is the first thing to look at then.
            _ => OF_ALL,
        };
        let endpoint = settings.endpoint.as_deref();
        Self {
            secrets: match endpoint {
                Some(_) => SETTING,
                None => by_variable(OF_SECRETS),
            },
            sts: match endpoint {
                Some(endpoint) if !is_private(endpoint) => SETTING,
                _ => by_variable(OF_STS),
            },
        }
    }

    /// What to check when a call of this kind fails on its way.
    pub(super) fn of_call(self, action: Action) -> &'static str {
        match action.is_of_sts() {
            true => self.sts,
            false => self.secrets,
        }
    }
}

/// Whether an endpoint is Secrets Manager's own on a private network, where nobody assumes roles;
/// any other stands in for all of AWS.
pub(super) fn is_private(endpoint: &str) -> bool {
    [".amazonaws.", ".vpce.", ".api.aws"]
        .iter()
        .any(|part| endpoint.contains(part))
}
