// One cache in a process of its own, read as its standard input says: whoever drives it puts faults before the cache and
// counts its calls.
//
//   node probe.mjs WHO SECRET TTL_MS      answers lines `read N` on stdin, by N reads at once
import { createInterface } from 'node:readline';

import { open } from './caches.mjs';

const [who, secret, ttlMs] = process.argv.slice(2);
const { read, error: named } = await open(who, Number(ttlMs));

/** How often each value and each error came, and how long the slowest waited. */
async function atOnce(count) {
  const values = {};
  const errors = {};
  let slowest = 0;
  const one = async () => {
    const start = performance.now();
    try {
      const value = await read(secret);
      values[value] = (values[value] ?? 0) + 1;
    } catch (error) {
      const name = named(error);
      errors[name] = (errors[name] ?? 0) + 1;
    }
    slowest = Math.max(slowest, performance.now() - start);
  };
  await Promise.all(Array.from({ length: count }, one));
  return { values, errors, slowest_ms: slowest };
}

console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) {
  const [, count] = /^read (\d+)$/.exec(line) ?? [];
  if (count === undefined) throw new Error('give `read N`');
  console.log(JSON.stringify(await atOnce(Number(count))));
}
// Whatever is still waited for ends with the process.
process.exit(0);
