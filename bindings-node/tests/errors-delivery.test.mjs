// Events on their way to a server that records them: each arrives once, also when the process that
// captured it is dead by then. Without TALLYLIGHT_TEST_RECEIVER_PROGRAM (`cargo xtask services`
// prints it) these are skipped.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { ENTRY, file } from './errors-support.mjs';
import { json, run } from './support.mjs';

const PROGRAM = process.env.TALLYLIGHT_TEST_RECEIVER_PROGRAM;
const skip = PROGRAM ? false : 'no receiver: run `cargo xtask services` and set its variables';

const children = [];
after(() => children.forEach((child) => child.kill()));

let receivers = 0;

/** A receiver of its own, and the environment of a process that sends to it. */
async function receiver() {
  const child = spawn(PROGRAM, ['--stdin'], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const url = /listening on (\S+)/.exec((await lines.next()).value)[1];
  const control = /control on (\S+)/.exec((await lines.next()).value)[1];
  const ask = async (what, body) => {
    const answer = await fetch(control + what, body === undefined ? {} : { method: 'POST', body });
    return answer.json();
  };
  const spool = file(`spool-${receivers++}`);
  return {
    spool,
    env: { SENTRY_DSN: `${url.replace('://', '://key@')}/1`, TALLYLIGHT_SPOOL_DIR: spool },
    mode: (mode) => ask('/mode', mode),
    items: (type) => ask(`/items${type ? `?type=${type}` : ''}`),
    events: async () => (await ask('/items?type=event')).map(({ payload }) => payload),
    counts: () => ask('/counts'),
  };
}

const program = (code) => `import * as t from ${JSON.stringify(ENTRY)};\n${code}`;
const message = ({ exception, message, logentry }) => exception?.values.at(-1).value ?? logentry?.formatted ?? message;

test('an event arrives whole, with the facts of its process and its attachment', { skip }, async () => {
  const server = await receiver();
  const answer = await json(
    program(`
      t.init({ release: 'shop@1.2', environment: 'staging', errors: { initialScope: { tags: { service: 'shop' } } } });
      t.setUser({ id: 7 });
      t.addBreadcrumb({ category: 'auth', message: 'signed in' });
      const id = t.captureException(new TypeError('outer', { cause: new Error('inner') }), {
        context: { analysisId: 'a-1' }, attachments: [{ filename: 'a.txt', data: 'attached', contentType: 'text/plain' }],
      });
      process.stdout.write(JSON.stringify({ id, delivery: await t.flush(10_000) }));`),
    { env: server.env },
  );
  assert.deepEqual(answer.delivery, { captured: 1, sent: 1, dropped: 0, pending: 0, durable: true, reasons: {}, waitingFor: null });
  const [event, ...more] = await server.events();
  assert.deepEqual(more, []);
  assert.equal(event.event_id, answer.id);
  assert.deepEqual([event.release, event.environment, event.tags, event.user], ['shop@1.2', 'staging', { service: 'shop', analysis_id: 'a-1' }, { id: 7 }]);
  assert.deepEqual(event.exception.values.map(({ value }) => value), ['inner', 'outer']);
  assert.equal(event.contexts.runtime.name, 'node');
  assert.equal(event.contexts.runtime.version, process.version);
  assert.equal(event.sdk.name, 'tallylight.node');
  assert.ok(event.server_name);
  const [attachment] = await server.items('attachment');
  assert.equal(attachment.headers.filename, 'a.txt');
});

test('an uncaught error is delivered before the process ends, and its exit code stays', { skip }, async () => {
  const server = await receiver();
  const { code, stderr } = await run(program(`t.init(); setTimeout(() => { throw new Error('fatal'); }, 1);`), { env: server.env });
  assert.equal(code, 1);
  assert.match(stderr, /Error: fatal/);
  assert.deepEqual((await server.events()).map(message), ['fatal']);
});

test('what a program captures before it simply ends is delivered', { skip }, async () => {
  const server = await receiver();
  for (const end of ['', 'process.exit(0);']) await run(program(`t.init(); t.captureMessage('bye'); ${end}`), { env: server.env });
  assert.deepEqual((await server.events()).map(message), ['bye', 'bye']);
});

test('20 events, then kill -9: all are delivered at the next start', { skip }, async () => {
  const server = await receiver();
  await server.mode('refuse');
  const killed = await run(
    program(`
      t.init();
      for (let i = 0; i < 20; i++) t.captureException(new Error('event ' + i));
      process.kill(process.pid, 'SIGKILL');
      await new Promise(() => {});`),
    { env: server.env },
  );
  assert.equal(killed.code, 'SIGKILL');
  await server.mode('ok');
  await run(program(`t.init(); await t.flush(10_000);`), { env: server.env });
  const arrived = (await server.events()).map(message).sort();
  assert.deepEqual(arrived, Array.from({ length: 20 }, (_, i) => `event ${i}`).sort());
});

test('a server that hangs: the process ends in time, and the next start delivers', { skip }, async () => {
  const server = await receiver();
  await server.mode('hang');
  const start = performance.now();
  const { code } = await run(program(`t.init({ errors: { shutdownTimeout: 500 } }); t.captureMessage('late'); process.exitCode = 3;`), {
    env: server.env,
  });
  assert.equal(code, 3);
  assert.ok(performance.now() - start < 10_000, 'it waited for no time-out of a request');
  await server.mode('ok');
  await run(program(`t.init(); await t.flush(10_000);`), { env: server.env });
  assert.deepEqual((await server.events()).map(message), ['late']);
});

test('close ends capturing, answers in time, and says where everything is', { skip }, async () => {
  const server = await receiver();
  const answer = await json(
    program(`
      t.init();
      for (let i = 0; i < 60; i++) t.captureMessage('m' + i);
      const closed = await t.close(10_000);
      t.captureMessage('too late');
      process.stdout.write(JSON.stringify({ closed, after: t.delivery() }));`),
    { env: server.env },
  );
  assert.deepEqual([answer.closed.captured, answer.closed.sent, answer.closed.pending], [60, 60, 0]);
  assert.deepEqual([answer.after.captured, answer.after.dropped, answer.after.reasons.closed], [61, 1, 1]);
  assert.equal((await server.events()).length, 60);
});

test('workers and main thread fill one account', { skip }, async () => {
  const server = await receiver();
  const answer = await json(
    program(`
      import { once } from 'node:events';
      import { Worker } from 'node:worker_threads';
      t.init();
      const code = "import * as t from '" + ${JSON.stringify(ENTRY)} + "'; for (let i = 0; i < 50; i++) t.captureException(new Error('w'));";
      const workers = [1, 2, 3].map(() => new Worker(new URL('data:text/javascript,' + encodeURIComponent(code))));
      for (let i = 0; i < 50; i++) t.captureException(new Error('m' + i));
      await Promise.all(workers.map((one) => once(one, 'exit')));
      process.stdout.write(JSON.stringify(await t.flush(20_000)));`),
    { env: { ...server.env, TALLYLIGHT_STORM_LIMIT: '100000' } },
  );
  assert.deepEqual([answer.captured, answer.sent, answer.dropped, answer.pending], [200, 200, 0, 0]);
  const { uniqueEvents, repeatedEvents } = await server.counts();
  assert.deepEqual([uniqueEvents, repeatedEvents], [200, 0]);
});

test('a built TypeScript file shows the line of its source', { skip }, async () => {
  const server = await receiver();
  const source = ['interface Job { id: number }', '', 'export function work(job: Job): never {', '  throw new Error(`no work ${job.id}`);', '}', ''];
  const built = ['export function work(job) {', '    throw new Error(`no work ${job.id}`);', '}', '//# sourceMappingURL=job.js.map', ''];
  // One segment a line: line 1 comes from the source's line 3, and so on.
  const map = { version: 3, file: 'job.js', sources: ['../src/job.ts'], sourcesContent: [source.join('\n')], names: [], mappings: 'AAEA;IACE;AACF' };
  const name = file('job.mjs');
  writeFileSync(name, built.join('\n').replace('job.js.map', 'job.mjs.map'));
  writeFileSync(`${name}.map`, JSON.stringify(map));
  await run(program(`import { work } from ${JSON.stringify(name)}; t.init(); try { work({ id: 1 }); } catch (error) { t.captureException(error); } await t.flush(10_000);`), {
    env: server.env,
  });
  const [event] = await server.events();
  const frame = event.exception.values[0].stacktrace.frames.at(-1);
  assert.match(frame.filename, /src\/job\.ts$/);
  assert.equal(frame.lineno, 4);
  assert.equal(frame.context_line.trim(), source[3].trim());
});

test('a canary is neither on the wire nor in the spool', { skip }, async () => {
  const server = await receiver();
  const canary = 'canary-8d0c1f3e5b7a';
  const env = { ...server.env, CANARY_FILE: canary, TALLYLIGHT_ENVIRONMENT: 'development', MY_CANARY: canary };
  await server.mode('500');
  await run(
    program(`
      import http from 'node:http';
      import { once } from 'node:events';
      t.init();
      const canary = (await t.getSecret('my-canary')).reveal();
      t.setUser({ id: 1, token: canary });
      t.setTag('key', canary);
      t.setExtra('note', 'it is ' + canary);
      t.setContext('job', { nested: [{ deep: canary }] });
      console.log('printed ' + canary);
      const server = http.createServer((request, response) => response.end()).listen(0);
      await once(server, 'listening');
      await fetch('http://127.0.0.1:' + server.address().port + '/path?key=' + canary).then((answer) => answer.text());
      server.closeAllConnections(); server.close();
      t.captureException(new Error('failed with ' + canary, { cause: canary }), {
        attachments: [{ filename: 'log.txt', data: 'log ' + canary, contentType: 'text/plain' }],
      });
      t.captureMessage(Buffer.from(canary).toString('base64'));
      t.captureException({ password: 'hunter2-of-nobody' });`),
    { env },
  );
  const files = readdirSync(server.spool, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  assert.ok(files.length > 0, 'there is a spool');
  const spooled = files.map((entry) => readFileSync(path.join(entry.parentPath ?? entry.path, entry.name), 'latin1')).join('');
  assert.ok(spooled.includes('failed with'), 'the events are in it');
  await server.mode('ok');
  await run(program(`t.init(); await t.flush(10_000);`), { env: server.env });
  const sent = JSON.stringify(await server.items());
  assert.equal((await server.events()).length, 3);
  for (const text of [spooled, sent]) {
    for (const needle of [canary, Buffer.from(canary).toString('base64'), 'hunter2-of-nobody']) {
      assert.ok(!text.includes(needle), `${needle} is in ${text === sent ? 'what was sent' : 'the spool'}`);
    }
  }
});

test('an outage of a moment loses nothing', { skip }, async () => {
  const server = await receiver();
  await server.mode('500');
  const running = json(
    program(`
      t.init();
      for (let i = 0; i < 30; i++) { t.captureException(new Error('event ' + i)); await new Promise((resolve) => setTimeout(resolve, 20)); }
      process.stdout.write(JSON.stringify(await t.flush(30_000)));`),
    { env: server.env },
  );
  await sleep(1_500);
  await server.mode('ok');
  const { captured, sent, dropped, pending } = await running;
  assert.deepEqual([captured, sent, dropped, pending], [30, 30, 0, 0]);
  assert.equal((await server.counts()).uniqueEvents, 30);
});
