/**
 * What a person sees of a run: a progress line every two seconds (stderr) and the summary (stdout).
 */
import { percentile } from './tally.mjs';

const PROGRESS_MS = 2000;

/**
 * @param {import('./tally.mjs').LoadTally} tally
 * @returns {() => void} stops it
 */
export function startProgress(tally) {
  const startedAt = performance.now();
  let before = 0;
  const timer = setInterval(() => {
    const recent = tally.latenciesFrom(before);
    before = tally.completed;
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    const failed = tally.completed - tally.succeeded;
    const ms = (/** @type {number} */ percent) =>
      recent.length > 0 ? `${Math.round(percentile(recent, percent))} ms` : '-';
    process.stderr.write(
      `load: ${seconds} s  sent ${tally.sent}  answered ${tally.completed}  failed ${failed}  p50 ${ms(50)}  p95 ${ms(95)}\n`,
    );
  }, PROGRESS_MS);
  return () => clearInterval(timer);
}

/** @param {ReturnType<import('./tally.mjs').LoadTally['summary']>} summary */
export function summaryText(summary) {
  const { latencyMs: ms, tokens } = summary;
  const lines = [
    `${summary.sent} requests sent, ${summary.completed} answered in ${summary.seconds} s (${summary.requestsPerSecond} a second), ${summary.succeeded} with a result`,
    `latency   p50 ${ms.p50} ms   p95 ${ms.p95} ms   p99 ${ms.p99} ms   max ${ms.max} ms   mean ${ms.mean} ms`,
    `tokens    ${tokens.input} in, ${tokens.output} out`,
    `status    ${counts(summary.byStatus)}`,
    `failures  ${counts(summary.errorsByType)}`,
  ];
  if (summary.skipped > 0) lines.push(`skipped   ${summary.skipped} (too many in flight; see --max-in-flight)`);
  return `${lines.join('\n')}\n`;
}

/** @param {Record<string, number>} byName */
function counts(byName) {
  const parts = Object.entries(byName).map(([name, count]) => `${name === '0' ? 'no answer' : name}: ${count}`);
  return parts.join(', ') || 'none';
}
