//! The caches that are compared, each made as its documentation shows, with a time to live.

use std::num::NonZeroUsize;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_secretsmanager_caching::SecretsManagerCachingClient;
use tallylight::{Config, Tallylight};

use crate::Outcome;

/// What both hold at most.
const SIZE: NonZeroUsize = NonZeroUsize::MIN.saturating_add(999);

pub(crate) fn ours(ttl: Duration) -> Outcome<Tallylight> {
    let mut config = Config::from_env()?;
    config.secrets.ttl = ttl;
    Ok(Tallylight::new(config)?)
}

/// Told to serve what it has when a refresh fails for a passing reason, which it does not do by default: its better case.
pub(crate) async fn peer(ttl: Duration) -> Outcome<SecretsManagerCachingClient> {
    let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let builder = aws_sdk_secretsmanager::config::Builder::from(&config);
    Ok(SecretsManagerCachingClient::from_builder(builder, SIZE, ttl, true).await?)
}
