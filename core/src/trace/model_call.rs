//! What a call of an AI model is measured by: its duration, its failures by type, its tokens and the
//! time to its first chunk.
//!
//! The bindings measure in their language and hand the outcome over ([`Traces::record_model_call`]);
//! a Rust service holds a [`ModelCall`] while it runs. The labels are provider, model and operation:
//! few values each. What is different in every call (an analysis, a size) belongs on the span.

use std::sync::Arc;
use std::time::Duration;

use sentry_core::protocol::{SpanStatus, Value};
use sentry_core::{TransactionContext, TransactionOrSpan};

use super::{Traces, genai};
use crate::metrics::{
    Counter, Histogram, Instrument, InstrumentOptions, Kind, Labels, Operation, Registry,
};
use crate::stopwatch;

/// Seconds are kept as whole nanoseconds.
const NANOS: f64 = 1e9;

/// Which model is called, and how.
#[derive(Debug, Clone, Copy)]
pub struct ModelCallSpec<'a> {
    /// Who offers it, as OpenTelemetry names it: `openai`, `gcp.gemini`, `anthropic`...
    pub provider: &'a str,
    /// Its name.
    pub model: &'a str,
    /// What it does: `chat`, `generate_content`, `embeddings`...
    pub operation: &'a str,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, Default)]
pub struct ModelOutcome<'a> {
    /// How long it took, to the last chunk of a stream.
    pub duration: Duration,
    /// The type of its failure, if it failed.
    pub error_type: Option<&'a str>,
    /// Tokens of the prompt.
    pub input_tokens: Option<u64>,
    /// Tokens of the answer.
    pub output_tokens: Option<u64>,
    /// How long a stream took to its first chunk.
    pub first_chunk: Option<Duration>,
}

/// The instruments of one model and operation.
struct Instruments {
    registry: Arc<Registry>,
    labels: Labels,
}

impl Instruments {
    fn of(registry: &Arc<Registry>, spec: &ModelCallSpec<'_>) -> Option<Self> {
        let known = |text: &str| match text.is_empty() {
            true => "unknown".to_owned(),
            false => text.to_owned(),
        };
        let labels = Labels::from_pairs([
            (genai::OPERATION_NAME, known(spec.operation)),
            (genai::PROVIDER_NAME, known(spec.provider)),
            (genai::REQUEST_MODEL, known(spec.model)),
        ])
        .ok()?;
        Some(Self {
            registry: Arc::clone(registry),
            labels,
        })
    }

    fn operation(&self) -> Option<Operation> {
        let options = InstrumentOptions::default();
        let instrument = Instrument::Operation(Kind::Model);
        let series = self.registry.register(
            genai::OPERATION_DURATION,
            &self.labels,
            instrument,
            &options,
        );
        Some(Operation::new(&self.registry, series.ok()?.id))
    }

    fn tokens(&self, token_type: &str) -> Option<Histogram> {
        let pairs = self.labels.iter().chain([(genai::TOKEN_TYPE, token_type)]);
        let options = InstrumentOptions {
            unit: Some("{token}".to_owned()),
            ..InstrumentOptions::default()
        };
        self.histogram(
            genai::TOKEN_USAGE,
            &Labels::from_pairs(pairs).ok()?,
            &options,
        )
    }

    fn first_chunk(&self) -> Option<Histogram> {
        let options = InstrumentOptions {
            unit: Some("s".to_owned()),
            scale: NANOS,
            ..InstrumentOptions::default()
        };
        self.histogram(genai::TIME_TO_FIRST_CHUNK, &self.labels, &options)
    }

    fn histogram(
        &self,
        name: &str,
        labels: &Labels,
        options: &InstrumentOptions,
    ) -> Option<Histogram> {
        let registry = Arc::clone(&self.registry);
        let series = registry
            .register(name, labels, Instrument::Histogram, options)
            .ok()?;
        Some(Histogram::new(registry, series))
    }
}

