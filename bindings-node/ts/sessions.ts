/**
 * Release health: the session of this process, by which a server tells how many runs of a release were
 * free of errors. There is one, and it needs a release.
 */

import { InvalidValueError } from './errors.js';
import { warnOnce } from './events/face.js';
import { textOf } from './events/plain.js';
import { session } from './session.js';

/** How a session starts. */
export interface SessionOptions {
  /** The id of the user that it is of, if it is of one. */
  readonly user?: string | undefined;
}

/**
 * Starts the session of this process, ending the one under way. Answers whether there is one: without
 * a release there is none. Errors that are captured count into it, and an error that nobody catches
 * ends it.
 */
export function startSession(options?: SessionOptions): boolean {
  const user = options?.user;
  return contained('startSession', () => session().native.startSession(typeof user === 'string' ? user : undefined));
}

/**
 * Ends the session of this process, `exited` unless told. Answers whether there was one.
 *
 * @throws InvalidValueError for an end that there is not
 */
export function endSession(end: 'exited' | 'crashed' | 'abnormal' = 'exited'): boolean {
  if (!['exited', 'crashed', 'abnormal'].includes(end)) {
    throw new InvalidValueError(`a session has no end ${JSON.stringify(end)}; use exited, crashed or abnormal`);
  }
  return contained('endSession', () => session().native.endSession(end));
}

/**
 * Counts an error that was captured.
 *
 * @internal
 */
export function sessionErrored(level: unknown): void {
  if (level !== undefined && level !== 'error' && level !== 'fatal') return;
  contained('startSession', () => {
    session().native.sessionErrored();
    return true;
  });
}

function contained(about: string, call: () => boolean): boolean {
  try {
    return call();
  } catch (error) {
    warnOnce(about, `a session was not told of: ${textOf(error)}`);
    return false;
  }
}
