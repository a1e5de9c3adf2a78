// What can be asked of a secret, by the vectors that every language answers alike.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import * as t from 'tallylight';

import { PACKAGE } from './support.mjs';

const vectors = JSON.parse(readFileSync(new URL('../tests/vectors/secret_requests.json', PACKAGE), 'utf8'));
const NUMBERS = new Map([['NaN', NaN], ['Infinity', Infinity]]);
const VALUE = '{"a": "b", "deep": {"a": "b"}}';

/** What a vector writes in place of what JSON cannot hold. */
function real(value) {
  if (Array.isArray(value)) return value.map(real);
  if (typeof value !== 'object' || value === null) return NUMBERS.get(value) ?? value;
  if (value.utf16 !== undefined) return String.fromCharCode(...value.utf16);
  if (value.bytes !== undefined) return new Uint8Array(value.bytes).fill(120);
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, real(one)]));
}

const rejection = (promise) => promise.then(() => assert.fail('it was answered'), (error) => error);
const thrown = (call) => {
  try {
    call();
  } catch (error) {
    return error;
  }
  return assert.fail('it was answered');
};

function isRefusal(error, Class, { says }, what) {
  assert.ok(error instanceof Class, `${what}: ${error}`);
  assert.ok(error.message.includes(says), `${what}: ${error.message}`);
}

test('requests: whatever is at hand', async () => {
  t.setSecretOverride('node-requests', VALUE);
  for (const options of vectors.requests.valid) await t.getSecret('node-requests', options);
  for (const vector of vectors.requests.invalid) {
    const options = real(vector.options);
    const what = JSON.stringify(vector);
    const refused = [await rejection(t.getSecret('node-requests', options))];
    const fits = (...known) => Object.keys(options).every((option) => known.includes(option));
    if (fits('key', 'stage', 'version', 'maxAge')) {
      refused.push(thrown(() => t.peek('node-requests', options)), thrown(() => t.getSecretSync('node-requests', options)));
    }
    if (fits('key', 'stage', 'version', 'deadline')) refused.push(await rejection(t.refreshSecret('node-requests', options)));
    if (fits('key', 'maxAge', 'deadline')) {
      refused.push(await rejection(t.both('node-requests', options)));
      refused.push(await rejection(t.withSecret('node-requests', () => assert.fail('called'), options)));
    }
    for (const error of refused) isRefusal(error, t.InvalidValueError, vector, what);
  }
});

test('names: text that is no Unicode is no other name', async () => {
  for (const vector of vectors.names) {
    const name = real(vector.name);
    const what = JSON.stringify(vector);
    for (const call of [t.getSecret, t.refreshSecret, t.both, (given) => t.withSecret(given, () => {}), (given) => t.prefetchSecrets([given])]) {
      isRefusal(await rejection(call(name)), t.InvalidNameError, vector, what);
    }
    const calls = [t.getSecretSync, t.peek, t.clearSecretOverride, (given) => t.setSecretOverride(given, 'x'), t.onSecretChange];
    for (const call of calls) isRefusal(thrown(() => call(name)), t.InvalidNameError, vector, what);
  }
});

test('overrides: the one before stands', () => {
  t.setSecretOverride('node-overrides', 'before');
  for (const vector of vectors.overrides) {
    isRefusal(thrown(() => t.setSecretOverride('node-overrides', real(vector.value))), t.InvalidValueError, vector, JSON.stringify(vector));
  }
  assert.equal(t.getSecretSync('node-overrides').reveal(), 'before');
  const lone = thrown(() => t.getSecretSync('node-overrides').jsonKey('\ud800'));
  assert.ok(lone instanceof t.InvalidValueError && lone.message.includes('lone surrogate'), String(lone));
});

test('definitions', async () => {
  for (const { definition, name, key } of vectors.definitions.valid) {
    const { one } = t.defineSecrets({ one: definition });
    assert.equal(one.secretName, name);
    assert.equal(one.key ?? null, key);
    // An accessor is a definition too.
    assert.equal(t.defineSecrets({ other: one }).other.key, one.key);
  }
  for (const { definition, error } of vectors.definitions.invalid) {
    const refused = thrown(() => t.defineSecrets({ one: real(definition) }));
    assert.equal(refused.code, error, `${JSON.stringify(definition)}: ${refused}`);
  }
});

test('settings', () => {
  for (const vector of vectors.settings) {
    isRefusal(thrown(() => t.init({ secrets: real(vector.settings) })), t.InvalidConfigError, vector, JSON.stringify(vector));
  }
});
