/**
 * The arrivals of a real service, read from a CSV file line by line: `TIMESTAMP,ContextTokens,GeneratedTokens`.
 *
 * The file is never held in memory. A bad line is an error with its number.
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { CommandError } from '../lib/cli.mjs';

const COLUMNS = ['TIMESTAMP', 'ContextTokens', 'GeneratedTokens'];
const TIMESTAMP = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(\.\d+)?Z?$/;
/** What `POST /analyze` accepts. */
const MAX_TOKENS = { ContextTokens: 200_000, GeneratedTokens: 65_536 };

/**
 * @typedef {object} Arrival
 * @property {number} atMs since the first arrival
 * @property {number} inputTokens
 * @property {number | undefined} outputTokens
 */

/**
 * @param {string} file
 * @returns {AsyncGenerator<Arrival>}
 */
export async function* readTrace(file) {
  const stream = createReadStream(file, 'utf8');
  let line = 0;
  let first = NaN;
  let previous = -Infinity;
  /** @type {number[]} */
  let places = [];
  try {
    for await (const text of createInterface({ input: stream, crlfDelay: Infinity })) {
      line += 1;
      if (text.trim() === '') continue;
      const fields = text.replace(/^\uFEFF/, '').split(',');
      if (places.length === 0) {
        places = findColumns(fields, file, line);
        continue;
      }
      const at = parseTimestamp(fields[places[0] ?? 0], file, line);
      if (Number.isNaN(first)) first = at;
      if (at < previous) throw bad(file, line, 'TIMESTAMP is earlier than the one before it', 'sort the file by time');
      previous = at;
      yield {
        atMs: at - first,
        inputTokens: parseTokens(fields[places[1] ?? 1], 'ContextTokens', file, line),
        outputTokens: parseTokens(fields[places[2] ?? 2], 'GeneratedTokens', file, line),
      };
    }
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).syscall === undefined) throw error;
    throw new CommandError(`cannot read the replay: ${/** @type {Error} */ (error).message}`, { cause: error });
  } finally {
    stream.destroy();
  }
  if (Number.isNaN(first))
    throw bad(file, Math.max(line, 1), 'there is no arrival in the file', `it needs ${COLUMNS.join(',')} and rows`);
}

/**
 * Reads the whole file once, so that its faults are found before the first request, and says what is in it.
 * @param {string} file
 */
export async function describeTrace(file) {
  const found = { arrivals: 0, spanMs: 0, inputTokens: 0, outputTokens: 0 };
  for await (const { atMs, inputTokens, outputTokens = 0 } of readTrace(file)) {
    found.arrivals += 1;
    found.spanMs = atMs;
    found.inputTokens += inputTokens;
    found.outputTokens += outputTokens;
  }
  return found;
}

/**
 * @param {string[]} fields
 * @param {string} file
 * @param {number} line
 */
function findColumns(fields, file, line) {
  const names = fields.map((field) => field.trim());
  return COLUMNS.map((column) => {
    const place = names.indexOf(column);
    if (place < 0)
      throw bad(file, line, `the header has no column ${column}`, `the first line must be ${COLUMNS.join(',')}`);
    return place;
  });
}

/**
 * @param {string | undefined} text
 * @param {string} file
 * @param {number} line
 */
function parseTimestamp(text, file, line) {
  const match = TIMESTAMP.exec(text?.trim() ?? '');
  const [, day, time, fraction = ''] = match ?? [];
  const seconds = Date.parse(`${day}T${time}Z`);
  if (!match || Number.isNaN(seconds)) {
    throw bad(file, line, `TIMESTAMP is no time: '${text ?? ''}'`, "write it as '2023-11-16 18:17:03.9799600'");
  }
  // The fraction is finer than a Date's milliseconds.
  return seconds + Number(`0${fraction}`) * 1000;
}

/**
 * @param {string | undefined} text
 * @param {keyof typeof MAX_TOKENS} column
 * @param {string} file
 * @param {number} line
 */
function parseTokens(text, column, file, line) {
  const value = /^\s*\d+\s*$/.test(text ?? '') ? Number(text) : NaN;
  if (!(value >= 1 && value <= MAX_TOKENS[column])) {
    throw bad(file, line, `${column} is '${text ?? ''}'`, `it must be a whole number from 1 to ${MAX_TOKENS[column]}`);
  }
  return value;
}

/**
 * @param {string} file
 * @param {number} line
 * @param {string} what
 * @param {string} hint
 */
function bad(file, line, what, hint) {
  return new CommandError(`${file}:${line}: ${what}. Hint: ${hint}.`);
}
