// What users hand in wrongly: a counted drop on the hot path, a clear typed error at registration,
// never a throw or a crash, memory under its cap.

import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { test } from 'node:test';

import * as t from 'tallylight';

import { json, series } from './support.mjs';

const REASONS = ['nan', 'negative', 'infinite', 'not_a_number', 'closed', 'arena_full', 'clamped', 'truncated', 'overflowed'];

function grown(before, after = t.drops()) {
  return Object.fromEntries(REASONS.map((reason) => [reason, after[reason] - before[reason]]).filter(([, n]) => n !== 0));
}

const throwing = {
  valueOf() { throw new Error('valueOf'); },
  toString() { throw new Error('toString'); },
  [Symbol.toPrimitive]() { throw new Error('toPrimitive'); },
};
const proxy = new Proxy({}, { get() { throw new Error('proxy'); } });

const BAD = [
  [NaN, 'nan'],
  [-1, 'negative'],
  [-1e-6, 'negative'],
  [-Infinity, 'negative'],
  [Infinity, 'infinite'],
  ['5', 'not_a_number'],
  ['', 'not_a_number'],
  [null, 'not_a_number'],
  [true, 'not_a_number'],
  [5n, 'not_a_number'],
  [Symbol('s'), 'not_a_number'],
  [{}, 'not_a_number'],
  [[5], 'not_a_number'],
  [new Number(5), 'not_a_number'],
  [throwing, 'not_a_number'],
  [proxy, 'not_a_number'],
  [() => 5, 'not_a_number'],
];

const recordings = {
  'operation.record': (value) => t.operation('bad').record(value),
  'operation.recordError': (value) => t.operation('bad').recordError(value, 'E'),
  'counter.add': (value) => t.counter('bad counter').add(value),
  'histogram.record': (value) => t.histogram('bad histogram').record(value),
};

for (const [what, record] of Object.entries(recordings)) {
  test(`${what} drops what is no number from 0 upwards, by reason, and never throws`, () => {
    for (const [value, reason] of BAD) {
      const before = t.drops();
      record(value);
      assert.deepEqual(grown(before), { [reason]: 1 }, inspect(typeof value));
    }
  });
}

test('undefined is a drop, except for counter.add, where it means 1', () => {
  const before = t.drops();
  t.operation('bad').record();
  t.histogram('bad histogram').record(undefined);
  assert.deepEqual(grown(before), { not_a_number: 2 });
  t.counter('undefined').add(undefined);
  assert.equal(series('undefined').value, 1);
  assert.equal(series('bad').count, 0);
  assert.equal(series('bad').errors, 0);
});

test('a method that lost its handle says so, and how to keep it', () => {
  const handles = [
    [t.operation('detached'), ['record', 'recordError', 'start', 'time']],
    [t.operation('detached').start(), ['end', 'fail']],
    [t.counter('detached counter'), ['add', 'increment']],
    [t.gauge('detached gauge'), ['set', 'add']],
    [t.histogram('detached histogram'), ['record']],
  ];
  for (const [handle, methods] of handles) {
    for (const method of methods) {
      const { [method]: alone } = handle;
      const elsewhere = { [method]: alone };
      for (const call of [() => alone(1), () => elsewhere[method](1)]) {
        assert.throws(call, { name: 'InvalidValueError', code: 'invalid_value', message: new RegExp(`handle\\.${method}\\(`) });
      }
      handle[method].bind(handle)(method === 'time' ? () => 1 : 1);
    }
  }
});

test('a gauge takes any finite number and drops the rest', () => {
  const level = t.gauge('bad gauge');
  level.set(-5);
  level.add(2.5);
  const before = t.drops();
  for (const value of [NaN, Infinity, -Infinity, '5', undefined, null, 5n, throwing, proxy, Symbol('s')]) {
    level.set(value);
    level.add(value);
  }
  assert.deepEqual(grown(before), { nan: 2, infinite: 4, not_a_number: 14 });
  assert.equal(series('bad gauge').value, -2.5);
});

