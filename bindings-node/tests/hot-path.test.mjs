// Recording into the core's memory loses and invents nothing: every stream is compared with an
// oracle that counts in whole numbers.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { counter, drops, histogram, operation } from 'tallylight';

import { exactSnapshot, Oracle, random, series } from './support.mjs';

const MAX = Number.MAX_SAFE_INTEGER;

function assertSame(name, oracle, snapshot = exactSnapshot()) {
  const { count, sum, max, buckets } = snapshot.get(name);
  assert.equal(count, oracle.count);
  assert.equal(max, oracle.max);
  assert.equal(sum, oracle.sum);
  assert.deepEqual(
    buckets.map(([lowest, , inIt]) => [lowest, inIt]),
    oracle.rows(),
  );
  for (const [lowest, highest] of buckets) {
    assert.ok(highest - lowest <= lowest / 128, `bucket ${lowest}..${highest} is wider than 1 %`);
  }
}

const streams = {
  'log-uniform over everything': (next) => Math.floor(2 ** (next() * 53)) - 1,
  'small integers': (next) => Math.floor(next() * 300),
  'around powers of two': (next) => Math.min(MAX, Math.max(0, 2 ** Math.floor(next() * 54) + Math.floor(next() * 3) - 1)),
  'milliseconds with a tail': (next) => Math.round(2e7 / (1 - next() + 1e-6)),
  'all the same': () => 123_456_789,
  'the largest only': () => MAX,
};

for (const [what, draw] of Object.entries(streams)) {
  test(`histogram of ${what}: count, sum, max and every bucket are exact`, () => {
    const next = random(0x7a11);
    const name = `stream ${what}`;
    const recorder = histogram(name);
    const oracle = new Oracle();
    for (let i = 0; i < 50_000; i++) {
      const value = draw(next);
      recorder.record(value);
      oracle.record(value);
    }
    assertSame(name, oracle);
  });
}

test('operation: milliseconds become nanoseconds as Math.round rounds them', () => {
  const next = random(7);
  const recorder = operation('rounding');
  const oracle = new Oracle();
  const edges = [0, -0, 0.4999999999999999e-6, 0.5e-6, 1.5e-6, 127.4e-6, 127.5e-6, 127.6e-6, 128.5e-6, 1, 86_400_000];
  for (let i = 0; i < 50_000; i++) edges.push(2 ** (next() * 52 - 20));
  // Where a float64 has no halves any more, and adding one half would round up.
  for (let i = 0; i < 1_000; i++) edges.push((2 ** 52 + Math.floor(next() * 2 ** 51)) / 1e6);
  for (const ms of edges) {
    recorder.record(ms);
    oracle.record(Math.abs(Math.round(ms * 1e6)));
  }
  assertSame('rounding', oracle);
});

test('the sum stays exact past 2^53, also when it wraps in every recording', () => {
  const recorder = histogram('wrapping');
  const oracle = new Oracle();
  for (let i = 0; i < 20_000; i++) {
    const value = MAX - (i % 3);
    recorder.record(value);
    oracle.record(value);
  }
  assert.ok(oracle.sum > 2n ** 66n);
  assertSame('wrapping', oracle);
});

test('many operations, whose octaves spread over many segments of memory', () => {
  const next = random(99);
  const handles = Array.from({ length: 60 }, (_, i) => [`spread ${i}`, operation(`spread ${i}`), new Oracle()]);
  for (let i = 0; i < 60_000; i++) {
    const [, recorder, oracle] = handles[Math.floor(next() * handles.length)];
    const ms = 2 ** (next() * 40 - 18);
    recorder.record(ms);
    oracle.record(Math.round(ms * 1e6));
  }
  const snapshot = exactSnapshot();
  for (const [name, , oracle] of handles) assertSame(name, oracle, snapshot);
});

test('a scale keeps fractions', () => {
  const recorder = histogram('dollars', {}, { scale: 1e6, unit: 'USD' });
  for (const value of [0.000001, 0.25, 3, 0]) recorder.record(value);
  const { count, sum, max, unit } = series('dollars');
  assert.deepEqual({ count, sum, max, unit }, { count: 4, sum: 3.250001, max: 3, unit: 'USD' });
});

test('counter: adds exactly, also past 2^53', () => {
  const calls = counter('calls');
  calls.increment();
  calls.add();
  calls.add(40);
  calls.add(0);
  assert.equal(series('calls').value, 42);
  const bytes = counter('bytes');
  for (let i = 0; i < 1_000; i++) bytes.add(MAX);
  assert.equal(series('bytes').value, Number(BigInt(MAX) * 1_000n));
  const cost = counter('cost', {}, { scale: 1e6 });
  for (let i = 0; i < 10; i++) cost.add(0.1);
  assert.equal(series('cost').value, 1);
});

test('values above the largest count as it, and as clamped', () => {
  const before = drops();
  const recorder = histogram('huge');
  recorder.record(2 ** 53);
  recorder.record(Number.MAX_VALUE);
  operation('huge operation').record(1e300);
  counter('huge counter').add(1e300);
  assert.equal(drops().clamped - before.clamped, 4);
  assert.equal(series('huge').max, MAX);
  assert.equal(series('huge').count, 2);
  assert.equal(series('huge counter').value, MAX);
});

test('one handle for one series, however often and in whatever order labels are given', () => {
  assert.equal(operation('same', { a: '1', b: 2 }), operation('same', { b: 2, a: '1' }));
  assert.equal(operation('same', { a: '1', b: 2 }), operation('same', { a: '1', b: '2' }));
  assert.notEqual(operation('same', { a: '1', b: 2 }), operation('same', { a: '1', b: 3 }));
  assert.notEqual(operation('same', { a: '1' }), operation('same', { a: '1', b: 3 }));
  // Labels that would run together in a joined text are told apart.
  assert.notEqual(operation('same', { a: 'x b=y' }), operation('same', { a: 'x', b: 'y' }));
});
