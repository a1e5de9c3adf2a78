// What capturing an error costs its caller: an error with a cause, thrown ten calls deep, after 20 breadcrumbs. Making it
// is not timed; what the SDK does later, when the caller is done, is not either.
//
//   node cost.mjs WHO DSN COUNT      prints {"us": [of each capture]}
import { setImmediate as turn } from 'node:timers/promises';

import { distinct } from './errors.mjs';
import { opened } from './sdks.mjs';

const WARM = 300;
const BREADCRUMBS = 20;

const [who, dsn, count] = process.argv.slice(2);
const { capture, breadcrumb } = await opened(who, dsn);
for (let n = 0; n < BREADCRUMBS; n++) breadcrumb(`step ${n}`);

const us = [];
for (let n = 0; n < WARM + Number(count); n++) {
  const error = distinct(n);
  const start = process.hrtime.bigint();
  capture(error);
  const end = process.hrtime.bigint();
  if (n >= WARM) us.push(Number(end - start) / 1000);
  await turn();
}
console.log(JSON.stringify({ us }));
process.exit(0);
