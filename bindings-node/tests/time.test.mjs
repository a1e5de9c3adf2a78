// time(fn) and timers: the result and the error pass unchanged, the error type is counted.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import vm from 'node:vm';

import { operation } from 'tallylight';

import { run, series } from './support.mjs';

const outcome = (name) => {
  const { count, errorsByType } = series(name);
  return { count, errorsByType };
};

test('a function that returns is recorded with its duration, and its result passes unchanged', () => {
  const timed = operation('sync');
  const result = { any: 'thing' };
  assert.equal(timed.time(() => result), result);
  for (const value of [undefined, null, 0, '', 7n, Symbol.iterator, () => 1]) assert.equal(timed.time(() => value), value);
  assert.deepEqual(outcome('sync'), { count: 8, errorsByType: {} });
  assert.ok(series('sync').max > 0);
});

test('a function that throws is recorded by error type, and the very error passes', () => {
  const timed = operation('throws');
  const error = new RangeError('out');
  assert.throws(() => timed.time(() => { throw error; }), (thrown) => thrown === error);
  assert.deepEqual(outcome('throws'), { count: 1, errorsByType: { RangeError: 1 } });
});

test('an async function is recorded when it settles', async () => {
  const timed = operation('async');
  const value = {};
  const pending = timed.time(async () => {
    await sleep(5);
    return value;
  });
  assert.ok(pending instanceof Promise);
  assert.equal(series('async').count, 0);
  assert.equal(await pending, value);
  assert.deepEqual(outcome('async'), { count: 1, errorsByType: {} });
  const error = new TypeError('no');
  await assert.rejects(timed.time(async () => { throw error; }), (thrown) => thrown === error);
  assert.deepEqual(outcome('async'), { count: 2, errorsByType: { TypeError: 1 } });
});

