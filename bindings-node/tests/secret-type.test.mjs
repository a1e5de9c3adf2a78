// A secret shows itself to nobody who does not say `reveal`.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import util from 'node:util';
import v8 from 'node:v8';

import * as t from 'tallylight';

import { worker, endWorkers } from './support.mjs';

const cjs = createRequire(import.meta.url)('tallylight');
const NAME = 'node-type-test';
const VALUE = 'canary-of-the-type-test';
const REDACTED = `[Secret ${NAME}: redacted]`;

t.setSecretOverride(NAME, VALUE);
const secret = t.getSecretSync(NAME);

test('whatever prints it prints its name', () => {
  for (const shown of [
    String(secret),
    `${secret}`,
    secret + '',
    secret.toLocaleString(),
    util.inspect(secret),
    util.inspect(secret, { showHidden: true, depth: null, showProxy: true }),
    util.format('%s', secret),
    util.format('%o', secret),
    util.format('%O', secret),
    util.inspect(new Proxy(secret, {})).replace('[Secret: redacted]', REDACTED),
  ]) {
    assert.equal(shown, REDACTED);
  }
  assert.equal(JSON.stringify({ deep: [secret] }), JSON.stringify({ deep: [REDACTED] }));
  assert.equal(util.format('%j', secret), JSON.stringify(REDACTED));
  assert.equal(util.format('%d', secret), 'NaN');
  assert.equal(util.inspect(new Map([['key', { secret }]])), `Map(1) { 'key' => { secret: ${REDACTED} } }`);
  assert.equal(Object.prototype.toString.call(secret), '[object Secret]');
});

test('nothing of it is copied along', async () => {
  assert.deepEqual(Object.keys(secret), []);
  assert.deepEqual(Reflect.ownKeys(secret), []);
  assert.deepEqual({ ...secret }, {});
  assert.deepEqual(structuredClone(secret), {});
  for (const bytes of [v8.serialize(secret), v8.serialize({ secret })]) {
    assert.ok(!bytes.toString('latin1').includes(VALUE));
    assert.ok(!bytes.toString('utf16le').includes(VALUE));
  }
  const helper = worker(`parentPort.once('message', (sent) => parentPort.postMessage(Object.keys(sent)));`);
  helper.postMessage(secret);
  const received = await new Promise((resolve) => helper.once('message', resolve));
  assert.deepEqual(received, []);
  await endWorkers();
});

test('inspecting around it throws nothing and shows nothing', () => {
  const around = [Object.create(secret), t.Secret.prototype, new Proxy(secret, {}), t.Secret, Object.assign(Object.create(secret), { a: 1 })];
  for (const one of around) {
    for (const options of [{}, { customInspect: false, showHidden: true, getters: true, depth: 5 }]) {
      assert.ok(!util.inspect(one, options).includes(VALUE));
    }
  }
  assert.ok(!util.inspect(secret, { customInspect: false, showHidden: true, getters: true, depth: 5 }).includes(VALUE));
  assert.throws(
    () => assert.deepEqual({ secret }, { secret: 1 }),
    (error) => !`${error.message}${util.inspect(error)}`.includes(VALUE),
  );
});

test('revealing is explicit, and the facts are plain', () => {
  assert.equal(secret.reveal(), VALUE);
  assert.equal(secret.reveal(), VALUE);
  assert.deepEqual(Buffer.from(secret.revealBytes()).toString(), VALUE);
  const { name, source, version, stages, arn, region, isBinary, byteLength } = secret;
  assert.deepEqual(
    { name, source, version, stages, arn, region, isBinary, byteLength },
    { name: NAME, source: 'override', version: undefined, stages: [], arn: undefined, region: undefined, isBinary: false, byteLength: VALUE.length },
  );
  assert.ok(secret.fetchedAt instanceof Date);
  assert.ok(secret.age >= 0 && secret.age < 600_000);
  const copy = secret.revealBytes();
  copy.fill(0);
  assert.equal(Buffer.from(secret.revealBytes()).toString(), VALUE);
});

test('bytes that are no text are revealed as bytes only', () => {
  const bytes = Uint8Array.of(0xff, 0, 0xfe, 1);
  t.setSecretOverride('node-binary', bytes);
  const binary = t.getSecretSync('node-binary');
  assert.equal(binary.isBinary, true);
  assert.throws(() => binary.reveal(), t.InvalidValueError);
  assert.deepEqual(binary.revealBytes(), bytes);
  t.setSecretOverride('node-empty', '{"nothing":""}');
  assert.equal(t.getSecretSync('node-empty').jsonKey('nothing').reveal(), '');
});

test('a key of a JSON secret', () => {
  t.setSecretOverride('node-json', JSON.stringify({ user: 'ann', port: 5432, deep: { '/odd': ['x', 'pearl'] }, none: null }));
  const json = t.getSecretSync('node-json');
  assert.equal(json.jsonKey('user').reveal(), 'ann');
  assert.equal(json.jsonKey('port').reveal(), '5432');
  assert.equal(json.jsonKey('/deep/~1odd/1').reveal(), 'pearl');
  assert.equal(String(json.jsonKey('user')), '[Secret node-json: redacted]');
  assert.equal(t.getSecretSync('node-json', { key: 'user' }).reveal(), 'ann');
  assert.equal(t.peek('node-json', { key: 'user' }), t.peek('node-json', { key: 'user' }));
  assert.throws(() => json.jsonKey('password'), (error) => error instanceof t.NotFoundError && /user/.test(error.message) && error.details.name === 'node-json');
  assert.throws(() => json.jsonKey('none'), t.InvalidValueError);
  assert.throws(() => secret.jsonKey('user'), (error) => error instanceof t.InvalidValueError && !error.message.includes(VALUE));
  assert.throws(() => json.jsonKey(5), t.InvalidValueError);
});

test('a secret of one copy of the package is one of the other\u2019s', () => {
  assert.notEqual(cjs.Secret, t.Secret);
  assert.ok(secret instanceof cjs.Secret);
  assert.ok(cjs.getSecretSync(NAME) instanceof t.Secret);
  for (const value of [null, 5, {}, [], 'x', new Error('x')]) assert.ok(!(value instanceof t.Secret));
  class Own extends t.Secret {}
  assert.ok(!(secret instanceof Own));
});
