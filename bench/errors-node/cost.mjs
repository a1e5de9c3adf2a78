// What capturing an error costs its caller: an error with a cause, thrown ten calls deep, after 20 breadcrumbs. Making it
// is not timed; what the SDK does later, when the caller is done, is not either.
//
//   node cost.mjs WHO DSN COUNT TOGETHER PAUSE_MS      prints {"us": [of each capture]}
//
// TOGETHER captures follow each other, then the SDK has the time of the pause to deliver them.
import { setTimeout as sleep } from 'node:timers/promises';

import { distinct } from './errors.mjs';
import { opened } from './sdks.mjs';

const WARM = 300;
const BREADCRUMBS = 20;

const [who, dsn, ...numbers] = process.argv.slice(2);
const [count, together, pauseMs] = numbers.map(Number);
const { capture, breadcrumb } = await opened(who, dsn);
for (let n = 0; n < BREADCRUMBS; n++) breadcrumb(`step ${n}`);

const us = [];
for (let n = 0; n < WARM + count; n++) {
  const error = distinct(n);
  const start = process.hrtime.bigint();
  capture(error);
  const end = process.hrtime.bigint();
  if (n >= WARM) us.push(Number(end - start) / 1000);
  if (n % together === together - 1) await sleep(pauseMs);
}
console.log(JSON.stringify({ us }));
process.exit(0);