test('the error type is the name, else the class, else the typeof; hostile values are _OTHER', async () => {
  class NamedByClass extends Error {}
  class NamedItself extends Error {
    name = 'ChosenName';
  }
  const unnamed = Object.assign(new Error('x'), { name: '' });
  const hostile = new Proxy({}, { get() { throw new Error('no'); } });
  const getter = { get name() { throw new Error('no'); } };
  const { proxy: revoked, revoke } = Proxy.revocable({}, {});
  revoke();
  const cases = [
    [new Error('x'), 'Error'],
    [Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    [Object.assign(new Error('x'), { code: 'any text at all' }), 'Error'],
    [Object.assign(new TypeError('x'), { code: 'ERR_INVALID_URL' }), 'TypeError'],
    [new NamedByClass('x'), 'NamedByClass'],
    [new NamedItself('x'), 'ChosenName'],
    [new DOMException('x', 'AbortError'), 'AbortError'],
    [AbortSignal.abort().reason, 'AbortError'],
    [unnamed, 'Error'],
    [{ name: 'Plain' }, 'Plain'],
    [{ name: 5 }, 'Object'],
    [Object.create(null), 'object'],
    [null, 'object'],
    [undefined, 'undefined'],
    ['text', 'string'],
    [42, 'number'],
    [9n, 'bigint'],
    [Symbol('s'), 'symbol'],
    [() => {}, 'function'],
    [hostile, '_OTHER'],
    [getter, '_OTHER'],
    [revoked, '_OTHER'],
    [{ name: 'control\u0000character' }, '_OTHER'],
  ];
  for (const [i, [thrown, type]] of cases.entries()) {
    const name = `type ${i}`;
    const timed = operation(name);
    assert.throws(() => timed.time(() => { throw thrown; }), (error) => error === thrown);
    // Rejecting with a hostile value must not wake it up either.
    await timed.time(() => Promise.reject(thrown)).then(assert.fail, (error) => assert.ok(error === thrown));
    const timer = timed.start();
    if (typeof thrown !== 'string') timer.fail(thrown);
    else timer.fail('string');
    assert.deepEqual(outcome(name), { count: 3, errorsByType: { [type]: 3 } }, type);
  }
});

test('a timer records once, whichever of end and fail comes first', () => {
  const timed = operation('timer');
  const ended = timed.start();
  ended.end();
  ended.end();
  ended.fail(new Error('late'));
  const failed = timed.start();
  failed.fail('TimeoutError');
  failed.fail('Other');
  failed.end();
  timed.start();
  assert.deepEqual(outcome('timer'), { count: 2, errorsByType: { TimeoutError: 1 } });
});

test('a timer answers how many milliseconds it recorded, again when it is ended again', async () => {
  const timed = operation('answers');
  const timer = timed.start();
  await sleep(5);
  const took = timer.end();
  assert.ok(took >= 4, `${took} ms`);
  assert.equal(timer.end(), took);
  assert.equal(timer.fail('Late'), took);
  assert.equal(series('answers').count, 1);
  assert.equal(series('answers').max, Math.round(took * 1e6));
  const failed = timed.start().fail(new TypeError('x'));
  assert.equal(typeof failed, 'number');
});

test('a lazy thenable runs once, when the caller asks, and is recorded when it settles', async () => {
  let runs = 0;
  const query = (fails) => ({
    then(fulfilled, rejected) {
      runs += 1;
      return (fails ? Promise.reject(new SyntaxError('sql')) : Promise.resolve('rows')).then(fulfilled, rejected);
    },
    limit() {
      return this;
    },
  });
  const timed = operation('lazy');
  const lazy = query(false);
  const returned = timed.time(() => lazy);
  assert.equal(returned, lazy);
  assert.deepEqual(Object.keys(returned), ['then', 'limit']);
  await sleep(1);
  assert.equal(runs, 0);
  assert.equal(series('lazy').count, 0);
  assert.equal(await returned.limit(), 'rows');
  assert.equal(runs, 1);
  await assert.rejects(async () => timed.time(() => query(true)), SyntaxError);
  assert.equal(runs, 2);
  assert.deepEqual(outcome('lazy'), { count: 2, errorsByType: { SyntaxError: 1 } });
});

test('odd thenables: frozen, a getter that throws, a promise of another realm, a look-alike', async () => {
  const timed = operation('odd');
  const frozen = Object.freeze({ then: (fulfilled) => fulfilled(1) });
  assert.equal(timed.time(() => frozen), frozen);
  const throwing = { get then() { throw new Error('no'); } };
  assert.equal(timed.time(() => throwing), throwing);
  const foreign = vm.runInNewContext('Promise.resolve(5)');
  assert.equal(timed.time(() => foreign), foreign);
  assert.equal(await foreign, 5);
  const lookAlike = Object.create(Promise.prototype);
  assert.equal(timed.time(() => lookAlike), lookAlike);
  assert.equal(series('odd').count, 4);
});

test('a promise with methods of its own stays the same object', async () => {
  class Cancellable extends Promise {
    cancel() {}
  }
  const timed = operation('methods');
  const own = new Cancellable((resolve) => setImmediate(resolve, 1));
  const extended = Object.assign(Promise.resolve(2), { kill() {} });
  assert.equal(timed.time(() => own), own);
  assert.equal(timed.time(() => extended), extended);
  assert.deepEqual([await own, await extended], [1, 2]);
  assert.equal(series('methods').count, 2);
});

test('a rejection that nobody handles is still reported as unhandled', async () => {
  const { code, stderr } = await run(`
    import { operation } from 'tallylight';
    operation('unhandled').time(async () => { throw new Error('nobody cares'); });`);
  assert.equal(code, 1);
  assert.match(stderr, /nobody cares/);
});

test('errors past 32 types count as _OTHER', () => {
  const timed = operation('many types');
  for (let i = 0; i < 100; i++) {
    timed.recordError(1, `Type${i}`);
    timed.recordError(1, `Type${i}`);
  }
  timed.recordError(1, '');
  timed.recordError(1, 'x'.repeat(10_000));
  timed.recordError(1, new RangeError('not a name'));
  const { count, errors, errorsByType } = series('many types');
  assert.deepEqual([count, errors], [203, 203]);
  assert.equal(errorsByType.Type0, 2);
  assert.ok(Object.keys(errorsByType).length <= 33);
  assert.ok(errorsByType._OTHER >= 2 * 68);
});
