/**
 * Calls of AI models: one call gives the duration, the failures by type, the tokens and the time to the
 * first chunk as metrics, and a span in the trace.
 *
 * The names are OpenTelemetry's for generative AI; the core has them in one place. Prompts and answers
 * are not captured unless `errors.capturePrompts` is on. Invariant: each call ends in exactly one
 * record, a stream's when it is exhausted, fails or is left.
 */
/** Which model is called, how, and what for. */
export interface ModelCallOptions {
    /** Who offers it, as OpenTelemetry names it: `openai`, `gcp.gemini`, `anthropic`... */
    readonly provider: string;
    /** Its name. */
    readonly model: string;
    /** What it does: `chat` (the default), `generate_content`, `embeddings`... */
    readonly operation?: string | undefined;
    /** What the call is part of; on the span, as it differs in each call. */
    readonly analysisId?: string | undefined;
    /** How large what is sent is, in a unit of your own. */
    readonly inputSize?: number | undefined;
    /** Further attributes of the span. */
    readonly attributes?: Readonly<Record<string, string | number | boolean>> | undefined;
    /** Whether an error is a failure of the call; a caller that left is none, say. All are unless told. */
    readonly isFailure?: ((error: unknown) => boolean) | undefined;
}
/** A call under way, which the function of `trackModelCall` is given. Its methods never throw. */
export declare class ModelCall {
    #private;
    /** Tells the tokens that are billed. The last telling counts. */
    tokens(input: number | undefined, output: number | undefined): this;
    /** Tells that a chunk came; needed only where the stream is not what the function answers. */
    chunk(): this;
    /** Tells which model answered, where it is not the one that was asked for. */
    responseModel(model: string): this;
    /** Tells the prompt; kept only where `errors.capturePrompts` is on. */
    prompt(messages: unknown): this;
    /** Tells the answer; kept only where `errors.capturePrompts` is on. */
    answer(messages: unknown): this;
}
/**
 * Runs `fn` as a call of a model, and answers what it answers. A stream (an async iterable, or a
 * `ReadableStream`) that it answers is watched: the call lasts until the stream ends, and its first
 * chunk is timed.
 *
 * ```js
 * const answer = await trackModelCall({ provider: 'gcp.gemini', model, operation: 'generate_content', analysisId }, async (call) => {
 *   const response = await gemini.generate(request);
 *   call.tokens(response.usage.inputTokens, response.usage.outputTokens);
 *   return response;
 * });
 * ```
 *
 * @throws InvalidValueError for options that name no provider or model
 */
export declare function trackModelCall<T>(options: ModelCallOptions, fn: (call: ModelCall) => T): T;
