/**
 * One request to `POST /analyze`, to the end of its answer.
 */
import http from 'node:http';
import https from 'node:https';

/** Of a stream only the last event is needed; of a broken one, no more than this is kept. */
const MAX_KEPT = 4 * 1024 * 1024;

/**
 * @typedef {object} Outcome
 * @property {number} status 0 when there was no answer
 * @property {string} [errorType] why it failed: the service's own word, or the error code of the connection
 * @property {{ inputTokens: number, outputTokens: number }} [usage]
 */

/** @param {string} url base URL of the service */
export function createSender(url) {
  const target = new URL('/analyze', url);
  const { Agent, request: open } = target.protocol === 'https:' ? https : http;
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: 256 });

  /**
   * @param {object} body
   * @param {AbortSignal} signal
   * @returns {Promise<Outcome>}
   */
  const send = (body, signal) =>
    new Promise((resolve) => {
      const payload = Buffer.from(JSON.stringify(body));
      const headers = { 'content-type': 'application/json', 'content-length': payload.length };
      const request = open(target, { method: 'POST', agent, headers, signal }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk) => (text = keepLastEvent(text + chunk)));
        response.on('end', () => resolve(readOutcome(response.statusCode ?? 0, text)));
        response.on('error', (error) => resolve({ status: 0, errorType: codeOf(error) }));
      });
      // A keep-alive connection that the service closed while we wrote is a plain failure here: nothing is hidden.
      request.on('error', (error) => resolve({ status: 0, errorType: codeOf(error) }));
      request.end(payload);
    });
  return { send, close: () => agent.destroy() };
}

/** @param {string} text */
function keepLastEvent(text) {
  const end = text.lastIndexOf('\n', text.length - 2);
  const last = end < 0 ? text : text.slice(end + 1);
  return last.length > MAX_KEPT ? '' : last;
}

/**
 * @param {number} status
 * @param {string} text the answer, or the last event of a stream
 * @returns {Outcome}
 */
function readOutcome(status, text) {
  let last;
  try {
    last = JSON.parse(text);
  } catch {
    return { status, errorType: 'UnreadableAnswer' };
  }
  if (last.error) return { status, errorType: last.error.type };
  if (last.usage) return { status, usage: last.usage };
  return { status, errorType: 'UnreadableAnswer' };
}

/** @param {Error} error */
function codeOf(error) {
  return /** @type {NodeJS.ErrnoException} */ (error).code ?? error.name;
}
