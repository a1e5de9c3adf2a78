// What people throw becomes an event, whatever it is; and an event says where, why and how.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';

import * as t from 'tallylight';

import { QUIET, recorded } from './errors-support.mjs';

t.init({ errors: { ...QUIET, breadcrumbs: false, sampleRate: 1 } });
const events = recorded();

const capture = (error, options) => {
  const id = t.captureException(error, options);
  assert.match(id, /^[0-9a-f]{32}$/);
  const event = events.last();
  assert.equal(event.event_id, id);
  return event;
};
const values = (event) => event.exception.values;
const own = (event) => values(event).at(-1);

test('an error has its type, message, frames and place', () => {
  function failing() {
    throw new TypeError('no such thing');
  }
  const error = (() => {
    try {
      return failing();
    } catch (caught) {
      return caught;
    }
  })();
  const event = capture(error);
  assert.equal(event.platform, 'node');
  assert.equal(event.level, 'error');
  assert.ok(Math.abs(event.timestamp - Date.now() / 1e3) < 60);
  const { type, value, mechanism, stacktrace } = own(event);
  assert.deepEqual({ type, value, mechanism }, {
    type: 'TypeError',
    value: 'no such thing',
    mechanism: { type: 'generic', handled: true },
  });
  const frame = stacktrace.frames.at(-1);
  const here = fileURLToPath(import.meta.url);
  assert.equal(frame.function, 'failing');
  assert.equal(frame.abs_path, here);
  assert.equal(frame.filename, 'tests/errors.test.mjs');
  assert.equal(frame.module, 'tests:errors.test');
  assert.equal(frame.in_app, true);
  const [, line, column] = /errors\.test\.mjs:(\d+):(\d+)/.exec(error.stack);
  assert.deepEqual([frame.lineno, frame.colno], [Number(line), Number(column)]);
  assert.ok(stacktrace.frames.some(({ abs_path, in_app }) => abs_path.startsWith('node:') && in_app === false));
});

test('a cause chain and a group are a tree of exceptions, the innermost first', () => {
  const root = new Error('root');
  const group = new AggregateError([new Error('left', { cause: root }), new RangeError('right')], 'both');
  const event = capture(new Error('outer', { cause: group }));
  const shown = values(event).map(({ type, value, mechanism }) => [
    type, value, mechanism.exception_id, mechanism.parent_id, mechanism.source, mechanism.is_exception_group, mechanism.type,
  ]);
  assert.deepEqual(shown, [
    ['Error', 'root', 4, 2, 'cause', undefined, 'chained'],
    ['RangeError', 'right', 3, 1, 'errors[1]', undefined, 'chained'],
    ['Error', 'left', 2, 1, 'errors[0]', undefined, 'chained'],
    ['AggregateError', 'both', 1, 0, 'cause', true, 'chained'],
    ['Error', 'outer', 0, undefined, undefined, undefined, 'generic'],
  ]);
  assert.ok(values(event).every(({ stacktrace }) => stacktrace.frames.length > 0));
});

test('frames of an async chain are kept', async () => {
  async function inner() {
    await null;
    throw new Error('later');
  }
  async function outer() {
    await inner();
  }
  const error = await outer().catch((caught) => caught);
  const names = own(capture(error)).stacktrace.frames.map((frame) => frame.function);
  assert.deepEqual(names.slice(-2), ['outer', 'inner']);
});

