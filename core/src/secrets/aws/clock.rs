//! How far this machine's clock is off, by the date of AWS's answers.
//!
//! Every client reports here, errors included, so that a refused signature can be told from a wrong
//! clock and the doctor can say how wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use aws_sdk_secretsmanager::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_secretsmanager::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_secretsmanager::error::BoxError;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// Seconds that the service's clock is ahead of ours, by its last answer. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct ServiceClock(Arc<AtomicI64>);

const UNKNOWN: i64 = i64::MIN;

impl Default for ServiceClock {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(UNKNOWN)))
    }
}

impl ServiceClock {
    pub(super) fn ahead(&self) -> Option<i64> {
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
