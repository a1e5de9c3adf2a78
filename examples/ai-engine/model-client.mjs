/**
 * A client of the Gemini REST API: `generateContent`, and `streamGenerateContent` as server-sent events.
 *
 * It speaks to whatever base URL it is given: the bundled stub, or
 * `https://generativelanguage.googleapis.com/v1beta` with a key. It measures nothing and retries nothing; both are
 * done around it. Every failure is a `ModelError` of one of a few types, or the reason of the caller's signal.
 */
import { ModelError } from './lib/errors.mjs';
import { readSseData } from './lib/sse.mjs';

/** Longer answers are no answers of this API. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/**
 * @typedef {object} ModelRequest
 * @property {string} text
 * @property {string} [instruction]
 * @property {number} [outputTokens] the most tokens the answer may have
 *
 * @typedef {{ inputTokens: number, outputTokens: number }} Usage
 * @typedef {{ text: string, usage: Usage, finishReason: string }} ModelAnswer
 * @typedef {{ text: string, usage?: Usage, finishReason?: string }} ModelChunk
 *
 * @typedef {object} WireAnswer
 * @property {{ content?: { parts?: { text?: string, thought?: boolean }[] }, finishReason?: string }[]} [candidates]
 * @property {{ promptTokenCount?: number, candidatesTokenCount?: number, thoughtsTokenCount?: number }} [usageMetadata]
 * @property {{ blockReason?: string }} [promptFeedback]
 *
 * @typedef {object} WireError
 * @property {number} [code]
 * @property {string} [message]
 * @property {string} [status]
 * @property {{ '@type'?: string, reason?: string, retryDelay?: string }[]} [details]
 */

export class GeminiClient {
  #url;
  #withKey;

  /** @param {{ baseUrl: string, model: string, withKey?: import('./lib/model-key.mjs').WithKey }} options */
  constructor({ baseUrl, model, withKey = (call) => call() }) {
    this.model = model;
    this.#url = `${baseUrl.replace(/\/+$/, '')}/models/${encodeURIComponent(model)}`;
    this.#withKey = withKey;
  }

  /**
   * @param {ModelRequest} request
   * @param {{ signal: AbortSignal }} options
   * @returns {Promise<ModelAnswer>}
   */
  async generate(request, { signal }) {
    const response = await this.#post('generateContent', request, signal);
    const answer = parseAnswer(await readText(response, signal));
    const { text, usage, finishReason } = toChunk(answer);
    if (!usage) throw new ModelError('BadResponse', 'The model answered without usageMetadata.');
    return { text, usage, finishReason: finishReason ?? 'FINISH_REASON_UNSPECIFIED' };
  }

  /**
   * Resolves when the model accepted the request; then iterate. The last chunk holds the usage.
   * @param {ModelRequest} request
   * @param {{ signal: AbortSignal }} options
   * @returns {Promise<AsyncIterable<ModelChunk>>}
   */
  async openStream(request, { signal }) {
    const response = await this.#post('streamGenerateContent?alt=sse', request, signal);
    return readChunks(response, signal);
  }

