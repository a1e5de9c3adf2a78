// Records latencies with Tallylight and with its peers in one process, and prints one JSON document.
//
//   --quick        a short version, whose numbers say only that everything works
//   --peers-only   without Tallylight
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { Worker } from 'node:worker_threads';

import { contenders } from './contenders.mjs';
import { calibrate, run } from './rounds.mjs';

const ISOLATES = 2;

const quick = process.argv.includes('--quick');
const flags = { peersOnly: process.argv.includes('--peers-only') };
const plan = quick ? { rounds: 3, ms: 1 } : { rounds: 21, ms: 15 };

const list = await contenders(flags);
const ready = new Int32Array(new SharedArrayBuffer(4));
const workers = await Promise.all(Array.from({ length: ISOLATES }, () => start(process.env)));
// Some contenders need an isolate of their own kind.
const fallback = flags.peersOnly ? undefined : await start({ ...process.env, TALLYLIGHT_NO_EXTERNAL_BUFFERS: '1' });

async function start(env) {
  const worker = new Worker(new URL('./worker.mjs', import.meta.url), { env, workerData: { ready, flags } });
  await once(worker, 'message');
  return worker;
}

/** The mean of the isolates' time per operation while all of them run. */
async function runIn(isolates, index, passes) {
  Atomics.store(ready, 0, 0);
  const answers = isolates.map((worker) => once(worker, 'message'));
  for (const worker of isolates) worker.postMessage({ index, passes, isolates: isolates.length });
  const each = (await Promise.all(answers)).map(([ns]) => ns);
  return each.reduce((sum, ns) => sum + ns, 0) / each.length;
}

const passes = list.map((contender) => calibrate(contender, plan.ms));
const measured = list.map(() => ({ alone: [], together: [] }));
for (let round = 0; round < plan.rounds; round++) {
  process.stderr.write(`\rround ${round + 1}/${plan.rounds} `);
  for (let index = 0; index < list.length; index++) {
    if (list[index].isolate === 'fallback') {
      measured[index].alone.push(await runIn([fallback], index, passes[index]));
    } else {
      measured[index].alone.push(run(list[index], passes[index]));
      measured[index].together.push(await runIn(workers, index, passes[index]));
    }
  }
}
process.stderr.write('\n');
await Promise.all([...workers, fallback].map((worker) => worker?.terminate()));

const rows = list.flatMap((contender, index) => {
  const { alone, together } = measured[index];
  return together.length ? [row(contender, 1, alone), row(contender, ISOLATES, together)] : [row(contender, 1, alone)];
});
console.log(JSON.stringify({ language: 'node', title: 'Node', rows, environment: environment() }, null, 2));

function row({ group, name, peer, note, goal }, threads, values) {
  values.sort((a, b) => a - b);
  return {
    group,
    name,
    peer,
    threads,
    unit: 'ns/op',
    value: rounded(values[values.length >> 1]),
    min: rounded(values[0]),
    max: rounded(values[values.length - 1]),
    goal,
    note,
  };
}

function rounded(value) {
  return Math.round(value * 1000) / 1000;
}

function environment() {
  const require = createRequire(import.meta.url);
  const versions = { node: process.version, cpu: cpus()[0]?.model ?? 'unknown', cores: String(cpus().length) };
  for (const name of ['prom-client', 'hdr-histogram-js', '@opentelemetry/sdk-metrics', 'tallylight']) {
    try {
      versions[name] = require(`${name}/package.json`).version;
    } catch {
      // A package that hides its package.json is named without a version.
    }
  }
  return versions;
}
