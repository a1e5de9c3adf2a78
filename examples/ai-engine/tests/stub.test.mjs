/**
 * The stub model: repeatable, adjustable, and shaped like the real thing.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSseData } from '../lib/sse.mjs';
import { DEFAULTS, changeSettings, planCall } from '../stub/behaviour.mjs';
import { CALM, getJson, post, send, startProgram } from './support.mjs';

const plans = (/** @type {number} */ seed, /** @type {number} */ count, settings = DEFAULTS) =>
  Array.from({ length: count }, (_, call) => planCall(settings, seed, call, { inputTokens: 500 }));

test('the same seed gives the same calls, another one others', () => {
  assert.deepEqual(plans(7, 200), plans(7, 200));
  assert.notDeepEqual(plans(7, 200), plans(8, 200));
});

test('delays have a heavy tail, and failures come at their rates', () => {
  const count = 50_000;
  const all = plans(1, count);
  const waits = all.map((plan) => plan.firstTokenMs).sort((a, b) => a - b);
  const at = (/** @type {number} */ share) => /** @type {number} */ (waits[Math.floor(share * count)]);
  assert.ok(Math.abs(at(0.5) - DEFAULTS.latency.firstTokenMs - 20) < 15, `median ${at(0.5)}`);
  assert.ok(at(0.999) > 10 * at(0.5), `p99.9 ${at(0.999)}`);
  assert.ok(/** @type {number} */ (waits.at(-1)) <= DEFAULTS.latency.maxMs);
  for (const [outcome, rate] of Object.entries(DEFAULTS.rates)) {
    const share = all.filter((plan) => plan.outcome === outcome).length / count;
    assert.ok(Math.abs(share - rate) < 4 * Math.sqrt(rate / count), `${outcome} ${share}`);
  }
  const fast = plans(1, 100, changeSettings(DEFAULTS, { speed: 10 }));
  fast.forEach((plan, call) =>
    assert.ok(Math.abs(plan.firstTokenMs * 10 - /** @type {any} */ (all[call]).firstTokenMs) < 1e-6),
  );
});

test('settings that make no sense are refused, and nothing changes', async (t) => {
  const stub = await startProgram(t, 'stub-model', ['--port', '0', ...CALM]);
  const before = (await getJson(stub.ready.control)).body.settings;
  /** @type {[object, RegExp][]} */
  const cases = [
    [{ rates: { timeout: 2 } }, /rates\.timeout .* 0 to 1/],
    [{ rates: { timeout: 0.6, rateLimit: 0.6 } }, /more than 1/],
    [{ speed: 0 }, /speed/],
    [{ speed: 5, latency: { firstTokenMs: 'slow' } }, /latency\.firstTokenMs/],
    [{ latencies: {} }, /unknown setting 'latencies'; there are speed/],
    [{ next: ['explode'] }, /next must be/],
    [{ rates: 3 }, /rates must be an object/],
  ];
  for (const [change, message] of cases) {
    const answer = await post(stub.ready.control, change);
    assert.equal(answer.status, 400);
    assert.match(answer.body.error.message, message);
  }
  assert.deepEqual((await getJson(stub.ready.control)).body.settings, before);
  assert.equal((await send(stub.ready.control, { method: 'POST', body: '{' })).status, 400);
});

test('an incident can be scripted and ended at run time', async (t) => {
  const stub = await startProgram(t, 'stub-model', ['--port', '0', ...CALM]);
  const call = () => post(`${stub.ready.url}/models/any:generateContent`, { contents: [{ parts: [{ text: 'a' }] }] });
  assert.equal((await call()).status, 200);
  await post(stub.ready.control, { rates: { serverError: 1 } });
  assert.ok([500, 503].includes((await call()).status));
  await post(stub.ready.control, { reset: true, next: ['rateLimit'] });
  const limited = await call();
  assert.equal(limited.status, 429);
  assert.equal(limited.body.error.status, 'RESOURCE_EXHAUSTED');
  assert.equal(limited.headers['retry-after'], '1');
  assert.equal((await call()).status, 200);
  const { counts } = (await getJson(stub.ready.control)).body;
  assert.deepEqual(counts.outcomes, { ok: 2, timeout: 0, rateLimit: 1, serverError: 1, disconnect: 0 });
});

test('the wire format is that of the Gemini API', async (t) => {
  const stub = await startProgram(t, 'stub-model', ['--port', '0', ...CALM]);
  const body = {
    contents: [{ role: 'user', parts: [{ text: 'x'.repeat(40) }] }],
    generationConfig: { maxOutputTokens: 40 },
  };
  const whole = (await post(`${stub.ready.url}/models/gemini-2.5-flash:generateContent`, body)).body;
  assert.equal(whole.candidates[0].content.role, 'model');
  assert.equal(whole.candidates[0].finishReason, 'STOP');
  assert.equal(whole.usageMetadata.promptTokenCount, 10);
  assert.equal(whole.usageMetadata.candidatesTokenCount, 40);
  assert.equal(whole.usageMetadata.totalTokenCount, 50);
  assert.equal(whole.modelVersion, 'gemini-2.5-flash');

  const { text, headers } = await post(`${stub.ready.url}/models/gemini-2.5-flash:streamGenerateContent?alt=sse`, body);
  assert.equal(headers['content-type'], 'text/event-stream');
  const events = [];
  for await (const data of readSseData(bytes(text, 7))) events.push(JSON.parse(data));
  assert.equal(events.length, 3);
  assert.equal(
    events.map((event) => event.candidates[0].content.parts[0].text).join(''),
    whole.candidates[0].content.parts[0].text,
  );
  assert.deepEqual(
    events.map((event) => event.candidates[0].finishReason),
    [undefined, undefined, 'STOP'],
  );
  assert.deepEqual(events.at(-1).usageMetadata, whole.usageMetadata);

  const missing = await post(`${stub.ready.url}/models/any:embedContent`, body);
  assert.equal(missing.status, 404);
  assert.equal(missing.body.error.status, 'NOT_FOUND');
  assert.equal((await post(`${stub.ready.url}/models/any:generateContent`, {})).body.error.status, 'INVALID_ARGUMENT');
});

test('server-sent events are read however they are cut', async () => {
  const text = ': hello\r\ndata: {"a":1}\r\n\r\nevent: x\ndata: zwei\ndata:drei\n\ndata: €\r\rdata: cut off';
  for (const size of [1, 2, 3, 5, 1000]) {
    const found = [];
    for await (const data of readSseData(bytes(text, size))) found.push(data);
    assert.deepEqual(found, ['{"a":1}', 'zwei\ndrei', '€'], `pieces of ${size} bytes`);
  }
});

/**
 * @param {string} text
 * @param {number} size
 */
async function* bytes(text, size) {
  const all = Buffer.from(text);
  for (let from = 0; from < all.length; from += size) yield all.subarray(from, from + size);
}
