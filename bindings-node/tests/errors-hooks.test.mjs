// Breadcrumbs that are left by themselves, and what the application's own hooks decide.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import * as t from 'tallylight';

import { QUIET, recorded } from './errors-support.mjs';

const hooks = {};
const ignored = [/^RangeError: of no interest/, 'ECONNRESET', class ExpectedError extends Error {}, /global/g];
const options = {
  ...QUIET,
  scrubKeys: ['own_key'],
  ignoreErrors: ignored,
  breadcrumbs: { subprocess: true },
  beforeSend: (event, hint) => (hooks.beforeSend ? hooks.beforeSend(event, hint) : event),
  beforeBreadcrumb: (crumb, hint) => (hooks.beforeBreadcrumb ? hooks.beforeBreadcrumb(crumb, hint) : crumb),
};
t.init({ errors: options });
const events = recorded();

const of = (act) => events.of(act)[0];
const capture = (text = 'x', given) => t.captureException(new Error(text), given);
const crumbs = () => of(() => capture()).breadcrumbs ?? [];
const reason = (name) => t.delivery().reasons[name] ?? 0;

/** What a run of `console` prints, without printing it. */
function silenced(act) {
  const { write } = process.stdout;
  const written = [];
  process.stdout.write = process.stderr.write = (text) => (written.push(String(text)), true);
  try {
    act();
  } finally {
    process.stdout.write = write;
    delete process.stderr.write;
  }
  return written.join('');
}

test('console: each call leaves a breadcrumb and prints what it always did', () => {
  t.withIsolationScope(() => {
    const printed = silenced(() => {
      console.log('plain %s', 'text', { a: { b: { c: 1 } } });
      console.warn(new Error('inside'), 5);
      console.error(Object.create(null), Symbol('s'));
      console.debug('y'.repeat(10_000));
    });
    assert.match(printed, /^plain text \{ a: \{ b: \{ c: 1 \} \} \}\n/);
    assert.ok(printed.includes('y'.repeat(10_000)));
    const left = crumbs();
    assert.deepEqual(left.map(({ category, level }) => [category, level]), [
      ['console', 'info'], ['console', 'warning'], ['console', 'error'], ['console', 'debug'],
    ]);
    assert.match(left[0].message, /^plain %s text \{ a: \{ b: /);
    assert.match(left[1].message, /Error: inside/);
    assert.equal(left[3].message.length, 2_048);
    assert.equal(console.log.name, 'log');
  });
});

test('a hook that prints does not go round in circles', () => {
  t.withIsolationScope(() => {
    hooks.beforeBreadcrumb = (crumb) => (console.log('from the hook'), crumb);
    silenced(() => console.log('once'));
    hooks.beforeBreadcrumb = undefined;
    assert.deepEqual(crumbs().map(({ message }) => message), ['once']);
  });
});

const servers = [];
after(() => servers.forEach((close) => close()));

async function served(answer) {
  const server = http.createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = () => (server.closeAllConnections(), server.close());
  servers.push(close);
  return { url: `http://127.0.0.1:${server.address().port}`, close };
}

test('fetch and http: each request leaves a breadcrumb in the scope that made it', async () => {
  const { url } = await served(async (request, response) => {
    await sleep(Math.random() * 10);
    response.statusCode = Number(request.url.slice(1)) % 2 === 0 ? 200 : 503;
    response.end('ok');
  });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 3 });
  const get = (path) =>
    new Promise((resolve) => http.get(url + path, { agent }, (response) => response.resume().on('end', resolve)));
  const request = (i) =>
    t.withIsolationScope(async () => {
      if (i % 3 === 0) await get(`/${i}`);
      else await (await fetch(`${url}/${i}`, { method: 'POST', body: 'x' })).text();
      const [{ type, category, level, data }, ...more] = crumbs();
      assert.deepEqual(more, []);
      assert.deepEqual([type, category, data.url, data.method], ['http', 'http', `${url}/${i}`, i % 3 === 0 ? 'GET' : 'POST']);
      assert.deepEqual([data.status_code, level], i % 2 === 0 ? [200, 'info'] : [503, 'error']);
      assert.ok(data.duration_ms >= 0);
    });
  await Promise.all(Array.from({ length: 60 }, (_, i) => request(i)));
  // One by one they take over each other's connections.
  for (let i = 0; i < 9; i++) await request(i);
  agent.destroy();
});

test('a request that fails leaves one too', async () => {
  const { url, close } = await served(() => {});
  close();
  await t.withIsolationScope(async () => {
    await fetch(`${url}/gone`).catch(() => {});
    const [{ data, level }] = crumbs();
    assert.deepEqual([data.url, level, data.status_code], [`${url}/gone`, 'error', undefined]);
    assert.match(data.error, /ECONNREFUSED/);
  });
});

test('subprocess: which file, and how it ended; nothing of its arguments', async () => {
  await t.withIsolationScope(async () => {
    await promisify(execFile)(process.execPath, ['-e', '0 /* secret */']);
    await promisify(execFile)(process.execPath, ['-e', 'process.exit(3)']).catch(() => {});
    const left = crumbs();
    assert.deepEqual(left.map(({ category, level, data }) => [category, level, data]), [
      ['subprocess', 'info', { file: process.execPath, exit_code: 0 }],
      ['subprocess', 'warning', { file: process.execPath, exit_code: 3 }],
    ]);
  });
});

test('beforeBreadcrumb changes and drops, and its failure loses one breadcrumb', () => {
  t.withIsolationScope(() => {
    hooks.beforeBreadcrumb = (crumb) => {
      if (crumb.message === 'drop') return null;
      if (crumb.message === 'throw') throw new Error('in the hook');
      return { ...crumb, message: crumb.message.toUpperCase() };
    };
    for (const message of ['a', 'drop', 'throw', 'b']) t.addBreadcrumb({ message });
    hooks.beforeBreadcrumb = undefined;
    assert.deepEqual(crumbs().map(({ message }) => message), ['A', 'B']);
  });
});

