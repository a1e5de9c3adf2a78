//! Calls of AI models: what they are measured by, and the names of their attributes.

use std::collections::BTreeMap;
use std::time::Duration;

use napi_derive::napi;
use tallylight::trace::{ModelCallSpec, ModelOutcome, genai};
use tallylight::{Error, ErrorKind};

use crate::boundary::{Result, contained};

/// How a call ended.
#[napi(object, object_to_js = false)]
pub struct ModelCallOutcome {
    /// Who offers the model.
    pub provider: String,
    /// The model.
    pub model: String,
    /// What it was asked to do.
    pub operation: String,
    /// How long it took, in milliseconds.
    pub duration: f64,
    /// The type of its failure.
    pub error_type: Option<String>,
    /// Tokens of the prompt.
    pub input_tokens: Option<f64>,
    /// Tokens of the answer.
    pub output_tokens: Option<f64>,
    /// How long a stream took to its first chunk, in milliseconds.
    pub first_chunk: Option<f64>,
}

/// Records a call of a model; answers the number of its operation, none where it could not be.
#[napi]
pub fn record_model_call(call: ModelCallOutcome) -> Result<Option<u32>> {
    contained(|| {
        let spec = ModelCallSpec {
            provider: &call.provider,
            model: &call.model,
            operation: &call.operation,
        };
        let outcome = ModelOutcome {
            duration: millis(call.duration),
            error_type: call.error_type.as_deref(),
            input_tokens: call.input_tokens.and_then(whole),
            output_tokens: call.output_tokens.and_then(whole),
            first_chunk: call.first_chunk.map(millis),
        };
        Ok(tallylight::global()?
            .traces()
            .record_model_call(&spec, &outcome))
    })
}

/// OpenTelemetry's names, as JSON, under those that the TypeScript uses.
#[napi]
pub fn gen_ai_names() -> Result<String> {
    contained(|| {
        let names: BTreeMap<&str, &str> = genai::NAMES.iter().copied().collect();
        serde_json::to_string(&names).map_err(|error| {
            Error::new(ErrorKind::Internal, "the names could not be written").with_source(error)
        })
    })
}

fn millis(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1e3).unwrap_or_default()
}

/// A number of tokens; none of what is no such number.
fn whole(tokens: f64) -> Option<u64> {
    (tokens.is_finite() && tokens >= 0.0).then_some(tokens as u64)
}
