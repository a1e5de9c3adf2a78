/**
 * The stub model as an HTTP server: two methods of the Gemini API and a control endpoint.
 *
 * Invariant: every call is counted under its outcome before its answer starts, so that the counts at
 * `GET /__control` are never behind what a client has seen.
 */
import http from 'node:http';
import { OUTCOMES, changeSettings, planCall } from './behaviour.mjs';
import { answerBody, countInputTokens, errorBody, sampleText } from './wire.mjs';

const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** A stream sends about this many tokens at once, and never more chunks than `MAX_CHUNKS`. */
const TOKENS_PER_CHUNK = 16;
const MAX_CHUNKS = 64;
const METHOD = /^\/v1(?:beta)?\/models\/([^/:]+):(generateContent|streamGenerateContent)$/;

/**
 * @param {{ settings: import('./behaviour.mjs').Settings, seed: number, apiKey?: string | undefined }} options
 */
export function createStub({ settings: initial, seed, apiKey }) {
  let settings = initial;
  /** @type {import('./behaviour.mjs').Outcome[]} outcomes of the next calls, before any is drawn */
  let next = [];
  const counts = {
    calls: 0,
    refused: 0,
    cancelled: 0,
    outcomes: /** @type {Record<import('./behaviour.mjs').Outcome, number>} */ (
      Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0]))
    ),
    inputTokens: 0,
    outputTokens: 0,
  };

  /** @param {Record<string, unknown>} change */
  const control = ({ reset = false, next: outcomes, ...change }) => {
    if (
      outcomes !== undefined &&
      !(Array.isArray(outcomes) && outcomes.every((outcome) => OUTCOMES.includes(outcome)))
    ) {
      throw new RangeError(`next must be a list of ${OUTCOMES.join(', ')}`);
    }
    settings = changeSettings(reset ? initial : settings, change);
    if (outcomes) next = [...outcomes];
    else if (reset) next = [];
  };

  /**
   * @param {http.IncomingMessage} request
   * @param {http.ServerResponse} response
   * @param {string} model
   * @param {boolean} stream
   */
  const answerCall = async (request, response, model, stream) => {
    const refusal = refuseKey(request, apiKey);
    const body = refusal ? undefined : await readJson(request);
    if (!body || !Array.isArray(body.contents)) {
      counts.refused += 1;
      const refused = refusal ?? errorBody(400, 'contents is not specified');
      return sendJson(response, refused.error.code, refused);
    }
    const inputTokens = countInputTokens(body);
    const budget = body.generationConfig?.maxOutputTokens;
    const maxOutputTokens = Number.isInteger(budget) && budget > 0 ? budget : undefined;
    const call = counts.calls++;
    const plan = planCall(settings, seed, call, { inputTokens, maxOutputTokens, forced: next.shift() });
    counts.outcomes[plan.outcome] += 1;
    const responseId = `stub-${call}`;

    const wait = waiter(response, () => {
      if (plan.outcome !== 'disconnect') counts.cancelled += 1;
    });
    if (plan.outcome === 'timeout') return; // The socket stays open until the client gives up.
    if (plan.outcome === 'rateLimit') return sendRateLimit(response, settings.retryAfterSeconds);
    if (plan.outcome === 'serverError') {
      await wait(plan.firstTokenMs / 2);
      const message =
        plan.errorStatus === 503
          ? 'The model is overloaded. Please try again later.'
          : 'An internal error has occurred.';
      return sendJson(response, plan.errorStatus, errorBody(plan.errorStatus, message));
    }
    const answer = { model, responseId, inputTokens };
    if (stream) return streamAnswer(response, plan, answer, wait, counts);

    await wait(plan.firstTokenMs + plan.outputTokens * plan.perTokenMs);
    if (plan.outcome === 'disconnect') return void response.destroy();
    counts.inputTokens += inputTokens;
    counts.outputTokens += plan.outputTokens;
    const text = sampleText(0, plan.outputTokens);
    sendJson(response, 200, answerBody({ ...answer, text, outputTokens: plan.outputTokens, finishReason: 'STOP' }));
  };

  /**
   * @param {http.IncomingMessage} request
   * @param {http.ServerResponse} response
   */
  const route = async (request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    if (path === '/__control') {
      if (request.method === 'POST') control((await readJson(request)) ?? {});
      return sendJson(response, 200, { settings, next, counts });
    }
    const match = METHOD.exec(path);
    if (!match || request.method !== 'POST')
      return sendJson(response, 404, errorBody(404, `There is no ${request.method} ${path}.`));
    return answerCall(request, response, decodeURIComponent(match[1] ?? ''), match[2] === 'streamGenerateContent');
  };

  return http.createServer((request, response) => {
    route(request, response).catch((error) => {
      if (error === GONE || response.closed) return;
      if (response.headersSent) return void response.destroy();
      const code = error instanceof RangeError || error instanceof SyntaxError ? 400 : 500;
      sendJson(response, code, errorBody(code, error.message));
    });
  });
}

