/**
 * When requests are sent, and what is in them. Open loop: an arrival never waits for an answer to an earlier one.
 */
import { createRandom } from '../stub/random.mjs';
import { readTrace } from './trace.mjs';

/** Prompt sizes of made-up traffic: most are short, a few are a whole script. */
const INPUT_TOKENS = { median: 900, sigma: 0.9, max: 30_000 };

/** Apart from the streams of the stub's calls, which are numbered from 0 and may share the seed. */
const STREAM = 0x4c4f4144;

/**
 * @typedef {object} Arrival
 * @property {number} atMs since the start
 * @property {{ documentId: string, inputTokens: number, outputTokens?: number | undefined, stream: boolean }} body
 */

/**
 * Poisson arrivals: independent clients, as a service that many people use sees them.
 * @param {{ rps: number, seconds: number, seed: number, streamShare: number }} options 0 seconds never end
 * @returns {Generator<Arrival>}
 */
export function* poissonArrivals({ rps, seconds, seed, streamShare }) {
  const random = createRandom(seed, STREAM);
  const end = seconds > 0 ? seconds * 1000 : Infinity;
  let number = 0;
  for (let atMs = random.exponential(1000 / rps); atMs < end; atMs += random.exponential(1000 / rps)) {
    number += 1;
    const size = Math.round(random.logNormal(INPUT_TOKENS.median, INPUT_TOKENS.sigma));
    const inputTokens = Math.min(Math.max(size, 1), INPUT_TOKENS.max);
    yield { atMs, body: { documentId: `load-${number}`, inputTokens, stream: random.uniform() < streamShare } };
  }
}

/**
 * A real service's arrivals and token counts, `compress` times as fast.
 * @param {{ file: string, compress: number, seconds: number, seed: number, streamShare: number }} options
 * @returns {AsyncGenerator<Arrival>}
 */
export async function* replayArrivals({ file, compress, seconds, seed, streamShare }) {
  const random = createRandom(seed, STREAM);
  const end = seconds > 0 ? seconds * 1000 : Infinity;
  let number = 0;
  for await (const { atMs, ...tokens } of readTrace(file)) {
    if (atMs / compress >= end) return;
    number += 1;
    yield {
      atMs: atMs / compress,
      body: { documentId: `replay-${number}`, ...tokens, stream: random.uniform() < streamShare },
    };
  }
}