test('registration refuses with the class of the kind, naming the fix', () => {
  const cases = [
    [() => t.operation(''), t.InvalidNameError],
    [() => t.operation(), t.InvalidNameError],
    [() => t.operation(5), t.InvalidNameError],
    [() => t.operation(proxy), t.InvalidNameError],
    [() => t.operation('x'.repeat(10_240)), t.InvalidNameError],
    [() => t.operation('a\nb'), t.InvalidNameError],
    [() => t.counter('\u0000'), t.InvalidNameError],
    [() => t.operation('l', { '': 'x' }), t.InvalidLabelError],
    [() => t.operation('l', { ['k'.repeat(101)]: 'x' }), t.InvalidLabelError],
    [() => t.operation('l', { k: {} }), t.InvalidLabelError],
    [() => t.operation('l', { k: undefined }), t.InvalidLabelError],
    [() => t.operation('l', { k: null }), t.InvalidLabelError],
    [() => t.operation('l', { k: Symbol('s') }), t.InvalidLabelError],
    [() => t.operation('l', { k: throwing }), t.InvalidLabelError],
    [() => t.operation('l', proxy), t.InvalidLabelError, true],
    [() => t.operation('l', new Proxy({}, { ownKeys() { throw new Error('no'); } })), t.InvalidLabelError],
    [() => t.operation('l', ['a', 'b']), t.InvalidLabelError],
    [() => t.operation('l', 'a=b'), t.InvalidLabelError],
    [() => t.operation('l', null), t.InvalidLabelError],
    [() => t.operation('l', Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`k${i}`, 'v']))), t.InvalidLabelError],
    [() => t.operation('k', {}, { kind: 'Server' }), t.InvalidValueError],
    [() => t.operation('k', {}, { kind: 7 }), t.InvalidValueError],
    [() => t.histogram('s', {}, { scale: 0 }), t.InvalidValueError],
    [() => t.histogram('s', {}, { scale: -1 }), t.InvalidValueError],
    [() => t.histogram('s', {}, { scale: NaN }), t.InvalidValueError],
    [() => t.histogram('s', {}, { scale: '2' }), t.InvalidValueError],
    [() => t.counter('s', {}, { unit: 5 }), t.InvalidValueError],
    [() => t.counter('s', {}, { description: {} }), t.InvalidValueError],
    [() => t.init({ maxSeries: 0 }), t.InvalidConfigError],
    [() => t.init({ maxSeries: -1 }), t.InvalidConfigError],
    [() => t.init({ maxSeries: 1.5 }), t.InvalidConfigError],
    [() => t.init({ maxSeries: '7' }), t.InvalidConfigError],
    [() => t.init({ maxSerie: 7 }), t.InvalidConfigError],
    [() => t.init({ service: 7 }), t.InvalidConfigError],
    [() => t.init('checkout'), t.InvalidConfigError],
    [() => t.init(null), t.InvalidConfigError],
  ];
  for (const [attempt, expected, mayPass] of cases) {
    let thrown;
    try {
      attempt();
    } catch (error) {
      thrown = error;
    }
    // An object that has no keys to read is an object without labels.
    if (mayPass && thrown === undefined) continue;
    assert.ok(thrown instanceof expected, `${attempt}: ${thrown}`);
    assert.ok(thrown instanceof t.TallylightError && thrown instanceof Error);
    assert.equal(thrown.name, expected.name);
    assert.match(thrown.code, /^invalid_/);
    assert.ok(thrown.message.length > 20 && thrown.message.length < 400, thrown.message);
  }
});

test('the same name as something else is a ConflictError', () => {
  t.operation('taken', {}, { kind: 'server' });
  t.counter('taken counter', {}, { unit: 'By', scale: 10 });
  const conflicts = [
    () => t.operation('taken', {}, { kind: 'client' }),
    () => t.operation('taken'),
    () => t.histogram('taken'),
    () => t.gauge('taken'),
    () => t.counter('taken counter', {}, { unit: 's', scale: 10 }),
    () => t.counter('taken counter', {}, { unit: 'By' }),
  ];
  for (const attempt of conflicts) {
    // Twice: the second time must not be answered from memory.
    for (let i = 0; i < 2; i++) {
      assert.throws(attempt, (error) => error instanceof t.ConflictError && error.code === 'conflict');
    }
  }
  assert.equal(t.operation('taken', { more: 'labels' }), t.operation('taken', { more: 'labels' }));
  assert.equal(t.counter('taken counter', {}, { scale: 10 }), t.counter('taken counter', {}, { unit: 'By', scale: 10 }));
});

test('long label values and error types are cut and counted', () => {
  const before = t.drops();
  const value = 'v'.repeat(10_240);
  assert.equal(t.operation('long', { k: value }), t.operation('long', { k: value }));
  t.operation('long', { k: value }).recordError(1, 'E'.repeat(10_240));
  const { truncated } = grown(before);
  assert.ok(truncated >= 2);
  assert.equal(series('long').labels.k.length, 256);
});

