// The fault table: what each fault of AWS means for a reader without a value, with a fresh one, with
// one past its time to live and with one past its maximum staleness.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { create, program, skip, unique } from './servers.mjs';

const DEADLINE = 700;
/** What a busy machine may add to a wait. */
const SLACK = 3_000;

/** Of an outage: the error's kind, how failures are counted, and whether AWS gave a request id. */
const OUTAGES = [
  ['refuse', {}, 'unavailable', ['unreachable'], false],
  ['reset', {}, 'unavailable', ['unreachable'], false],
  ['cut', {}, 'unavailable', ['unreachable'], false],
  ['500', {}, 'unavailable', ['server_fault'], true],
  ['503', {}, 'unavailable', ['server_fault'], true],
  // A reader's deadline may pass while its turn has not come.
  ['throttle', {}, ['unavailable', 'timeout'], ['throttled'], false],
  ['expired_token', {}, 'unavailable', ['credentials'], true],
  ['too_skewed', {}, 'unavailable', ['credentials'], true],
  ['hang', {}, 'timeout', ['timed_out'], false],
  ['slow', { delay_ms: 5_000 }, 'timeout', ['timed_out'], false],
];

/** Of a revocation: the same, without what may be served. */
const REVOCATIONS = [
  ['access_denied', 'denied', 'denied'],
  ['deleted', 'not_found', 'not_found'],
  ['not_found', 'not_found', 'not_found'],
];

/** Common to all rows: a reading, and what came of it. */
const READ = `
  t.init({ secrets: { ttl: TTL, maxStale: STALE, deadline: DEADLINE, attemptTimeout: 300 } });
  const read = async (name) => {
    const start = performance.now();
    const outcome = await t.getSecret(name).then((secret) => ({ value: secret.reveal() }), (error) => ({
      code: error.code, kind: error.constructor.name, ours: error instanceof t.TallylightError, details: error.details, message: error.message,
    }));
    return { ...outcome, waited: performance.now() - start };
  };
  const failures = () => t.status().secrets.failures;
  await t.getSecret(NAME);
  await mode(FAULT);
  const out = { warm: await read(NAME) };`;

function assertFailed(outcome, { code, name, hasRequest, value }) {
  assert.ok([code].flat().includes(outcome.code), JSON.stringify(outcome));
  assert.equal(outcome.ours, true);
  assert.equal(outcome.details.name, name);
  assert.ok(outcome.message.includes(name));
  assert.ok(!JSON.stringify(outcome).includes(value));
  assert.ok(outcome.waited < DEADLINE + SLACK, `waited ${outcome.waited} ms`);
  if (hasRequest) {
    assert.equal(outcome.details.region, 'us-east-1');
    assert.equal(typeof outcome.details.requestId, 'string');
    assert.ok(outcome.message.includes(outcome.details.requestId));
  }
}

