/**
 * Spans: named pieces of work, nested as the calls are. The outermost span of a process is a
 * *transaction*: it is sampled, captured with its spans when it ends, and measured as the operation of
 * the same name, whether or not it was in the sample.
 *
 * Invariants: the active span follows the asynchronous calls (it lies on the current scope); a span
 * ends once; nothing here throws into the application or changes what its functions answer.
 */

import { errorTypeOf } from './error-type.js';
import { newId } from './events/ids.js';
import { plainOf, textOf } from './events/plain.js';
import type { Plain } from './events/plain.js';
import { currentScope, entriesOf, runInScope } from './events/scope.js';
import { observe } from './observe.js';
import { Transaction } from './span-transaction.js';
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
export type SpanStatus =
  | 'ok'
  | 'error'
  | 'cancelled'
  | 'deadline_exceeded'
  | 'not_found'
  | 'already_exists'
  | 'permission_denied'
  | 'resource_exhausted'
  | 'failed_precondition'
  | 'aborted'
  | 'out_of_range'
  | 'unimplemented'
  | 'internal_error'
  | 'unavailable'
  | 'data_loss'
  | 'unauthenticated'
  | 'invalid_argument'
  | 'unknown_error';

const clock = performance;
/** @internal */
export const now = clock.now.bind(clock);

/** A piece of work. Get one from `startSpan`. Its methods never throw. */
export class Span {
  /** Its number: 16 hexadecimal digits. */
  readonly spanId: string = newId().slice(0, 16);
  /** @internal */
  readonly trace: Transaction;
  /** @internal */
  readonly parentSpanId: string | undefined;
  /** @internal */
  readonly startedAt: number = now();
  /** @internal */
  name: string;
  /** @internal */
  readonly op: string | undefined;
  /** @internal */
  status: string | undefined;
  /** @internal */
  errorType: string | undefined;
  /** @internal */
  endedAt: number | undefined;
  /** @internal */
  readonly data: { [name: string]: Plain } = {};

  /** @internal */
  constructor(trace: Transaction, parentSpanId: string | undefined, options: SpanOptions) {
    this.trace = trace;
    this.parentSpanId = parentSpanId;
    this.name = nameOf(options);
    this.op = typeof options?.op === 'string' ? options.op : undefined;
    if (trace.facts.sampled) this.setAttributes(options?.attributes ?? {});
  }

  /** The trace's number: 32 hexadecimal digits. */
  get traceId(): string {
    return this.trace.facts.traceId;
  }

  /** Whether the span is captured: it is in the sample, and has not ended. */
  get isRecording(): boolean {
    return this.trace.facts.sampled && this.endedAt === undefined;
  }

  /** Adds an attribute; null and undefined take it away. */
  setAttribute(name: string, value: Attribute): this {
    if (!this.isRecording) return this;
    if (value === null || value === undefined) delete this.data[textOf(name)];
    else this.data[textOf(name)] = plainOf(value);
    return this;
  }

  /** Adds attributes. */
  setAttributes(attributes: Readonly<Record<string, Attribute>>): this {
    for (const [name, value] of entriesOf(attributes)) this.setAttribute(name, value as Attribute);
    return this;
  }

  /** Says how it went; `ok` unless told, and `error` where the function of `startSpan` failed. */
  setStatus(status: SpanStatus): this {
    if (this.endedAt === undefined) this.status = status === 'error' ? 'internal_error' : textOf(status);
    return this;
  }

  /** Says that it failed by this error, which may also be the name of a type. */
  fail(error: unknown): this {
    if (this.endedAt !== undefined) return this;
    this.status = 'internal_error';
    this.errorType = typeof error === 'string' ? error : errorTypeOf(error);
    this.setAttribute('error.type', this.errorType);
    return this;
  }

  /** Gives it another name: a route that is known only later, say. */
  updateName(name: string): this {
    if (this.endedAt === undefined) this.name = textOf(name);
    return this;
  }

  /** Ends it. Only the first `end` counts. */
  end(): void {
    if (this.endedAt !== undefined) return;
    this.endedAt = now();
    this.trace.ended(this);
  }

  /** @internal */
  traceContext(): { trace_id: string; span_id: string; [field: string]: unknown } {
    return {
      trace_id: this.traceId,
      span_id: this.spanId,
      ...(this.parentSpanId === undefined ? undefined : { parent_span_id: this.parentSpanId }),
      ...(this.op === undefined ? undefined : { op: this.op }),
      ...(this.status === undefined ? undefined : { status: this.status }),
      origin: 'manual',
    };
  }

  /** @internal */
  traceHeader(): string | undefined {
    return this.trace.envelope(this.spanId);
  }

  /** @internal */
  transactionName(): string | undefined {
    return this.trace.root?.name;
  }
}

function nameOf(options: unknown): string {
  const name = typeof options === 'object' && options !== null ? (options as { name?: unknown }).name : options;
  return typeof name === 'string' && name !== '' ? name : '<unnamed>';
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
export function startSpan<T>(options: SpanOptions, fn: (span: Span) => T): T {
  return runSpan(openSpan(options), fn);
}

/**
 * Starts a span that is not active: spans that are started later are not in it. It lasts until its
 * `end` is called.
 */
export function startInactiveSpan(options: SpanOptions): Span {
  return openSpan(options);
}

/**
 * Runs `fn`, and what it starts, with `span` as the active one; does not end it.
 */
export function withActiveSpan<T>(span: Span, fn: () => T): T {
  const scope = currentScope().fork();
  scope.span = span;
  return runInScope(scope, fn);
}

/** The active span, if there is one. */
export function activeSpan(): Span | undefined {
  const { span } = currentScope();
  return span instanceof Span ? span : undefined;
}

/** @internal */
export function openSpan(options: SpanOptions): Span {
  const parent = activeSpan();
  // What goes on after its transaction was captured begins another one of the same trace.
  if (parent !== undefined && !parent.trace.isOver) return parent.trace.child(parent, options);
  return Transaction.start(options, parent);
}

/**
 * Runs `fn` as a span that was opened for it.
 *
 * @internal
 */
export function runSpan<T>(span: Span, fn: (span: Span) => T, isFailure: (error: unknown) => boolean = () => true): T {
  // A part of what is not in the sample is nothing.
  if (!span.trace.facts.sampled && span !== span.trace.root) return fn(span);
  const failed = (error: unknown): void => {
    if (isFailure(error)) span.fail(error);
    else if (span.status === undefined) span.setStatus('cancelled');
    span.end();
  };
  let result: T;
  try {
    result = withActiveSpan(span, () => fn(span));
  } catch (error) {
    failed(error);
    throw error;
  }
  return observe(result, { succeeded: () => span.end(), failed });
}
