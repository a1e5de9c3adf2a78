/**
 * The one retry policy: a rate-limited call is sent once more, after the wait the model asked for, if that is short.
 *
 * Nothing else is retried: a time-out or a 5xx is as likely to be load, which a retry makes worse.
 */
import { sleep } from './deadline.mjs';
import { ModelError } from './errors.mjs';

/** Used when the model limits us but does not say for how long. */
const DEFAULT_WAIT_MS = 500;

/**
 * @template T
 * @param {() => Promise<T>} call
 * @param {{ signal: AbortSignal, maxWaitMs: number, onRetry: () => void }} options
 * @returns {Promise<T>}
 */
export async function retryOnceWhenLimited(call, { signal, maxWaitMs, onRetry }) {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof ModelError) || error.name !== 'RateLimited') throw error;
    const wait = error.retryAfterMs ?? DEFAULT_WAIT_MS;
    if (wait > maxWaitMs) throw error;
    await sleep(wait, signal);
    onRetry();
    return await call();
  }
}
