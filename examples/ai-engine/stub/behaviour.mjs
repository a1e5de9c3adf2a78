/**
 * How the stub model behaves: its settings, and what one call gets under them.
 *
 * A call waits for its first token (log-normal; a few calls take a Pareto tail instead, as shared accelerators have),
 * then for each further one. Long prompts and long answers take longer.
 */
import { createRandom } from './random.mjs';

/** What can become of a call. `timeout` never answers; `disconnect` breaks off in the middle. */
export const OUTCOMES = /** @type {const} */ (['ok', 'timeout', 'rateLimit', 'serverError', 'disconnect']);

/** @typedef {typeof OUTCOMES[number]} Outcome */

/**
 * Changed at run time through `POST /__control`. Milliseconds are those of speed 1.
 * @typedef {typeof DEFAULTS} Settings
 */
export const DEFAULTS = {
  /** Ten times faster at 10: every delay is divided by it. */
  speed: 1,
  /** The share of calls with each failure; the rest succeeds. */
  rates: { timeout: 0.002, rateLimit: 0.008, serverError: 0.004, disconnect: 0.001 },
  latency: {
    firstTokenMs: 320,
    sigma: 0.45,
    perInputTokenMs: 0.04,
    perOutputTokenMs: 2.5,
    perOutputTokenSigma: 0.25,
    tailRate: 0.02,
    tailMs: 1500,
    tailAlpha: 1.6,
    maxMs: 30_000,
  },
  /** Length of an answer whose request sets no `maxOutputTokens`. */
  tokens: { median: 110, sigma: 0.7, max: 2048 },
  retryAfterSeconds: 1,
};

/** Every share is at most 1; everything else has these bounds. */
const SHARES = new Set(['timeout', 'rateLimit', 'serverError', 'disconnect', 'tailRate']);
/** @type {Record<string, [number, number]>} */
const BOUNDS = { speed: [0.001, 1e6], tailAlpha: [0.1, 100], max: [1, 65_536], median: [1, 65_536] };

/**
 * The settings with `change` applied; throws a `RangeError` that names what is wrong, and then nothing has changed.
 * @template {object} T
 * @param {T} settings
 * @param {unknown} change
 * @param {string} [path]
 * @returns {T}
 */
export function changeSettings(settings, change, path = '') {
  if (change === null || typeof change !== 'object' || Array.isArray(change)) {
    throw new RangeError(`${path || 'the settings'} must be an object`);
  }
  const known = /** @type {Record<string, any>} */ (settings);
  const changed = { ...known };
  for (const [key, value] of Object.entries(change)) {
    const name = path ? `${path}.${key}` : key;
    if (!Object.hasOwn(known, key)) {
      throw new RangeError(`unknown setting '${name}'; there are ${Object.keys(known).join(', ')}`);
    }
    changed[key] = typeof known[key] === 'object' ? changeSettings(known[key], value, name) : checked(name, key, value);
  }
  if (path === 'rates' && Object.values(changed).reduce((sum, rate) => sum + rate, 0) > 1) {
    throw new RangeError('the rates add up to more than 1');
  }
  return /** @type {T} */ (changed);
}

/**
 * @param {string} name
 * @param {string} key
 * @param {unknown} value
 */
function checked(name, key, value) {
  const [min, max] = SHARES.has(key) ? [0, 1] : (BOUNDS[key] ?? [0, 1e7]);
  if (typeof value !== 'number' || !(value >= min && value <= max)) {
    throw new RangeError(`${name} must be a number from ${min} to ${max}; got ${JSON.stringify(value)}`);
  }
  return value;
}

/**
 * @typedef {object} Plan
 * @property {Outcome} outcome
 * @property {number} outputTokens
 * @property {number} firstTokenMs real time: `speed` is applied
 * @property {number} perTokenMs real time
 * @property {500 | 503} errorStatus which 5xx a `serverError` is
 */

/**
 * What call number `call` gets.
 * @param {Settings} settings
 * @param {number} seed
 * @param {number} call
 * @param {{ inputTokens: number, maxOutputTokens?: number | undefined, forced?: Outcome | undefined }} request
 * @returns {Plan}
 */
export function planCall(settings, seed, call, { inputTokens, maxOutputTokens, forced }) {
  const { speed, latency, tokens } = settings;
  const random = createRandom(seed, call);
  const outcome = drawOutcome(settings.rates, random.uniform());
  // A budget is used up: that is how a replay gets the very number of tokens its trace has.
  const outputTokens =
    maxOutputTokens ?? clamp(Math.round(random.logNormal(tokens.median, tokens.sigma)), 1, tokens.max);
  const isTail = random.uniform() < latency.tailRate;
  const wait = isTail
    ? random.pareto(latency.tailMs, latency.tailAlpha)
    : random.logNormal(latency.firstTokenMs, latency.sigma);
  const perToken = random.logNormal(latency.perOutputTokenMs, latency.perOutputTokenSigma);
  return {
    outcome: forced ?? outcome,
    outputTokens,
    firstTokenMs: Math.min(wait + inputTokens * latency.perInputTokenMs, latency.maxMs) / speed,
    perTokenMs: Math.min(perToken, latency.maxMs / outputTokens) / speed,
    errorStatus: random.uniform() < 0.5 ? 500 : 503,
  };
}

/**
 * @param {Settings['rates']} rates
 * @param {number} draw
 * @returns {Outcome}
 */
function drawOutcome(rates, draw) {
  let edge = 0;
  for (const [outcome, rate] of Object.entries(rates)) {
    edge += rate;
    if (draw < edge) return /** @type {Outcome} */ (outcome);
  }
  return 'ok';
}

/** @param {number} value @param {number} min @param {number} max */
function clamp(value, min, max) {
  return Math.min(Math.max(value, min), max);
}
