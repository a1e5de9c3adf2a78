/** Authentication failures: a signal of their own. */

import { captureEvent } from './events/capture.js';
import { warnOnce } from './events/face.js';
import { textOf } from './events/plain.js';
import type { Event, User } from './events/types.js';
import { session } from './session.js';

/** What is known of a failure. */
export interface AuthenticationFailure {
  /** Why, with few distinct values: `bad_password`, `expired_token`, `no_such_user`... */
  readonly reason: string;
  /** Who it was, or said to be. */
  readonly user?: User | undefined;
}

/**
 * Counts an authentication failure, in the counter `authentication.failures` by `reason`, and reports
 * it: the first of a reason at once, further ones within a minute as one event that has their number.
 * Never throws.
 */
export function authenticationFailed(failure: AuthenticationFailure): void {
  try {
    const { reason, user } = failure ?? {};
    const due = session().native.countAuthenticationFailure(typeof reason === 'string' ? reason : '');
    if (typeof due === 'string') captureEvent(JSON.parse(due) as Event, user === undefined ? undefined : { user });
  } catch (error) {
    warnOnce('authenticationFailed', `an authentication failure was not counted: ${textOf(error)}`);
  }
}
