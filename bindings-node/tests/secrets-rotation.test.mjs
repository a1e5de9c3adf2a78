// A rotation on moto: readers see no error and nothing older than they were promised, subscribers
// hear of it once, and a refused credential is read again once.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { create, program, skip } from './servers.mjs';

test('a rotation under 50 readers: no error, nothing older than the time to live, one notice', { skip }, async () => {
  const out = await program(
    `
    const TTL = 500;
    t.init({ secrets: { ttl: TTL } });
    const heard = [];
    const changes = t.onSecretChange(NAME);
    (async () => { for await (const change of changes) heard.push(change); })();
    let stop = false;
    const errors = [];
    let lastOld = 0;
    let newReads = 0;
    const reader = async (number) => {
      while (!stop) {
        // The moment before the reading: what is answered may be older than after it.
        const now = performance.now();
        try {
          const value = number % 2 ? (await t.getSecret(NAME)).reveal() : t.peek(NAME)?.reveal();
          if (value === 'old') lastOld = Math.max(lastOld, now);
          if (value === 'new') newReads += 1;
        } catch (error) { errors.push(String(error)); }
        await sleep(1 + (number % 7));
      }
    };
    await t.getSecret(NAME);
    const readers = Array.from({ length: 50 }, (_, number) => reader(number));
    await sleep(700);
    const { before, now: version } = await rotate(NAME, 'new');
    const rotated = performance.now();
    await until(() => newReads > 500);
    await sleep(1200);
    stop = true;
    await Promise.all(readers);
    changes.close();
    answer({ errors, newReads, late: lastOld - rotated, TTL, heard, before, version, missed: changes.missed });`,
    { NAME: await create('old') },
  );
  assert.deepEqual(out.errors, []);
  assert.ok(out.newReads > 500);
  // The time to live, its spread, and a slow machine.
  assert.ok(out.late < out.TTL * 1.1 + 2_000, `the old value was read ${out.late} ms after`);
  assert.equal(out.heard.length, 1);
  const [{ at, ...change }] = out.heard;
  const { kind, source, version, previousVersion } = change;
  assert.deepEqual({ kind, source, version, previousVersion }, { kind: 'rotated', source: 'aws', version: out.version, previousVersion: out.before });
  assert.ok(Math.abs(Date.parse(at) - Date.now()) < 600_000);
  assert.equal(out.missed, 0);
});

test('both gives the current value and the one before, of a key too', { skip }, async () => {
  const out = await program(
    `
    t.init();
    const first = await t.both(NAME);
    await rotate(NAME, '{"password":"second"}');
    await t.refreshSecret(NAME);
    const { current, previous } = await t.both(NAME);
    const keyed = await t.both(NAME, { key: 'password' });
    answer({ lone: [first.current.reveal(), 'previous' in first], current: current.reveal(), previous: previous?.reveal(), stages: [current.stages, previous?.stages],
      keyed: [keyed.current.reveal(), keyed.previous?.reveal()], accessor: (await t.defineSecrets({ a: NAME }).a.both()).previous?.reveal() });`,
    { NAME: await create('{"password":"first"}') },
  );
  assert.deepEqual(out.lone, ['{"password":"first"}', false]);
  assert.deepEqual([out.current, out.previous], ['{"password":"second"}', '{"password":"first"}']);
  assert.ok(out.stages[0].includes('AWSCURRENT') && out.stages[1].includes('AWSPREVIOUS'));
  assert.deepEqual(out.keyed, ['second', 'first']);
  assert.equal(out.accessor, '{"password":"first"}');
});

test('refresh reads the newest, whatever is at hand', { skip }, async () => {
  const out = await program(
    `
    t.init();
    await t.getSecret(NAME);
    await rotate(NAME, 'new');
    const seen = [t.peek(NAME).reveal(), (await t.refreshSecret(NAME)).reveal(), t.peek(NAME).reveal(), await calls()];
    await mode({ mode: '500' });
    const error = await t.refreshSecret(NAME, { deadline: 500 }).catch((error) => error);
    answer([...seen, error.code, t.peek(NAME).reveal()]);`,
    { NAME: await create('old') },
  );
  assert.deepEqual(out, ['old', 'new', 'new', 2, 'unavailable', 'new']);
});

test('a refused credential is read again once, and the call made again with the new one', { skip }, async () => {
  const out = await program(
    `
    t.init();
    const refusals = {
      fetch: () => new Response('no', { status: 401 }),
      status: () => { throw Object.assign(new Error('no'), { status: 403 }); },
      statusCode: async () => { throw { statusCode: 401 }; },
      axios: () => { throw Object.assign(new Error('no'), { response: { status: 401 } }); },
      postgres: () => { throw Object.assign(new Error('password authentication failed'), { code: '28P01' }); },
      cause: () => { throw new Error('query', { cause: Object.assign(new Error('no'), { code: '28000' }) }); },
      grpc: () => { throw Object.assign(new Error('no'), { code: 16, metadata: {} }); },
      aws: () => { throw Object.assign(new Error('no'), { name: 'UnrecognizedClientException', $metadata: { httpStatusCode: 400 } }); },
    };
    const seen = {};
    for (const [kind, refuse] of Object.entries(refusals)) {
      const name = NAMES[kind];
      await t.getSecret(name);
      await rotate(name, 'new');
      const used = [];
      const result = await t.withSecret(name, (secret) => {
        used.push(secret.reveal());
        return secret.reveal() === 'old' ? refuse() : 'done';
      });
      seen[kind] = [result, used];
    }
    answer({ seen, calls: await calls() });`,
    {
      NAMES: Object.fromEntries(
        await Promise.all(['fetch', 'status', 'statusCode', 'axios', 'postgres', 'cause', 'grpc', 'aws'].map(async (kind) => [kind, await create('old')])),
      ),
    },
  );
  for (const [kind, seen] of Object.entries(out.seen)) assert.deepEqual(seen, ['done', ['old', 'new']], kind);
  assert.equal(out.calls, 16);
});

