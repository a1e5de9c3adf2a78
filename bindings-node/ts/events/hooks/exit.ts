/**
 * The end of the process: what was captured is in the spool, and the next start delivers it; but a
 * container may have no next start, so what waits gets `shutdownTimeout` to leave. The exit code
 * stays what it was.
 */

import { session } from '../../session.js';
import { effective, face, firstOf } from '../face.js';
import { workerThreads } from '../lazy.cjs';
import { refuse } from '../send.js';

/** Delivers what waits when the process ends. A worker's end is nothing of that kind. */
export function deliverAtExit(): void {
  if (!workerThreads().isMainThread || !firstOf('exit')) return;
  process.on('exit', () => {
    try {
      // A hook that has not answered by now never will.
      for (const _ of face().pending) refuse('error', 'before_send');
      session().native.endSession('exited');
      const { enabled, shutdownTimeout } = effective();
      if (enabled && shutdownTimeout > 0) session().native.flushItemsBlocking(shutdownTimeout);
    } catch {
      // Nothing may stand between a process and its end.
    }
  });
}
