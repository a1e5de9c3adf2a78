/**
 * A credential that was just refused: one fresh value, one more try.
 *
 * What counts as refused: HTTP 401 and 403, PostgreSQL's `28P01` and `28000`, and what AWS and gRPC
 * call an unauthenticated caller, in what was thrown or in one of its causes; of what was returned,
 * HTTP 401 and 403.
 */

import { InvalidValueError } from './errors.js';
import { CURRENT, checkedRequest } from './secret-request.js';
import type { CurrentOptions } from './secret-request.js';
import { settled } from './secret-store.js';
import type { SecretStore } from './secret-store.js';
import { Secret } from './secret.js';

/** How `withSecret` reads the value, and what it takes for a refusal. */
export interface WithSecretOptions<T> extends CurrentOptions {
  /** Whether what was thrown says that the credential was refused, instead of the rules of `withSecret`. */
  readonly isRefused?: ((error: unknown) => boolean) | undefined;
  /** Whether what was returned says so, such as a `Response` with status 407. */
  readonly isRefusedResult?: ((result: T) => boolean) | undefined;
}

const OWN_OPTIONS = ['isRefused', 'isRefusedResult'] as const;

/** Calls that say "not with this credential", by the `code` or `name` of an error. */
const CODES: ReadonlySet<unknown> = new Set([
  '28P01',
  '28000',
  'UNAUTHENTICATED',
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'AuthFailure',
]);
/** gRPC's number for UNAUTHENTICATED; counts beside `metadata` only, since others number errors too. */
const GRPC_UNAUTHENTICATED = 16;
/** How far causes are followed. */
const DEPTH = 5;

/**
 * Runs `use` with the value, and once more with a newer one when the first was refused.
 *
 * @internal
 */
export async function useSecret<T>(
  store: SecretStore,
  name: string,
  use: (secret: Secret) => T | PromiseLike<T>,
  options: WithSecretOptions<T> | undefined,
): Promise<T> {
  const request = checkedRequest('withSecret', name, options, CURRENT, OWN_OPTIONS);
  const isRefused = predicate(options, 'isRefused') ?? isRefusedError;
  // Whoever has a rule of their own means it for all there is to judge.
  const isRefusedResult = predicate(options, 'isRefusedResult') ?? (options?.isRefused === undefined ? hasRefusedStatus : () => false);
  if (typeof use !== 'function') throw new InvalidValueError('withSecret takes a function that is given the secret');
  const { isRefused: _, isRefusedResult: __, ...rest } = options ?? {};
  const secret = await store.get(name, options === undefined ? undefined : rest);
  let result: T;
  try {
    result = await use(secret);
  } catch (error) {
    const newer = isRefused(error) ? await newerThan(secret) : undefined;
    // What the call said is the better answer than why there is nothing newer.
    if (newer === undefined) throw error;
    return use(newer);
  }
  const newer = isRefusedResult(result) ? await newerThan(secret) : undefined;
  if (newer === undefined) return result;
  discard(result);
  return use(newer);

  async function newerThan(refused: Secret): Promise<Secret | undefined> {
    try {
      const { native } = store;
      const answer = await settled(() => native.refusedSecret(request, Secret.handleOf(refused)));
      return answer.value && Secret.create(native, answer.value);
    } catch {
      return undefined;
    }
  }
}

function predicate(options: object | undefined, name: (typeof OWN_OPTIONS)[number]): ((value: unknown) => boolean) | undefined {
  const given = (options as { readonly [name: string]: unknown } | undefined)?.[name];
  if (given === undefined || typeof given === 'function') return given as ((value: unknown) => boolean) | undefined;
  throw new InvalidValueError(`the option ${name} of withSecret must be a function, not ${typeof given}`);
}

/** Whether what was thrown, or one of its causes, says that a credential was refused. */
function isRefusedError(error: unknown): boolean {
  let one: unknown = error;
  for (let depth = 0; depth < DEPTH && typeof one === 'object' && one !== null; depth++) {
    const { code, name, cause, metadata, response } = one as { readonly [field: string]: unknown };
    if (CODES.has(code) || CODES.has(name) || hasRefusedStatus(one) || hasRefusedStatus(response)) return true;
    if (code === GRPC_UNAUTHENTICATED && metadata !== undefined) return true;
    one = cause;
  }
  return false;
}

/** Whether it carries an HTTP status that says so. */
function hasRefusedStatus(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { status, statusCode, code, $metadata } = value as { readonly [field: string]: unknown };
  if (status === 'UNAUTHENTICATED') return true;
  const all = [status, statusCode, code, ($metadata as { httpStatusCode?: unknown } | undefined)?.httpStatusCode];
  return all.some((one) => one === 401 || one === 403);
}

/** A response that nobody reads would hold its connection. */
function discard(result: unknown): void {
  if (typeof Response === 'undefined' || !(result instanceof Response) || result.bodyUsed) return;
  result.body?.cancel().catch(() => {});
}
