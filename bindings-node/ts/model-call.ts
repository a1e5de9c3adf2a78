/**
 * Calls of AI models: one call gives the duration, the failures by type, the tokens and the time to the
 * first chunk as metrics, and a span in the trace.
 *
 * The names are OpenTelemetry's for generative AI; the core has them in one place. Prompts and answers
 * are not captured unless `errors.capturePrompts` is on. Invariant: each call ends in exactly one
 * record, a stream's when it is exhausted, fails or is left.
 */

import { errorTypeOf } from './error-type.js';
import { effective, warnOnce } from './events/face.js';
import { textOf } from './events/plain.js';
import { InvalidValueError } from './errors.js';
import { observe } from './observe.js';
import { session } from './session.js';
import { now, openSpan, Span, withActiveSpan } from './span.js';
import { watchStream } from './model-stream.js';

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

interface Names {
  readonly [name: string]: string;
}

let known: Names | undefined;

function names(): Names {
  return (known ??= JSON.parse(session().native.genAiNames()) as Names);
}

/** A call under way, which the function of `trackModelCall` is given. Its methods never throw. */
export class ModelCall {
  /** @internal */
  readonly span: Span | undefined;
  readonly #options: ModelCallOptions;
  readonly #operation: string;
  readonly #startedAt = now();
  #inputTokens: number | undefined;
  #outputTokens: number | undefined;
  #firstChunk: number | undefined;
  #isOver = false;

  /** @internal */
  constructor(options: ModelCallOptions) {
    this.#options = options;
    this.#operation = textOr(options.operation, 'chat');
    this.span = openedSpan(options, this.#operation);
  }

  /** Tells the tokens that are billed. The last telling counts. */
  tokens(input: number | undefined, output: number | undefined): this {
    if (isCount(input)) this.#inputTokens = input;
    if (isCount(output)) this.#outputTokens = output;
    return this;
  }

  /** Tells that a chunk came; needed only where the stream is not what the function answers. */
  chunk(): this {
    this.#firstChunk ??= now() - this.#startedAt;
    return this;
  }

  /** Tells which model answered, where it is not the one that was asked for. */
  responseModel(model: string): this {
    this.span?.setAttribute(names()['responseModel']!, model);
    return this;
  }

  /** Tells the prompt; kept only where `errors.capturePrompts` is on. */
  prompt(messages: unknown): this {
    return this.#content('inputMessages', messages);
  }

  /** Tells the answer; kept only where `errors.capturePrompts` is on. */
  answer(messages: unknown): this {
    return this.#content('outputMessages', messages);
  }

  #content(name: string, messages: unknown): this {
    try {
      if (this.span?.isRecording === true && effective().capturePrompts) {
        this.span.setAttribute(names()[name]!, typeof messages === 'string' ? messages : JSON.stringify(messages));
      }
    } catch {
      // A cycle, say. The call goes on.
    }
    return this;
  }

  /** Whether an error counts as one. @internal */
  isFailure(error: unknown): boolean {
    try {
      return this.#options.isFailure?.(error) !== false;
    } catch {
      return true;
    }
  }

  /** @internal */
  succeed(): void {
    this.#end(undefined);
  }

  /** @internal */
  fail(error: unknown): void {
    if (this.#isOver) return;
    if (!this.isFailure(error)) {
      this.giveUp();
      return;
    }
    this.span?.fail(error);
    this.#end(errorTypeOf(error));
  }

  /** Ends a call that nobody waited for: neither well nor badly. @internal */
  giveUp(): void {
    if (this.#isOver) return;
    this.span?.setStatus('cancelled');
    this.#end(undefined);
  }

  #end(errorType: string | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    try {
      this.#record(errorType);
    } catch (error) {
      warnOnce('trackModelCall', `a call of a model was not recorded: ${textOf(error)}`);
    } finally {
      this.span?.end();
    }
  }

  #record(errorType: string | undefined): void {
    const duration = now() - this.#startedAt;
    const { provider, model } = this.#options;
    const series = session().native.recordModelCall({
      provider: textOf(provider),
      model: textOf(model),
      operation: this.#operation,
      duration,
      errorType,
      inputTokens: this.#inputTokens,
      outputTokens: this.#outputTokens,
      firstChunk: this.#firstChunk,
    });
    const { span } = this;
    if (span === undefined) return;
    if (typeof series === 'number') span.trace.measured(series, duration);
    if (!span.isRecording) return;
    const { inputTokens, outputTokens, totalTokens, responseStreaming, responseTimeToFirstChunk } = names() as Record<string, string>;
    if (this.#inputTokens !== undefined) span.setAttribute(inputTokens!, this.#inputTokens);
    if (this.#outputTokens !== undefined) span.setAttribute(outputTokens!, this.#outputTokens);
    if (this.#inputTokens !== undefined && this.#outputTokens !== undefined) {
      span.setAttribute(totalTokens!, this.#inputTokens + this.#outputTokens);
    }
    if (this.#firstChunk !== undefined) {
      span.setAttribute(responseStreaming!, true);
      span.setAttribute(responseTimeToFirstChunk!, Math.round(this.#firstChunk) / 1e3);
    }
  }
}

function isCount(tokens: unknown): tokens is number {
  return typeof tokens === 'number' && Number.isFinite(tokens) && tokens >= 0;
}

function textOr(value: unknown, other: string): string {
  return typeof value === 'string' && value !== '' ? value : other;
}

function openedSpan(options: ModelCallOptions, operation: string): Span | undefined {
  try {
    const { spanOpPrefix, operationName, providerName, requestModel, analysisId, inputSize } = names() as Record<string, string>;
    return openSpan({
      name: `${operation} ${textOf(options.model)}`,
      op: `${spanOpPrefix}${operation}`,
      // The operation is measured under the conventions' own name.
      measured: false,
      attributes: {
        ...options.attributes,
        [operationName!]: operation,
        [providerName!]: options.provider,
        [requestModel!]: options.model,
        [analysisId!]: options.analysisId,
        [inputSize!]: options.inputSize,
      },
    });
  } catch (error) {
    warnOnce('trackModelCall', `a call of a model has no span: ${textOf(error)}`);
    return undefined;
  }
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
export function trackModelCall<T>(options: ModelCallOptions, fn: (call: ModelCall) => T): T {
  checked(options);
  const call = new ModelCall(options);
  const run = <R>(work: () => R): R => (call.span === undefined ? work() : withActiveSpan(call.span, work));
  let result: T;
  try {
    result = run(() => fn(call));
  } catch (error) {
    call.fail(error);
    throw error;
  }
  if (result instanceof Promise) {
    return result.then(
      (value: unknown) => ended(value),
      (error: unknown) => {
        call.fail(error);
        throw error;
      },
    ) as T;
  }
  return ended(result) as T;

  function ended(value: unknown): unknown {
    const stream = watchStream(value, call, run);
    if (stream !== undefined) return stream;
    return observe(value, { succeeded: () => call.succeed(), failed: (error) => call.fail(error) });
  }
}

function checked(options: unknown): void {
  const { provider, model } = (options ?? {}) as { provider?: unknown; model?: unknown };
  if (typeof provider !== 'string' || typeof model !== 'string') {
    throw new InvalidValueError('trackModelCall takes { provider, model, ... }, both text, such as { provider: "openai", model: "gpt-4o" }');
  }
}
