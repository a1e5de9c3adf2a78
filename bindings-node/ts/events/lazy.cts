/**
 * Parts of Node that are loaded when they are needed: each takes longer to load than all of this
 * package, and importing it should cost nothing. A CommonJS file, since only there is `require`.
 */

import type * as Crypto from 'node:crypto';
import type * as Inspector from 'node:inspector';
import type * as Os from 'node:os';
import type * as WorkerThreads from 'node:worker_threads';

/** `node:crypto`. */
export function crypto(): typeof Crypto {
  return require('node:crypto') as typeof Crypto;
}

/** `node:worker_threads`. */
export function workerThreads(): typeof WorkerThreads {
  return require('node:worker_threads') as typeof WorkerThreads;
}

/** `node:os`. */
export function os(): typeof Os {
  return require('node:os') as typeof Os;
}

/** `node:inspector`. */
export function inspector(): typeof Inspector {
  return require('node:inspector') as typeof Inspector;
}
