/** Changes of secrets, as an async iterator that keeps no process alive. */
import type { SecretSource } from './secret.js';
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
    addEventListener(type: 'abort', listener: () => void, options?: {
        once?: boolean;
    }): void;
    removeEventListener(type: 'abort', listener: () => void): void;
}
/** How long to listen. */
export interface ChangeOptions {
    /** An `AbortSignal` that ends the iteration, without an error. */
    readonly signal?: AbortSignalLike | undefined;
}
type Result = IteratorResult<SecretChange, undefined>;
/** Changes as they come, for `for await`. Get one from `onSecretChange`. */
export declare class SecretChanges implements AsyncIterableIterator<SecretChange> {
    #private;
    private constructor();
    /** Changes that were lost because nobody took them in time: 256 wait. */
    get missed(): number;
    /** The next change. */
    next(): Promise<Result>;
    /** Ends the iteration; `break` in a `for await` does this. */
    return(): Promise<Result>;
    /** Ends the iteration; whoever waits is answered with the end. */
    close(): void;
    [Symbol.asyncIterator](): this;
}
export {};