// They wait most of the time.
describe('the fault table', { concurrency: 4 }, () => {
  for (const [mode, fault, code, counted, hasRequest] of OUTAGES) {
    test(`an outage (${mode}): stale at once, then an error within the deadline, and a value again when it is over`, { skip }, async () => {
      const [name, cold] = [await create('canary of the outage'), await create('canary of the outage')];
      const out = await program(
        `${READ}
        out.cold = await read(COLD);
        out.failures = failures();
        await sleep(TTL * 1.2);
        out.stale = await read(NAME);
        out.peek = t.peek(NAME)?.reveal();
        await until(() => t.status().secrets.entries.some((one) => one.name === NAME && one.state === 'failing'));
        out.failing = await read(NAME);
        await sleep(STALE);
        out.gone = await read(NAME);
        out.peekGone = t.peek(NAME)?.reveal() ?? null;
        const { staleServes, evictions } = t.status().secrets;
        out.counted = { staleServes, evictions };
        await mode();
        await until(async () => (out.after = await read(NAME)).value !== undefined);
        answer(out);`,
        { NAME: name, COLD: cold, TTL: 1_000, STALE: 6_000, DEADLINE, FAULT: { mode, ...fault } },
      );
      const value = 'canary of the outage';
      assert.equal(out.warm.value, value);
      assertFailed(out.cold, { code, name: cold, hasRequest, value });
      for (const kind of counted) assert.ok(out.failures[kind] >= 1, JSON.stringify(out.failures));
      for (const served of [out.stale, out.failing]) {
        assert.equal(served.value, value);
        // At once: it does not wait for what it started.
        assert.ok(served.waited < SLACK);
      }
      assert.equal(out.peek, value);
      assertFailed(out.gone, { code, name, hasRequest, value });
      assert.equal(out.peekGone, null);
      assert.ok(out.counted.staleServes >= 1);
      assert.ok(out.counted.evictions >= 1);
      assert.equal(out.after.value, value);
    });
  }

  for (const [mode, code, counted] of REVOCATIONS) {
    test(`a revocation (${mode}): the value is dropped, and an error says so`, { skip }, async () => {
      const [name, cold] = [await create('canary of the revoked'), mode === 'not_found' ? unique('none') : await create('canary of the revoked')];
      const out = await program(
        `${READ}
        out.cold = await read(COLD);
        const heard = t.onSecretChange(NAME).next();
        await sleep(TTL * 1.2);
        // Read once more at most: the refresh that this starts finds out.
        await until(async () => (out.gone = await read(NAME)).value === undefined);
        out.peek = t.peek(NAME)?.reveal() ?? null;
        try { t.getSecretSync(NAME); } catch (error) { out.sync = error.code; }
        out.heard = (await heard).value.kind;
        out.again = await read(NAME);
        out.failures = failures();
        out.evictions = t.status().secrets.evictions;
        await mode();
        await until(async () => (out.after = await read(NAME)).value !== undefined);
        answer(out);`,
        { NAME: name, COLD: cold, TTL: 800, STALE: 600_000, DEADLINE, FAULT: { mode } },
      );
      const value = 'canary of the revoked';
      assert.equal(out.warm.value, value);
      assertFailed(out.cold, { code, name: cold, hasRequest: true, value });
      assertFailed(out.gone, { code, name, hasRequest: true, value });
      assertFailed(out.again, { code, name, hasRequest: true, value });
      assert.equal(out.peek, null);
      assert.equal(out.sync, code);
      assert.equal(out.heard, 'evicted');
      assert.ok(out.failures[counted] >= 2, JSON.stringify(out.failures));
      assert.ok(out.evictions >= 1);
      assert.equal(out.after.value, value);
    });
  }
});

test('an answer that is no answer is an error of an outage', { skip }, async () => {
  const out = await program(
    `
    t.init({ secrets: { deadline: 4000 } });
    await mode({ mode: 'garbage' });
    const error = await t.getSecret(NAME).catch((error) => error);
    answer([error instanceof t.UnavailableError, error.code, error.details.name === NAME]);`,
    { NAME: await create() },
  );
  assert.deepEqual(out, [true, 'unavailable', true]);
});

test('a second region answers when the first fails, and is not asked about a refusal', { skip }, async () => {
  const name = await create('of the first');
  const out = await program(
    `
    await aws('CreateSecret', { Name: NAME, SecretString: 'of the second' }, { region: 'eu-west-1' });
    t.init({ secrets: { secondRegion: 'eu-west-1', deadline: 5000, attemptTimeout: 1000 } });
    await mode({ mode: '500', region: 'us-east-1' });
    const secret = await t.getSecret(NAME);
    await mode({ mode: 'access_denied', region: 'us-east-1' });
    const error = await t.refreshSecret(NAME).catch((error) => error);
    answer([secret.reveal(), secret.region, error.code, error.details.region]);`,
    { NAME: name },
  );
  assert.deepEqual(out, ['of the second', 'eu-west-1', 'denied', 'us-east-1']);
});
