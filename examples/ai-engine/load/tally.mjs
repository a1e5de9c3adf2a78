/**
 * What the load saw from its side: answers by status, failures by type, tokens, latencies.
 *
 * It keeps every latency and sorts, on purpose: an account that is independent of the one it is compared with.
 */

export class LoadTally {
  /** @type {Record<string, number>} */
  byStatus = {};
  /** @type {Record<string, number>} */
  errorsByType = {};
  sent = 0;
  completed = 0;
  succeeded = 0;
  skipped = 0;
  inputTokens = 0;
  outputTokens = 0;
  maxLateMs = 0;
  /** @type {number[]} */
  #latencies = [];

  /**
   * @param {import('./send.mjs').Outcome} outcome
   * @param {number} ms since the request was due, so that a late sender does not flatter the service
   */
  add({ status, errorType, usage }, ms) {
    this.completed += 1;
    this.#latencies.push(ms);
    increment(this.byStatus, String(status));
    if (errorType) increment(this.errorsByType, errorType);
    else this.succeeded += 1;
    this.inputTokens += usage?.inputTokens ?? 0;
    this.outputTokens += usage?.outputTokens ?? 0;
  }

  /** @param {number} seconds how long the run took */
  summary(seconds) {
    const sorted = Float64Array.from(this.#latencies).sort();
    const sum = sorted.reduce((total, ms) => total + ms, 0);
    return {
      seconds: round(seconds),
      sent: this.sent,
      completed: this.completed,
      succeeded: this.succeeded,
      skipped: this.skipped,
      requestsPerSecond: round(seconds > 0 ? this.completed / seconds : 0),
      byStatus: this.byStatus,
      errorsByType: this.errorsByType,
      tokens: { input: this.inputTokens, output: this.outputTokens },
      latencyMs: {
        mean: round(sorted.length > 0 ? sum / sorted.length : 0),
        p50: round(percentile(sorted, 50)),
        p95: round(percentile(sorted, 95)),
        p99: round(percentile(sorted, 99)),
        max: round(sorted.at(-1) ?? 0),
      },
      maxLateMs: round(this.maxLateMs),
    };
  }

  /** The latest latencies, for a progress line. @param {number} from */
  latenciesFrom(from) {
    return Float64Array.from(this.#latencies.slice(from)).sort();
  }
}

/**
 * Nearest rank.
 * @param {Float64Array} sorted
 * @param {number} percent
 */
export function percentile(sorted, percent) {
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? 0;
}

/**
 * @param {Record<string, number>} counts
 * @param {string} key
 */
function increment(counts, key) {
  counts[key] = (counts[key] ?? 0) + 1;
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 1000) / 1000;
}
