// The cache against moto: one call for many readers, hits without one, keys, binaries, prefetch.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { create, program, skip, unique } from './servers.mjs';

test('1,000 first readers at one time are one call, and 1,000 at expiry one more', { skip }, async () => {
  const out = await program(
    `
    t.init({ secrets: { ttl: 1000, maxStale: 600000 } });
    const read = () => Promise.all(Array.from({ length: 1000 }, () => t.getSecret(NAME)));
    const seen = [new Set((await read()).map((one) => one.reveal())).size, await calls()];
    await sleep(1200);
    const atExpiry = await read();
    seen.push(new Set(atExpiry.map((one) => one.version)).size);
    await until(async () => (await calls()) >= 2);
    await sleep(50);
    seen.push(await calls());
    answer({ seen, secrets: t.status().secrets });`,
    { NAME: await create() },
  );
  assert.deepEqual(out.seen, [1, 1, 1, 2]);
  // The first answer may come while the thousand still ask.
  assert.equal(out.secrets.hits + out.secrets.misses, 2000);
  assert.ok(out.secrets.misses >= 1 && out.secrets.misses <= 1000);
});

test('1,000 readers of a value past its maximum staleness wait for one call', { skip }, async () => {
  const out = await program(
    `
    t.init({ secrets: { ttl: 200, maxStale: 250 } });
    await t.getSecret(NAME);
    await sleep(700);
    const before = await calls();
    const all = await Promise.all(Array.from({ length: 1000 }, () => t.getSecret(NAME)));
    answer([all.length, (await calls()) - before]);`,
    { NAME: await create() },
  );
  assert.deepEqual(out, [1000, 1]);
});

test('100 reads of a missing secret are one call', { skip }, async () => {
  const out = await program(
    `
    t.init();
    const together = await Promise.allSettled(Array.from({ length: 50 }, () => t.getSecret(NAME)));
    const after = [];
    for (let i = 0; i < 50; i++) after.push(await t.getSecret(NAME).catch((error) => error));
    const errors = [...together.map((one) => one.reason), ...after];
    answer({ calls: await calls(), all: errors.every((error) => error instanceof t.NotFoundError), names: [...new Set(errors.map((error) => error.details.name))] });`,
    { NAME: unique('missing') },
  );
  assert.equal(out.calls, 1);
  assert.equal(out.all, true);
  assert.equal(out.names.length, 1);
});

test('a hit makes no call, native or other, and is counted once', { skip }, async () => {
  for (const env of [{}, { TALLYLIGHT_NO_EXTERNAL_BUFFERS: '1' }]) {
    const out = await program(
      `
      t.init();
      const { addon } = (t.status(), globalThis[Symbol.for('tallylight.1')]);
      const first = await t.getSecret(NAME);
      const kept = t.peek(NAME);
      const before = t.status().secrets.hits;
      const asked = [];
      const { native } = addon;
      addon.native = undefined;
      for (let i = 0; i < 100; i++) {
        if (t.peek(NAME) !== kept || (await t.getSecret(NAME)) !== kept || t.getSecretSync(NAME) !== kept) throw new Error('another');
      }
      addon.native = native;
      const hits = t.status().secrets.hits - before;
      answer([hits, await calls(), kept.version === first.version, kept.reveal()]);`,
      { NAME: await create('kept'), env },
    );
    assert.deepEqual(out, [300, 1, true, 'kept']);
  }
});

test('an override is answered first in the very next call, and its end too', { skip }, async () => {
  for (const env of [{}, { TALLYLIGHT_NO_EXTERNAL_BUFFERS: '1' }]) {
    const out = await program(
      `
      t.init();
      await t.getSecret(NAME);
      const seen = [t.peek(NAME).reveal()];
      t.setSecretOverride(NAME, 'mine');
      seen.push(t.peek(NAME).reveal(), (await t.getSecret(NAME)).source, t.getSecretSync(NAME).reveal());
      t.clearSecretOverride(NAME);
      seen.push(t.peek(NAME).reveal(), (await t.getSecret(NAME)).source);
      answer(seen);`,
      { NAME: await create('theirs'), env },
    );
    assert.deepEqual(out, ['theirs', 'mine', 'override', 'mine', 'theirs', 'aws']);
  }
});

test('name, ARN, stage and version lead to the same value; the facts are AWS\u2019s', { skip }, async () => {
  const out = await program(
    `
    t.init();
    const secret = await t.getSecret(NAME);
    const { source, version, stages, arn, region, isBinary } = secret;
    const others = await Promise.all([
      t.getSecret(arn), t.getSecret(NAME, { stage: 'AWSCURRENT' }), t.getSecret(NAME, { version }),
    ]);
    answer({ source, version: typeof version, stages, arn: arn.includes(NAME), region, isBinary, young: secret.age < 60000,
      others: others.map((one) => one.reveal()), none: (await t.getSecret(NAME, { stage: 'NONE' }).catch((error) => error)).code });`,
    { NAME: await create('the one') },
  );
  assert.deepEqual(out, {
    source: 'aws', version: 'string', stages: ['AWSCURRENT'], arn: true, region: 'us-east-1', isBinary: false, young: true,
    others: ['the one', 'the one', 'the one'], none: 'not_found',
  });
});