test('without a newer value, or a refusal, the call\u2019s own outcome stands', { skip }, async () => {
  const out = await program(
    `
    t.init();
    const outcome = async (use, options) => {
      const before = await calls();
      let used = 0;
      const settled = await t.withSecret(NAME, (secret) => { used += 1; return use(secret); }, options).then((value) => value?.status ?? value, (error) => error.message);
      return [settled, used, (await calls()) - before];
    };
    await t.getSecret(NAME);
    const fail = (fields) => () => { throw Object.assign(new Error('own'), fields); };
    const seen = {
      plain: await outcome(fail({})),
      teapot: await outcome(fail({ status: 418 })),
      number: await outcome(fail({ code: 16 })),
      ok: await outcome(() => new Response('yes', { status: 200 })),
      nothing: await outcome(() => undefined),
      refused: await outcome(fail({ status: 401 })),
      again: await outcome(fail({ status: 401 })),
      response: await outcome(() => new Response('no', { status: 401 })),
      off: await outcome(fail({ status: 401 }), { isRefused: () => false, isRefusedResult: () => false }),
      thrower: await outcome(fail({ status: 401 }), { isRefused: () => { throw new Error('of the predicate'); } }),
    };
    await rotate(NAME, 'new');
    await sleep(1100);
    seen.own = await outcome((secret) => (secret.reveal() === 'old' ? fail({ status: 418 })() : 'done'), { isRefused: (error) => error.status === 418 });
    await rotate(NAME, 'newer');
    await sleep(1100);
    seen.result = await outcome((secret) => ({ ok: secret.reveal() === 'newer', status: 9 }), { isRefusedResult: (result) => !result.ok });
    await rotate(NAME, '{"a":"b"}');
    await sleep(1100);
    await mode({ mode: '500' });
    seen.outage = await outcome(fail({ status: 401 }), { deadline: 500 });
    answer(seen);`,
    { NAME: await create('old') },
  );
  assert.deepEqual(out.plain, ['own', 1, 0]);
  assert.deepEqual(out.teapot, ['own', 1, 0]);
  assert.deepEqual(out.number, ['own', 1, 0]);
  assert.deepEqual(out.ok, [200, 1, 0]);
  assert.deepEqual(out.nothing.slice(1), [1, 0]);
  assert.deepEqual(out.refused, ['own', 1, 1]);
  // The newest was refused just now: it is not asked for again at once.
  assert.deepEqual(out.again, ['own', 1, 0]);
  assert.deepEqual(out.response, [401, 1, 0]);
  assert.deepEqual(out.off, ['own', 1, 0]);
  assert.deepEqual(out.thrower, ['of the predicate', 1, 0]);
  assert.deepEqual(out.own, ['done', 2, 1]);
  assert.deepEqual(out.result.slice(1), [2, 1]);
  assert.deepEqual(out.outage.slice(0, 2), ['own', 1]);
});

test('50 calls refused at one time are one reading', { skip }, async () => {
  const out = await program(
    `
    t.init();
    await t.getSecret(NAME, { key: 'password' });
    await rotate(NAME, '{"password":"new pearl"}');
    const before = await calls();
    const use = (secret) => { if (secret.reveal() === 'old pearl') throw { status: 401 }; return secret.reveal(); };
    const all = await Promise.all(Array.from({ length: 50 }, () => t.withSecret(NAME, use, { key: 'password' })));
    answer([[...new Set(all)], (await calls()) - before]);`,
    { NAME: await create('{"password":"old pearl"}') },
  );
  assert.deepEqual(out, [['new pearl'], 1]);
});

test('a subscription ends by break, close, its signal and shutdown, and hears of an eviction', { skip }, async () => {
  const out = await program(
    `
    t.init({ secrets: { ttl: 300 } });
    const seen = {};
    const broken = t.onSecretChange(NAME);
    const first = (async () => { for await (const change of broken) return change; })();
    await t.getSecret(NAME);
    await rotate(NAME, 'new');
    await t.refreshSecret(NAME);
    seen.broken = [(await first).kind, await broken.next()];
    const closed = t.onSecretChange();
    const waits = [closed.next(), closed.next()];
    closed.close();
    closed.close();
    seen.closed = await Promise.all(waits);
    const controller = new AbortController();
    const aborted = t.onSecretChange(undefined, { signal: controller.signal });
    const pending = aborted.next();
    controller.abort();
    seen.aborted = [await pending, await t.onSecretChange(undefined, { signal: controller.signal }).next()];
    const other = t.onSecretChange('another-name');
    const evictions = t.onSecretChange(NAME);
    const eviction = evictions.next();
    await mode({ mode: 'deleted' });
    await t.refreshSecret(NAME).catch(() => {});
    seen.eviction = [(await eviction).value.kind, t.peek(NAME) === undefined];
    const last = [other.next(), evictions.next()];
    t.shutdown();
    seen.last = await Promise.all(last);
    seen.after = await t.onSecretChange().return();
    answer(seen);`,
    { NAME: await create('old') },
  );
  const end = { done: true };
  assert.deepEqual(out, {
    broken: ['rotated', end],
    closed: [end, end],
    aborted: [end, end],
    eviction: ['evicted', true],
    last: [end, end],
    after: end,
  });
});
