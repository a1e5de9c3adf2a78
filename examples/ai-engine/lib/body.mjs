/**
 * A request's body as JSON, within bounds.
 */
import { ClientGone, HttpError } from './errors.mjs';

/** What is still read (and thrown away) of a body that is too large, so that its sender gets to see our answer. */
const DISCARD_LIMIT = 16 * 1024 * 1024;

/**
 * @param {import('node:http').IncomingMessage} request
 * @param {number} limit bytes
 * @returns {Promise<Record<string, unknown>>}
 */
export async function readJsonObject(request, limit) {
  const bytes = await readBytes(request, limit);
  let value;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    const detail = bytes.length === 0 ? 'it is empty' : /** @type {Error} */ (error).message;
    throw new HttpError(400, 'InvalidJson', `The body is no valid JSON: ${detail}. Send a JSON object in UTF-8.`);
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new HttpError(400, 'InvalidJson', 'The body must be a JSON object, e.g. {"text":"..."}.');
  }
  return value;
}

/**
 * @param {import('node:http').IncomingMessage} request
 * @param {number} limit
 * @returns {Promise<Buffer>}
 */
function readBytes(request, limit) {
  const tooLarge = () =>
    new HttpError(413, 'PayloadTooLarge', `The body is larger than ${limit} bytes. Send a shorter text.`);
  return new Promise((resolve, reject) => {
    /** @type {Buffer[]} */
    let chunks = [];
    let size = 0;
    let rejected = false;
    const refuse = () => {
      rejected = true;
      chunks = [];
      reject(tooLarge());
    };
    if (Number(request.headers['content-length']) > limit) refuse();
    request.on('data', (/** @type {Buffer} */ chunk) => {
      size += chunk.length;
      if (size > limit + DISCARD_LIMIT) request.destroy();
      else if (!rejected && size > limit) refuse();
      else if (!rejected) chunks.push(chunk);
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', (error) =>
      reject(new ClientGone('the client left in the middle of its request', { cause: error })),
    );
  });
}
