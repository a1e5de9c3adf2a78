// The peers, each by the cheapest call its users can make, and by the one its documentation shows first.
//
// Every contender is a loop of its own, written out: one shared loop would be compiled for all of them together, and
// none would be inlined as it is in a user's code.
import { createHistogram, performance } from 'node:perf_hooks';

import { AggregationType, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import * as hdr from 'hdr-histogram-js';
import prom from 'prom-client';

import { LENGTH } from './input.mjs';

export const PROM_CHILD = 'prom-client, cached child';
export const PERF_HOOKS = 'perf_hooks, createHistogram().record';
export const PERF_HOOKS_BIGINT = 'perf_hooks, createHistogram().record of a BigInt';

const RECORD = 'Recording a latency';
const COUNT = 'Adding to a counter';
const TIME = 'Timing a call';

/** Collects when it is asked to, which nobody does: it keeps the instruments alive and nothing else runs. */
class IdleReader extends MetricReader {
  async onShutdown() {}
  async onForceFlush() {}
}

/** What is timed in the group of timers. The sum keeps the compiler from removing it. */
export let sink = 0;
export function work(value) {
  sink += value;
  return sink;
}

export function peers(input) {
  const { ms, seconds, ns } = input;
  return [
    {
      group: RECORD,
      name: 'the loop alone',
      note: 'what every row of this group includes',
      pass() {
        let sum = 0;
        for (let i = 0; i < LENGTH; i++) sum += ms[i];
        sink += sum;
      },
    },
    ...promClient(seconds),
    ...perfHooks(ns),
    ...hdrHistogram(ns),
    ...openTelemetry(ms),
  ].map((contender) => ({ peer: true, ...contender }));
}

function promClient(seconds) {
  const registers = [new prom.Registry()];
  const histogram = new prom.Histogram({
    name: 'latency_seconds',
    help: 'Latency.',
    labelNames: ['route'],
    registers,
  });
  const child = histogram.labels({ route: '/analyze' });
  const counter = new prom.Counter({ name: 'calls_total', help: 'Calls.', labelNames: ['route'], registers });
  const counterChild = counter.labels({ route: '/analyze' });
  const note = "11 buckets, the peer's default";
  return [
    {
      group: RECORD,
      name: PROM_CHILD,
      note,
      pass() {
        for (let i = 0; i < LENGTH; i++) child.observe(seconds[i]);
      },
    },
    {
      group: RECORD,
      name: 'prom-client, labels object',
      note,
      pass() {
        for (let i = 0; i < LENGTH; i++) histogram.observe({ route: '/analyze' }, seconds[i]);
      },
    },
    {
      group: COUNT,
      name: 'prom-client counter, cached child',
      pass() {
        for (let i = 0; i < LENGTH; i++) counterChild.inc(1);
      },
    },
    {
      group: TIME,
      name: 'prom-client, startTimer of a cached child',
      pass() {
        for (let i = 0; i < LENGTH; i++) {
          const end = child.startTimer();
          work(seconds[i]);
          end();
        }
      },
    },
  ];
}

function perfHooks(ns) {
  const histogram = createHistogram();
  const big = createHistogram();
  const bigints = Array.from(ns, BigInt);
  const timed = performance.timerify(work, { histogram: createHistogram() });
  return [
    {
      group: RECORD,
      name: PERF_HOOKS,
      note: "three digits, the peer's default; no labels",
      pass() {
        for (let i = 0; i < LENGTH; i++) histogram.record(ns[i]);
      },
    },
    {
      group: RECORD,
      name: PERF_HOOKS_BIGINT,
      note: 'what process.hrtime.bigint() gives',
      pass() {
        for (let i = 0; i < LENGTH; i++) big.record(bigints[i]);
      },
    },
    {
      group: TIME,
      name: 'two performance.now() reads',
      note: 'the clock alone, nothing is recorded',
      pass() {
        for (let i = 0; i < LENGTH; i++) {
          const start = performance.now();
          work(ns[i]);
          sink += performance.now() - start;
        }
      },
    },
    {
      group: TIME,
      name: 'perf_hooks, timerify with a histogram',
      pass() {
        for (let i = 0; i < LENGTH; i++) timed(ns[i]);
      },
    },
  ];
}

function hdrHistogram(ns) {
  hdr.initWebAssemblySync();
  const options = { lowestDiscernibleValue: 1, highestTrackableValue: 3.6e12, numberOfSignificantValueDigits: 2 };
  const wasm = hdr.build({ ...options, bitBucketSize: 64, useWebAssembly: true });
  const plain = hdr.build({ ...options, bitBucketSize: 64, useWebAssembly: false });
  return [
    {
      group: RECORD,
      name: 'hdr-histogram-js, WASM',
      note: 'two digits; no labels',
      pass() {
        for (let i = 0; i < LENGTH; i++) wasm.recordValue(ns[i]);
      },
    },
    {
      group: RECORD,
      name: 'hdr-histogram-js, JavaScript',
      note: 'two digits; no labels',
      pass() {
        for (let i = 0; i < LENGTH; i++) plain.recordValue(ns[i]);
      },
    },
  ];
}

function openTelemetry(ms) {
  const provider = new MeterProvider({
    readers: [new IdleReader()],
    views: [
      {
        instrumentName: 'latency',
        aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM, options: { maxSize: 160 } },
      },
    ],
  });
  const meter = provider.getMeter('bench');
  const exponential = meter.createHistogram('latency', { unit: 'ms' });
  const explicit = meter.createHistogram('latency_explicit', { unit: 'ms' });
  const attributes = { route: '/analyze' };
  return [
    {
      group: RECORD,
      name: 'OpenTelemetry sdk-metrics, exponential',
      note: '160 buckets; attributes made once',
      pass() {
        for (let i = 0; i < LENGTH; i++) exponential.record(ms[i], attributes);
      },
    },
    {
      group: RECORD,
      name: 'OpenTelemetry sdk-metrics, explicit buckets',
      note: 'its default buckets; attributes made once',
      pass() {
        for (let i = 0; i < LENGTH; i++) explicit.record(ms[i], attributes);
      },
    },
  ];
}
