/**
 * Scopes: what an event says beyond the error itself, kept apart by request and task.
 *
 * There are three layers, and an event takes them in this order: the *global* scope of the isolate;
 * the *isolation* scope of one request or task, which `setUser` and the like write to; and the
 * *current* scope, which lives for a `withScope` call and carries the active span. Called by the
 * capture of events, by spans, and by whoever sets a tag.
 *
 * Invariant: `AsyncLocalStorage` carries both scopes, so a request never writes into a scope that
 * another one reads, once `withIsolationScope` runs around it.
 */
import type { Breadcrumb } from './breadcrumbs.js';
import type { Attachment, Level, User } from './types.js';
/** What is added to the events that are captured while it is active. Its methods never throw. */
export declare class Scope {
    /** Sets a tag, by which events are searched; null or undefined takes it away. */
    setTag(key: string, value: string | number | boolean | null | undefined): this;
    /** Sets many tags. */
    setTags(tags: Readonly<Record<string, string | number | boolean | null | undefined>>): this;
    /** Says who is concerned: `id`, `email`, `username`, `ip_address` and more; null ends it. */
    setUser(user: User | null): this;
    /** Sets a block of facts, shown under its name; null takes it away. */
    setContext(name: string, context: Readonly<Record<string, unknown>> | null): this;
    /** Adds anything else; not searchable. Undefined takes it away. */
    setExtra(key: string, value: unknown): this;
    /** Gives all events this level; null leaves them theirs. */
    setLevel(level: Level | null): this;
    /** Groups all events by this instead of by their stack; null ends it. */
    setFingerprint(fingerprint: readonly string[] | null): this;
    /** Adds a file to all events. */
    addAttachment(attachment: Attachment): this;
    /** Notes what happened; the last ones are part of every event. */
    addBreadcrumb(breadcrumb: Breadcrumb | string): this;
    /** Takes away all that was set, and the breadcrumbs. */
    clear(): this;
}
/**
 * Runs `fn`, and what it starts, with a copy of the current scope, which it is given: what is set
 * on that holds for the events captured meanwhile.
 *
 * ```js
 * withScope((scope) => {
 *   scope.setTag('step', 'resize').setLevel('warning');
 *   captureException(error);
 * });
 * ```
 */
export declare function withScope<T>(fn: (scope: Scope) => T): T;
/**
 * Runs `fn`, and what it starts, as a request or task of its own: what `setUser`, `setTag` and
 * `addBreadcrumb` set in there is on no event outside.
 *
 * ```js
 * queue.on('job', (job) => withIsolationScope(async () => {
 *   setTag('job', job.id);
 *   await work(job);
 * }));
 * ```
 */
export declare function withIsolationScope<T>(fn: (scope: Scope) => T): T;
