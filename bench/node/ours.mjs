// Tallylight, by each of the calls that a service makes, with the goals that they are held to.
//
// All isolates record into one registry: the row of two workers is one metric, written by both.
import { init } from 'tallylight';

import { LENGTH } from './input.mjs';
import { PERF_HOOKS, PERF_HOOKS_BIGINT, PROM_CHILD, work } from './peers.mjs';

const RECORD = 'Recording a latency';
const COUNT = 'Adding to a counter';
const TIME = 'Timing a call';

function faster(times, against) {
  return { text: `>= ${times} x faster than ${against}`, against, ratio: 1 / times, direction: 'max' };
}

export function ours(input) {
  const { ms } = input;
  const tally = init();
  const operation = tally.operation('analyze', { route: '/analyze' }, { kind: 'server' });
  const counter = tally.counter('calls', { route: '/analyze' });
  const histogram = tally.histogram('tokens', { route: '/analyze' }, { unit: '{token}' });
  return [
    {
      group: RECORD,
      name: 'Tallylight, operation.record',
      note: 'with exact sum and maximum; both isolates record into one series',
      goal: [faster(60, PROM_CHILD), faster(6, PERF_HOOKS), faster(6, PERF_HOOKS_BIGINT)],
      pass() {
        for (let i = 0; i < LENGTH; i++) operation.record(ms[i]);
      },
    },
    {
      group: RECORD,
      name: 'Tallylight, histogram.record',
      pass() {
        for (let i = 0; i < LENGTH; i++) histogram.record(ms[i]);
      },
    },
    {
      group: RECORD,
      name: 'Tallylight, operation.record by native calls',
      note: 'the fallback of runtimes that refuse external memory, and of isolates past the last shard',
      // The choice is made once in an isolate, so this one has its own.
      isolate: 'fallback',
      pass() {
        for (let i = 0; i < LENGTH; i++) operation.record(ms[i]);
      },
    },
    {
      group: COUNT,
      name: 'Tallylight, counter.add',
      pass() {
        for (let i = 0; i < LENGTH; i++) counter.add(1);
      },
    },
    {
      group: TIME,
      name: 'Tallylight, start and end',
      pass() {
        for (let i = 0; i < LENGTH; i++) {
          const timer = operation.start();
          work(ms[i]);
          timer.end();
        }
      },
    },
    {
      group: TIME,
      name: 'Tallylight, time(fn)',
      pass() {
        for (let i = 0; i < LENGTH; i++) operation.time(() => work(ms[i]));
      },
    },
  ].map((contender) => ({ peer: false, ...contender }));
}
