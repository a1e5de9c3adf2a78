/**
 * What the engine reports: errors with the analysis they belong to, and the trace that goes through it.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { CALM, eventually, startEngine } from './support.mjs';

/**
 * A server that takes what a Sentry would.
 * @param {import('node:test').TestContext} t
 */
async function startReceiver(t) {
  /** @type {{ type: string, payload: any }[]} */
  const items = [];
  const server = http.createServer(async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    const bytes = Buffer.concat(parts);
    const text = (request.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes).toString();
    const lines = text.split('\n').slice(1).filter((line) => line !== '');
    for (let at = 0; at + 1 < lines.length; at += 2) {
      items.push({ type: JSON.parse(lines[at] ?? '').type, payload: JSON.parse(lines[at + 1] ?? '') });
    }
    response.end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  /** @param {string} type */
  const of = (type) => items.filter((item) => item.type === type).map(({ payload }) => payload);
  return { dsn: `http://key@127.0.0.1:${port}/1`, of };
}

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const TEXT = 'A street in the rain, which nobody else may read.';

for (const stream of [false, true]) {
  test(`a failure is reported with its analysis, ${stream ? 'streamed' : 'whole'}, in the caller's trace`, async (t) => {
    const receiver = await startReceiver(t);
    const engine = await startEngine(t, {
      stub: [...CALM, '--server-error-rate', '1'],
      env: { SENTRY_DSN: receiver.dsn, TALLYLIGHT_PROFILES_SAMPLE_RATE: '0' },
    });
    const headers = { 'sentry-trace': `${TRACE}-b7ad6b7169203331-1` };
    const { status } = await engine.analyze({ text: TEXT, stream }, headers);
    assert.equal(status, 502);
    engine.engine.child.kill('SIGTERM');

    const { event, transaction } = await eventually(() => {
      const [event] = receiver.of('event');
      const [transaction] = receiver.of('transaction');
      assert.ok(event && transaction);
      return { event, transaction };
    });
    assert.equal(receiver.of('event').length, 1, 'reported once');
    const { context, trace } = event.contexts;
    assert.equal(event.exception.values.at(-1).type, 'ServerError');
    assert.equal(context.model, 'gemini-2.5-flash');
    assert.equal(context.operation, 'generate_content');
    assert.equal(context.inputSize, TEXT.length);
    assert.match(context.analysisId, /^[0-9a-f-]{36}$/);
    assert.equal(event.tags.analysis_id, context.analysisId);
    assert.equal(event.transaction, 'POST /analyze');

    assert.equal(trace.trace_id, TRACE);
    assert.equal(transaction.transaction, 'POST /analyze');
    assert.equal(transaction.contexts.trace.trace_id, TRACE);
    assert.equal(transaction.contexts.trace.parent_span_id, 'b7ad6b7169203331');
    assert.equal(trace.span_id, transaction.contexts.trace.span_id);
    const [call] = transaction.spans;
    assert.equal(call.op, 'gen_ai.generate_content');
    assert.equal(call.status, 'internal_error');
    assert.equal(call.data['analysis.id'], context.analysisId);
    assert.equal(call.data['analysis.input_size'], TEXT.length);
    assert.ok(!JSON.stringify({ event, transaction }).includes(TEXT), 'never the document');
  });
}
