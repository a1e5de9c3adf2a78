// What is said of a request is on the events of that request and on no other's.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import * as t from 'tallylight';

import { QUIET, recorded } from './errors-support.mjs';
import { endWorkers, worker } from './support.mjs';

t.init({ errors: { ...QUIET, breadcrumbs: false, initialScope: { tags: { service: 'checkout' }, contexts: { build: { id: 5 } } } } });
const events = recorded();
after(endWorkers);

const of = (act) => events.of(act)[0];
const capture = (text = 'x', options) => t.captureException(new Error(text), options);

test('1,000 concurrent tasks with different users: each event has its own', async () => {
  const before = events.length;
  const task = (i) =>
    t.withIsolationScope(async () => {
      t.setUser({ id: i });
      t.setTag('task', i);
      t.addBreadcrumb(`start ${i}`);
      await sleep(Math.random() * 20);
      await t.withScope(async (scope) => {
        scope.setTag('inner', i);
        t.setContext('step', { number: i });
        await new Promise((resolve) => setImmediate(resolve));
        t.addBreadcrumb(`step ${i}`);
        capture(`task ${i}`);
      });
      queueMicrotask(() => capture(`late ${i}`));
      await sleep(1);
    });
  await Promise.all(Array.from({ length: 1_000 }, (_, i) => task(i)));
  const made = events.slice(before).map(({ event }) => event);
  assert.equal(made.length, 2_000);
  for (const { user, tags, contexts, breadcrumbs, exception } of made) {
    const [, kind, i] = /(task|late) (\d+)/.exec(exception.values[0].value);
    assert.deepEqual(user, { id: Number(i) });
    assert.deepEqual(tags, { service: 'checkout', task: i, ...(kind === 'task' ? { inner: i } : undefined) });
    assert.equal(contexts.step.number, Number(i));
    assert.deepEqual(breadcrumbs.map(({ message }) => message), [`start ${i}`, `step ${i}`]);
  }
  assert.deepEqual(of(() => capture()).tags, { service: 'checkout' });
  assert.equal(of(() => capture()).user, undefined);
});

test('requests of one trace share its id, and different requests do not', () => {
  const trace = (event) => event.contexts.trace.trace_id;
  const request = () => t.withIsolationScope(() => events.of(() => [capture(), capture()]).map(trace));
  const [a, b] = [request(), request()];
  assert.match(a[0], /^[0-9a-f]{32}$/);
  assert.equal(a[0], a[1]);
  assert.notEqual(a[0], b[0]);
});

test('requests to an http server have scopes of their own, by themselves', async () => {
  const server = http.createServer(async (request, response) => {
    const id = Number(request.url.slice(1).split('?')[0]);
    t.setUser({ id });
    await sleep(Math.random() * 20);
    capture(`request ${id}`);
    response.end('ok');
  });
  server.listen(0, '127.0.0.1');
  after(() => (server.closeAllConnections(), server.close()));
  await once(server, 'listening');
  const { port } = server.address();
  const agent = new http.Agent({ keepAlive: true, maxSockets: 20 });
  const before = events.length;
  const get = (i) =>
    new Promise((resolve, reject) => {
      http.get({ port, host: '127.0.0.1', path: `/${i}?token=x`, agent, headers: { cookie: 'a=b', 'x-id': i } }, (response) => {
        response.resume().on('end', resolve);
      }).on('error', reject);
    });
  await Promise.all(Array.from({ length: 500 }, (_, i) => get(i)));
  agent.destroy();
  const made = events.slice(before).map(({ event }) => event);
  assert.equal(made.length, 500);
  const seen = new Set();
  for (const { user, request, exception, contexts } of made) {
    const id = Number(/\d+/.exec(exception.values[0].value)[0]);
    assert.equal(user.id, id);
    assert.deepEqual([request.method, request.url, request.query_string], ['GET', `http://127.0.0.1:${port}/${id}`, 'token=x']);
    assert.equal(request.headers['x-id'], String(id));
    assert.equal(request.headers.cookie, undefined, 'a cookie says who somebody is');
    seen.add(contexts.trace.trace_id);
  }
  assert.equal(seen.size, 500);
  assert.equal(of(() => capture()).request, undefined);
});