impl Traces {
    /// Records a call that ended, and answers the number of its operation's series. What cannot be
    /// recorded is a counted drop.
    pub fn record_model_call(
        &self,
        spec: &ModelCallSpec<'_>,
        outcome: &ModelOutcome<'_>,
    ) -> Option<u32> {
        let instruments = Instruments::of(&self.shared.registry, spec);
        let recorded = instruments.and_then(|instruments| record(&instruments, outcome));
        if recorded.is_none() {
            let reason = crate::metrics::DropReason::Refused;
            self.shared.registry.dropped(reason);
        }
        recorded
    }

    /// Starts measuring a call. It is recorded when it is ended or dropped.
    #[must_use = "a call that is dropped at once measures nothing"]
    pub fn model_call<'a>(&self, spec: &ModelCallSpec<'a>) -> ModelCall<'a> {
        stopwatch::start();
        ModelCall {
            traces: self.clone(),
            spec: *spec,
            span: Some(span_of(spec)),
            started: stopwatch::now(),
            first_chunk: None,
            input_tokens: None,
            output_tokens: None,
            is_done: false,
        }
    }

    /// Runs `f` as a call of a model; an `Err` is a failure of the error's type.
    ///
    /// # Errors
    /// Whatever `f` answers, unchanged.
    pub fn track_model_call<T, E>(
        &self,
        spec: &ModelCallSpec<'_>,
        f: impl FnOnce(&mut ModelCall<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut call = self.model_call(spec);
        let result = f(&mut call);
        call.end_with(&result);
        result
    }

    /// Counts one event under a name and labels; for signals that have no other home.
    pub(super) fn count(&self, name: &str, labels: &Labels) {
        let registry = Arc::clone(&self.shared.registry);
        let options = InstrumentOptions::default();
        match registry.register(name, labels, Instrument::Counter, &options) {
            Ok(series) => Counter::new(registry, series).increment(),
            Err(_) => registry.dropped(crate::metrics::DropReason::Refused),
        }
    }
}

fn record(instruments: &Instruments, outcome: &ModelOutcome<'_>) -> Option<u32> {
    let operation = instruments.operation()?;
    match outcome.error_type {
        Some(error_type) => operation.record_error(outcome.duration, error_type),
        None => operation.record(outcome.duration),
    }
    if let Some(first_chunk) = outcome.first_chunk {
        instruments.first_chunk()?.record(first_chunk.as_secs_f64());
    }
    for (token_type, tokens) in [
        ("input", outcome.input_tokens),
        ("output", outcome.output_tokens),
    ] {
        if let Some(tokens) = tokens {
            instruments.tokens(token_type)?.record(tokens as f64);
        }
    }
    Some(operation.id())
}

/// A span in the active one of the `sentry` crate's hub, else a transaction of its own.
fn span_of(spec: &ModelCallSpec<'_>) -> TransactionOrSpan {
    let op = format!("{}{}", genai::SPAN_OP_PREFIX, spec.operation);
    let name = format!("{} {}", spec.operation, spec.model);
    let active = sentry_core::configure_scope(|scope| scope.get_span());
    let span: TransactionOrSpan = match active {
        Some(parent) => parent.start_child(&op, &name).into(),
        None => sentry_core::start_transaction(TransactionContext::new(&name, &op)).into(),
    };
    for (key, value) in [
        (genai::OPERATION_NAME, spec.operation),
        (genai::PROVIDER_NAME, spec.provider),
        (genai::REQUEST_MODEL, spec.model),
    ] {
        span.set_data(key, value.into());
    }
    span
}

