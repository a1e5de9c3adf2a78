// A fresh process that loads one SDK and sets it up; prints how long that took and what it added to the resident memory.
// Starting Node itself is not counted.
//
//   node startup.mjs WHO DSN      prints {"ms", "mib"}
import { opened } from './sdks.mjs';

const [who, dsn] = process.argv.slice(2);
const mebibytes = () => process.memoryUsage.rss() / 1048576;
const memory = mebibytes();
const start = performance.now();
await opened(who, dsn);
const ms = performance.now() - start;
console.log(JSON.stringify({ ms, mib: mebibytes() - memory }));
process.exit(0);
