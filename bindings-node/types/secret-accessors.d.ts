/** Typed accessors: a service names its secrets once and asks for them by a property. */
import type { SecretChanges, ChangeOptions } from './secret-changes.js';
import type { WithSecretOptions } from './secret-refused.js';
import type { CurrentOptions, SecretName } from './secret-request.js';
import type { Secret } from './secret.js';
import type { BothSecrets } from './secrets.js';
/** A secret as a service names it: its name, its name and a key of it, or an accessor of it. */
export type SecretDefinition = SecretName | {
    readonly name: SecretName;
    readonly key?: string | undefined;
} | readonly [name: SecretName, key: string] | SecretAccessor;
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
export declare function defineSecrets<const D extends Readonly<Record<string, SecretDefinition>>>(definitions: D): {
    readonly [secret in keyof D]: SecretAccessor;
};