test('one key of a JSON secret, without a second call', { skip }, async () => {
  const out = await program(
    `
    t.init();
    const secrets = t.defineSecrets({ whole: NAME, password: { name: NAME, key: 'password' }, missing: { name: NAME, key: 'pass' } });
    const values = [(await secrets.password()).reveal(), secrets.password.peek().reveal(), secrets.password.sync().reveal()];
    values.push((await t.getSecret(NAME, { key: 'user' })).reveal(), (await secrets.whole()).jsonKey('user').reveal());
    const missing = await secrets.missing().catch((error) => error);
    const text = await t.getSecret(TEXT, { key: 'password' }).catch((error) => error);
    answer({ values, calls: await calls(), missing: [missing.code, missing.message], peek: secrets.missing.peek() === undefined,
      text: [text.code, text.message], names: [secrets.password.secretName === NAME, secrets.password.key] });`,
    { NAME: await create('{"user":"ann","password":"pearl diver"}'), TEXT: await create('plain text value') },
  );
  assert.deepEqual(out.values, ['pearl diver', 'pearl diver', 'pearl diver', 'ann', 'ann']);
  assert.equal(out.calls, 2);
  assert.equal(out.missing[0], 'not_found');
  assert.match(out.missing[1], /password, user|user, password/);
  assert.doesNotMatch(out.missing[1], /pearl/);
  assert.equal(out.peek, true);
  assert.equal(out.text[0], 'invalid_value');
  assert.doesNotMatch(out.text[1], /plain text/);
  assert.deepEqual(out.names, [true, 'password']);
});

test('a binary secret, and the longest one', { skip }, async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  const out = await program(
    `
    t.init();
    const binary = await t.getSecret(BINARY);
    let error;
    try { binary.reveal(); } catch (caught) { error = caught; }
    const long = await t.getSecret(LONG);
    answer({ bytes: [...binary.revealBytes()], isBinary: binary.isBinary, error: [error.code, error.message], length: long.reveal().length });`,
    { BINARY: await create(bytes), LONG: await create('y'.repeat(65_536)) },
  );
  assert.deepEqual(out.bytes, [...bytes]);
  assert.equal(out.isBinary, true);
  assert.equal(out.error[0], 'invalid_value');
  assert.equal(out.length, 65_536);
});

test('prefetch answers for each name, in batches, and the next reader waits for nothing', { skip }, async () => {
  const names = [];
  for (let i = 0; i < 25; i++) names.push(await create(`value ${i}`));
  const missing = unique('missing');
  const out = await program(
    `
    t.init({ secrets: { declared: NAMES.slice(0, 2) } });
    const all = await t.prefetchSecrets(new Set([...NAMES, MISSING]));
    const counted = (await counts()).by_operation;
    const values = NAMES.map((name) => all[name].reveal());
    answer({ values, warm: NAMES.every((name) => t.peek(name).reveal() === all[name].reveal()), missing: all[MISSING].code,
      isError: all[MISSING] instanceof t.TallylightError, counted, size: Object.keys(all).length,
      declared: Object.keys(await t.prefetchSecrets()) });`,
    { NAMES: names, MISSING: missing },
  );
  assert.deepEqual(out.values, names.map((_, i) => `value ${i}`));
  assert.equal(out.warm, true);
  assert.equal(out.missing, 'not_found');
  assert.equal(out.isError, true);
  assert.equal(out.size, 26);
  assert.equal(out.counted.BatchGetSecretValue, 2);
  assert.deepEqual(out.declared.sort(), [...names.slice(0, 2), 'cineview-ai-engine-api', 'cineview-gemini-api', 'cineview-supabase-service-role'].sort());
});

test('maxAge reads again what is older; a deadline bounds the wait', { skip }, async () => {
  const out = await program(
    `
    t.init();
    await t.getSecret(NAME);
    await sleep(60);
    await t.getSecret(NAME, { maxAge: 100000 });
    const seen = [await calls()];
    await t.getSecret(NAME, { maxAge: 20 });
    seen.push(await calls());
    await mode({ mode: 'hang' });
    const start = performance.now();
    const error = await t.getSecret(OTHER, { deadline: 200 }).catch((error) => error);
    answer({ seen, code: error.code, name: error.details.name === OTHER, waited: performance.now() - start });`,
    { NAME: await create(), OTHER: await create() },
  );
  assert.deepEqual(out.seen, [1, 2]);
  assert.equal(out.code, 'timeout');
  assert.equal(out.name, true);
  assert.ok(out.waited < 3_000, `waited ${out.waited} ms`);
});

test('a secret file comes before AWS, without its trailing newline; a directory says what to do', { skip }, async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'tallylight-secret-'));
  try {
    writeFileSync(path.join(folder, 'value'), 'from the file\n\n');
    const out = await program(
      `
      t.init();
      const secret = await t.getSecret('node-in-a-file');
      const error = await t.getSecret('node-in-a-folder').catch((error) => error);
      answer({ value: secret.reveal(), source: secret.source, code: error.code, details: error.details, calls: await calls() });`,
      { env: { NODE_IN_A_FILE_FILE: path.join(folder, 'value'), NODE_IN_A_FOLDER_FILE: folder } },
    );
    assert.equal(out.value, 'from the file\n');
    assert.equal(out.source, 'file');
    assert.equal(out.calls, 0);
    assert.equal(out.code, 'invalid_value');
    assert.deepEqual(out.details, { name: 'node-in-a-folder', path: folder });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a variable answers in development only', { skip }, async () => {
  const code = `
    t.init();
    const answered = await t.getSecret('node-of-env', { deadline: 2000 }).then((secret) => [secret.source, secret.reveal()], (error) => [error.code]);
    answer(answered);`;
  const env = { NODE_OF_ENV: 'from the variable' };
  assert.deepEqual(await program(code, { env: { ...env, TALLYLIGHT_ENVIRONMENT: 'development' } }), ['environment', 'from the variable']);
  assert.deepEqual(await program(code, { env: { ...env, TALLYLIGHT_ENVIRONMENT: 'production' } }), ['not_found']);
});
