// A fresh process that loads one cache and reads one secret; prints how long both took and what they added to the
// resident memory. Starting Node itself is not counted.
//
//   node startup.mjs WHO SECRET      prints {"ms", "mib"}
import { open } from './caches.mjs';

const [who, secret] = process.argv.slice(2);
const mebibytes = () => process.memoryUsage.rss() / 1048576;
const memory = mebibytes();
const start = performance.now();
const { read } = await open(who, 60_000);
await read(secret);
const ms = performance.now() - start;
console.log(JSON.stringify({ ms, mib: mebibytes() - memory }));
process.exit(0);
