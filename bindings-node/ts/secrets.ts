/**
 * Secrets, from a cache in front of AWS Secrets Manager, secret files and, in development,
 * variables. The cache is the core's, one for all threads of the process.
 *
 * What is awaited settles within its deadline. Errors are of one class for each kind, and carry the
 * secret's name, region and request id in `details`; never a value.
 */

import { fromNative, InvalidNameError, InvalidValueError, TallylightError } from './errors.js';
import { ask } from './registry.js';
import { SecretChanges, serveChanges } from './secret-changes.js';
import type { ChangeOptions } from './secret-changes.js';
import { useSecret } from './secret-refused.js';
import type { WithSecretOptions } from './secret-refused.js';
import { checkedName, checkedRequest, CURRENT, isUnicode, NO_UNICODE, REFRESH } from './secret-request.js';
import type { CurrentOptions, PeekOptions, RefreshOptions, SecretName, SecretOptions } from './secret-request.js';
import { SecretStore, settled } from './secret-store.js';
import { Secret } from './secret.js';
import { session } from './session.js';

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

let known: SecretStore | undefined;

function store(): SecretStore {
  return (known ??= new SecretStore(session()));
}

/**
 * Drops what this copy of the package keeps of the values, after `shutdown`.
 *
 * @internal
 */
export function forgetSecrets(): void {
  known?.forget();
  serveChanges();
}

/**
 * The value of a secret: from the cache, else from its source, asked once however many wait. A value
 * past its time to live is answered at once and refreshed behind.
 *
 * Rejects with NotFoundError, DeniedError; UnavailableError and TimeoutError when the source is out
 * of order and no value young enough is at hand; InvalidNameError, InvalidValueError; ClosedError
 * after `shutdown`.
 */
export function getSecret(name: SecretName, options?: SecretOptions): Promise<Secret> {
  return store().get(name, options);
}

/**
 * The value of a secret that was read before; waits for nothing.
 *
 * @throws NotReadyError when it was not read yet; what {@link getSecret} rejects with when the last
 *   reading failed
 */
export function getSecretSync(name: SecretName, options?: PeekOptions): Secret {
  return store().getSync(name, options);
}

/**
 * The value of a secret if it is at hand, in some nanoseconds; undefined for whatever reason
 * otherwise, which {@link getSecretSync} tells.
 */
export function peek(name: SecretName, options?: PeekOptions): Secret | undefined {
  return store().peek(name, options);
}

/** Asks the source now, whatever the cache holds. Rejects as {@link getSecret}; a stale value is no answer here. */
export async function refreshSecret(name: SecretName, options?: RefreshOptions): Promise<Secret> {
  const request = checkedRequest('refreshSecret', name, options, REFRESH);
  const { native } = store();
  return Secret.create(native, await settled(() => native.refreshSecret(request)));
}

/**
 * The current value and the one before: during a rotation both are valid. The one before is AWS's
 * `AWSPREVIOUS`, or what this process saw before the last change. Rejects as {@link getSecret}.
 */
export async function both(name: SecretName, options?: CurrentOptions): Promise<BothSecrets> {
  const request = checkedRequest('both', name, options, CURRENT);
  const { native } = store();
  const { current, previous } = await settled(() => native.bothSecrets(request));
  return {
    current: Secret.create(native, current),
    ...(previous === undefined ? undefined : { previous: Secret.create(native, previous) }),
  };
}

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
export async function prefetchSecrets<N extends SecretName = SecretName>(
  names?: Iterable<N>,
): Promise<{ readonly [name in N]: Secret | TallylightError }> {
  const wanted = names === undefined ? undefined : checkedNames(names);
  // To the core, none means those that are declared.
  if (wanted?.length === 0) return {} as { readonly [name in N]: Secret | TallylightError };
  const { native } = store();
  const answers = await settled(() => native.prefetchSecrets(wanted ?? []));
  return Object.fromEntries(
    answers.map(({ name, value, error }) => [name, value === undefined ? fromNative(error) : Secret.create(native, value)]),
  ) as { readonly [name in N]: Secret | TallylightError };
}

function checkedNames(names: unknown): string[] {
  if (typeof names === 'string' || typeof (names as Iterable<unknown> | null)?.[Symbol.iterator] !== 'function') {
    throw new InvalidNameError('prefetchSecrets takes a list of names, such as ["cineview-gemini-api"]');
  }
  return Array.from(names as Iterable<unknown>, checkedName);
}

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
export function withSecret<T>(
  name: SecretName,
  use: (secret: Secret) => T | PromiseLike<T>,
  options?: WithSecretOptions<T>,
): Promise<T> {
  return useSecret(store(), name, use, options);
}

/**
 * New versions and evictions of a secret, or of all of them, as they are seen. Ends with `break`,
 * `close()`, the signal or `shutdown`. Does not keep the process alive.
 *
 * ```js
 * for await (const { name, version } of onSecretChange()) console.log(name, version);
 * ```
 */
export function onSecretChange(name?: SecretName, options?: ChangeOptions): SecretChanges {
  const signal = options?.signal;
  if (signal !== undefined && typeof (signal as Partial<typeof signal> | null)?.addEventListener !== 'function') {
    throw new InvalidValueError('the option signal of onSecretChange must be an AbortSignal');
  }
  return SecretChanges.create(store().native, name === undefined ? undefined : checkedName(name), signal);
}

/** The text with every secret value that this process has read replaced by `[redacted]`, in any of its escaped forms. */
export function scrub(text: string): string {
  if (typeof text !== 'string') throw new InvalidValueError(`scrub takes a text, not ${text === null ? 'null' : typeof text}`);
  return ask(() => session().native.scrub(text)) ?? text;
}

/**
 * Sets a value for this process that is answered before every source, until it is cleared.
 *
 * @throws InvalidNameError, InvalidValueError(empty, or over 64 KiB); UnsupportedError when the source
 *   `override` is off
 */
export function setSecretOverride(name: SecretName, value: string | Uint8Array): void {
  const checked = checkedName(name);
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) {
    throw new InvalidValueError(`the override of a secret must be text or bytes, not ${value === null ? 'null' : typeof value}`);
  }
  if (typeof value === 'string' && !isUnicode(value)) {
    throw new InvalidValueError(`the override of a secret ${NO_UNICODE}, or bytes`);
  }
  const bytes = Uint8Array.from(typeof value === 'string' ? Buffer.from(value) : value);
  try {
    ask(() => session().native.setSecretOverride(checked, bytes));
  } finally {
    // The core has its own copy.
    bytes.fill(0);
  }
}

/** Ends an override; the sources answer again. */
export function clearSecretOverride(name: SecretName): void {
  const checked = checkedName(name);
  ask(() => session().native.clearSecretOverride(checked));
}

/** The secrets that this service declares: the built-in ones, then those of the settings. */
export function declaredSecrets(): readonly DeclaredSecret[] {
  return ask(() => session().native.declaredSecrets());
}
