// One timed run, the same for the main thread and for the workers.

import { LENGTH } from './input.mjs';

/** Enough passes that the optimising compiler is done with the loop before it is timed. */
const WARM_PASSES = 4;

/** The nanoseconds per operation of one run. `ready` is shared by the isolates that run at the same time. */
export function run(contender, passes, ready, isolates) {
  for (let pass = 0; pass < WARM_PASSES; pass++) contender.pass();
  globalThis.gc?.({ type: 'minor' });
  if (ready) {
    Atomics.add(ready, 0, 1);
    // Spinning, so that no isolate starts on the time its neighbour needs to wake up.
    while (Atomics.load(ready, 0) < isolates);
  }
  const start = process.hrtime.bigint();
  for (let pass = 0; pass < passes; pass++) contender.pass();
  return Number(process.hrtime.bigint() - start) / (passes * LENGTH);
}

/** The passes that fill `ms` milliseconds. */
export function calibrate(contender, ms) {
  const each = run(contender, 2);
  return Math.max(1, Math.ceil((ms * 1e6) / (each * LENGTH)));
}