test('every kind of frame is read', () => {
  const error = new Error('made up');
  error.stack = [
    'Error: made up',
    '    at new Thing (/srv/app/thing.js:1:2)',
    '    at Object.method [as alias] (/srv/app/node_modules/lib/dist/index.cjs:3:4)',
    '    at async Promise.all (index 1)',
    '    at async file:///srv/app/a%20b.mjs:5:6',
    '    at eval (eval at run (/srv/app/eval.js:7:8), <anonymous>:1:1)',
    '    at C:\\app\\win.js:9:10',
    '    at wasm://wasm/0a1b:wasm-function[3]:0x2e',
    '    at Array.map (<anonymous>)',
    '    at node:internal/main/run:11:12',
    '    at webpack:///./src/page.ts:13:14',
    '    at /srv/app/only-line.js:15',
    '    at fn (/srv/my (odd) folder/x.js:16:17)',
  ].join('\n');
  const frames = own(capture(error)).stacktrace.frames.reverse();
  const shown = frames.map((frame) => [frame.function, frame.abs_path, frame.lineno, frame.colno, frame.in_app]);
  assert.deepEqual(shown, [
    ['new Thing', '/srv/app/thing.js', 1, 2, true],
    ['Object.method', '/srv/app/node_modules/lib/dist/index.cjs', 3, 4, false],
    ['Promise.all', undefined, undefined, undefined, false],
    ['<anonymous>', '/srv/app/a b.mjs', 5, 6, true],
    ['eval', '/srv/app/eval.js', 7, 8, true],
    ['<anonymous>', 'C:\\app\\win.js', 9, 10, true],
    ['wasm://wasm/0a1b:wasm-function[3]:0x2e', undefined, undefined, undefined, false],
    ['Array.map', undefined, undefined, undefined, false],
    ['<anonymous>', 'node:internal/main/run', 11, 12, false],
    ['<anonymous>', 'webpack:///./src/page.ts', 13, 14, true],
    ['<anonymous>', '/srv/app/only-line.js', 15, undefined, true],
    ['fn', '/srv/my (odd) folder/x.js', 16, 17, true],
  ]);
  assert.equal(frames[1].module, 'lib.dist:index');
  assert.equal(frames[0].module, 'srv.app:thing');
});

test('a message that looks like frames is no frame', () => {
  const error = new Error('first\n    at fake (/evil.js:1:1)\n    at fake (/evil.js:2:2)');
  const frames = own(capture(error)).stacktrace.frames;
  assert.ok(frames.every(({ abs_path }) => abs_path !== '/evil.js'));
});

test('a message that was changed after the error was made', () => {
  const error = new Error('before');
  error.message = 'after';
  const { value, stacktrace } = own(capture(error));
  assert.equal(value, 'after');
  assert.equal(stacktrace.frames.at(-1).abs_path, fileURLToPath(import.meta.url));
});

test('what is no error becomes an event with the place of its capture', () => {
  class Odd {
    password = 'hunter2';
  }
  const cases = [
    ['just a text', 'string', 'just a text'],
    ['', 'string', ''],
    [null, 'null', 'null'],
    [undefined, 'undefined', 'undefined'],
    [42, 'number', '42'],
    [10n, 'bigint', '10'],
    [Symbol('odd'), 'symbol', 'Symbol(odd)'],
    [{ a: 1, b: 2 }, 'Object', 'an object with the properties a, b was thrown'],
    [new Odd(), 'Odd', 'an object with the properties password was thrown'],
    [Object.create(null), 'Object', 'an object without properties was thrown'],
    [{ name: 'Custom', message: 'error-like' }, 'Custom', 'error-like'],
  ];
  for (const [thrown, type, value] of cases) {
    const exception = own(capture(thrown));
    assert.deepEqual([exception.type, exception.value], [type, value]);
    assert.equal(exception.mechanism.synthetic, true);
    const top = exception.stacktrace.frames.at(-1);
    assert.equal(top.abs_path, fileURLToPath(import.meta.url), 'the frames of the package are not shown');
    assert.equal(top.function, 'capture');
  }
  assert.deepEqual(events.of(() => t.captureException({ at: { deep: [1, new Date(0)] } }))[0].contexts.thrown, {
    at: { deep: [1, '1970-01-01T00:00:00.000Z'] },
  });
});

test('hostile values become events too', () => {
  const throws = () => {
    throw new Error('no');
  };
  const trap = new Proxy({}, new Proxy({}, { get: () => throws }));
  const dark = new Proxy(new Error('dark'), { get: throws, getPrototypeOf: throws, ownKeys: throws, has: throws });
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const cyclic = new Error('cyclic');
  cyclic.cause = cyclic;
  const ring = [new Error('a'), new Error('b')];
  ring[0].cause = ring[1];
  ring[1].cause = ring[0];
  const selfish = new AggregateError([], 'selfish');
  selfish.errors.push(selfish, new Error('member'));
  const object = { self: null, big: 1n, get bad() { return throws(); } };
  object.self = object;
  const getters = new Error('getters');
  for (const key of ['stack', 'name', 'cause', 'message']) Object.defineProperty(getters, key, { get: throws });
  const odd = new Error('odd');
  Object.assign(odd, { name: 5, stack: ['no text'] });
  Object.defineProperty(odd, 'message', { value: { toString: throws } });
  const bare = new Error('bare');
  delete bare.stack;
  Object.defineProperty(bare, 'constructor', { value: null });
  const noString = { toString: throws, valueOf: throws, [Symbol.toPrimitive]: throws };
  for (const thrown of [trap, dark, revoked.proxy, cyclic, ring[0], selfish, object, getters, odd, bare, noString]) {
    const event = capture(thrown);
    assert.ok(values(event).length >= 1);
    assert.equal(typeof own(event).type, 'string');
    assert.equal(typeof own(event).value, 'string');
  }
  assert.equal(values(capture(Object.freeze(new Error('frozen')))).length, 1);
});