/** Thrown by a wait whose client has left. */
const GONE = Symbol('the client left');

/**
 * A sleep that ends when the client leaves. `onGone` is called if the response closes before its answer was ended.
 * @param {http.ServerResponse} response
 * @param {() => void} onGone
 */
function waiter(response, onGone) {
  /** @type {((reason: symbol) => void) | undefined} */
  let interrupt;
  response.on('close', () => {
    if (!response.writableEnded) onGone();
    interrupt?.(GONE);
  });
  return (/** @type {number} */ ms) =>
    new Promise((resolve, reject) => {
      if (response.closed) return reject(GONE);
      const timer = setTimeout(() => resolve(undefined), ms);
      interrupt = (reason) => {
        clearTimeout(timer);
        reject(reason);
      };
    });
}

/**
 * @param {http.ServerResponse} response
 * @param {import('./behaviour.mjs').Plan} plan
 * @param {{ model: string, responseId: string, inputTokens: number }} answer
 * @param {(ms: number) => Promise<unknown>} wait
 * @param {{ inputTokens: number, outputTokens: number }} counts
 */
async function streamAnswer(response, plan, answer, wait, counts) {
  const { outputTokens, perTokenMs } = plan;
  const size = Math.max(TOKENS_PER_CHUNK, Math.ceil(outputTokens / MAX_CHUNKS));
  await wait(plan.firstTokenMs);
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  for (let from = 0; from < outputTokens; from += size) {
    const to = Math.min(from + size, outputTokens);
    const last = to === outputTokens;
    if (from > 0) await wait((to - from) * perTokenMs);
    if (plan.outcome === 'disconnect' && (last || from > 0)) return void response.destroy();
    if (last) {
      counts.inputTokens += answer.inputTokens;
      counts.outputTokens += outputTokens;
    }
    const text = sampleText(from, to);
    const event = answerBody({ ...answer, text, ...(last && { outputTokens, finishReason: 'STOP' }) });
    // Gemini ends its lines with CRLF.
    response.write(`data: ${JSON.stringify(event)}\r\n\r\n`);
  }
  response.end();
}

/**
 * @param {http.ServerResponse} response
 * @param {number} seconds
 */
function sendRateLimit(response, seconds) {
  response.setHeader('retry-after', String(seconds));
  sendJson(
    response,
    429,
    errorBody(429, 'Resource has been exhausted (e.g. check quota).', [
      { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${seconds}s` },
    ]),
  );
}

/**
 * @param {http.IncomingMessage} request
 * @param {string} [apiKey]
 */
function refuseKey(request, apiKey) {
  const given = request.headers['x-goog-api-key'];
  if (!apiKey || given === apiKey) return undefined;
  if (!given) return errorBody(403, 'Method does not allow unregistered callers.');
  const detail = { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID' };
  return errorBody(400, 'API key not valid. Please pass a valid API key.', [detail]);
}

/**
 * @param {http.IncomingMessage} request
 * @returns {Promise<any>}
 */
async function readJson(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new RangeError('the request is too large');
    chunks.push(chunk);
  }
  return JSON.parse(Buffer.concat(chunks).toString());
}

/**
 * @param {http.ServerResponse} response
 * @param {number} status
 * @param {object} value
 */
function sendJson(response, status, value) {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(value));
}
