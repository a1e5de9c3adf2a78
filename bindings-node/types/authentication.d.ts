/** Authentication failures: a signal of their own. */
import type { User } from './events/types.js';
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
export declare function authenticationFailed(failure: AuthenticationFailure): void;
