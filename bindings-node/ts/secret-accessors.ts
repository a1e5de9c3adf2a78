/** Typed accessors: a service names its secrets once and asks for them by a property. */

import { InvalidValueError } from './errors.js';
import type { SecretChanges, ChangeOptions } from './secret-changes.js';
import type { WithSecretOptions } from './secret-refused.js';
import type { CurrentOptions, SecretName } from './secret-request.js';
import { checkedName, isUnicode } from './secret-request.js';
import type { Secret } from './secret.js';
import { both, getSecret, getSecretSync, onSecretChange, peek, refreshSecret, withSecret } from './secrets.js';
import type { BothSecrets } from './secrets.js';

/** A secret as a service names it: its name, its name and a key of it, or an accessor of it. */
export type SecretDefinition =
  | SecretName
  | { readonly name: SecretName; readonly key?: string | undefined }
  | readonly [name: SecretName, key: string]
  | SecretAccessor;

/** How an accessor reads: as new as need be, for as long as need be. */
export type AccessorOptions = Omit<CurrentOptions, 'key'>;

/** One secret; called, it answers the value as `getSecret` does. */
export interface SecretAccessor {
  (options?: AccessorOptions): Promise<Secret>;
  /** The secret's name. */
  readonly secretName: string;
  /** The key of it, if one was named. */
  readonly key: string | undefined;
  /** As {@link peek}. */
  peek(): Secret | undefined;
  /** As {@link getSecretSync}. */
  sync(): Secret;
  /** As {@link refreshSecret}. */
  refresh(options?: Pick<AccessorOptions, 'deadline'>): Promise<Secret>;
  /** As {@link both}. */
  both(options?: AccessorOptions): Promise<BothSecrets>;
  /** As {@link withSecret}. */
  use<T>(use: (secret: Secret) => T | PromiseLike<T>, options?: Omit<WithSecretOptions<T>, 'key'>): Promise<T>;
  /** As {@link onSecretChange}. */
  onChange(options?: ChangeOptions): SecretChanges;
}

/**
 * Accessors for the secrets of a service, so that a name is written once. Asks for nothing yet.
 *
 * ```js
 * const secrets = defineSecrets({
 *   gemini: 'cineview-gemini-api',
 *   database: { name: 'prod/db', key: 'password' },
 *   mail: ['prod/mail', 'token'],
 * });
 * const key = await secrets.gemini();
 * ```
 *
 * @throws InvalidNameError, InvalidValueError for a definition that is none
 */
export function defineSecrets<const D extends Readonly<Record<string, SecretDefinition>>>(
  definitions: D,
): { readonly [secret in keyof D]: SecretAccessor } {
  if (typeof definitions !== 'object' || definitions === null || Array.isArray(definitions)) {
    throw new InvalidValueError('defineSecrets takes an object such as { gemini: "cineview-gemini-api" }');
  }
  const accessors = Object.entries(definitions).map(([property, definition]) => [property, accessor(property, definition)]);
  return Object.freeze(Object.fromEntries(accessors)) as { readonly [secret in keyof D]: SecretAccessor };
}

function accessor(property: string, definition: SecretDefinition): SecretAccessor {
  const { name, key, ...more } = parts(property, definition);
  const secretName = checkedName(name);
  const unknown = Object.keys(more)[0];
  if (unknown !== undefined) {
    throw new InvalidValueError(`the secret ${property} has no option ${JSON.stringify(unknown)}; it knows name, key`);
  }
  if (key !== undefined && (typeof key !== 'string' || key === '' || !isUnicode(key))) {
    throw new InvalidValueError(`the key of the secret ${property} must be text, and not empty`);
  }
  // Made once: without options a hit allocates nothing.
  const own = key === undefined ? undefined : Object.freeze({ key });
  const merged = <T extends object>(options: T | undefined): (T & { key?: string }) | undefined =>
    options === undefined ? (own as (T & { key?: string }) | undefined) : { ...options, ...own };
  const get = (options?: AccessorOptions): Promise<Secret> => getSecret(secretName, merged(options));
  return Object.freeze(
    Object.assign(get, {
      secretName,
      key,
      peek: () => peek(secretName, own),
      sync: () => getSecretSync(secretName, own),
      refresh: (options?: Pick<AccessorOptions, 'deadline'>) => refreshSecret(secretName, merged(options)),
      both: (options?: AccessorOptions) => both(secretName, merged(options)),
      use: <T>(use: (secret: Secret) => T | PromiseLike<T>, options?: Omit<WithSecretOptions<T>, 'key'>) =>
        withSecret(secretName, use, merged(options) as WithSecretOptions<T> | undefined),
      onChange: (options?: ChangeOptions) => onSecretChange(secretName, options),
    }),
  );
}

/** A definition in its longest form; what is in it may be anything. */
function parts(property: string, definition: unknown): { name?: unknown; key?: unknown } {
  if (Array.isArray(definition)) {
    if (definition.length !== 2) throw new InvalidValueError(`the secret ${property} must be a name, or [name, key]`);
    const [name, key] = definition as readonly unknown[];
    // A pair has both.
    return { name, key: key ?? null };
  }
  if (typeof definition === 'object' && definition !== null) return definition;
  if (typeof definition !== 'function') return { name: definition };
  const { secretName, key } = definition as Partial<SecretAccessor>;
  return { name: secretName ?? definition, key };
}
