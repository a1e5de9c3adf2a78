//! OpenTelemetry's names for calls of AI models, and Sentry's where a span needs them: in one place,
//! since they are still in development.
//!
//! Sources: <https://github.com/open-telemetry/semantic-conventions-genai> (where the conventions moved
//! after version 1.41; `error.type` is of 1.42.0), and for spans
//! <https://develop.sentry.dev/sdk/telemetry/traces/modules/ai-agents/>. The bindings read them as
//! [`NAMES`], so that no name is written twice.

/// The version of OpenTelemetry's semantic conventions that these follow.
pub const VERSION: &str = "1.42.0";

/// Operation (in seconds at OpenTelemetry, in nanoseconds here): one call of a model.
pub const OPERATION_DURATION: &str = "gen_ai.client.operation.duration";
/// Histogram, `{token}`: the tokens of a call, by [`TOKEN_TYPE`].
pub const TOKEN_USAGE: &str = "gen_ai.client.token.usage";
/// Histogram, `s`: how long a stream took to its first chunk.
pub const TIME_TO_FIRST_CHUNK: &str = "gen_ai.client.operation.time_to_first_chunk";

/// `chat`, `generate_content`, `text_completion`, `embeddings`...
pub const OPERATION_NAME: &str = "gen_ai.operation.name";
/// `openai`, `gcp.gemini`, `anthropic`...
pub const PROVIDER_NAME: &str = "gen_ai.provider.name";
/// The model that was asked for.
pub const REQUEST_MODEL: &str = "gen_ai.request.model";
/// `input` or `output`.
pub const TOKEN_TYPE: &str = "gen_ai.token.type";

/// The model that answered; on spans, as all that follow.
pub const RESPONSE_MODEL: &str = "gen_ai.response.model";
/// Whether the answer came in chunks.
pub const RESPONSE_STREAMING: &str = "gen_ai.response.streaming";
/// Seconds to the first chunk.
pub const RESPONSE_TIME_TO_FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";
/// Tokens of the prompt.
pub const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
/// Tokens of the answer.
pub const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
/// Both together.
pub const TOTAL_TOKENS: &str = "gen_ai.usage.total_tokens";
/// The prompt, as JSON text; only where capturing prompts is switched on.
pub const INPUT_MESSAGES: &str = "gen_ai.input.messages";
/// The answer, likewise.
pub const OUTPUT_MESSAGES: &str = "gen_ai.output.messages";
/// The type of the failure.
pub const ERROR_TYPE: &str = "error.type";

/// Ours: what the call is part of.
pub const ANALYSIS_ID: &str = "analysis.id";
/// Ours: how large what was sent is, in the caller's own unit.
pub const INPUT_SIZE: &str = "analysis.input_size";

/// The `op` of a span begins with this; the operation's name follows.
pub const SPAN_OP_PREFIX: &str = "gen_ai.";

/// What a binding needs to write a span, under the names its code uses.
pub const NAMES: &[(&str, &str)] = &[
    ("version", VERSION),
    ("operationDuration", OPERATION_DURATION),
    ("operationName", OPERATION_NAME),
    ("providerName", PROVIDER_NAME),
    ("requestModel", REQUEST_MODEL),
    ("responseModel", RESPONSE_MODEL),
    ("responseStreaming", RESPONSE_STREAMING),
    ("responseTimeToFirstChunk", RESPONSE_TIME_TO_FIRST_CHUNK),
    ("inputTokens", INPUT_TOKENS),
    ("outputTokens", OUTPUT_TOKENS),
    ("totalTokens", TOTAL_TOKENS),
    ("inputMessages", INPUT_MESSAGES),
    ("outputMessages", OUTPUT_MESSAGES),
    ("errorType", ERROR_TYPE),
    ("analysisId", ANALYSIS_ID),
    ("inputSize", INPUT_SIZE),
    ("spanOpPrefix", SPAN_OP_PREFIX),
];
