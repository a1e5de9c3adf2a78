/**
 * The HTTP side of the engine: routes, the recording of every request, and the way to its end.
 *
 * Invariant: each request ends in exactly one record, made when its response closes, under its route's template. It
 * is an error only if we answered 5xx or broke off a stream; a client that left is counted apart. Looking at the
 * service is not its work: the routes of whoever watches are recorded, but as `internal`, so that neither the request
 * count nor the light moves because somebody looks.
 */
import http from 'node:http';
import { continueTrace, withActiveSpan } from 'tallylight';
import { analyze } from './analyze.mjs';
import { ClientGone, HttpError, ShuttingDown, toHttpError } from './errors.mjs';
import { sendJson } from './respond.mjs';

/** The routes of whoever watches. */
const WATCHED_BY = new Set(['/api/monitoring/status', '/api/health']);

/** How long the last answers may take to leave once the drain time is over. */
const LAST_WORDS_MS = 250;

/**
 * What a route's handler works with.
 * @typedef {object} Exchange
 * @property {http.IncomingMessage} request
 * @property {http.ServerResponse} response
 * @property {AbortSignal} signal aborts with `ClientGone` or `ShuttingDown`
 * @property {(error: unknown) => void} fail marks a failure after the status line was sent
 *
 * @typedef {object} ServiceOptions
 * @property {import('./measured-model.mjs').ModelClient} model
 * @property {import('./telemetry.mjs').ServerInstruments} instruments
 * @property {() => void} onModelRetry
 * @property {() => object} status the status document
 * @property {number} timeoutMs for all model work of one request
 * @property {number} maxRetryWaitMs
 * @property {number} maxBodyBytes
 * @property {(message: string) => void} log
 */

/**
 * @param {ServiceOptions} options
 * @returns {{ server: http.Server, drain: (ms: number) => Promise<void> }}
 */
export function createService(options) {
  const { instruments } = options;
  const routes = new Map(
    Object.entries({
      '/analyze': { POST: (/** @type {Exchange} */ exchange) => analyze(exchange, options) },
      '/api/monitoring/status': reads((exchange) => sendJson(exchange.response, 200, options.status())),
      '/api/health': reads((exchange) => sendJson(exchange.response, 200, { status: 'healthy' })),
    }),
  );
  /** @type {Set<AbortController>} */
  const inFlight = new Set();
  let draining = false;

  // Idle connections outlive those of a proxy in front of us (often 60 s), so that it is the proxy that ends them: the
  // other way round, a request may be sent into a connection that is just being closed.
  const server = http.createServer({ requestTimeout: 30_000, keepAliveTimeout: 72_000 }, (request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/';
    const route = routes.get(path);
    // One template for all unknown paths: a scanner must not be able to invent series.
    const template = route ? path : '/*';
    // The trace of whoever calls us goes on here.
    const span = continueTrace(request.headers, () =>
      instruments.request(request.method, template, WATCHED_BY.has(template)),
    );
    const controller = new AbortController();
    /** @type {string | undefined} */
    let errorType;
    inFlight.add(controller);
    instruments.active.add(1);
    if (draining) response.setHeader('connection', 'close');

    response.on('close', () => {
      inFlight.delete(controller);
      instruments.active.add(-1);
      span.setAttribute('http.response.status_code', response.statusCode);
      if (errorType) span.fail(errorType);
      span.end();
      if (response.writableFinished) instruments.response(response.statusCode).increment();
      else if (!errorType) instruments.abort(template).increment();
      controller.abort(new ClientGone('the client left'));
      // Only after this event is the connection idle in Node's eyes.
      if (draining) setImmediate(() => server.closeIdleConnections());
    });

    /** @param {unknown} error */
    const fail = (error) => {
      const failure = toHttpError(error);
      if (failure.status < 500 || response.closed) return failure;
      errorType = failure.name;
      if (failure.status === 500) options.log(error instanceof Error ? (error.stack ?? error.message) : String(error));
      return failure;
    };
    const exchange = { request, response, signal: controller.signal, fail };

    withActiveSpan(span, async () => handlerOf(route, request.method)(exchange))
      .catch((error) => {
        const failure = fail(error);
        if (response.closed || error instanceof ClientGone) return;
        if (response.headersSent) {
          // The status is gone out; only an end without the last chunk still says that something is missing.
          errorType ??= failure.name;
          response.destroy();
        } else {
          sendJson(
            response,
            failure.status,
            { error: { type: failure.name, message: failure.message } },
            failure.headers,
          );
        }
      });
  });

  return {
    server,
    /** Stops accepting, lets what runs finish within `ms`, then ends the rest with a 503. */
    async drain(ms) {
      draining = true;
      const closed = new Promise((resolve) => server.close(resolve));
      const timers = [
        setTimeout(() => {
          for (const controller of inFlight) controller.abort(new ShuttingDown('the time to drain is over'));
        }, ms),
        setTimeout(() => server.closeAllConnections(), ms + LAST_WORDS_MS),
      ];
      await closed;
      timers.forEach(clearTimeout);
    },
  };
}

/** @typedef {Partial<Record<string, (exchange: Exchange) => unknown>>} Route */

/**
 * A route that is only read.
 * @param {(exchange: Exchange) => unknown} handler
 * @returns {Route}
 */
function reads(handler) {
  // Node leaves out the body of an answer to HEAD by itself.
  return { GET: handler, HEAD: handler };
}

/**
 * @param {Route | undefined} route
 * @param {string} [method]
 * @returns {(exchange: Exchange) => unknown}
 */
function handlerOf(route, method = '') {
  const handler = route?.[method];
  if (handler) return handler;
  return () => {
    if (!route) {
      throw new HttpError(
        404,
        'NotFound',
        'No such route. There are POST /analyze, GET /api/monitoring/status and GET /api/health.',
      );
    }
    const allow = Object.keys(route).join(', ');
    throw new HttpError(405, 'MethodNotAllowed', `This route answers ${allow} only.`, { headers: { allow } });
  };
}