test('beforeSend sees the whole event and changes it', () => {
  const error = new Error('original');
  let seen;
  hooks.beforeSend = (event, hint) => {
    seen = { event: structuredClone(event), hint };
    event.tags = { ...event.tags, by: 'hook' };
    event.exception.values[0].stacktrace.frames.length = 1;
    event.exception.values[0].stacktrace.frames[0].function = 'changed';
    event.breadcrumbs[0].message = 'changed';
    hint.attachments.push({ filename: 'more.txt', data: 'more' });
    return event;
  };
  t.withIsolationScope(() => {
    t.addBreadcrumb('first');
    const id = t.captureException(error, { attachments: [{ filename: 'one.txt', data: '1' }] });
    assert.equal(seen.event.event_id, id);
    assert.equal(seen.hint.originalException, error);
    const sent = events.last();
    assert.deepEqual([sent.tags.by, sent.breadcrumbs[0].message], ['hook', 'changed']);
    assert.equal(sent.exception.values[0].stacktrace.frames[0].function, 'changed');
    assert.deepEqual(events.at(-1).files.map(({ filename }) => filename), ['one.txt', 'more.txt']);
    hooks.beforeSend = undefined;
    const next = of(() => capture());
    assert.equal(next.breadcrumbs[0].message, 'first', 'a change is on this event only');
    assert.notEqual(next.exception.values[0].stacktrace.frames[0].function, 'changed');
  });
});

test('beforeSend drops with null, and its failure sends nothing that it would have taken away', () => {
  for (const hook of [() => null, () => { throw new Error('in the hook'); }, () => undefined, () => 5]) {
    hooks.beforeSend = hook;
    const before = reason('before_send');
    assert.deepEqual(events.of(() => assert.equal(capture(), '')), []);
    assert.equal(reason('before_send'), before + 1);
  }
  hooks.beforeSend = (event) => Object.freeze({ ...event, big: 1n, self: event });
  const sent = of(() => capture());
  assert.deepEqual([sent.big, sent.exception.values[0].value], ['1', 'x']);
  hooks.beforeSend = undefined;
});

test('an asynchronous beforeSend: flush waits for it', async () => {
  hooks.beforeSend = async (event) => {
    await sleep(20);
    if (event.exception.values[0].value === 'drop') return null;
    if (event.exception.values[0].value === 'fail') throw new Error('later');
    return { ...event, tags: { ...event.tags, async: 'yes' } };
  };
  const [before, dropped] = [events.length, reason('before_send')];
  for (const text of ['keep', 'drop', 'fail']) assert.match(capture(text), /^[0-9a-f]{32}$/);
  await t.flush(5_000);
  hooks.beforeSend = undefined;
  assert.deepEqual(events.slice(before).map(({ event }) => [event.exception.values[0].value, event.tags.async]), [['keep', 'yes']]);
  assert.equal(reason('before_send'), dropped + 2);
});

test('ignoreErrors: patterns, parts and classes; counted, not captured', () => {
  const before = reason('event_processor');
  const made = events.of(() => {
    t.captureException(new RangeError('of no interest'));
    t.captureException(new Error('read ECONNRESET'));
    t.captureException(new ignored[2]('expected'));
    for (let i = 0; i < 3; i++) capture('global');
    t.captureMessage('global message');
    t.captureException(new RangeError('of interest'));
    t.captureException(new Error('RangeError: not at the start'));
  });
  assert.deepEqual(made.map(({ exception }) => exception.values[0].value), ['of interest', 'RangeError: not at the start']);
  assert.equal(reason('event_processor'), before + 7);
});

test('a setting that cannot be used is named, and never its value', () => {
  const wrong = {
    dsn: 5, spool: 'yes', maxBreadcrumbs: -1, sampleRate: 2, tracesSampleRate: 'a', beforeSend: 'f', ignoreErrors: 'x',
    breadcrumbs: { dom: true }, initialScope: [], scrubKeys: [1], nothing: 1, shutdownTimeout: 1.5, tracesSampler: 0.5,
  };
  for (const [option, value] of Object.entries(wrong)) {
    assert.throws(() => t.init({ errors: { [option]: value } }), (error) => {
      assert.ok(error instanceof t.InvalidConfigError, option);
      assert.match(error.message, new RegExp(`errors\\.${option}`));
      return true;
    });
  }
  assert.throws(() => t.init({ errors: 5 }), t.InvalidConfigError);
  for (const dsn of ['https://secretkey@/1', 'https://secretkey@host', 'ftp://secretkey@host/1', 'https://host/1']) {
    assert.throws(() => t.init({ errors: { dsn } }), (error) => {
      assert.ok(error instanceof t.InvalidConfigError, dsn);
      assert.match(error.message, /errors\.dsn/);
      assert.ok(!error.message.includes('secretkey'));
      return true;
    });
  }
  assert.throws(() => t.init({ errors: { ...QUIET, maxBreadcrumbs: 5 } }), t.ConflictError);
  assert.throws(() => t.init({ errors: { maxBreadcrumbs: 5_000 } }), t.InvalidConfigError);
});

test('init again with the same settings keeps the hooks, without any too', () => {
  hooks.beforeSend = (event) => ({ ...event, tags: { hooked: 'yes' } });
  t.init({ errors: options });
  assert.deepEqual(of(() => capture()).tags, { hooked: 'yes' });
  hooks.beforeSend = undefined;
});
