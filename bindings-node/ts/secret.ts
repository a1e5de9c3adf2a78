/**
 * The value of a secret, in an object that does not show it.
 *
 * Whoever wants the value says so with `reveal`; whatever else is done with the object (printed,
 * logged, put into JSON, an error or a template, copied, sent to a worker) shows its name at most.
 * The value is not in JavaScript until it is revealed.
 */

import { InvalidValueError } from './errors.js';
import type { SecretValue } from './native.js';
import { ask } from './registry.js';
import { isUnicode, NO_UNICODE } from './secret-request.js';
import type { Session } from './session.js';

/** Where a value came from; `disk` is the sealed cache, at a start during an outage. */
export type SecretSource = 'override' | 'file' | 'aws' | 'environment' | 'disk';

// As with the errors: each copy of the package has a class of its own.
const BRAND = Symbol.for('tallylight.secret');
const ordinaryHasInstance = Function.prototype[Symbol.hasInstance];

/** A secret's value and where it came from. Get one from `getSecret`. */
export class Secret {
  readonly #native: Session['native'];
  readonly #known: SecretValue;
  #text: string | undefined;

  private constructor(native: Session['native'], known: SecretValue) {
    this.#native = native;
    this.#known = known;
  }

  /** @internal */
  static create(native: Session['native'], known: SecretValue): Secret {
    return new Secret(native, known);
  }

  /** What reveals it. @internal */
  static handleOf(secret: Secret): unknown {
    return secret.#known.handle;
  }

  /** True for secrets from any copy of the package in the process. */
  static [Symbol.hasInstance](value: unknown): boolean {
    if (ordinaryHasInstance.call(this, value)) return true;
    return this === Secret && typeof value === 'object' && value !== null && BRAND in value;
  }

  /**
   * The value as text.
   *
   * @throws InvalidValueError when it is no UTF-8 text; `revealBytes` has it
   */
  reveal(): string {
    return (this.#text ??= ask(() => this.#native.revealSecret(this.#known.handle)));
  }

  /** A copy of the value as bytes. */
  revealBytes(): Uint8Array {
    return ask(() => this.#native.revealSecretBytes(this.#known.handle));
  }

  /** The name it was asked for by. */
  get name(): string {
    return this.#known.name;
  }

  /** Which source answered. */
  get source(): SecretSource {
    return this.#known.source as SecretSource;
  }

  /** The version's id, where the source has versions. */
  get version(): string | undefined {
    return this.#known.version;
  }

  /** The stages of that version when it was read, such as `AWSCURRENT`. */
  get stages(): readonly string[] {
    return this.#known.stages;
  }

  /** The ARN, where it comes from AWS. */
  get arn(): string | undefined {
    return this.#known.arn;
  }

  /** The region that answered, where it comes from AWS. */
  get region(): string | undefined {
    return this.#known.region;
  }

  /** When the source answered. */
  get fetchedAt(): Date {
    return new Date(this.#known.fetchedAt);
  }

  /** How long ago the source answered, in milliseconds. */
  get age(): number {
    return Math.max(0, Date.now() - this.#known.fetchedAt);
  }

  /** Whether it was stored as binary, or is no UTF-8 text. */
  get isBinary(): boolean {
    return this.#known.isBinary;
  }

  /** How many bytes the value has. */
  get byteLength(): number {
    return this.#known.length;
  }

  /**
   * One key of a JSON secret: of its top level or, for a key that starts with `/`, by JSON Pointer.
   * A text comes without quotes, anything else as JSON.
   *
   * @throws InvalidValueError when the secret is no JSON object
   * @throws NotFoundError when it has no such key, naming the keys it has
   */
  jsonKey(key: string): Secret {
    if (typeof key !== 'string') throw new InvalidValueError(`the key of a secret must be text, not ${typeof key}`);
    if (!isUnicode(key)) throw new InvalidValueError(`the key of a secret ${NO_UNICODE}`);
    return new Secret(this.#native, ask(() => this.#native.secretJsonKey(this.#known.handle, key)));
  }

  /** The name, never the value. */
  toString(): string {
    // Whatever inspects values also inspects prototypes, proxies and objects made of this one.
    return #known in this ? `[Secret ${this.#known.name}: redacted]` : '[Secret: redacted]';
  }

  /** As {@link toString}. */
  toJSON(): string {
    return this.toString();
  }

  /** As {@link toString}, for a template, a concatenation or a comparison. */
  [Symbol.toPrimitive](): string {
    return this.toString();
  }
}

Object.defineProperty(Secret, 'name', { value: 'Secret' });
Object.defineProperty(Secret.prototype, BRAND, { value: true });
Object.defineProperty(Secret.prototype, Symbol.toStringTag, { value: 'Secret' });
Object.defineProperty(Secret.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(this: Secret) {
    return Secret.prototype.toString.call(this);
  },
});