test('errors of another realm are errors', () => {
  const error = vm.runInNewContext('new TypeError("elsewhere", { cause: new Error("its cause") })');
  assert.deepEqual(values(capture(error)).map(({ type, value }) => [type, value]), [
    ['Error', 'its cause'],
    ['TypeError', 'elsewhere'],
  ]);
  const aborted = AbortSignal.abort().reason;
  assert.equal(own(capture(aborted)).type, 'AbortError');
});

test('a class without a name of its own is named by its class', () => {
  class PaymentError extends Error {}
  assert.equal(own(capture(new PaymentError('x'))).type, 'PaymentError');
});

test('10,000 causes: the first ones and the root, and how many were left out', () => {
  let error = new Error('root');
  for (let i = 0; i < 10_000; i++) error = new Error(`cause ${i}`, { cause: error });
  const start = performance.now();
  const event = capture(error);
  assert.ok(performance.now() - start < 5_000);
  assert.equal(values(event).length, 50);
  assert.equal(values(event)[0].value, 'root');
  assert.equal(own(event).value, 'cause 9999');
  assert.equal(event.extra['tallylight.exceptions_omitted'], 10_001 - 50);
});

test('a group of a thousand keeps 50 and says how many were left out', () => {
  const errors = Array.from({ length: 1_000 }, (_, i) => new Error(`member ${i}`));
  const event = capture(new AggregateError(errors, 'many'));
  assert.equal(values(event).length, 50);
  assert.equal(event.extra['tallylight.exceptions_omitted'], 1_001 - 50);
});

test('a message of a megabyte', () => {
  const event = capture(new Error('x'.repeat(1 << 20)));
  assert.equal(own(event).value.length, 1 << 20);
  assert.ok(own(event).stacktrace.frames.length > 0);
});

test('a failed system call says what the system said', async () => {
  const { readFile } = await import('node:fs/promises');
  const error = await readFile('/no/such/file').catch((caught) => caught);
  assert.deepEqual(capture(error).contexts.node_system_error, { errno: -2, code: 'ENOENT', syscall: 'open', path: '/no/such/file' });
});

test('what the caller says is on the event', () => {
  const event = capture(new Error('analysis'), {
    context: { analysisId: 'a-17', model: 'gemini-2.5-pro', operation: 'analyze', inputSize: 4096 },
    tags: { route: '/analyze', tries: 3, none: undefined },
    user: { id: 7, email: 'a@example.com' },
    level: 'warning',
    fingerprint: ['analysis', 'quota'],
    extra: { raw: { a: [1] } },
    contexts: { job: { id: 5 } },
    handled: false,
    attachments: [{ filename: 'a.txt', data: 'text', contentType: 'text/plain' }, { filename: 'b', data: new Uint8Array([1, 2]) }, { bad: true }, null],
  });
  assert.deepEqual(event.contexts.context, { analysisId: 'a-17', model: 'gemini-2.5-pro', operation: 'analyze', inputSize: 4096 });
  assert.deepEqual(event.contexts.job, { id: 5 });
  assert.deepEqual(event.tags, { analysis_id: 'a-17', route: '/analyze', tries: '3' });
  assert.deepEqual(event.user, { id: 7, email: 'a@example.com' });
  assert.deepEqual([event.level, event.fingerprint, event.extra], ['warning', ['analysis', 'quota'], { raw: { a: [1] } }]);
  assert.equal(own(event).mechanism.handled, false);
  assert.deepEqual(events.at(-1).files.map(({ filename, contentType, data }) => [filename, contentType, [...data].length]), [
    ['a.txt', 'text/plain', 4],
    ['b', undefined, 2],
  ]);
  assert.deepEqual(capture(new Error('x'), { context: 'checkout' }).tags, { context: 'checkout' });
});

