/**
 * Server-sent events, read from a byte stream: what Gemini's `alt=sse` sends.
 */

/** No event of a text model comes near this; a server that sends no line end must not fill our memory. */
const MAX_EVENT_CHARACTERS = 4 * 1024 * 1024;

/**
 * Yields the data of each complete event. An event cut off by the end of the stream is not yielded, as the standard
 * has it.
 * @param {AsyncIterable<Uint8Array>} body
 * @returns {AsyncGenerator<string>}
 */
export async function* readSseData(body) {
  const decoder = new TextDecoder();
  /** @type {string[]} */
  let data = [];
  let rest = '';
  for await (const bytes of body) {
    rest += decoder.decode(bytes, { stream: true });
    if (rest.length > MAX_EVENT_CHARACTERS) throw new RangeError('an event of the stream is too large');
    // A line ends in CRLF, LF or CR; a CR at the very end may be half of a CRLF, so it waits for the next bytes.
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
      else if (line === '' && data.length > 0) {
        yield data.join('\n');
        data = [];
      }
    }
  }
}
