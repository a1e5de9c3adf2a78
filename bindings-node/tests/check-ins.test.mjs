// Check-ins, sessions and authentication failures.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as t from 'tallylight';

import { program, QUIET, recorded } from './errors-support.mjs';
import { native } from './support.mjs';

t.init({ release: 'app@1', errors: { ...QUIET, spool: false, breadcrumbs: false, shutdownTimeout: 0 } });
const items = recorded();

/** The check-ins that the core is asked to capture. */
const checkIns = [];
const { checkIn } = native();
native().checkIn = (request) => {
  checkIns.push(request);
  return checkIn(request);
};
const taken = () => checkIns.splice(0).map(({ status }) => status);

test('a job checks in before and after, with how long it took', async () => {
  const schedule = { every: 1, unit: 'day' };
  const answer = await t.withMonitor('nightly-backup', async () => 7, { schedule, maxRuntime: 30, timezone: 'Europe/Berlin' });
  assert.equal(answer, 7);
  const [started, ended] = checkIns.splice(0);
  assert.deepEqual([started.slug, started.status, started.id, started.every, started.unit, started.maxRuntime], ['nightly-backup', 'in_progress', undefined, 1, 'day', 30]);
  assert.equal(ended.status, 'ok');
  assert.match(ended.id, /^[0-9a-f]{32}$/);
  assert.ok(ended.duration >= 0 && ended.duration < 10, 'seconds');
  assert.match(started.traceId, /^[0-9a-f]{32}$/);
});

test('a job that fails says so, and fails as it did', async () => {
  const failure = new Error('on purpose');
  await assert.rejects(t.withMonitor('job', async () => { throw failure; }), failure);
  assert.deepEqual(taken(), ['in_progress', 'error']);
  assert.throws(() => t.withMonitor('job', () => { throw failure; }), failure);
  assert.deepEqual(taken(), ['in_progress', 'error']);
});

test('by hand: the id of the first ends it', () => {
  const checkInId = t.captureCheckIn({ monitorSlug: 'job', status: 'in_progress', schedule: '0 2 * * *' });
  assert.match(checkInId, /^[0-9a-f]{32}$/);
  assert.equal(t.captureCheckIn({ monitorSlug: 'job', status: 'ok', checkInId, duration: 1500 }), checkInId);
  const [started, ended] = checkIns.splice(0);
  assert.equal(started.crontab, '0 2 * * *');
  assert.equal(ended.duration, 1.5);
  const before = t.delivery().reasons.invalid ?? 0;
  t.captureCheckIn({ monitorSlug: ' ', status: 'ok' });
  assert.equal(t.delivery().reasons.invalid, before + 1);
  checkIns.length = 0;
});

test('mistakes are told before the job runs', () => {
  let ran = 0;
  for (const schedule of [7, {}, { every: 0, unit: 'day' }, { every: 1, unit: 'days' }]) {
    assert.throws(() => t.withMonitor('job', () => (ran += 1), { schedule }), t.InvalidValueError);
  }
  for (const options of [undefined, {}, { monitorSlug: 'job' }, { monitorSlug: 'job', status: 'done' }, { monitorSlug: 7, status: 'ok' }]) {
    assert.throws(() => t.captureCheckIn(options), t.InvalidValueError);
  }
  assert.throws(() => t.endSession('badly'), t.InvalidValueError);
  assert.equal(ran, 0);
  assert.deepEqual(checkIns, []);
});

test('authentication failures are counted each and reported together', () => {
  for (let i = 0; i < 50; i++) t.authenticationFailed({ reason: 'bad_password', user: { id: i } });
  t.authenticationFailed({ reason: 'expired_token' });
  for (const nonsense of [undefined, null, {}, { reason: 7 }]) t.authenticationFailed(nonsense);
  const counts = Object.fromEntries(
    t.status().counters.filter(({ name }) => name === 'authentication.failures').map(({ labels, value }) => [labels.reason, value]),
  );
  assert.deepEqual(counts, { bad_password: 50, expired_token: 1, unknown: 4 });
  const reports = items.filter(({ event }) => event.logger === 'tallylight.authentication');
  assert.deepEqual(reports.map(({ event }) => event.message), [
    'Authentication failed: bad_password',
    'Authentication failed: expired_token',
    'Authentication failed: unknown',
  ]);
  const { level, user, extra, fingerprint } = reports[0].event;
  assert.deepEqual([level, user, extra['authentication.failures']], ['warning', { id: 0 }, 1]);
  assert.deepEqual(fingerprint, ['tallylight.authentication', 'bad_password']);
});

test('a session counts the errors that are captured, and ends once', () => {
  const captured = () => t.delivery().captured;
  const told = (act) => {
    const before = captured();
    act();
    return captured() - before;
  };
  assert.equal(told(() => assert.equal(t.startSession({ user: '7' }), true)), 1);
  assert.equal(told(() => t.captureException(new Error('first'))), 2, 'the event, and the session');
  assert.equal(told(() => t.captureException(new Error('second'))), 1);
  assert.equal(told(() => t.captureMessage('no error', 'error')), 1);
  assert.equal(told(() => assert.equal(t.endSession(), true)), 1);
  assert.equal(told(() => assert.equal(t.endSession(), false)), 0);
});

test('an error that nobody catches ends the session as crashed', async () => {
  const spy = `
    const addon = globalThis[Symbol.for('tallylight.1')].addon.native;
    const { endSession } = addon;
    addon.endSession = (end) => { const ended = endSession(end); if (ended) process.stdout.write(end + '\\n'); return ended; };`;
  const run = async (code) => (await program(`${spy} ${code}`, { env: { TALLYLIGHT_RELEASE: 'app@1' } })).stdout.trim();
  assert.equal(await run('t.startSession(); throw new Error("boom");'), 'crashed');
  assert.equal(await run('t.startSession();'), 'exited');
  assert.equal(await run('t.startSession(); process.on("uncaughtException", () => {}); throw new Error("boom");'), 'exited');
});
