/**
 * Writing answers: one JSON document, or a stream of events as NDJSON or SSE.
 */
import { once } from 'node:events';

/**
 * @param {import('node:http').ServerResponse} response
 * @param {number} status
 * @param {object} value
 * @param {Record<string, string>} [headers]
 */
export function sendJson(response, status, value, headers = {}) {
  const body = Buffer.from(JSON.stringify(value));
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': body.length,
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(body);
}

/**
 * Opens a stream of events. `Accept: text/event-stream` gets SSE, everyone else one JSON object a line.
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 * @param {AbortSignal} signal ends a wait for a slow reader
 */
export function openEventStream(request, response, signal) {
  const sse = /\btext\/event-stream\b/.test(request.headers.accept ?? '');
  response.writeHead(200, {
    'content-type': sse ? 'text/event-stream; charset=utf-8' : 'application/x-ndjson; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  return {
    /**
     * @param {string} type
     * @param {object} fields
     */
    async send(type, fields) {
      const json = JSON.stringify({ type, ...fields });
      const ready = response.write(sse ? `event: ${type}\ndata: ${json}\n\n` : `${json}\n`);
      if (ready) return;
      await once(response, 'drain', { signal }).catch((error) => {
        throw signal.aborted ? signal.reason : error;
      });
    },
    end: () => response.end(),
  };
}