  /**
   * @param {string} method
   * @param {ModelRequest} request
   * @param {AbortSignal} signal
   */
  #post(method, request, signal) {
    return this.#withKey((apiKey) => this.#send(method, request, signal, apiKey));
  }

  /**
   * @param {string} method
   * @param {ModelRequest} request
   * @param {AbortSignal} signal
   * @param {string} [apiKey]
   */
  async #send(method, { text, instruction, outputTokens }, signal, apiKey) {
    const body = {
      contents: [{ role: 'user', parts: [{ text }] }],
      ...(instruction && { systemInstruction: { parts: [{ text: instruction }] } }),
      ...(outputTokens && { generationConfig: { maxOutputTokens: outputTokens } }),
    };
    let response;
    try {
      response = await fetch(`${this.#url}:${method}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(apiKey && { 'x-goog-api-key': apiKey }) },
        body: JSON.stringify(body),
        signal,
      });
    } catch (error) {
      throw connectionError(error, signal);
    }
    if (!response.ok) throw toModelError(response, await readText(response, signal));
    return response;
  }
}

/**
 * @param {Response} response
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<ModelChunk>}
 */
async function* readChunks(response, signal) {
  let finished = false;
  try {
    for await (const data of readSseData(bodyOf(response))) {
      const chunk = toChunk(parseAnswer(data));
      finished ||= chunk.finishReason !== undefined;
      yield chunk;
    }
  } catch (error) {
    throw connectionError(error, signal);
  }
  if (!finished) throw new ModelError('BadResponse', 'The stream of the model ended before its finishReason.');
}

/**
 * @param {Response} response
 * @param {AbortSignal} signal
 */
async function readText(response, signal) {
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const bytes of bodyOf(response)) {
      text += decoder.decode(bytes, { stream: true });
      if (text.length > MAX_ANSWER_BYTES) throw new ModelError('BadResponse', 'The answer of the model is too large.');
    }
  } catch (error) {
    throw connectionError(error, signal);
  }
  return text + decoder.decode();
}

/**
 * @param {Response} response
 * @returns {AsyncIterable<Uint8Array>}
 */
function bodyOf(response) {
  return /** @type {any} */ (response.body) ?? [];
}

/** @param {string} text */
function parseAnswer(text) {
  try {
    return /** @type {WireAnswer} */ (JSON.parse(text));
  } catch (cause) {
    throw new ModelError('BadResponse', 'The model answered something that is no JSON.', { cause });
  }
}

/**
 * @param {WireAnswer} answer
 * @returns {ModelChunk}
 */
function toChunk({ candidates = [], usageMetadata, promptFeedback }) {
  if (promptFeedback?.blockReason) {
    throw new ModelError('ContentBlocked', `The model refused the document (${promptFeedback.blockReason}).`);
  }
  const [candidate] = candidates;
  const text = (candidate?.content?.parts ?? [])
    .filter((part) => !part.thought)
    .map((part) => part.text ?? '')
    .join('');
  const finishReason = candidate?.finishReason;
  // Thoughts are not shown but billed, and billed tokens are what the conventions ask for.
  const usage = usageMetadata && {
    inputTokens: usageMetadata.promptTokenCount ?? 0,
    outputTokens: (usageMetadata.candidatesTokenCount ?? 0) + (usageMetadata.thoughtsTokenCount ?? 0),
  };
  return { text, ...(usage && { usage }), ...(finishReason && { finishReason }) };
}

/**
 * A failure of the connection, unless the caller's own signal is the cause or the error is already typed.
 * @param {unknown} error
 * @param {AbortSignal} signal
 */
function connectionError(error, signal) {
  if (signal.aborted) return signal.reason;
  if (error instanceof ModelError) return error;
  const cause = /** @type {{ code?: string } | undefined} */ (error instanceof Error ? error.cause : undefined);
  const code = cause?.code ?? (error instanceof Error ? error.message : String(error));
  return new ModelError('ConnectionError', `The connection to the model failed (${code}). Is GEMINI_BASE_URL right?`, {
    cause: error,
  });
}

/**
 * @param {Response} response
 * @param {string} text
 */
function toModelError(response, text) {
  /** @type {WireError} */
  let error = {};
  try {
    error = JSON.parse(text).error ?? {};
  } catch {
    // A proxy between us and the model answers HTML; its status says enough.
  }
  const { status } = response;
  const message = `The model answered ${status} ${error.status ?? ''}: ${error.message ?? response.statusText}`;
  return new ModelError(errorType(status, error), message, { status, retryAfterMs: retryAfterMs(response, error) });
}

/**
 * @param {number} status
 * @param {WireError} error
 * @returns {import('./lib/errors.mjs').ModelErrorType}
 */
function errorType(status, error) {
  if (status === 429) return 'RateLimited';
  if (status === 504) return 'TimeoutError';
  if (status >= 500) return 'ServerError';
  // Gemini answers a wrong key with 400 and this reason.
  const wrongKey = error.details?.some((detail) => detail.reason === 'API_KEY_INVALID');
  return status === 401 || status === 403 || wrongKey ? 'AuthError' : 'InvalidRequest';
}

/**
 * `Retry-After` (seconds or a date), or the `RetryInfo` that Gemini puts into the body.
 * @param {Response} response
 * @param {WireError} error
 * @returns {number | undefined}
 */
function retryAfterMs(response, error) {
  const header = response.headers.get('retry-after');
  const delay = error.details?.find((detail) => detail.retryDelay)?.retryDelay;
  const seconds = header !== null && header.trim() !== '' ? Number(header) : parseFloat(delay ?? '');
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(header ?? '');
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now());
}
