// Every thread records into the same metrics, each into cells of its own; a worker that ends, in
// whatever way, loses nothing and counts nothing twice.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { counter, operation, status } from 'tallylight';

import { endWorkers, exactSnapshot, json, PACKAGE, series, worker } from './support.mjs';

const WORKERS = 4;

after(endWorkers);

/** Records until it is stopped, and publishes what it recorded after each recording. */
const RECORD_ON = `
  const { shared, at, name } = workerData;
  const published = new Float64Array(shared, at * 64, 3);
  const recorder = t.operation(name, { w: 'all' }, { kind: 'server' });
  const calls = t.counter(name + ' calls');
  let seed = at + 1;
  parentPort.postMessage('ready');
  for (;;) {
    seed = Math.imul(seed, 1103515245) + 12345;
    const ns = (seed >>> 4) * 8;
    recorder.record(ns / 1e6);
    published[0] += 1;
    published[1] += ns;
    calls.increment();
    published[2] += 1;
  }`;

function recordOn(name, at, shared) {
  return worker(RECORD_ON, { shared, at, name });
}

function assertNothingLost(name, shared, rows) {
  const expected = { count: 0, sum: 0n, calls: 0 };
  for (let at = 0; at < rows; at++) {
    const [count, sum, calls] = new Float64Array(shared, at * 64, 3);
    expected.count += count;
    expected.sum += BigInt(sum);
    expected.calls += calls;
  }
  const { count, sum, buckets } = exactSnapshot().get(name);
  assert.equal(count, expected.count);
  assert.equal(sum, expected.sum);
  assert.equal(buckets.reduce((total, [, , inIt]) => total + inIt, 0), expected.count);
  assert.equal(series(`${name} calls`).value, expected.calls);
}

test('4 workers terminated in the middle of recording, while others read: not one sample lost or counted twice', async () => {
  const rounds = 3;
  const shared = new SharedArrayBuffer(64 * WORKERS * rounds);
  let seen = 0;
  for (let round = 0; round < rounds; round++) {
    const workers = Array.from({ length: WORKERS }, (_, i) => recordOn('terminated', round * WORKERS + i, shared));
    await Promise.all(workers.map((one) => once(one, 'message')));
    for (const one of workers) {
      for (let reads = 0; reads < 5; reads++) {
        const { count } = series('terminated');
        assert.ok(count >= seen, 'a count went backwards');
        seen = count;
        status();
        await sleep(2);
      }
      await one.terminate();
    }
    assertNothingLost('terminated', shared, (round + 1) * WORKERS);
  }
});

test('a worker takes up the shard of an ended one', async () => {
  const shards = () => status().telemetry.shards;
  operation('reuse').record(1);
  const one = async () => {
    const helper = worker(`t.operation('reuse').record(1);`);
    await once(helper, 'exit');
  };
  await one();
  const before = shards();
  for (let i = 0; i < 10; i++) await one();
  assert.equal(shards(), before);
  assert.equal(series('reuse').count, 12);
});

test('workers that end by themselves, by process.exit and by an error', async () => {
  const ends = ['', 'process.exit(3);', 'throw new Error("on purpose");'];
  for (const end of ends) {
    const helper = worker(`
      const recorder = t.operation('ends');
      for (let i = 0; i < 1000; i++) recorder.record(i / 10);
      recorder.recordError(5, 'OnPurpose');
      ${end}`);
    helper.on('error', () => {});
    await new Promise((resolve) => helper.once('exit', resolve));
  }
  const { count, errors, errorsByType } = series('ends');
  assert.deepEqual({ count, errors, errorsByType }, { count: 3 * 1001, errors: 3, errorsByType: { OnPurpose: 3 } });
});

test('a gauge is one value for all threads', async () => {
  const helper = worker(`
    const level = t.gauge('level');
    for (let i = 0; i < 500; i++) level.add(2);
    for (let i = 0; i < 400; i++) level.add(-1);`);
  await once(helper, 'exit');
  assert.equal(series('level').value, 600);
});

test('shutdown in one thread closes recording in all, and init opens it again', async () => {
  const out = await json(`
    import { init, shutdown, operation, drops, snapshot } from 'tallylight';
    import { once } from 'node:events';
    import { worker } from './tests/support.mjs';
    init();
    const helper = worker(\`
      const recorder = t.operation('gate');
      parentPort.on('message', (end) => { recorder.record(1); parentPort.postMessage('done'); if (end) process.exit(); });
      parentPort.postMessage('ready');\`);
    await once(helper, 'message');
    const step = async (end) => { helper.postMessage(end); await once(helper, 'message'); };
    const count = () => snapshot().series.find((one) => one.name === 'gate')?.count;
    await step(false);
    const counts = [count()];
    shutdown();
    await step(false);
    counts.push(count(), drops().closed);
    init();
    await step(true);
    counts.push(count(), drops().closed);
    console.log(JSON.stringify(counts));`);
  assert.deepEqual(out, [1, 1, 1, 2, 1]);
});

test('a process whose addon is loaded by workers only keeps their counts when they are gone', async () => {
  const out = await json(`
    import { once } from 'node:events';
    import { Worker } from 'node:worker_threads';
    const entry = new URL('dist/esm/index.js', ${JSON.stringify(PACKAGE.href)}).href;
    const text = (more) => new URL('data:text/javascript,' + encodeURIComponent(
      "import { parentPort } from 'node:worker_threads'; import * as t from '" + entry + "';" +
      "t.init(); const recorder = t.operation('alone'); recorder.record(1);" + more));
    for (let i = 0; i < 5; i++) await once(new Worker(text('')), 'exit');
    const last = new Worker(text("parentPort.postMessage(t.snapshot().series[0].count);"));
    const [count] = await once(last, 'message');
    console.log(JSON.stringify(count));`);
  assert.equal(out, 6);
});

test('workers alive at the same time have cells of their own', async () => {
  const helpers = Array.from({ length: 8 }, () =>
    worker(`
      t.counter('crowd').add(7);
      t.operation('crowd op').record(1);
      parentPort.once('message', () => {});
      parentPort.postMessage('recorded');`),
  );
  await Promise.all(helpers.map((one) => once(one, 'message')));
  counter('crowd').add(1);
  assert.equal(series('crowd').value, 57);
  await Promise.all(helpers.map((one) => one.terminate()));
  assert.equal(series('crowd').value, 57);
  assert.equal(series('crowd op').count, 8);
});
