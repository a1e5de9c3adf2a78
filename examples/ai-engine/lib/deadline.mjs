/**
 * One signal for everything that can end a piece of work early: its client left, its time is over.
 */

/**
 * Runs `work` with a signal that aborts after `ms` (with `reason()`), or together with `parent` (with its reason).
 * The timer ends with the work: `AbortSignal.timeout` would keep one per request until it fires.
 * @template T
 * @param {{ ms: number, parent: AbortSignal, reason: () => Error }} limits
 * @param {(signal: AbortSignal) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withDeadline({ ms, parent, reason }, work) {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(reason()), ms);
  const follow = () => controller.abort(parent.reason);
  if (parent.aborted) follow();
  else parent.addEventListener('abort', follow, { once: true });
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
    parent.removeEventListener('abort', follow);
  }
}

/**
 * Waits, or throws the signal's reason as soon as it aborts.
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export function sleep(ms, signal) {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
