/**
 * Every instrument of the service, in one place: what is measured, under which name.
 *
 * Names follow OpenTelemetry's semantic conventions where they have one (HTTP, GenAI); the rest starts with
 * `ai_engine.`. Handles are resolved once, so that recording is an increment in memory. Durations are milliseconds.
 * A request is a span, and so the operation of the same name; a call of the model is both as well.
 */

/**
 * @typedef {Pick<import('tallylight').Tallylight, 'startInactiveSpan' | 'trackModelCall' | 'counter' | 'gauge'>} Tally
 */

/** Anything else is `_OTHER`, as OpenTelemetry has it: a client must not be able to invent series. */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'CONNECT', 'TRACE']);

/**
 * @param {Tally} tally
 * @param {{ provider: string, model: string }} model
 */
export function createTelemetry(tally, model) {
  return { server: serverInstruments(tally), model: modelInstruments(tally, model) };
}

/** What the model is asked to do, as OpenTelemetry names it. */
export const OPERATION = 'generate_content';

/** @typedef {ReturnType<typeof serverInstruments>} ServerInstruments */
/** @typedef {ReturnType<typeof modelInstruments>} ModelInstruments */

/** @param {Tally} tally */
function serverInstruments(tally) {
  const responses = cached((/** @type {string} */ status) =>
    tally.counter('ai_engine.http.responses', { 'http.response.status_code': status }, { unit: '{response}' }),
  );
  const aborts = cached((/** @type {string} */ route) =>
    tally.counter('ai_engine.http.client_aborts', { 'http.route': route }, { unit: '{request}' }),
  );
  return {
    /** Requests being served now. */
    active: tally.gauge('http.server.active_requests', {}, { unit: '{request}' }),
    /**
     * Starts the span of a request, e.g. `POST /analyze`.
     * @param {string | undefined} method
     * @param {string} template the route's pattern, never the URL itself
     * @param {boolean} isWatching whether it asks how the service does, instead of for its service
     */
    request: (method = '', template, isWatching) =>
      tally.startInactiveSpan({
        name: `${METHODS.has(method) ? method : '_OTHER'} ${template}`,
        op: 'http.server',
        source: 'route',
        kind: isWatching ? 'internal' : 'server',
      }),
    /** Answers by status code. @param {number} status */
    response: (status) => responses(String(status)),
    /** Clients that left before their answer was complete. @param {string} template */
    abort: (template) => aborts(template),
  };
}

/**
 * @param {Tally} tally
 * @param {{ provider: string, model: string }} options
 */
function modelInstruments(tally, { provider, model }) {
  const labels = {
    'gen_ai.operation.name': OPERATION,
    'gen_ai.provider.name': provider,
    'gen_ai.request.model': model,
  };
  return {
    /**
     * Runs one request to the model; a retry is one more.
     * @template T
     * @param {Pick<import('tallylight').ModelCallOptions, 'analysisId' | 'inputSize' | 'isFailure'>} what
     * @param {(call: import('tallylight').ModelCall) => T} fn
     */
    track: (what, fn) => tally.trackModelCall({ provider, model, operation: OPERATION, ...what }, fn),
    /** Rate-limited calls that were sent once more. */
    retries: tally.counter('ai_engine.model.retries', labels, { unit: '{retry}' }),
    /** Calls given up because our own client was gone. */
    cancelled: tally.counter('ai_engine.model.cancelled', labels, { unit: '{call}' }),
  };
}

/**
 * Keeps what `make` made per key. The keys here are few and fixed: methods, routes, status codes.
 * @template T
 * @param {(key: string) => T} make
 * @returns {(key: string) => T}
 */
function cached(make) {
  /** @type {Map<string, T>} */
  const made = new Map();
  return (key) => {
    let value = made.get(key);
    if (value === undefined) {
      value = make(key);
      made.set(key, value);
    }
    return value;
  };
}
