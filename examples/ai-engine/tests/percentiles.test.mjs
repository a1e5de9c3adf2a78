/**
 * The percentiles of the status document, against the durations themselves.
 *
 * A clock read around each timer gives bounds that hold however slow the machine is: the true duration lies between
 * them, so each true percentile lies between the percentiles of the bounds, and the document is within 1 % of it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { init } from 'tallylight';
import { listen } from '../lib/lifecycle.mjs';
import { measureModel } from '../lib/measured-model.mjs';
import { createService } from '../lib/service.mjs';
import { createTelemetry } from '../lib/telemetry.mjs';
import { GeminiClient } from '../model-client.mjs';
import { poissonArrivals } from '../load/arrivals.mjs';
import { runLoad } from '../load/run.mjs';
import { createSender } from '../load/send.mjs';
import { LoadTally, percentile } from '../load/tally.mjs';
import { CALM, eventually, row, startProgram } from './support.mjs';

/** Durations are rounded to three decimals of a millisecond. */
const ROUNDING = 0.001;

test('percentiles of requests and model calls are within 1 % of the exact ones', async (t) => {
  const stub = await startProgram(t, 'stub-model', ['--port', '0', ...CALM, '--speed', '20']);
  const tally = init({ service: 'ai-engine' });
  t.after(() => tally.shutdown());
  /** @type {Map<string, { low: number[], high: number[] }>} */
  const bounds = new Map();
  const telemetry = createTelemetry(watchTimers(tally, bounds), { provider: 'gcp.gemini', model: 'test' });
  const { server } = createService({
    model: measureModel(new GeminiClient({ baseUrl: stub.ready.url, model: 'test' }), telemetry.model),
    instruments: telemetry.server,
    onModelRetry: () => {},
    status: () => tally.status(),
    timeoutMs: 60_000,
    maxRetryWaitMs: 0,
    maxBodyBytes: 1024 * 1024,
    log: (message) => t.diagnostic(message),
  });
  const url = await listen(server, 0, '127.0.0.1');
  t.after(() => server.close());

  const load = new LoadTally();
  const sender = createSender(url);
  t.after(() => sender.close());
  const arrivals = poissonArrivals({ rps: 100, seconds: 4, seed: 5, streamShare: 0.5 });
  await runLoad({
    arrivals,
    send: sender.send,
    tally: load,
    maxInFlight: 1000,
    graceMs: 60_000,
    stop: new AbortController().signal,
  });
  assert.equal(load.succeeded, load.sent);

  for (const name of ['POST /analyze', 'gen_ai.client.operation.duration']) {
    const operation = await eventually(() => {
      const found = row(tally.status().operations, name);
      assert.equal(found.count, load.sent);
      return found;
    });
    const { low = [], high = [] } = bounds.get(name) ?? {};
    assert.equal(low.length, load.sent);
    const lows = Float64Array.from(low).sort();
    const highs = Float64Array.from(high).sort();
    for (const [field, percent] of /** @type {const} */ ([
      ['p50Duration', 50],
      ['p90Duration', 90],
      ['p95Duration', 95],
      ['p99Duration', 99],
      ['p999Duration', 99.9],
    ])) {
      const least = percentile(lows, percent) * 0.99 - ROUNDING;
      const most = percentile(highs, percent) * 1.01 + ROUNDING;
      const value = operation[field];
      assert.ok(value >= least && value <= most, `${name} ${field}: ${least} <= ${value} <= ${most}`);
    }
    const [least, most] = [lows, highs].map((sorted) => /** @type {number} */ (sorted.at(-1)));
    assert.ok(
      operation.maxDuration >= /** @type {number} */ (least) - ROUNDING &&
        operation.maxDuration <= /** @type {number} */ (most) + ROUNDING,
      `${name} max`,
    );
    const [meanLow, meanHigh] = [lows, highs].map((sorted) => sorted.reduce((sum, ms) => sum + ms, 0) / sorted.length);
    assert.ok(
      operation.avgDuration >= /** @type {number} */ (meanLow) - ROUNDING &&
        operation.avgDuration <= /** @type {number} */ (meanHigh) + ROUNDING,
      `${name} mean`,
    );
  }
});

/**
 * The client, with the clock read on both sides of every start and end.
 * @param {import('tallylight').Tallylight} tally
 * @param {Map<string, { low: number[], high: number[] }>} bounds
 * @returns {any}
 */
function watchTimers(tally, bounds) {
  /** @param {string} name @param {number} low @param {number} high */
  const note = (name, low, high) => {
    const seen = bounds.get(name) ?? { low: [], high: [] };
    bounds.set(name, seen);
    seen.low.push(low);
    seen.high.push(high);
  };
  return {
    counter: tally.counter,
    gauge: tally.gauge,
    startInactiveSpan(/** @type {import('tallylight').SpanOptions} */ options) {
      const beforeStart = performance.now();
      const span = tally.startInactiveSpan(options);
      const afterStart = performance.now();
      const end = span.end.bind(span);
      span.end = () => {
        const beforeEnd = performance.now();
        end();
        note(options.name, beforeEnd - afterStart, performance.now() - beforeStart);
      };
      return span;
    },
    async trackModelCall(/** @type {any} */ options, /** @type {(call: any) => Promise<any>} */ fn) {
      const beforeStart = performance.now();
      let afterStart = 0;
      let beforeEnd = 0;
      const isStream = (/** @type {any} */ value) => typeof value[Symbol.asyncIterator] === 'function';
      const noteEnd = () => {
        beforeEnd = performance.now();
      };
      const noteCall = () => {
        note('gen_ai.client.operation.duration', beforeEnd - afterStart, performance.now() - beforeStart);
      };
      const value = await tally.trackModelCall(options, async (call) => {
        afterStart = performance.now();
        const answer = await fn(call);
        noteEnd();
        return isStream(answer) ? atEnd(answer, noteEnd) : answer;
      });
      if (isStream(value)) return atEnd(value, noteCall);
      noteCall();
      return value;
    },
  };
}

/**
 * @template T
 * @param {AsyncIterable<T>} chunks
 * @param {() => void} ended
 */
async function* atEnd(chunks, ended) {
  yield* chunks;
  ended();
}
