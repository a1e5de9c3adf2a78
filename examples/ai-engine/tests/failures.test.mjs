/**
 * Each way in which the model can fail: what the client gets, and under which type it is counted.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CALM,
  deadUrl,
  eventually,
  getJson,
  modelRow,
  post,
  row,
  run,
  startEngine,
  startProgram,
  tokens,
} from './support.mjs';

const TEXT = { text: 'A street in the rain.' };

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {string[]} next what the model does, call by call
 * @property {number} status
 * @property {string} type
 * @property {number} serverErrors
 * @property {boolean} [stream]
 */

/** @type {Case[]} */
const CASES = [
  { name: 'a model that never answers', next: ['timeout'], status: 504, type: 'TimeoutError', serverErrors: 1 },
  {
    name: 'a stream that never starts',
    next: ['timeout'],
    status: 504,
    type: 'TimeoutError',
    serverErrors: 1,
    stream: true,
  },
  { name: 'a 5xx', next: ['serverError'], status: 502, type: 'ServerError', serverErrors: 1 },
  {
    name: 'a 5xx instead of a stream',
    next: ['serverError'],
    status: 502,
    type: 'ServerError',
    serverErrors: 1,
    stream: true,
  },
  { name: 'a connection that breaks', next: ['disconnect'], status: 502, type: 'ConnectionError', serverErrors: 1 },
  {
    name: 'two rate limits in a row',
    next: ['rateLimit', 'rateLimit'],
    status: 429,
    type: 'RateLimited',
    serverErrors: 0,
  },
];

for (const { name, next, status: expected, type, serverErrors, stream = false } of CASES) {
  test(`${name} is a ${expected} ${type}`, async (t) => {
    const engine = await startEngine(t, {
      stub: [...CALM, '--retry-after', '0'],
      server: expected === 504 ? ['--timeout-ms', '300'] : [],
    });
    await engine.control({ next });
    const answer = await engine.analyze({ ...TEXT, stream });
    assert.equal(answer.status, expected);
    assert.equal(answer.body.error.type, type);
    if (expected === 429) assert.equal(answer.headers['retry-after'], '0');

    await eventually(async () => {
      const status = await engine.status();
      assert.deepEqual(modelRow(status).errorsByType, { [type]: next.length });
      const analyze = row(status.operations, 'POST /analyze');
      assert.equal(analyze.count, 1);
      assert.deepEqual(analyze.errorsByType, serverErrors ? { [type]: serverErrors } : {});
      assert.equal(tokens(status, 'input').count, 0);
      const listed = (status.errors ?? []).map((/** @type {any} */ error) => `${error.kind} ${error.type}`);
      if (status.errors) assert.ok(listed.includes(`model ${type}`), listed.join());
    });
  });
}

test('one rate limit is retried after the wait the model asked for', async (t) => {
  const engine = await startEngine(t, { stub: [...CALM, '--retry-after', '0'] });
  for (const stream of [false, true]) {
    await engine.control({ next: ['rateLimit', 'ok'] });
    const answer = await engine.analyze({ ...TEXT, stream });
    assert.equal(answer.status, 200);
  }
  await eventually(async () => {
    const status = await engine.status();
    assert.equal(modelRow(status).count, 4);
    assert.deepEqual(modelRow(status).errorsByType, { RateLimited: 2 });
    assert.equal(row(status.counters, 'ai_engine.model.retries').value, 2);
    assert.equal(row(status.operations, 'POST /analyze').errors, 0);
  });
});

test('a rate limit with a long wait is passed on at once, with its Retry-After', async (t) => {
  const engine = await startEngine(t, { stub: [...CALM, '--retry-after', '60'] });
  await engine.control({ next: ['rateLimit'] });
  const answer = await engine.analyze(TEXT);
  assert.equal(answer.status, 429);
  assert.equal(answer.headers['retry-after'], '60');
  assert.equal((await engine.control()).counts.calls, 1);
});

test('a stream that breaks off ends with an error event and counts as an error', async (t) => {
  const engine = await startEngine(t);
  await engine.control({ next: ['disconnect'] });
  const answer = await engine.analyze({ ...TEXT, outputTokens: 100, stream: true });
  assert.equal(answer.status, 200, 'the status line was out already');
  const events = answer.text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(events[0].type, 'start');
  assert.equal(events.at(-1).type, 'error');
  assert.equal(events.at(-1).error.type, 'ConnectionError');
  await eventually(async () => {
    const status = await engine.status();
    assert.deepEqual(row(status.operations, 'POST /analyze').errorsByType, { ConnectionError: 1 });
    assert.deepEqual(modelRow(status).errorsByType, { ConnectionError: 1 });
  });
});

test('a model that is not there is a ConnectionError', async (t) => {
  const engine = await startProgram(t, 'server', ['--port', '0', '--model-url', `${await deadUrl()}/v1beta`]);
  const answer = await post(`${engine.ready.url}/analyze`, TEXT);
  assert.equal(answer.status, 502);
  assert.equal(answer.body.error.type, 'ConnectionError');
  assert.match(answer.body.error.message, /ECONNREFUSED/);
  await eventually(async () => {
    const { body: status } = await getJson(engine.ready.status);
    assert.deepEqual(modelRow(status).errorsByType, { ConnectionError: 1 });
  });
});

test('a wrong and a missing key are AuthErrors, the right one is sent', async (t) => {
  const stub = [...CALM, '--api-key', 'correct-horse'];
  for (const [key, status] of /** @type {const} */ ([
    ['', 502],
    ['wrong-horse', 502],
    ['correct-horse', 200],
  ])) {
    const engine = await startEngine(t, { stub, env: { GEMINI_API_KEY: key } });
    const answer = await engine.analyze(TEXT);
    assert.equal(answer.status, status, answer.text);
    if (status !== 200) assert.equal(answer.body.error.type, 'AuthError');
    assert.ok(!key || !answer.text.includes(key), 'the key is in no answer');
  }
});

test('a Gemini address without a key is refused at the start', async (t) => {
  const { code, stderr } = await run('server', [
    '--port',
    '0',
    '--model-url',
    'https://generativelanguage.googleapis.com/v1beta',
  ]);
  assert.equal(code, 1);
  assert.match(stderr, /GEMINI_API_KEY/);
});