test('layers: the nearest wins, and a scope ends with its function', () => {
  t.withIsolationScope(() => {
    t.setTags({ a: 1, b: 'isolation' });
    t.setLevel('warning');
    t.setFingerprint(['mine']);
    t.setExtra('more', [1]);
    const inner = of(() =>
      t.withScope((scope) => {
        scope.setTag('b', 'current').setUser({ id: 1 }).setLevel('info');
        return capture('x', { tags: { c: 'own' } });
      }),
    );
    assert.deepEqual(inner.tags, { service: 'checkout', a: '1', b: 'current', c: 'own' });
    assert.deepEqual([inner.level, inner.user, inner.fingerprint, inner.extra], ['info', { id: 1 }, ['mine'], { more: [1] }]);
    assert.deepEqual(inner.contexts.build, { id: 5 });
    const outer = of(() => capture());
    assert.deepEqual(outer.tags, { service: 'checkout', a: '1', b: 'isolation' });
    assert.deepEqual([outer.level, outer.user], ['warning', undefined]);
    assert.equal(of(() => capture('x', { level: 'fatal' })).level, 'fatal');
    t.setTag('a', null);
    t.setUser({ id: 2 });
    t.setUser(null);
    t.setExtra('more', undefined);
    assert.deepEqual(of(() => capture()).tags, { service: 'checkout', b: 'isolation' });
    assert.equal(of(() => capture()).extra, undefined);
    t.clearScope();
    const cleared = of(() => capture());
    assert.deepEqual([cleared.tags, cleared.level, cleared.fingerprint], [{ service: 'checkout' }, 'error', undefined]);
  });
});

test('what is set is copied: a later change of it is on no event', () => {
  t.withIsolationScope(() => {
    const user = { id: 1, roles: ['a'] };
    t.setUser(user);
    user.roles.push('b');
    assert.deepEqual(of(() => capture()).user, { id: 1, roles: ['a'] });
  });
});

test('a scope takes whatever it is given', () => {
  const throws = () => {
    throw new Error('no');
  };
  const trap = new Proxy({}, { get: throws, ownKeys: throws, getPrototypeOf: throws });
  const cyclic = {};
  cyclic.self = cyclic;
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  t.withIsolationScope((scope) => {
    for (const odd of [trap, cyclic, revoked.proxy, null, undefined, 5, 'text', [], 10n, Symbol('s'), () => {}]) {
      t.setUser(odd);
      t.setTag(odd, odd);
      t.setTags(odd);
      t.setContext(odd, odd);
      t.setExtra(odd, odd);
      t.setLevel(odd);
      t.setFingerprint(odd);
      t.addBreadcrumb(odd);
      t.addBreadcrumb({ message: odd, data: odd, category: odd, timestamp: odd, level: odd, other: odd });
      scope.addBreadcrumb(odd);
      scope.addAttachment(odd);
      assert.equal(of(() => capture()).exception.values[0].value, 'x');
    }
  });
});

test('breadcrumbs: the last 100, the oldest first, with what they were given', () => {
  t.withIsolationScope(() => {
    for (let i = 0; i < 250; i++) t.addBreadcrumb({ message: `crumb ${i}`, data: { i } });
    const { breadcrumbs } = of(() => capture());
    assert.equal(breadcrumbs.length, 100);
    assert.equal(breadcrumbs[0].message, 'crumb 150');
    assert.deepEqual(breadcrumbs.at(-1).data, { i: 249 });
    assert.ok(breadcrumbs.every(({ timestamp }) => Math.abs(timestamp - Date.now() / 1e3) < 60));
    assert.deepEqual(of(() => capture()).breadcrumbs, breadcrumbs);
    t.addBreadcrumb({ type: 'query', category: 'db', level: 'debug', message: 'select', timestamp: 5, data: { nested: { a: [1] } } });
    assert.deepEqual(of(() => capture()).breadcrumbs.at(-1), {
      timestamp: 5, type: 'query', category: 'db', message: 'select', level: 'debug', data: { nested: { a: [1] } },
    });
  });
});

test('the last event\u2019s id is the task\u2019s own', async () => {
  await Promise.all(
    [1, 2, 3].map((i) =>
      t.withIsolationScope(async () => {
        assert.equal(t.lastEventId(), '');
        await sleep(i);
        const id = capture();
        await sleep(5 - i);
        assert.equal(t.lastEventId(), id);
      }),
    ),
  );
});

test('a worker has scopes of its own', async () => {
  t.setTag('thread', 'main');
  const helper = worker(`
    import { recorded } from '${new URL('errors-support.mjs', import.meta.url).href}';
    t.delivery();
    const events = recorded();
    t.setTag('in', 'worker');
    t.captureException(new Error('there'));
    parentPort.postMessage(events.last().tags);`);
  const [tags] = await once(helper, 'message');
  assert.deepEqual(tags, { in: 'worker' });
  assert.deepEqual(of(() => capture()).tags, { service: 'checkout', thread: 'main' });
  t.setTag('thread', null);
});

test('generators, timers and events keep the scope of where they were started', async () => {
  await t.withIsolationScope(async () => {
    t.setTag('who', 'outer');
    async function* generate() {
      await sleep(1);
      yield capture('generated');
    }
    const before = events.length;
    for await (const id of generate()) assert.ok(id);
    await new Promise((resolve) => setTimeout(() => resolve(capture('timer')), 1));
    assert.ok(events.slice(before).every(({ event }) => event.tags.who === 'outer'));
  });
});
