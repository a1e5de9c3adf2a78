/**
 * Errors that end a worker: captured in the thread that started it, unless the worker reported its
 * error itself. Looked at through `errorMonitor`, so that it still needs a listener of its own.
 */

import { subscribe } from 'node:diagnostics_channel';
import { errorMonitor } from 'node:events';
import type { Worker } from 'node:worker_threads';

import { session } from '../../session.js';
import { captureThrown } from '../capture.js';
import { face, firstOf, warnOnce } from '../face.js';
import { textOf } from '../plain.js';
import { currentIsolationScope, currentScope, runInScopes } from '../scope.js';

/** Captures what ends the workers that this thread starts from now on. */
export function captureWorkerErrors(): void {
  if (firstOf('workers')) subscribe('worker_threads', (message) => watch((message as { worker: Worker }).worker));
}

function watch(worker: Worker): void {
  const thread = worker.threadId;
  // Whoever started it is concerned, not whoever runs when it ends.
  const isolation = currentIsolationScope();
  const current = currentScope();
  worker.on(errorMonitor, (error: unknown) => {
    try {
      if (session().native.takeUnhandled(thread)) {
        // Without a listener it ends this thread too, which is no other error.
        if (typeof error === 'object' && error !== null) face().captured.set(error, '');
        return;
      }
      const options = { tags: { thread: `worker ${thread}` } };
      runInScopes(isolation, current, () =>
        captureThrown(error, options, { type: 'worker_thread', handled: false }, 'error', watch, true),
      );
    } catch (fault) {
      warnOnce('workers', `an error of a worker could not be captured: ${textOf(fault)}`);
    }
  });
}
