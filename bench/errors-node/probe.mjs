// One SDK in a process of its own, which captures as its standard input says: whoever drives it has the server fail and
// counts what arrives. Every line is answered by one of JSON.
//
//   node probe.mjs WHO DSN
//
//   capture N MS   N different errors, one every MS milliseconds
//   related        three different errors with one root cause
//   flush MS, close MS
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

import { distinct, related } from './errors.mjs';
import { opened } from './sdks.mjs';

const [who, dsn] = process.argv.slice(2);
const { capture, flush, close } = await opened(who, dsn);
let captured = 0;

const commands = {
  async capture(count, everyMs) {
    const start = performance.now();
    for (let n = 0; n < count; n++) {
      capture(distinct(captured++));
      if (everyMs > 0) await sleep(Math.max(0, start + (n + 1) * everyMs - performance.now()));
    }
  },
  async related() {
    for (const error of related()) capture(error);
  },
  flush,
  close,
};

console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...numbers] = line.split(' ');
  const start = performance.now();
  const said = await commands[command](...numbers.map(Number));
  console.log(JSON.stringify({ ms: performance.now() - start, said }));
}
