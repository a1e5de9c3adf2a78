// What a read costs whose value is in the cache; prints one JSON document.
//
//   node --expose-gc hits.mjs SECRET [--quick]
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';

import { contenders } from './contenders.mjs';
import { calibrate, run } from './rounds.mjs';

const ISOLATES = 2;
const [secret] = process.argv.slice(2);
const plan = process.argv.includes('--quick') ? { rounds: 3, ms: 1 } : { rounds: 101, ms: 1 };

const list = await contenders(secret);
const ready = new Int32Array(new SharedArrayBuffer(4));
const workers = await Promise.all(
  Array.from({ length: ISOLATES }, async () => {
    const worker = new Worker(new URL('./worker.mjs', import.meta.url), { workerData: { ready, secret } });
    await once(worker, 'message');
    return worker;
  }),
);

/** The mean of the isolates' time per read while all of them run. */
async function together(index, reads) {
  Atomics.store(ready, 0, 0);
  const answers = workers.map((worker) => once(worker, 'message'));
  for (const worker of workers) worker.postMessage({ index, reads, isolates: workers.length });
  const each = (await Promise.all(answers)).map(([ns]) => ns);
  return each.reduce((sum, ns) => sum + ns, 0) / each.length;
}

const reads = [];
for (const contender of list) reads.push(await calibrate(contender, plan.ms));
const measured = list.map(() => ({ alone: [], together: [] }));
for (let round = 0; round < plan.rounds; round++) {
  process.stderr.write(`\rround ${round + 1}/${plan.rounds} `);
  for (let index = 0; index < list.length; index++) {
    measured[index].alone.push(await run(list[index], reads[index]));
    measured[index].together.push(await together(index, reads[index]));
  }
}
process.stderr.write('\n');

const rows = list.flatMap((contender, index) => [
  row(contender, 1, measured[index].alone),
  row({ ...contender, goal: undefined }, ISOLATES, measured[index].together),
]);
console.log(JSON.stringify({ title: 'Node', rows, environment: environment() }, null, 2));
process.exit(0);

function row({ name, peer, note, goal }, threads, values) {
  values.sort((a, b) => a - b);
  return {
    group: 'A cached read',
    name,
    peer,
    threads,
    unit: 'ns/op',
    value: values[values.length >> 1],
    min: values[0],
    max: values[values.length - 1],
    goal,
    note,
  };
}

function environment() {
  const require = createRequire(import.meta.url);
  const { dependencies } = require('./package.json');
  const pinned = Object.entries(dependencies).filter(([, version]) => !version.startsWith('file:'));
  return { node: process.version, ...Object.fromEntries(pinned) };
}
