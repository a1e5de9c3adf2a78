// What is wrong is said clearly, with a class for each kind, and never repeats what may be a value.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import * as t from 'tallylight';

import { internals, json, PACKAGE } from './support.mjs';

const vectors = JSON.parse(readFileSync(new URL('../tests/vectors/secret_names.json', PACKAGE), 'utf8'));

/** A vector's text: itself, parts of it, or a character many times. */
function text(value) {
  if (typeof value === 'string') return value;
  return Array.isArray(value) ? value.map(text).join('') : value.chars.repeat(value.times);
}

const rejection = (promise) => promise.then(() => assert.fail('it was answered'), (error) => error);

test('names: what all languages take and refuse', async () => {
  for (const { input } of vectors.valid) {
    const name = text(input);
    t.setSecretOverride(name, 'value of a vector');
    assert.equal((await t.getSecret(name)).name, name);
    t.clearSecretOverride(name);
  }
  for (const { input, error: code, says } of vectors.invalid) {
    const name = text(input);
    const error = await rejection(t.getSecret(name));
    assert.ok(error instanceof t.InvalidNameError, `${name}: ${error}`);
    assert.equal(error.code, code);
    assert.ok(error.message.includes(says), `${name}: ${error.message}`);
    assert.equal(t.peek(name), undefined);
    for (const call of [() => t.getSecretSync(name), () => t.setSecretOverride(name, 'x')]) assert.throws(call, t.InvalidNameError);
    const calls = [t.refreshSecret(name), t.both(name), t.withSecret(name, () => assert.fail('called'))];
    for (const call of calls) assert.ok((await rejection(call)) instanceof t.InvalidNameError);
    assert.ok((await t.prefetchSecrets([name]))[name] instanceof t.InvalidNameError);
  }
});

test('names that are no text', async () => {
  const hostile = { toString: () => assert.fail('it was asked'), valueOf: () => assert.fail('it was asked') };
  for (const name of [undefined, null, 5, NaN, 5n, true, Symbol('s'), {}, [], ['a'], () => 'a', Buffer.from('a'), new String('a'), hostile]) {
    for (const call of [t.getSecret, t.refreshSecret, t.both, (given) => t.withSecret(given, () => {}), (given) => t.prefetchSecrets([given])]) {
      assert.ok((await rejection(call(name))) instanceof t.InvalidNameError);
    }
    for (const call of [t.getSecretSync, t.peek, t.clearSecretOverride, (given) => t.setSecretOverride(given, 'x'), (given) => t.defineSecrets({ given: { name: given } })]) {
      assert.throws(() => call(name), t.InvalidNameError);
    }
  }
  for (const names of ['cineview-gemini-api', 5, null, {}]) {
    assert.ok((await rejection(t.prefetchSecrets(names))) instanceof t.InvalidNameError);
  }
  assert.deepEqual({ ...(await t.prefetchSecrets([])) }, {});
});

test('options that are none', async () => {
  const bad = [
    [null, /must be an object/],
    ['key', /must be an object/],
    [[], /must be an object/],
    [5, /must be an object/],
    [{ kye: 'password' }, /no option "kye"; it knows key, stage, version, maxAge, deadline/],
    [{ ['k'.repeat(500)]: 1 }, /no option "k{40}\.\.\."/],
    [{ key: '' }, /key of getSecret must be text, not empty/],
    [{ key: 5 }, /key of getSecret must be text, not 5/],
    [{ stage: null }, /stage of getSecret must be text, not null/],
    [{ version: ['x'] }, /version of getSecret must be text, not an array/],
    [{ maxAge: NaN }, /maxAge of getSecret must be a number of milliseconds from 0 upwards, not NaN/],
    [{ maxAge: -1 }, /maxAge/],
    [{ maxAge: '5' }, /maxAge/],
    [{ deadline: NaN }, /deadline of getSecret must be a number of milliseconds from 1 to 600000, not NaN/],
    [{ deadline: 0 }, /deadline/],
    [{ deadline: Infinity }, /deadline/],
    [{ deadline: 600_001 }, /deadline/],
    [{ deadline: 5n }, /deadline/],
  ];
  t.setSecretOverride('node-options', '{"a":"b"}');
  await t.getSecret('node-options');
  for (const [options, says] of bad) {
    // Also of a secret that is at hand: what is wrong does not depend on the cache.
    const error = await rejection(t.getSecret('node-options', options));
    assert.ok(error instanceof t.InvalidValueError, String(error));
    assert.match(error.message, says);
  }
  assert.throws(() => t.peek('node-options', { deadline: 5 }), /peek has no option "deadline"/);
  assert.throws(() => t.getSecretSync('node-options', { deadline: 5 }), t.InvalidValueError);
  assert.ok((await rejection(t.refreshSecret('node-options', { maxAge: 5 }))) instanceof t.InvalidValueError);
  assert.ok((await rejection(t.both('node-options', { stage: 'AWSPENDING' }))) instanceof t.InvalidValueError);
  for (const options of [{ isRefused: 5 }, { isRefusedResult: 'x' }, { stage: 'x' }, null]) {
    assert.ok((await rejection(t.withSecret('node-options', () => {}, options))) instanceof t.InvalidValueError);
  }
  assert.ok((await rejection(t.withSecret('node-options'))) instanceof t.InvalidValueError);
  for (const definition of [null, 5, 'x', ['a']]) assert.throws(() => t.defineSecrets(definition), t.InvalidValueError);
  assert.throws(() => t.defineSecrets({ a: { name: 'a', kye: 'b' } }), /the secret a has no option "kye"/);
  assert.throws(() => t.defineSecrets({ a: { name: 'a', key: '' } }), t.InvalidValueError);
  for (const signal of [5, {}, null]) assert.throws(() => t.onSecretChange(undefined, { signal }), t.InvalidValueError);
  for (const value of [undefined, null, 5, {}, ['a']]) {
    assert.throws(() => t.setSecretOverride('node-options', value), t.InvalidValueError);
    assert.throws(() => t.scrub(value), t.InvalidValueError);
  }
  // An option that is undefined is one that is not given.
  assert.equal((await t.getSecret('node-options', { key: undefined, deadline: undefined })).reveal(), '{"a":"b"}');
});

