// Calls of models: metrics under OpenTelemetry's names, a span with what the call was for, streams.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import * as t from 'tallylight';

import { QUIET, recorded } from './errors-support.mjs';
import { json } from './support.mjs';

t.init({ errors: { ...QUIET, spool: false, tracesSampleRate: 1, profilesSampleRate: 0, shutdownTimeout: 0 } });
const items = recorded();

let calls = 0;
/** Options with a model of its own, and what the status says of it. */
function call(more = {}) {
  const model = `model ${calls++}`;
  const rows = (list, name) => list.filter((one) => one.name === name && one.labels['gen_ai.request.model'] === model);
  return {
    options: { provider: 'gcp.gemini', model, operation: 'generate_content', ...more },
    row: () => rows(t.status().operations, 'gen_ai.client.operation.duration')[0],
    tokens: (type) => rows(t.status().histograms, 'gen_ai.client.token.usage').find((one) => one.labels['gen_ai.token.type'] === type),
    first: () => rows(t.status().histograms, 'gen_ai.client.operation.time_to_first_chunk')[0],
    /** The span of the last transaction that was this call. */
    span: () => {
      const { event } = items.findLast(({ event }) => event.transaction === `generate_content ${model}`);
      return event.contexts.trace;
    },
  };
}

async function* stream(count = 3, failure) {
  for (let i = 0; i < count; i++) {
    await sleep(1);
    yield i;
  }
  if (failure) throw failure;
}

async function read(chunks) {
  const got = [];
  for await (const chunk of chunks) got.push(chunk);
  return got;
}

test('a call is measured, and its span says what it was for', async () => {
  const one = call({ analysisId: 'A-1', inputSize: 1234, attributes: { tier: 'gold' } });
  const answer = await t.trackModelCall(one.options, async (running) => {
    running.tokens(120, 30).responseModel('gemini-2.5-flash-001').prompt('a secret prompt').answer('an answer');
    return 'answer';
  });
  assert.equal(answer, 'answer');
  const { kind, count, errors, labels, exemplars } = one.row();
  assert.deepEqual({ kind, count, errors }, { kind: 'model', count: 1, errors: 0 });
  assert.deepEqual(labels, {
    'gen_ai.operation.name': 'generate_content',
    'gen_ai.provider.name': 'gcp.gemini',
    'gen_ai.request.model': one.options.model,
  });
  assert.deepEqual([one.tokens('input').sum, one.tokens('output').sum, one.first()], [120, 30, undefined]);
  const { op, status, data, trace_id } = one.span();
  assert.deepEqual([op, status], ['gen_ai.generate_content', 'ok']);
  assert.deepEqual(data, {
    tier: 'gold',
    'gen_ai.operation.name': 'generate_content',
    'gen_ai.provider.name': 'gcp.gemini',
    'gen_ai.request.model': one.options.model,
    'gen_ai.response.model': 'gemini-2.5-flash-001',
    'analysis.id': 'A-1',
    'analysis.input_size': 1234,
    'gen_ai.usage.input_tokens': 120,
    'gen_ai.usage.output_tokens': 30,
    'gen_ai.usage.total_tokens': 150,
  });
  assert.equal(exemplars[0].traceId, trace_id);
  assert.ok(!JSON.stringify(items).includes('secret prompt'));
  assert.equal(t.status().operations.some(({ name }) => name === `generate_content ${one.options.model}`), false, 'measured once');
});

test('within a transaction the call is a span of it', async () => {
  const one = call();
  await t.startSpan({ name: 'POST /analyze' }, () =>
    t.trackModelCall(one.options, async () => t.startSpan({ name: 'http', op: 'http.client' }, () => sleep(1))),
  );
  const { event } = items.at(-1);
  const [http, model] = event.spans;
  assert.equal(event.transaction, 'POST /analyze');
  assert.equal(model.op, 'gen_ai.generate_content');
  assert.equal(model.parent_span_id, event.contexts.trace.span_id);
  assert.equal(http.parent_span_id, model.span_id);
  assert.equal(one.row().exemplars[0].traceId, event.contexts.trace.trace_id);
});

test('failures count by type; what is none counts as a call', async () => {
  class RateLimited extends Error {
    name = 'RateLimited';
  }
  class ClientGone extends Error {}
  const one = call({ isFailure: (error) => !(error instanceof ClientGone) });
  await assert.rejects(t.trackModelCall(one.options, async () => { throw new RateLimited('429'); }), RateLimited);
  assert.equal(one.span().status, 'internal_error');
  assert.equal(one.span().data['error.type'], 'RateLimited');
  assert.throws(() => t.trackModelCall(one.options, () => { throw new ClientGone('left'); }), ClientGone);
  assert.equal(one.span().status, 'cancelled');
  const { count, errorsByType } = one.row();
  assert.deepEqual({ count, errorsByType }, { count: 2, errorsByType: { RateLimited: 1 } });
});

