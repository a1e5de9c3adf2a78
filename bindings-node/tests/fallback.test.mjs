// Where the runtime refuses memory that is not its own (Electron), the same calls record by native
// calls, with the same results.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { json } from './support.mjs';

const PROGRAM = `
  import { once } from 'node:events';
  import { inspect } from 'node:util';
  import * as t from 'tallylight';
  import { native, worker } from './tests/support.mjs';
  const recorder = t.operation('f', { a: 1 }, { kind: 'server' });
  for (let i = 0; i < 2000; i++) recorder.record(i * 1.37);
  for (const bad of [NaN, -1, Infinity, '5', 5n, null, undefined, Symbol('s'), { valueOf() { throw 1; } }, 1e300]) {
    recorder.record(bad);
    recorder.recordError(bad, 'Bad');
    t.counter('calls').add(bad === undefined ? NaN : bad);
    t.histogram('dollars', {}, { scale: 1e6 }).record(bad);
    t.gauge('level').set(bad);
  }
  recorder.recordError(4, 'TimeoutError');
  try { recorder.time(() => { throw new RangeError('x'); }); } catch {}
  await recorder.time(async () => {});
  t.counter('calls').add(40);
  t.counter('calls').increment();
  t.histogram('dollars', {}, { scale: 1e6 }).record(0.25);
  t.gauge('level').set(7);
  const helper = worker("for (let i = 0; i < 1000; i++) { t.operation('f', { a: 1 }, { kind: 'server' }).record(1); t.counter('calls').increment(); }");
  await once(helper, 'exit');
  t.shutdown();
  recorder.record(1); recorder.recordError(1, 'E'); t.counter('calls').add(1); t.histogram('dollars', {}, { scale: 1e6 }).record(1);
  t.init();
  recorder.record(1);
  const { series } = t.snapshot();
  // Two durations were measured by the clock.
  const timeless = series.map(({ sum, mean, p50, p90, buckets, ...rest }) => rest);
  console.log(JSON.stringify({ timeless, drops: t.drops(), claimed: t.status().telemetry.shards }));`;

test('the fallback answers as direct recording does', async () => {
  const direct = await json(PROGRAM);
  const fallback = await json(PROGRAM, { env: { TALLYLIGHT_NO_EXTERNAL_BUFFERS: '1' } });
  assert.equal(direct.timeless[0].count, 2000 + 2 + 3 + 1000 + 1);
  assert.deepEqual(fallback.timeless, direct.timeless);
  assert.deepEqual(fallback.drops, direct.drops);
});

test('a runtime that answers a copy is noticed, and nothing is lost', async () => {
  // What napi does in Electron, seen from here: the addon has no buffer to give.
  const out = await json(`
    import * as t from 'tallylight';
    import { native } from './tests/support.mjs';
    t.status();
    const meeting = globalThis[Symbol.for('tallylight.1')];
    const released = [];
    const addon = { ...meeting.addon.native, segment: () => null, releaseShard() { released.push(1); meeting.real.releaseShard(); } };
    meeting.real = meeting.addon.native;
    meeting.addon.native = addon;
    const { operation, snapshot } = await import('./dist/cjs/index.js').then((module) => module.default);
    for (let i = 0; i < 10; i++) operation('copied').record(1);
    operation('other').recordError(1, 'E');
    console.log(JSON.stringify({ released: released.length, counts: snapshot().series.map((one) => one.count) }));`);
  assert.deepEqual(out, { released: 1, counts: [10, 1] });
});