test('values that are too long', () => {
  t.setSecretOverride('node-long', 'x'.repeat(65_536));
  assert.throws(() => t.setSecretOverride('node-long', 'x'.repeat(65_537)), t.InvalidValueError);
  assert.equal(t.getSecretSync('node-long').byteLength, 65_536);
});

test('settings that are none', () => {
  for (const [secrets, says] of [
    [null, /secrets must be an object/],
    [[], /secrets must be an object/],
    ['x', /secrets must be an object/],
    [{ tll: 5 }, /no option "secrets.tll"; secrets knows sources, ttl/],
    [{ ttl: '5' }, /secrets.ttl must be a whole number/],
    [{ ttl: NaN }, /secrets.ttl must be a whole number/],
    [{ ttl: 1 }, /secrets.ttl .*give a number from 100/],
    [{ ttl: 5_000, maxStale: 200 }, /secrets.max_stale is shorter/],
    [{ sources: 'aws' }, /secrets.sources must be a list/],
    [{ sources: ['aws', 'vault'] }, /no source "vault"/],
    [{ sources: [] }, /no source of secrets is on/],
    [{ region: 5 }, /secrets.region must be text/],
    [{ aliases: { a: [5] } }, /secrets.aliases must be/],
    [{ aliases: { a: 'no alias' } }, /an alias is the name of an environment variable/],
    [{ declared: ['no name'] }, /secrets.declared/],
    [{ cacheFile: '/tmp/x' }, /cache_key/],
    [{ cacheKey: new Uint8Array(5) }, /32/],
    [{ cacheKey: 5 }, /secrets.cacheKey must be 32 bytes/],
  ]) {
    assert.throws(
      () => t.init({ secrets }),
      (error) => error instanceof t.InvalidConfigError && says.test(error.message),
      JSON.stringify(secrets),
    );
  }
});

test('settings are taken, and other ones are a conflict that shows no value', async () => {
  const out = await json(`
    import * as t from 'tallylight';
    const secrets = { sources: ['override'], ttl: 60000, declared: ['prod/db'], aliases: { 'prod/db': 'DB_KEY' }, cacheKey: Buffer.alloc(32, 7), region: undefined };
    t.init({ secrets });
    t.init({ secrets });
    let conflict;
    try { t.init({ secrets: { ...secrets, cacheKey: Buffer.alloc(32, 8) } }); } catch (error) { conflict = error; }
    const missing = await t.getSecret('prod/db').catch((error) => error);
    console.log(JSON.stringify({
      sources: t.status().secrets.sources, declared: t.declaredSecrets().at(-1),
      conflict: [conflict.code, conflict.message], missing: missing.code,
    }));`);
  assert.deepEqual(out.sources, ['override']);
  assert.deepEqual(out.declared, { name: 'prod/db', aliases: ['DB_KEY'], description: '' });
  assert.equal(out.conflict[0], 'conflict');
  assert.match(out.conflict[1], /\(secrets\)/);
  assert.doesNotMatch(out.conflict[1], /0707|0808/);
  assert.equal(out.missing, 'not_found');
});

test('errors carry what is known beside the message', async () => {
  const error = new t.DeniedError('no', { details: { name: 'a', requestId: 'r' }, cause: 1 });
  assert.deepEqual({ ...error.details }, { name: 'a', requestId: 'r' });
  assert.equal(error.cause, 1);
  assert.throws(() => (error.details.name = 'b'), TypeError);
  assert.deepEqual({ ...new t.ClosedError('x').details }, {});
  assert.ok(!('cause' in new t.ClosedError('x', {})));
  const { fromNative } = await internals('errors');
  const crossed = fromNative(Object.assign(new Error('m'), { code: 'unavailable\n{"aws_code":"X","request_id":"r"}' }));
  assert.ok(crossed instanceof t.UnavailableError);
  assert.equal(crossed.code, 'unavailable');
  assert.deepEqual({ ...crossed.details }, { awsCode: 'X', requestId: 'r' });
});
