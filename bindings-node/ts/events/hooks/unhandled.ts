/**
 * Errors that nobody catches: captured on their way, while Node does with them what it would do
 * anyway (the printed trace, the exit code, the `--unhandled-rejections` mode).
 *
 * An uncaught error is seen through `uncaughtExceptionMonitor`, which is made for that. A listener of
 * `unhandledRejection` would change what Node does, so its emission is looked at instead.
 */

import { captureThrown } from '../capture.js';
import { firstOf, warnOnce } from '../face.js';
import { workerThreads } from '../lazy.cjs';
import { textOf } from '../plain.js';
import { session } from '../../session.js';

type Emit = (this: unknown, event: string | symbol, ...args: unknown[]) => boolean;

/** A reason that is no error reaches the monitor as an error of Node's own. */
const WRAPPED = 'ERR_UNHANDLED_REJECTION';

/** Whether the rejection that is under way was captured by one of the two. */
let isRejectionCaptured = false;

/** Captures what nobody catches in this thread. */
export function captureUnhandled(): void {
  if (!firstOf('unhandled')) return;
  process.on('uncaughtExceptionMonitor', onUncaught);
  const emit = process.emit as Emit;
  const watched: Emit = function (this: unknown, event, ...args) {
    if (event !== 'unhandledRejection') return Reflect.apply(emit, this, [event, ...args]);
    onRejection(args[0]);
    const isHandled = Reflect.apply(emit, this, [event, ...args]);
    // Unless somebody listens, Node throws it now, and the monitor sees it.
    if (isHandled) isRejectionCaptured = false;
    return isHandled;
  };
  process.emit = watched as typeof process.emit;
}

function onUncaught(error: unknown, origin: string): void {
  silently(() => {
    const isRejection = origin === 'unhandledRejection';
    if (isRejection && isWrapped(error) && isRejectionCaptured) {
      isRejectionCaptured = false;
    } else {
      const type = isRejection ? 'onunhandledrejection' : 'onuncaughtexception';
      captureThrown(error, undefined, { type, handled: false }, 'fatal', onUncaught, true);
      isRejectionCaptured = isRejection;
    }
    const { isMainThread, threadId } = workerThreads();
    if (!isMainThread) session().native.noteUnhandled(threadId);
  });
}

function onRejection(reason: unknown): void {
  silently(() => {
    if (isRejectionCaptured) return;
    captureThrown(reason, undefined, { type: 'onunhandledrejection', handled: false }, 'error', onRejection, true);
    isRejectionCaptured = true;
  });
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
