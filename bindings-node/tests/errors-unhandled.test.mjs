// Errors that nobody catches are captured, and Node does with them exactly what it does without us.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { program } from './errors-support.mjs';

/** The same program with us and without; what it prints and its exit code must be the same. */
async function both(code, { node = [], options, env } = {}) {
  const [ours, plain] = await Promise.all([program(code, { node, options, env }), program(code, { node, options: null, env })]);
  // Whether a worker's error comes before its end or with it is a matter of time.
  const clean = (text) =>
    text.replace(/program-\d+/g, 'program').replace(/\(node:\d+\)/g, '(node)').replace(/ +at .*\b(?:kOnExit|onexit)\b.*\n/g, '');
  assert.equal(ours.code, plain.code);
  assert.equal(clean(ours.stderr), clean(plain.stderr));
  assert.equal(ours.stdout, plain.stdout);
  return ours;
}

const shown = ({ level, exception, tags }) => {
  const { type, value, mechanism } = exception.values.at(-1);
  return [type, value, mechanism.type, mechanism.handled, level, tags?.who];
};

test('an uncaught error: the printed trace and the exit code stay', async () => {
  const { code, stderr, events } = await both(`
    function failing() { throw new TypeError('nobody catches me'); }
    setTimeout(failing, 1);`);
  assert.equal(code, 1);
  assert.match(stderr, /TypeError: nobody catches me\n +at Timeout\.failing/);
  assert.deepEqual(events.map(shown), [['TypeError', 'nobody catches me', 'onuncaughtexception', false, 'fatal', undefined]]);
  assert.equal(events[0].exception.values[0].stacktrace.frames.at(-1).function, 'Timeout.failing');
});

test('what is no error, uncaught', async () => {
  for (const [thrown, type] of [['"text"', 'string'], ['null', 'null'], ['{ a: 1 }', 'Object']]) {
    const { events } = await both(`setTimeout(() => { throw ${thrown}; }, 1);`);
    assert.deepEqual(events.map((event) => shown(event)[0]), [type]);
  }
});

test('unhandled rejections, in every mode', async () => {
  const code = `
    const start = () => setTimeout(() => void Promise.reject(REASON), 1);
    if (typeof t === 'undefined') start();
    else t.withIsolationScope((scope) => { scope.setTag('who', 'request'); start(); });
    setTimeout(() => console.log('alive'), 50);`;
  for (const mode of ['throw', 'strict', 'warn', 'none']) {
    for (const listens of [false, true]) {
      for (const [reason, type] of [['new RangeError("late")', 'RangeError'], ['5', 'number']]) {
        const { events } = await both(
          (listens ? 'process.on("unhandledRejection", () => console.log("listened"));' : '') + code.replace('REASON', reason),
          { node: [`--unhandled-rejections=${mode}`] },
        );
        const about = `${mode}, ${listens ? 'with' : 'without'} a listener, ${reason}`;
        assert.equal(events.length, 1, about);
        const [seen, , mechanism, handled, , who] = shown(events[0]);
        assert.deepEqual([mechanism, handled], ['onunhandledrejection', false], about);
        if (mode === 'strict') continue; // Node has lost the rejection's context by then, and wraps what is no error.
        assert.deepEqual([seen, who], [type, 'request'], about);
      }
    }
  }
});

test('two rejections in turn that somebody listens to are two events', async () => {
  const { events } = await both(`
    process.on('unhandledRejection', () => {});
    setTimeout(() => void Promise.reject('a'), 1);
    setTimeout(() => void Promise.reject('b'), 10);`);
  assert.deepEqual(events.map((event) => shown(event)[1]), ['a', 'b']);
});

test('rejections of one tick are all captured', async () => {
  for (const mode of ['warn', 'none']) {
    const { events } = await both(`setTimeout(() => { for (const text of ['a', 'b', 'c']) void Promise.reject(text); }, 1);`, {
      node: [`--unhandled-rejections=${mode}`],
    });
    assert.deepEqual(events.map((event) => shown(event)[1]), ['a', 'b', 'c'], mode);
  }
});