test('lone surrogates, prototype names and numbers as labels are ordinary', () => {
  t.operation('\ud800 lone').record(1);
  for (const key of ['__proto__', 'constructor', 'toString']) {
    const labels = Object.defineProperty({}, key, { value: 'v', enumerable: true });
    t.operation('prototype', labels).record(1);
    assert.equal(t.operation('prototype', labels), t.operation('prototype', labels));
  }
  t.operation('numbers', { status: 200, ok: true }).record(1);
  assert.deepEqual(series('numbers').labels, { ok: 'true', status: '200' });
});

test('a million distinct label values: one overflow series, memory under its cap here and in the core', async () => {
  const { heap, native, series: count, overflowed, recorded, memory } = await json(
    `
    import { operation, snapshot, status, drops } from 'tallylight';
    const flood = (from, to) => {
      for (let i = from; i < to; i++) operation('flood', { user: 'user ' + i }, { kind: 'server' }).record(1);
    };
    const heap = () => { gc(); gc(); return process.memoryUsage().heapUsed + process.memoryUsage().external; };
    flood(0, 100_000);
    const before = { heap: heap(), rss: process.memoryUsage().rss };
    flood(100_000, 1_000_000);
    const after = { heap: heap(), rss: process.memoryUsage().rss };
    console.log(JSON.stringify({
      heap: after.heap - before.heap,
      native: after.rss - before.rss,
      series: snapshot().series.length,
      overflowed: drops().overflowed,
      recorded: snapshot().series.reduce((sum, one) => sum + one.count, 0),
      memory: status().telemetry.memoryBytes,
    }));`,
    { env: { NODE_OPTIONS: '--expose-gc' } },
  );
  assert.equal(recorded, 1_000_000);
  assert.equal(count, 2_001);
  assert.ok(overflowed > 900_000);
  assert.ok(heap < 4 << 20, `JavaScript's memory grew by ${heap}`);
  assert.ok(native < 64 << 20, `the process grew by ${native}`);
  assert.ok(memory <= 64 << 20);
});

test('a label cut out of a large text does not keep the text alive', async () => {
  const grown = await json(
    `
    import { operation } from 'tallylight';
    const heap = () => { gc(); gc(); return process.memoryUsage().heapUsed; };
    const body = 'x'.repeat(100_000);
    const before = heap();
    for (let i = 0; i < 2_000; i++) operation('cut', { user: (body + 'a label of some length ' + i).slice(100_000) });
    console.log(JSON.stringify(heap() - before));`,
    { env: { NODE_OPTIONS: '--expose-gc' } },
  );
  assert.ok(grown < 20 << 20, `the heap grew by ${grown}`);
});

test('past the memory cap recordings are counted drops', async () => {
  const { recorded, dropped, total, memory } = await json(`
    import { init, histogram, snapshot, status, drops } from 'tallylight';
    init({ maxMemoryBytes: 1 << 20, maxSeries: 1000 });
    let total = 0;
    for (let i = 0; i < 500; i++) {
      const one = histogram('full ' + i);
      for (let octave = 0; octave < 20; octave++) { one.record(2 ** (octave + 8)); total += 1; }
    }
    console.log(JSON.stringify({
      total,
      recorded: snapshot().series.reduce((sum, one) => sum + one.count, 0),
      dropped: drops().arena_full,
      memory: status().telemetry.memoryBytes,
    }));`);
  assert.ok(dropped > 0);
  assert.equal(recorded + dropped, total);
  assert.ok(memory <= 1 << 20);
});

test('recording from a finalizer, a signal handler and while the process exits', async () => {
  const out = await json(
    `
    import { operation, snapshot } from 'tallylight';
    const recorder = operation('odd times');
    const registry = new FinalizationRegistry(() => recorder.record(1));
    let cleaned = {};
    registry.register(cleaned, 1);
    cleaned = undefined;
    const alive = setInterval(() => {}, 1000);
    const handled = new Promise((resolve) => process.once('SIGUSR2', () => { recorder.record(1); resolve(); }));
    process.kill(process.pid, 'SIGUSR2');
    await handled;
    clearInterval(alive);
    for (let i = 0; i < 20 && snapshot().series[0].count < 2; i++) { gc(); await new Promise((resolve) => setTimeout(resolve, 5)); }
    process.on('exit', () => { recorder.record(1); console.log(JSON.stringify(snapshot().series[0].count)); });`,
    { env: { NODE_OPTIONS: '--expose-gc' } },
  );
  assert.equal(out, 3);
});

test('handles show nothing of the memory behind them', () => {
  const handle = t.operation('shown');
  assert.ok(inspect(handle, { depth: 9 }).length < 300, inspect(handle, { depth: 9 }));
  assert.equal(JSON.stringify({ handle, calls: t.counter('shown calls'), level: t.gauge('shown level') }).length < 200, true);
});
