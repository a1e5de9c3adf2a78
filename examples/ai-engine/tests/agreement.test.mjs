/**
 * The main promise: what the status document says is what really happened, seen independently from both ends.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually, modelRow, responses, row, run, startEngine, tokens } from './support.mjs';

/** @param {Record<string, number>} counts */
const total = (counts) => Object.values(counts).reduce((sum, count) => sum + count, 0);
/** @param {number} part @param {number} whole */
const percent = (part, whole) => Math.round((part / whole) * 10_000) / 100;

test('counts, errors by type, error rate and tokens agree with the clients and with the model', async (t) => {
  const failures = [
    '--timeout-rate',
    '0.03',
    '--rate-limit-rate',
    '0.15',
    '--server-error-rate',
    '0.05',
    '--disconnect-rate',
    '0.03',
  ];
  const engine = await startEngine(t, {
    stub: ['--speed', '100', '--seed', '11', '--retry-after', '0', ...failures],
    // Only a call that is never answered may run into it, however slow the machine is.
    server: ['--timeout-ms', '5000'],
  });
  const { code, stdout, stderr } = await run('load', [
    '--url',
    engine.url,
    '--rps',
    '120',
    '--seconds',
    '4',
    '--seed',
    '3',
    '--json',
    '--quiet',
  ]);
  assert.equal(code, 0, stderr);
  const load = JSON.parse(stdout);
  assert.equal(load.skipped, 0);
  assert.equal(load.completed, load.sent);
  assert.ok(load.succeeded > 0);

  // Every failure type occurred, so the comparison below has something to compare.
  const types = ['ConnectionError', 'RateLimited', 'ServerError', 'TimeoutError'];
  assert.deepEqual(Object.keys(load.errorsByType).sort(), types);

  await eventually(async () => {
    const status = await engine.status();
    const { counts } = await engine.control();
    const analyze = row(status.operations, 'POST /analyze');

    // The service's requests, against the load's own account. A rate limit is a 429: no error of the service.
    const { RateLimited: _, ...errors } = load.errorsByType;
    assert.equal(analyze.count, load.completed);
    assert.deepEqual(analyze.errorsByType, errors);
    assert.equal(analyze.errors, total(errors));
    assert.equal(analyze.errorRate, percent(total(errors), load.completed));
    for (const [code, count] of Object.entries(load.byStatus)) {
      // The status route's own answers are 200 as well.
      const ours = code === '200' ? row(status.operations, 'GET /api/monitoring/status').count : 0;
      assert.equal(responses(status, Number(code)) - ours, count, code);
    }

    // `metrics` is all server operations together.
    const server = status.operations.filter((/** @type {any} */ operation) => operation.kind === 'server');
    assert.equal(
      status.metrics.totalRequests,
      server.reduce((/** @type {number} */ sum, /** @type {any} */ one) => sum + one.count, 0),
    );
    assert.equal(status.metrics.totalErrors, total(errors));
    // Who watches is no traffic.
    assert.equal(status.metrics.totalRequests, load.completed);

    // The model's calls, against the stub's own account: a retry is a call of its own.
    const model = modelRow(status);
    assert.equal(model.count, counts.calls);
    assert.equal(status.models.totalCalls, counts.calls);
    assert.deepEqual(model.errorsByType, {
      ConnectionError: counts.outcomes.disconnect,
      RateLimited: counts.outcomes.rateLimit,
      ServerError: counts.outcomes.serverError,
      TimeoutError: counts.outcomes.timeout,
    });
    assert.equal(model.errorRate, percent(total(model.errorsByType), counts.calls));
    assert.equal(row(status.counters, 'ai_engine.model.retries').value, counts.calls - load.completed);

    // Tokens, exactly, against both.
    assert.equal(tokens(status, 'input').sum, load.tokens.input);
    assert.equal(tokens(status, 'output').sum, load.tokens.output);
    assert.equal(tokens(status, 'input').count, load.succeeded);
    assert.equal(counts.inputTokens, load.tokens.input);
    assert.equal(counts.outputTokens, load.tokens.output);

    assert.equal(row(status.gauges, 'http.server.active_requests').value, 1, 'only the status request itself');
    assert.equal(total(status.telemetry.drops), 0);
  });
});