test('a program that catches everything itself goes on, and its errors are captured all the same', async () => {
  const { code, stdout, events } = await both(`
    process.on('uncaughtException', (error) => { console.log('caught', error.message); });
    setTimeout(() => { throw new Error('one'); }, 1);
    setTimeout(() => { throw new Error('two'); }, 10);
    process.on('exit', (code) => console.log('exit', code));`);
  assert.deepEqual([code, stdout], [0, 'caught one\ncaught two\nexit 0\n']);
  assert.deepEqual(events.map((event) => shown(event)[1]), ['one', 'two']);
});

test('a program that catches rejections as uncaught errors', async () => {
  const { stdout, events } = await both(`
    process.on('uncaughtException', (error, origin) => console.log(origin, String(error)));
    setTimeout(() => void Promise.reject('first'), 1);
    setTimeout(() => void Promise.reject(new Error('second')), 10);
    setTimeout(() => void Promise.reject('first'), 20);`);
  assert.match(stdout, /unhandledRejection Error: second/);
  assert.deepEqual(events.map((event) => shown(event)[1]), ['first', 'second', 'first']);
});

test('an error that was captured by hand and thrown on is one event', async () => {
  const { events } = await program(`
    const error = new Error('once');
    t.captureException(error);
    setTimeout(() => { throw error; }, 1);`);
  assert.equal(events.length, 1);
});

test('an uncaught error has the scope in which it was thrown', async () => {
  const { events } = await program(`
    t.withIsolationScope(() => { t.setTag('who', 'request'); setTimeout(() => { throw new Error('mine'); }, 1); });
    t.setTag('who', 'main');`);
  assert.deepEqual(events.map((event) => event.tags), [{ who: 'request' }]);
});

test('captureUnhandled: false captures nothing', async () => {
  const { events } = await both('setTimeout(() => { throw new Error("x"); }, 1);', { options: '{ captureUnhandled: false }' });
  assert.deepEqual(events, []);
});

test('an error that ends a worker is captured in the thread that started it, once', async () => {
  const uncaught = `
    const { Worker } = require('node:worker_threads');
    const start = () => new Worker('setTimeout(() => { throw new TypeError("in the worker"); }, 1)', { eval: true });`;
  const listened = await both(`${uncaught}
    start().on('error', (error) => console.log('error', error.message));`);
  assert.equal(listened.code, 0);
  assert.deepEqual(listened.events.map(shown), [['TypeError', 'in the worker', 'worker_thread', false, 'error', undefined]]);
  const silent = await both(`${uncaught} start();`);
  assert.equal(silent.code, 1);
  assert.deepEqual(silent.events.map((event) => shown(event).slice(0, 2)), [['TypeError', 'in the worker']]);
});

test('a worker that captures its errors itself reports them with its own scope, and nobody else does', async () => {
  const { code, events } = await program(`
    const { Worker } = require('node:worker_threads');
    const source = ${'`'}
      const t = require(\${JSON.stringify(require.resolve(${JSON.stringify(new URL('../dist/cjs/index.js', import.meta.url).pathname)}))});
      t.init({ errors: JSON.parse(process.env.SETTINGS) });
      require(${JSON.stringify(new URL('errors-record.cjs', import.meta.url).pathname)});
      t.setTag('who', 'worker');
      setTimeout(() => { throw new Error('in the worker'); }, 1);${'`'};
    new Worker(source, { eval: true, env: { ...process.env, SETTINGS: JSON.stringify({ dsn: '', spoolDir: __filename.replace('.cjs', '.spool') }) } });`);
  assert.equal(code, 1);
  assert.deepEqual(events.map(shown), [['Error', 'in the worker', 'onuncaughtexception', false, 'fatal', 'worker']]);
});

test('nothing of ours holds the process open, and an exit code stays', async () => {
  for (const code of ['', 't.captureMessage("bye"); process.exitCode = 3;', 't.captureMessage("bye"); process.exit(4);']) {
    const start = performance.now();
    const end = await program(code);
    assert.equal(end.code, Number(/\d/.exec(code)?.[0] ?? 0));
    assert.equal(end.stderr, '');
    assert.ok(performance.now() - start < 20_000);
  }
});
