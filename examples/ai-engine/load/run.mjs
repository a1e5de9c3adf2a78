/**
 * Sends arrivals when they are due, however slow the answers are, and waits for the last answers.
 */
import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

/** Whoever stops the load does not want to wait for it. */
const STOPPED_GRACE_MS = 2000;

/**
 * @param {object} options
 * @param {Iterable<import('./arrivals.mjs').Arrival> | AsyncIterable<import('./arrivals.mjs').Arrival>} options.arrivals
 * @param {(body: object, signal: AbortSignal) => Promise<import('./send.mjs').Outcome>} options.send
 * @param {import('./tally.mjs').LoadTally} options.tally
 * @param {number} options.maxInFlight beyond it arrivals are skipped and counted, so that we stay within memory
 * @param {number} options.graceMs how long the last answers may take
 * @param {AbortSignal} options.stop ends the arrivals early
 * @returns {Promise<number>} seconds it took
 */
export async function runLoad({ arrivals, send, tally, maxInFlight, graceMs, stop }) {
  const cut = new AbortController();
  // One listener for each request in flight is what is meant here, not a leak.
  setMaxListeners(0, cut.signal);
  /** @type {Set<Promise<void>>} */
  const inFlight = new Set();
  const startedAt = performance.now();

  for await (const { atMs, body } of arrivals) {
    const due = startedAt + atMs;
    if (!(await waitUntil(due, stop))) break;
    tally.maxLateMs = Math.max(tally.maxLateMs, performance.now() - due);
    if (inFlight.size >= maxInFlight) {
      tally.skipped += 1;
      continue;
    }
    tally.sent += 1;
    const one = send(body, cut.signal).then((outcome) => {
      tally.add(outcome, performance.now() - due);
      inFlight.delete(one);
    });
    inFlight.add(one);
  }

  const timer = setTimeout(() => cut.abort(), graceMs);
  const hurry = () => setTimeout(() => cut.abort(), STOPPED_GRACE_MS).unref();
  if (stop.aborted) hurry();
  else stop.addEventListener('abort', hurry, { once: true });
  await Promise.all(inFlight);
  clearTimeout(timer);
  return (performance.now() - startedAt) / 1000;
}

/**
 * @param {number} time of `performance.now()`
 * @param {AbortSignal} stop
 * @returns {Promise<boolean>} false if stopped
 */
async function waitUntil(time, stop) {
  const ms = time - performance.now();
  // A timer is never early but late by up to a millisecond; what is due by then is sent at once.
  if (ms > 0.5) await delay(ms, undefined, { signal: stop }).catch(() => {});
  return !stop.aborted;
}
