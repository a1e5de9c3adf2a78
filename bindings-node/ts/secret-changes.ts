/** Changes of secrets, as an async iterator that keeps no process alive. */

import type { NextChange } from './native.js';
import { ask } from './registry.js';
import type { SecretSource } from './secret.js';
import type { Session } from './session.js';

/** A secret that is another one now, or none any more. */
export interface SecretChange {
  /** The name it was asked for by. */
  readonly name: string;
  /** `rotated`: there is a new value; `evicted`: it was deleted, or may not be read any more. */
  readonly kind: 'rotated' | 'evicted';
  /** The version now, where the source has versions. */
  readonly version?: string | undefined;
  /** The version before. */
  readonly previousVersion?: string | undefined;
  /** Which source answered. */
  readonly source: SecretSource;
  /** When the change was seen. */
  readonly at: Date;
}

/** What of an `AbortSignal` is used; a name of the DOM or of Node would need their types. */
export interface AbortSignalLike {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** How long to listen. */
export interface ChangeOptions {
  /** An `AbortSignal` that ends the iteration, without an error. */
  readonly signal?: AbortSignalLike | undefined;
}

const END: IteratorResult<SecretChange, undefined> = { done: true, value: undefined };

/** Those somebody may wait for. */
const open = new Set<SecretChanges>();

/**
 * Answers whoever waits without waiting for the runtime's notice, which an idle process would end
 * before.
 *
 * @internal
 */
export function serveChanges(): void {
  for (const changes of [...open]) changes.serve();
}

type Result = IteratorResult<SecretChange, undefined>;

/** Changes as they come, for `for await`. Get one from `onSecretChange`. */
export class SecretChanges implements AsyncIterableIterator<SecretChange> {
  readonly #native: Session['native'];
  readonly #subscription: number;
  readonly #signal: AbortSignalLike | undefined;
  readonly #close = (): void => this.close();
  readonly #waiting: ((result: Result) => void)[] = [];
  #missed = 0;
  #ended = false;

  private constructor(native: Session['native'], name: string | undefined, signal: AbortSignalLike | undefined) {
    this.#native = native;
    this.#signal = signal;
    this.#subscription = ask(() => native.subscribeSecrets(name, () => this.serve()));
    open.add(this);
    if (signal?.aborted) this.close();
    else signal?.addEventListener('abort', this.#close, { once: true });
  }

  /** @internal */
  static create(native: Session['native'], name: string | undefined, signal: AbortSignalLike | undefined): SecretChanges {
    return new SecretChanges(native, name, signal);
  }

  /** Changes that were lost because nobody took them in time: 256 wait. */
  get missed(): number {
    return this.#missed;
  }

  /** The next change. */
  next(): Promise<Result> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      // Whoever waits already is served by the notice.
      if (this.#waiting.length === 1) this.serve();
    });
  }

  /** Ends the iteration; `break` in a `for await` does this. */
  return(): Promise<Result> {
    this.close();
    return Promise.resolve(END);
  }

  /** Ends the iteration; whoever waits is answered with the end. */
  close(): void {
    if (!this.#ended) ask(() => this.#native.unsubscribeSecrets(this.#subscription));
    this.#end();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** @internal */
  serve(): void {
    while (this.#waiting.length > 0) {
      const next = this.#ended ? undefined : this.#take();
      if (next === undefined || next.ended) {
        this.#end();
        return;
      }
      this.#missed = next.missed;
      if (next.change === undefined) return;
      this.#waiting.shift()?.({ done: false, value: changed(next.change) });
    }
  }

  #take(): NextChange | undefined {
    try {
      return this.#native.nextSecretChange(this.#subscription);
    } catch {
      // Called from the runtime, where nobody would catch it: the end says it all.
      return undefined;
    }
  }

  #end(): void {
    this.#ended = true;
    open.delete(this);
    this.#signal?.removeEventListener('abort', this.#close);
    for (const resolve of this.#waiting.splice(0)) resolve(END);
  }
}

function changed({ kind, source, at, ...rest }: NonNullable<NextChange['change']>): SecretChange {
  return { ...rest, kind: kind as SecretChange['kind'], source: source as SecretSource, at: new Date(at) };
}
