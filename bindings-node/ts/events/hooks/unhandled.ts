/**
 * Errors that nobody catches: captured on their way, while Node does with them what it would do
 * anyway (the printed trace, the exit code, the `--unhandled-rejections` mode).
 *
 * An uncaught error is seen through `uncaughtExceptionMonitor`, which is made for that. A listener of
 * `unhandledRejection` would change what Node does, so its emission is looked at instead.
 */

import { session } from '../../session.js';
import { captureThrown } from '../capture.js';
import { firstOf, warnOnce } from '../face.js';
import { workerThreads } from '../lazy.cjs';
import { textOf } from '../plain.js';
import { currentIsolationScope, currentScope, runInScopes } from '../scope.js';
import type { Scope } from '../scope.js';
import type { Level } from '../types.js';

type Emit = (this: unknown, event: string | symbol, ...args: unknown[]) => boolean;

/** A reason that is no error reaches the monitor as an error of Node's own. */
const WRAPPED = 'ERR_UNHANDLED_REJECTION';

/** A rejection on its way, and whose it is. */
interface Rejection {
  readonly reason: unknown;
  readonly isolation: Scope;
  readonly current: Scope;
  isCaptured: boolean;
}

/** The last rejection that nobody listens to: what Node throws now, if it does. */
let waiting: Rejection | undefined;
/** Whether the monitor captured, wrapped, what the listeners are told of next. */
let isWrappedCaptured = false;

/** Captures what nobody catches in this thread. */
export function captureUnhandled(): void {
  if (!firstOf('unhandled')) return;
  process.on('uncaughtExceptionMonitor', onUncaught);
  const emit = process.emit as Emit;
  const watched: Emit = function (this: unknown, event, ...args) {
    if (event === 'unhandledRejection') silently(() => onRejection(args[0]));
    return Reflect.apply(emit, this, [event, ...args]);
  };
  process.emit = watched as typeof process.emit;
}

function onUncaught(error: unknown, origin: string): void {
  silently(() => {
    if (origin === 'unhandledRejection') {
      const rejection = waiting ?? rejectionOf(error);
      isWrappedCaptured = waiting === undefined && isWrapped(error);
      waiting = undefined;
      capture(rejection, 'fatal');
    } else {
      captureThrown(error, undefined, { type: 'onuncaughtexception', handled: false }, 'fatal', onUncaught, true);
    }
    const { isMainThread, threadId } = workerThreads();
    if (!isMainThread) session().native.noteUnhandled(threadId);
    else if (process.listenerCount('uncaughtException') === 0) session().native.endSession('crashed');
  });
}

function onRejection(reason: unknown): void {
  if (isWrappedCaptured) {
    isWrappedCaptured = false;
    return;
  }
  const rejection = rejectionOf(reason);
  if (process.listenerCount('unhandledRejection') > 0) {
    capture(rejection, 'error');
    return;
  }
  // Unless it is told to warn only, Node throws it now, and the line of code that it prints is lost
  // once somebody has read the error's stack. So this waits for the monitor, or the next tick.
  waiting = rejection;
  process.nextTick(() => {
    if (waiting === rejection) waiting = undefined;
    silently(() => capture(rejection, 'error'));
  });
}

function rejectionOf(reason: unknown): Rejection {
  return { reason, isolation: currentIsolationScope(), current: currentScope(), isCaptured: false };
}

function capture(rejection: Rejection, level: Level): void {
  if (rejection.isCaptured) return;
  rejection.isCaptured = true;
  const { reason, isolation, current } = rejection;
  runInScopes(isolation, current, () =>
    captureThrown(reason, undefined, { type: 'onunhandledrejection', handled: false }, level, capture, true),
  );
}

function isWrapped(error: unknown): boolean {
  return typeof error === 'object' && error !== null && (error as { code?: unknown }).code === WRAPPED;
}

function silently(report: () => void): void {
  try {
    report();
  } catch (error) {
    warnOnce('unhandled', `an unhandled error could not be captured: ${textOf(error)}`);
  }
}
