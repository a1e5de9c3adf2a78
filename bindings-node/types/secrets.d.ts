/**
 * Secrets, from a cache in front of AWS Secrets Manager, secret files and, in development,
 * variables. The cache is the core's, one for all threads of the process.
 *
 * What is awaited settles within its deadline. Errors are of one class for each kind, and carry the
 * secret's name, region and request id in `details`; never a value.
 */
import { TallylightError } from './errors.js';
import { SecretChanges } from './secret-changes.js';
import type { ChangeOptions } from './secret-changes.js';
import type { WithSecretOptions } from './secret-refused.js';
import type { CurrentOptions, PeekOptions, RefreshOptions, SecretName, SecretOptions } from './secret-request.js';
import { Secret } from './secret.js';
/** A secret that the service says it has. */
export interface DeclaredSecret {
    /** Its name, or its ARN. */
    readonly name: string;
    /** Variables that hold it beside the one of its name, such as `GEMINI_API_KEY`. */
    readonly aliases: readonly string[];
    /** What it is, in a few words; empty where nobody said. */
    readonly description: string;
}
/** The two values that are valid during a rotation. */
export interface BothSecrets {
    /** The current one. */
    readonly current: Secret;
    /** The one before, if there is one still. */
    readonly previous?: Secret;
}
/**
 * The value of a secret: from the cache, else from its source, asked once however many wait. A value
 * past its time to live is answered at once and refreshed behind.
 *
 * Rejects with NotFoundError, DeniedError; UnavailableError and TimeoutError when the source is out
 * of order and no value young enough is at hand; InvalidNameError, InvalidValueError; ClosedError
 * after `shutdown`.
 */
export declare function getSecret(name: SecretName, options?: SecretOptions): Promise<Secret>;
/**
 * The value of a secret that was read before; waits for nothing.
 *
 * @throws NotReadyError when it was not read yet; what {@link getSecret} rejects with when the last
 *   reading failed
 */
export declare function getSecretSync(name: SecretName, options?: PeekOptions): Secret;
/**
 * The value of a secret if it is at hand, in some nanoseconds; undefined for whatever reason
 * otherwise, which {@link getSecretSync} tells.
 */
export declare function peek(name: SecretName, options?: PeekOptions): Secret | undefined;
/** Asks the source now, whatever the cache holds. Rejects as {@link getSecret}; a stale value is no answer here. */
export declare function refreshSecret(name: SecretName, options?: RefreshOptions): Promise<Secret>;
/**
 * The current value and the one before: during a rotation both are valid. The one before is AWS's
 * `AWSPREVIOUS`, or what this process saw before the last change. Rejects as {@link getSecret}.
 */
export declare function both(name: SecretName, options?: CurrentOptions): Promise<BothSecrets>;
/**
 * Reads many secrets at once, those of AWS in batches of 20; without names those that are declared.
 *
 * Resolves to an object with an answer for each name: the secret, or the error that
 * {@link getSecret} would reject with. One that fails keeps no other back:
 *
 * ```js
 * for (const answer of Object.values(await prefetchSecrets())) {
 *   if (answer instanceof TallylightError) throw answer;
 * }
 * ```
 */
export declare function prefetchSecrets<N extends SecretName = SecretName>(names?: Iterable<N>): Promise<{
    readonly [name in N]: Secret | TallylightError;
}>;
/**
 * Runs `use` with the value; when that fails as refused, refreshes the value once and, if that
 * brought another, runs `use` once more with it. Refused is, thrown or among the causes, HTTP 401
 * and 403, PostgreSQL's `28P01` and `28000`, AWS's and gRPC's unauthenticated; and a returned
 * `Response` with 401 or 403. `isRefused` and `isRefusedResult` are rules instead of these.
 *
 * ```js
 * const rows = await withSecret('cineview-supabase-service-role', (key) => query(key.reveal()));
 * ```
 *
 * Rejects as {@link getSecret}, else with what `use` failed with.
 */
export declare function withSecret<T>(name: SecretName, use: (secret: Secret) => T | PromiseLike<T>, options?: WithSecretOptions<T>): Promise<T>;
/**
 * New versions and evictions of a secret, or of all of them, as they are seen. Ends with `break`,
 * `close()`, the signal or `shutdown`. Does not keep the process alive.
 *
 * ```js
 * for await (const { name, version } of onSecretChange()) console.log(name, version);
 * ```
 */
export declare function onSecretChange(name?: SecretName, options?: ChangeOptions): SecretChanges;
/** The text with every secret value that this process has read replaced by `[redacted]`, in any of its escaped forms. */
export declare function scrub(text: string): string;
/**
 * Sets a value for this process that is answered before every source, until it is cleared.
 *
 * @throws InvalidNameError, InvalidValueError(empty, or over 64 KiB); UnsupportedError when the source
 *   `override` is off
 */
export declare function setSecretOverride(name: SecretName, value: string | Uint8Array): void;
/** Ends an override; the sources answer again. */
export declare function clearSecretOverride(name: SecretName): void;
/** The secrets that this service declares: the built-in ones, then those of the settings. */
export declare function declaredSecrets(): readonly DeclaredSecret[];