/// A call under way, and its span in the trace of the `sentry` crate's hub. Dropping it records it: as a failure of type `panic` while the thread unwinds, else
/// as a success, which a call that was given up is too.
///
/// ```
/// # fn main() -> Result<(), tallylight::Error> {
/// use tallylight::trace::ModelCallSpec;
/// let tally = tallylight::Tallylight::new(tallylight::Config::default())?;
/// let mut call = tally.traces().model_call(&ModelCallSpec {
///     provider: "gcp.gemini",
///     model: "gemini-2.5-flash",
///     operation: "generate_content",
/// });
/// call.analysis("analysis 7", Some(48_000));
/// call.chunk();
/// call.tokens(1_200, 85);
/// call.end();
/// assert_eq!(tally.status().models.total_calls, 1);
/// # Ok(())
/// # }
/// ```
pub struct ModelCall<'a> {
    traces: Traces,
    spec: ModelCallSpec<'a>,
    /// Until the end.
    span: Option<TransactionOrSpan>,
    /// Of the [`stopwatch`].
    started: u64,
    first_chunk: Option<Duration>,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    is_done: bool,
}

impl ModelCall<'_> {
    /// Tells what the call is part of, and how large what is sent is, in a unit of your own. They are
    /// on the span, as they differ in each call.
    pub fn analysis(&mut self, id: &str, input_size: Option<u64>) {
        self.attribute(genai::ANALYSIS_ID, id);
        if let Some(size) = input_size {
            self.attribute(genai::INPUT_SIZE, size);
        }
    }

    /// Adds an attribute to the span.
    pub fn attribute(&mut self, name: &str, value: impl Into<Value>) {
        if let Some(span) = &self.span {
            span.set_data(name, value.into());
        }
    }

    /// Tells the tokens that are billed. The last telling counts.
    pub const fn tokens(&mut self, input: u64, output: u64) {
        self.input_tokens = Some(input);
        self.output_tokens = Some(output);
    }

    /// Tells that a chunk of a stream came; the first one's time is recorded.
    pub fn chunk(&mut self) {
        if self.first_chunk.is_none() {
            self.first_chunk = Some(self.elapsed());
        }
    }

    /// Ends in success and answers how long it took.
    pub fn end(mut self) -> Duration {
        self.finish(None)
    }

    /// Ends in failure of this type and answers how long it took.
    pub fn fail(mut self, error_type: &str) -> Duration {
        self.finish(Some(error_type))
    }

    /// Ends as the result did; the error's type names the failure.
    pub fn end_with<T, E>(self, result: &Result<T, E>) -> Duration {
        match result {
            Ok(_) => self.end(),
            Err(_) => self.fail(crate::metrics::short_type_name::<E>()),
        }
    }

    fn elapsed(&self) -> Duration {
        Duration::from_nanos(stopwatch::nanos_since(self.started))
    }

    fn finish(&mut self, error_type: Option<&str>) -> Duration {
        self.is_done = true;
        let outcome = ModelOutcome {
            duration: self.elapsed(),
            error_type,
            input_tokens: self.input_tokens,
            output_tokens: self.output_tokens,
            first_chunk: self.first_chunk,
        };
        self.traces.record_model_call(&self.spec, &outcome);
        self.end_span(&outcome);
        outcome.duration
    }
}

impl ModelCall<'_> {
    fn end_span(&mut self, outcome: &ModelOutcome<'_>) {
        let (given, made) = (outcome.input_tokens, outcome.output_tokens);
        for (name, tokens) in [
            (genai::INPUT_TOKENS, given),
            (genai::OUTPUT_TOKENS, made),
            (
                genai::TOTAL_TOKENS,
                given.zip(made).map(|(given, made)| given + made),
            ),
        ] {
            if let Some(tokens) = tokens {
                self.attribute(name, tokens);
            }
        }
        if let Some(first) = outcome.first_chunk {
            self.attribute(genai::RESPONSE_STREAMING, true);
            self.attribute(genai::RESPONSE_TIME_TO_FIRST_CHUNK, first.as_secs_f64());
        }
        if let Some(error_type) = outcome.error_type {
            self.attribute(genai::ERROR_TYPE, error_type);
        }
        if let Some(span) = self.span.take() {
            span.set_status(match outcome.error_type {
                Some(_) => SpanStatus::InternalError,
                None => SpanStatus::Ok,
            });
            span.finish();
        }
    }
}

impl Drop for ModelCall<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.finish(std::thread::panicking().then_some("panic"));
        }
    }
}
