// A canary goes through every path there is; then all output is searched for it and its encodings.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';

import { create, skip, transcript } from './servers.mjs';
import { run } from './support.mjs';

/** A value that every encoding changes, and that no other text holds. */
const canary = () => `canary/${randomUUID()}+"of the\\leak hunt"&é`;

/** What a value may look like in output. */
function forms(value) {
  const bytes = Buffer.from(value);
  // Whatever stands before it, some of these is in it: base64 at each of the three alignments.
  const base64 = [0, 1, 2].map((before) => Buffer.concat([Buffer.alloc(before, 1), bytes]).toString('base64').slice(before === 0 ? 0 : 4, -4));
  const json = JSON.stringify(value).slice(1, -1);
  const uuid = /[0-9a-f-]{36}/.exec(value)[0];
  return [uuid, value, json, JSON.stringify(json).slice(1, -1), encodeURIComponent(value), bytes.toString('hex'), ...base64, ...base64.map((one) => one.replaceAll('+', '-').replaceAll('/', '_'))];
}

function assertNoLeak(output, value) {
  for (const form of forms(value)) {
    const at = output.indexOf(form);
    assert.equal(at, -1, `leaked as ${form} in: ${output.slice(Math.max(0, at - 200), at + 200)}`);
  }
}

test('the search finds what it looks for', () => {
  const value = canary();
  for (const leak of [value, JSON.stringify({ deep: JSON.stringify({ value }) }), `x=${encodeURIComponent(value)}`, Buffer.from(`user:${value}`).toString('base64'), Buffer.from(`x${value}x`).toString('base64url')]) {
    assert.throws(() => assertNoLeak(`before ${leak} after`, value), /leaked/);
  }
});