test('hostile options lose themselves, not the event', () => {
  const throws = () => {
    throw new Error('no');
  };
  const trap = new Proxy({}, { get: throws, ownKeys: throws, getPrototypeOf: throws });
  const cyclic = {};
  cyclic.self = cyclic;
  for (const options of [null, 5, 'text', { tags: 5, user: 'u', extra: null, contexts: [], fingerprint: 5, attachments: 'no', context: cyclic }, { extra: { trap, cyclic, big: 1n } }]) {
    const event = capture(new Error('options'), options);
    assert.equal(own(event).value, 'options');
  }
  assert.equal(own(capture(new Error('trap'), trap)).value, 'trap');
  assert.equal(own(capture(new Error('trap'), { get level() { return throws(); } })).value, 'trap');
});

test('the same object is captured once, equal errors are captured each', () => {
  const error = new Error('once');
  const before = t.delivery();
  const id = t.captureException(error);
  assert.equal(t.captureException(error), id);
  const { captured, reasons } = t.delivery();
  assert.equal(captured - before.captured, 2);
  assert.equal(reasons.event_processor - (before.reasons.event_processor ?? 0), 1);
  // Three errors with one cause are three errors.
  const cause = new Error('one cause');
  assert.equal(events.of(() => ['a', 'b', 'c'].forEach((text) => t.captureException(new Error(text, { cause })))).length, 3);
  assert.equal(events.of(() => [1, 2].forEach(() => t.captureException('text'))).length, 2);
});

test('messages', () => {
  const [info, warned, tagged] = events.of(() => {
    t.captureMessage('deployed');
    t.captureMessage('slow', 'warning');
    t.captureMessage('tagged', { tags: { a: 'b' }, level: 'debug' });
  });
  assert.deepEqual([info.message, info.level], ['deployed', 'info']);
  assert.deepEqual([warned.message, warned.level], ['slow', 'warning']);
  assert.deepEqual([tagged.level, tagged.tags], ['debug', { a: 'b' }]);
  assert.equal(events.of(() => t.captureMessage({ toString: () => 'odd' }))[0].message, 'odd');
});

test('a complete event loses nothing', () => {
  const given = {
    event_id: 'ABCDEF01-2345-6789-abcd-ef0123456789',
    timestamp: '2024-01-15T10:30:00Z',
    platform: 'python',
    logger: 'my.logger',
    logentry: { message: 'x %s', params: ['y'], formatted: 'x y' },
    exception: { values: [{ type: 'E', value: 'v', module: 'm', thread_id: 1, mechanism: { type: 'x', exception_id: 0, is_exception_group: true, meta: { errno: { number: 1 } } }, stacktrace: { frames: [{ function: 'f', raw_function: 'F', vars: { a: 1 } }], registers: { a: 'b' } }, raw_stacktrace: { frames: [] } }] },
    threads: { values: [{ id: 1 }] },
    debug_meta: { images: [{ type: 'sourcemap' }] },
    contexts: { trace: { trace_id: 'a'.repeat(32), span_id: 'b'.repeat(16) }, mine: { a: 1 } },
    tags: { own: 'yes' },
    breadcrumbs: [{ message: 'theirs' }],
    unknown: { field: [1, { two: 3 }] },
    _meta: { tags: { own: { '': { rem: [['a', 'x']] } } } },
  };
  const copy = structuredClone(given);
  const [event] = events.of(() => assert.equal(t.captureEvent(given), 'abcdef0123456789abcdef0123456789'));
  assert.deepEqual(given, copy, 'what the caller handed in stays as it is');
  assert.deepEqual(event, { ...copy, event_id: 'abcdef0123456789abcdef0123456789' });
  const [filled] = events.of(() => t.captureEvent({ message: 'short', circular: Object.assign(given, { given }) }, { tags: { a: 'b' } }));
  assert.equal(filled.platform, 'node');
  assert.deepEqual(filled.tags, { a: 'b' });
  assert.equal(t.captureEvent(null), '');
});
