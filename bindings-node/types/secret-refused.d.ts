/**
 * A credential that was just refused: one fresh value, one more try.
 *
 * What counts as refused: HTTP 401 and 403, PostgreSQL's `28P01` and `28000`, and what AWS and gRPC
 * call an unauthenticated caller, in what was thrown or in one of its causes; of what was returned,
 * HTTP 401 and 403.
 */
import type { CurrentOptions } from './secret-request.js';
/** How `withSecret` reads the value, and what it takes for a refusal. */
export interface WithSecretOptions<T> extends CurrentOptions {
    /** Whether what was thrown says that the credential was refused, instead of the rules of `withSecret`. */
    readonly isRefused?: ((error: unknown) => boolean) | undefined;
    /** Whether what was returned says so, such as a `Response` with status 407. */
    readonly isRefusedResult?: ((result: T) => boolean) | undefined;
}
