// One timed run, the same for the main thread and for the workers.

/** Enough reads that the optimising compiler is done with the loop before it is timed. */
const WARM = 2_000;

/** The nanoseconds per read of one run. `ready` is shared by the isolates that run at the same time. */
export async function run(contender, reads, ready, isolates) {
  await contender.loop(WARM);
  globalThis.gc?.({ type: 'minor' });
  if (ready) {
    Atomics.add(ready, 0, 1);
    // Spinning, so that no isolate starts on the time its neighbour needs to wake up.
    while (Atomics.load(ready, 0) < isolates);
  }
  const start = process.hrtime.bigint();
  const pending = contender.loop(reads);
  // A loop that awaits nothing is not charged for an await.
  if (pending !== undefined) await pending;
  return Number(process.hrtime.bigint() - start) / reads;
}

/** The reads that fill `ms` milliseconds. */
export async function calibrate(contender, ms) {
  for (let warm = 0; warm < 10; warm++) await run(contender, WARM);
  return Math.max(1, Math.ceil((ms * 1e6) / (await run(contender, WARM))));
}
