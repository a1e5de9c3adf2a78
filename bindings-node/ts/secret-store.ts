/**
 * What this isolate knows of the process's secrets.
 *
 * The core's cache is one for the process. A value that it answered is kept here, too, for as long
 * as the core's epoch stands, so that the next hit costs no native call. The epoch moves whenever
 * any answer may have changed (a new value, one that is due, an eviction, an override, shutdown);
 * then everything here is dropped, and the next reader asks once. Invariant: nothing is kept that
 * was answered before the epoch was read.
 */

import { fromNative } from './errors.js';
import { Counter } from './instruments.js';
import { owned } from './memo.js';
import type { SecretRequest, SecretValue } from './native.js';
import { ask } from './registry.js';
import { serveChanges } from './secret-changes.js';
import { checkedRequest, GET, PEEK } from './secret-request.js';
import type { SecretOptions } from './secret-request.js';
import { Secret } from './secret.js';
import type { Session } from './session.js';

/** A secret that is kept, and the promise that whoever awaits it is given. */
interface Kept {
  readonly secret: Secret;
  readonly promise: Promise<Secret>;
}

/** The core's own counter of values served without waiting; a hit here is one. */
const HITS = 'tallylight.secrets.hits';

/** Secrets kept here at most: the core bounds its own, but not the keys of each. */
const LIMIT = 10_000;

/** The secrets of this isolate. */
export class SecretStore {
  readonly native: Session['native'];
  readonly #session: Session;
  /** The core's epoch; where the runtime refuses that memory, a copy that is read by a call. */
  readonly #cell: Uint32Array<ArrayBuffer>;
  readonly #isLent: boolean;
  #epoch = 0;
  readonly #plain = new Map<string, Kept>();
  /** By name, then by key. */
  readonly #keyed = new Map<string, Map<string, Kept>>();
  #size = 0;
  #hits: Counter | undefined;

  constructor(session: Session) {
    const lent = session.secretsEpoch();
    this.native = session.native;
    this.#session = session;
    this.#isLent = lent !== undefined;
    this.#cell = lent ?? new Uint32Array(1);
    this.#renew();
  }

  /** The value, at hand or from its source. */
  get(name: string, options: SecretOptions | undefined): Promise<Secret> {
    const kept = this.#find(name, options);
    return kept === undefined ? this.#read(name, options) : kept.promise;
  }

  /** The value if it is at hand. */
  peek(name: string, options: SecretOptions | undefined): Secret | undefined {
    const kept = this.#find(name, options);
    if (kept !== undefined) return kept.secret;
    const request = checkedRequest('peek', name, options, PEEK);
    const value = ask(() => this.native.peekSecret(request));
    return value === null ? undefined : this.#keep(request, value);
  }

  /** The value if it is at hand, else why there is none. */
  getSync(name: string, options: SecretOptions | undefined): Secret {
    const kept = this.#find(name, options);
    if (kept !== undefined) return kept.secret;
    const request = checkedRequest('getSecretSync', name, options, PEEK);
    return this.#keep(request, ask(() => this.native.getSecretSync(request)));
  }

  /** Drops what is kept; the values themselves go when nobody holds them any more. */
  forget(): void {
    this.#plain.clear();
    this.#keyed.clear();
    this.#size = 0;
  }

  async #read(name: string, options: SecretOptions | undefined): Promise<Secret> {
    const request = checkedRequest('getSecret', name, options, GET);
    return settled(() => {
      const answer = this.native.getSecret(request);
      // What comes later may be older than the epoch by then: the next reader asks and keeps it.
      return 'handle' in answer
        ? this.#keep(request, answer)
        : answer.then((value) => Secret.create(this.native, value));
    });
  }

  #find(name: string, options: SecretOptions | undefined): Kept | undefined {
    if (!this.#isLent) this.#cell[0] = ask(() => this.native.secretsEpoch());
    if (this.#cell[0] !== this.#epoch) {
      this.#renew();
      return undefined;
    }
    const kept = options === undefined ? this.#plain.get(name) : this.#findKeyed(name, options);
    if (kept !== undefined) this.#hits!.increment();
    return kept;
  }

  /** Of the options only a key is simple enough to be kept by. */
  #findKeyed(name: string, options: SecretOptions): Kept | undefined {
    const keys = this.#keyed.get(name);
    if (keys === undefined || !isPlain(options)) return undefined;
    return keys.get(options.key!);
  }

  #renew(): void {
    this.forget();
    this.#epoch = this.#cell[0]!;
  }

  #keep(request: SecretRequest, value: SecretValue): Secret {
    const secret = Secret.create(this.native, value);
    if (!isPlain(request)) return secret;
    this.#hits ??= this.#registerHits();
    if (this.#size >= LIMIT) this.forget();
    this.#size += 1;
    const kept: Kept = { secret, promise: Promise.resolve(secret) };
    const name = owned(request.name);
    if (request.key === undefined) {
      this.#plain.set(name, kept);
    } else {
      let keys = this.#keyed.get(name);
      if (keys === undefined) this.#keyed.set(name, (keys = new Map()));
      keys.set(owned(request.key), kept);
    }
    return secret;
  }

  #registerHits(): Counter {
    const { id, scale } = ask(() => this.native.counter(HITS, [], {}));
    return Counter.create(this.#session, id, scale);
  }
}

function isPlain(request: SecretOptions): boolean {
  return (
    request.stage === undefined &&
    request.version === undefined &&
    request.maxAge === undefined &&
    request.deadline === undefined
  );
}

/** What a native call answers, at once or later; its errors come out as our classes. */
export async function settled<T>(call: () => T | Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw fromNative(error);
  } finally {
    // What this brought is told before it is answered, but its notice may come after, and a process
    // with nothing else to do would end without it.
    serveChanges();
  }
}
