/**
 * Spans: named pieces of work, nested as the calls are. The outermost span of a process is a
 * *transaction*: it is sampled, captured with its spans when it ends, and measured as the operation of
 * the same name, whether or not it was in the sample.
 *
 * Invariants: the active span follows the asynchronous calls (it lies on the current scope); a span
 * ends once; nothing here throws into the application or changes what its functions answer.
 */
import type { Kind, Labels } from './types.js';
/** A span's attribute. */
export type Attribute = string | number | boolean | null | undefined | readonly (string | number | boolean)[];
/** What a transaction's name is made of; `url` holds what differs in each request. */
export type NameSource = 'custom' | 'url' | 'route' | 'view' | 'component' | 'task';
/** What a span is. */
export interface SpanOptions {
    /** What is done, such as `GET /users/:id`. */
    readonly name: string;
    /** What sort of work it is, such as `http.server` or `db.query`. */
    readonly op?: string | undefined;
    /** What else is to be known. */
    readonly attributes?: Readonly<Record<string, Attribute>> | undefined;
    /** Of a transaction: what the operation is to the service; told by `op` where it can be. */
    readonly kind?: Kind | undefined;
    /** Of a transaction: the labels of the operation that it is measured as. */
    readonly labels?: Labels | undefined;
    /** Of a transaction: what its name is made of; `custom` unless told. */
    readonly source?: NameSource | undefined;
    /** Of a transaction: whether it is measured as an operation; it is unless told. */
    readonly measured?: boolean | undefined;
}
/** How a span went, as Sentry names it; `error` is `internal_error`. */
export type SpanStatus = 'ok' | 'error' | 'cancelled' | 'deadline_exceeded' | 'not_found' | 'already_exists' | 'permission_denied' | 'resource_exhausted' | 'failed_precondition' | 'aborted' | 'out_of_range' | 'unimplemented' | 'internal_error' | 'unavailable' | 'data_loss' | 'unauthenticated' | 'invalid_argument' | 'unknown_error';
/** A piece of work. Get one from `startSpan`. Its methods never throw. */
export declare class Span {
    /** Its number: 16 hexadecimal digits. */
    readonly spanId: string;
    /** The trace's number: 32 hexadecimal digits. */
    get traceId(): string;
    /** Whether the span is captured: it is in the sample, and has not ended. */
    get isRecording(): boolean;
    /** Adds an attribute; null and undefined take it away. */
    setAttribute(name: string, value: Attribute): this;
    /** Adds attributes. */
    setAttributes(attributes: Readonly<Record<string, Attribute>>): this;
    /** Says how it went; `ok` unless told, and `error` where the function of `startSpan` failed. */
    setStatus(status: SpanStatus): this;
    /** Says that it failed by this error, which may also be the name of a type. */
    fail(error: unknown): this;
    /** Gives it another name: a route that is known only later, say. */
    updateName(name: string): this;
    /** Ends it. Only the first `end` counts. */
    end(): void;
}
/**
 * Runs `fn` as a span, which ends when `fn` returns or its promise is settled. Without a span around
 * it, it is a transaction. Answers what `fn` answers, and lets errors pass.
 *
 * ```js
 * await startSpan({ name: 'POST /analyze', op: 'http.server' }, async () => {
 *   const document = await startSpan({ name: 'parse', op: 'function' }, () => parse(body));
 *   return analyze(document);
 * });
 * ```
 */
export declare function startSpan<T>(options: SpanOptions, fn: (span: Span) => T): T;
/**
 * Starts a span that is not active: spans that are started later are not in it. It lasts until its
 * `end` is called.
 */
export declare function startInactiveSpan(options: SpanOptions): Span;
/**
 * Runs `fn`, and what it starts, with `span` as the active one; does not end it.
 */
export declare function withActiveSpan<T>(span: Span, fn: () => T): T;
/** The active span, if there is one. */
export declare function activeSpan(): Span | undefined;
