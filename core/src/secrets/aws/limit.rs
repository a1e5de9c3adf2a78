//! How long an answer of AWS may be: one that is longer is none of AWS's, and reading it would hold
//! the I/O thread up.

use aws_sdk_secretsmanager::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_secretsmanager::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_secretsmanager::error::BoxError;

/// Bytes: twenty values of 64 KiB, each byte escaped as JSON, and room for what stands beside them.
const LONGEST: u64 = 10 << 20;

/// Refuses an answer by its announced length, before any of it is read.
#[derive(Debug)]
pub(super) struct AnswerLimit;

impl Intercept for AnswerLimit {
    fn name(&self) -> &'static str {
        "TallylightAnswerLimit"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let length = context.response().headers().get("content-length");
        match length.and_then(|length| length.parse::<u64>().ok()) {
            Some(length) if length > LONGEST => {
                Err(format!("an answer of {length} bytes, of at most {LONGEST}").into())
            }
            _ => Ok(()),
        }
    }
}