test('a canary on every path is in no output', { skip }, async () => {
  const value = canary();
  const json = canary();
  const folder = mkdtempSync(path.join(tmpdir(), 'tallylight-leak-'));
  const cacheFile = path.join(folder, 'sealed');
  try {
    const { code, stdout, stderr } = await transcript(
      `
      import util from 'node:util';
      import v8 from 'node:v8';
      import assert from 'node:assert';
      import { once } from 'node:events';
      import { worker } from './tests/support.mjs';
      const client = t.init({ secrets: { ttl: 400, maxStale: 900, deadline: 500, cacheFile: FILE, cacheKey: Buffer.alloc(32, 3) } });
      const secret = await client.getSecret(NAME);
      if (secret.reveal().length < 50) throw new Error('no canary');
      const keyed = await t.getSecret(JSON_NAME, { key: 'password' });
      const text = (one) => { try { return \`\${one}\`; } catch (error) { return error; } };
      const show = (...values) => {
        for (const one of values) {
          console.log(one); console.error(one); console.info('%s %o %O %j %d', one, one, one, one, one); console.dir(one, { showHidden: true, depth: 9 });
          console.log(util.inspect(one, { showHidden: true, customInspect: false, getters: true, depth: 9 }));
          console.log(text(one), JSON.stringify({ one }), JSON.stringify([one], null, 2));
          console.log(Object.entries(Object(one)), { ...Object(one) });
        }
        console.table(values); console.group(values); console.groupEnd(); console.trace(values); console.assert(false, values);
      };
      const caught = async (call) => { try { return await call(); } catch (error) { return error; } };
      show(secret, keyed, { secret }, [keyed], new Map([[secret, keyed]]), new Set([secret]), Promise.resolve(secret), t.peek(NAME), await t.both(NAME), await t.prefetchSecrets([NAME, JSON_NAME]));
      show(new Error(\`failed with \${secret}\`, { cause: secret }), new AggregateError([secret, keyed], String(keyed)), Object.assign(new Error('x'), { secret }));
      show(await caught(() => assert.deepEqual({ secret }, { secret: keyed })), await caught(() => assert.equal(secret, keyed)), await caught(() => assert.ok(secret === keyed)));
      show(await caught(() => secret.jsonKey('password')), await caught(() => t.getSecret(JSON_NAME, { key: 'missing' })), await caught(() => keyed.jsonKey('deeper')), await caught(() => t.getSecret(NAME, { key: 'a' })));
      // The value where a name or a setting belongs.
      const value = secret.reveal();
      show(await caught(() => t.getSecret(value)), await caught(() => t.getSecretSync(value)), await caught(() => t.setSecretOverride(value, 'x')), await caught(() => t.refreshSecret(value)), await caught(() => t.prefetchSecrets([value])).then((all) => Object.values(all)));
      show(await caught(() => t.init({ secrets: { cacheKey: value } })), await caught(() => t.init({ secrets: { aliases: { a: value } } })), await caught(() => t.init({ secrets: { declared: [value] } })), await caught(() => t.init({ secrets: { ttl: value } })));
      show(await caught(() => t.getSecret(NAME, { maxAge: value })), await caught(() => t.defineSecrets({ a: { name: 5, key: value } })), await caught(() => t.withSecret(NAME, value)), await caught(() => t.onSecretChange(NAME, { signal: value })));
      show(await caught(() => t.withSecret(NAME, () => { throw secret; })), await caught(() => t.withSecret(NAME, async (one) => one)));
      show(t.status(), t.snapshot(), t.drops(), t.declaredSecrets(), client, { ...t }, t.defineSecrets({ a: NAME }), t.onSecretChange());
      show(globalThis[Symbol.for('tallylight.1')], v8.serialize([secret]).toString('latin1'), structuredClone({ secret }));
      const helper = worker("parentPort.once('message', async (sent) => { console.log(sent, await t.getSecret(workerData), t.peek(workerData)); parentPort.postMessage(sent); });", NAME);
      helper.postMessage({ secret });
      show((await once(helper, 'message'))[0]);
      await helper.terminate();
      // What logs the value itself is scrubbed, in every form.
      for (const form of [value, JSON.stringify(value), JSON.stringify({ deep: JSON.stringify(value) }), encodeURIComponent(value), Buffer.from('user:' + value).toString('base64'), Buffer.from(value).toString('base64url'), keyed.reveal(), JSON.stringify(keyed.reveal())]) {
        console.log(t.scrub('before ' + form + ' after'));
      }
      // Every kind of failure, with the value at hand and not.
      for (const fault of ['500', 'throttle', 'expired_token', 'garbage', 'hang', 'reset', 'access_denied', 'deleted']) {
        await mode({ mode: fault });
        show(await caught(() => t.refreshSecret(NAME)), await caught(() => t.getSecret(JSON_NAME, { key: 'password', maxAge: 0 })), t.status().secrets);
      }
      await mode();
      t.shutdown();
      show(await caught(() => t.getSecret(NAME)), t.status().secrets, secret);
      const report = process.report.getReport();
      console.log(JSON.stringify(report));
      process.on('exit', () => console.log('exits', secret));
      if (END === 'throw') throw secret;
      if (END === 'reject') Promise.reject(Object.assign(new Error(String(secret)), { secret, keyed }));
      if (END === 'nested') setTimeout(() => { throw new Error('uncaught', { cause: new AggregateError([secret]) }); });`,
      { NAME: await create(value), JSON_NAME: await create(JSON.stringify({ user: 'ann', password: json })), FILE: cacheFile, END: 'reject' },
    );
    assert.equal(code, 1, stderr);
    assert.match(stdout, /redacted/);
    assert.ok(stdout.includes('exits [Secret '), `it did not come to its end: ${stderr.slice(-3000)}`);
    const disk = readFileSync(cacheFile, 'latin1');
    for (const output of [stdout, stderr, disk]) {
      assertNoLeak(output, value);
      assertNoLeak(output, json);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('an uncaught secret, and one inside of an uncaught error, are printed by name', async () => {
  const value = canary();
  for (const end of ['throw secret;', 'throw new Error(`with ${secret}`, { cause: secret });', 'await Promise.reject(secret);', 'setTimeout(() => { throw new AggregateError([secret], String(secret)); });', 'queueMicrotask(() => { throw { secret }; });']) {
    const { code, stdout, stderr } = await run(
      `
      import * as t from 'tallylight';
      t.setSecretOverride('uncaught', ${JSON.stringify(value)});
      const secret = t.getSecretSync('uncaught');
      secret.reveal();
      ${end}`.replace(JSON.stringify(value), 'process.env.CANARY'),
      { env: { CANARY: value } },
    );
    assert.notEqual(code, 0);
    assert.match(stderr, /Secret|Error/);
    assertNoLeak(stdout + stderr, value);
  }
});