test('a stream is the call until it is exhausted, fails or is left', async () => {
  const one = call();
  const chunks = await t.trackModelCall(one.options, async (running) => (running.tokens(1, 2), stream()));
  assert.equal(one.row(), undefined, 'it runs');
  assert.deepEqual(await read(chunks), [0, 1, 2]);
  assert.equal(one.row().count, 1);
  assert.equal(one.first().count, 1);
  assert.ok(one.span().data['gen_ai.response.time_to_first_chunk'] > 0);
  assert.equal(one.span().data['gen_ai.response.streaming'], true);
  assert.deepEqual(await read(chunks), []);
  assert.equal(one.row().count, 1, 'and ends once');

  const failing = call();
  const failure = new TypeError('in the middle');
  await assert.rejects(read(t.trackModelCall(failing.options, () => stream(2, failure))), failure);
  assert.deepEqual(failing.row().errorsByType, { TypeError: 1 });

  const left = call();
  for await (const chunk of t.trackModelCall(left.options, () => stream(5))) if (chunk === 1) break;
  assert.deepEqual([left.row().count, left.row().errors, left.span().status], [1, 0, 'cancelled']);
});

test('a stream object keeps its own members', async () => {
  class Answer {
    #usage = 7;
    controller = { aborted: false };
    usage() {
      return this.#usage;
    }
    [Symbol.asyncIterator]() {
      return stream(2);
    }
  }
  const one = call();
  const answer = t.trackModelCall(one.options, () => new Answer());
  assert.ok(answer instanceof Answer);
  assert.equal(answer.usage(), 7);
  assert.equal(answer.controller.aborted, false);
  assert.deepEqual(await read(answer), [0, 1]);
  assert.equal(one.row().count, 1);
});

test('a ReadableStream is watched as it is read', async () => {
  const source = () => ReadableStream.from(stream(3));
  const one = call();
  const reader = t.trackModelCall(one.options, source).getReader();
  const got = [];
  for (let step = await reader.read(); !step.done; step = await reader.read()) got.push(step.value);
  assert.deepEqual(got, [0, 1, 2]);
  assert.deepEqual([one.row().count, one.first().count], [1, 1]);

  const cancelled = call();
  await t.trackModelCall(cancelled.options, source).cancel();
  assert.equal(cancelled.row().count, 1);
});

test('spans that a stream starts while it is read are in the call', async () => {
  const one = call();
  async function* fetching() {
    for (let i = 0; i < 2; i++) yield await t.startSpan({ name: `part ${i}` }, async () => i);
  }
  await read(t.trackModelCall(one.options, fetching));
  const { event } = items.at(-1);
  assert.deepEqual(event.spans.map(({ description, parent_span_id }) => [description, parent_span_id]), [
    ['part 0', event.contexts.trace.span_id],
    ['part 1', event.contexts.trace.span_id],
  ]);
});

test('bad numbers are left out, and a call without names is a mistake', async () => {
  const one = call();
  t.trackModelCall(one.options, (running) => running.tokens(NaN, -1).tokens('7', undefined));
  assert.equal(one.tokens('input'), undefined);
  for (const options of [undefined, {}, { provider: 'p' }, { provider: 'p', model: 7 }]) {
    assert.throws(() => t.trackModelCall(options, () => {}), t.InvalidValueError);
  }
});

test('prompts and answers are captured where that is switched on', async () => {
  const data = await json(`
    import * as t from 'tallylight';
    t.init({ errors: { dsn: '', spool: false, tracesSampleRate: 1, capturePrompts: true, shutdownTimeout: 0 } });
    const items = [];
    const addon = globalThis[Symbol.for('tallylight.1')].addon.native;
    addon.captureItem = (category, id, payload, trace, profile) => (items.push({ category, id, event: JSON.parse(payload), profile }), 'queued');
    t.trackModelCall({ provider: 'p', model: 'm' }, (call) => call.prompt([{ role: 'user', content: 'hi' }]).answer('hello'));
    console.log(JSON.stringify(items[0].event.contexts.trace.data));`);
  assert.equal(data['gen_ai.input.messages'], '[{"role":"user","content":"hi"}]');
  assert.equal(data['gen_ai.output.messages'], 'hello');
  assert.equal(data['gen_ai.operation.name'], 'chat');
});
