/**
 * Traces: what connects the work that one request causes, in this process and in others.
 *
 * A trace comes in by `continueTrace`, with the headers of a request, and goes on by `traceHeaders`.
 * Called by frameworks' adapters, by spans, and by whoever sends a request. Headers come from
 * strangers: what is malformed is ignored, and a new trace starts.
 */

import { warnOnce } from './events/face.js';
import { newId } from './events/ids.js';
import { textOf } from './events/plain.js';
import { currentScope, currentTrace, runInScope } from './events/scope.js';
import type { TraceSource } from './events/scope.js';
import type { TraceHeaders as NativeHeaders } from './native.js';
import { session } from './session.js';

/** The headers that carry a trace; a whole request's headers will do, as Node or `fetch` has them. */
export interface IncomingTraceHeaders {
  readonly sentryTrace?: string | undefined;
  readonly 'sentry-trace'?: string | readonly string[] | undefined;
  readonly baggage?: string | readonly string[] | undefined;
  readonly traceparent?: string | readonly string[] | undefined;
}

/** All headers of a request, as `node:http` has them. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Headers that can be asked, such as those of a `Request`. */
export interface HeadersLike {
  get(name: string): string | null | undefined;
}

/** The headers that a request carries on to the next service. */
export interface TraceHeaders {
  readonly 'sentry-trace': string;
  /** Missing where there is nothing to tell. */
  readonly baggage?: string;
  readonly traceparent: string;
  readonly [name: string]: string;
}

/** How `traceHeaders` goes about it. */
export interface TraceHeadersOptions {
  /** A `baggage` that the request carries already; it is kept. */
  readonly baggage?: string | undefined;
}

/** What is known of a trace in this process. */
export interface TraceFacts {
  readonly traceId: string;
  /** The span of another process that caused this. */
  readonly parentSpanId: string | undefined;
  readonly sampled: boolean | undefined;
  readonly sampleRate: number | undefined;
  readonly sampleRand: number | undefined;
}

/**
 * A trace in this process, as what goes out of it needs it. What is told of it is frozen by the
 * first telling, so that all services hear the same.
 *
 * @internal
 */
export abstract class LocalTrace {
  #dynamic: string | undefined;
  #envelope: string | undefined;

  protected constructor(dynamic: string | undefined) {
    this.#dynamic = dynamic;
  }

  abstract readonly facts: TraceFacts;
  /** The transaction's name, if it is one of few. */
  abstract readonly transaction: string | undefined;

  /** The headers of a request that a span causes. */
  headers(spanId: string, existing: string | undefined): NativeHeaders {
    const { facts } = this;
    const headers = session().native.traceHeaders(
      {
        traceId: facts.traceId,
        spanId,
        sampled: facts.sampled,
        sampleRate: facts.sampleRate,
        sampleRand: facts.sampleRand,
        transaction: this.transaction,
        dynamic: this.#dynamic,
      },
      existing,
    );
    this.#dynamic = headers.dynamic;
    this.#envelope = headers.envelope;
    return headers;
  }

  /** The `trace` header of an envelope. */
  envelope(spanId: string): string | undefined {
    try {
      if (this.#envelope === undefined) this.headers(spanId, undefined);
    } catch {
      // An event without this header is as good as any.
    }
    return this.#envelope;
  }

  /** What is frozen so far. */
  get dynamic(): string | undefined {
    return this.#dynamic;
  }
}

/**
 * A trace that another process started, before a span of this one takes it up.
 *
 * @internal
 */
export class ContinuedTrace extends LocalTrace implements TraceSource {
  readonly facts: TraceFacts;
  readonly transaction = undefined;
  /** What stands for this process until there is a span. */
  readonly spanId = newId().slice(0, 16);

  constructor(facts: TraceFacts, dynamic: string | undefined) {
    super(dynamic);
    this.facts = facts;
  }

  traceContext(): { trace_id: string; span_id: string; parent_span_id?: string } {
    const { traceId, parentSpanId } = this.facts;
    return {
      trace_id: traceId,
      span_id: this.spanId,
      ...(parentSpanId === undefined ? undefined : { parent_span_id: parentSpanId }),
    };
  }

  traceHeader(): string | undefined {
    return this.envelope(this.spanId);
  }
}

/**
 * Runs `fn`, and what it starts, as a part of the trace that these headers carry. A span that is
 * started in there continues the trace; without one, events that are captured belong to it.
 *
 * ```js
 * server.on('request', (request, response) =>
 *   continueTrace(request.headers, () => startSpan({ name: 'GET /', kind: 'server' }, () => serve(request, response))));
 * ```
 */
export function continueTrace<T>(headers: IncomingTraceHeaders | RequestHeaders | HeadersLike, fn: () => T): T {
  const trace = incoming(headers);
  if (trace === undefined) return fn();
  const scope = currentScope().fork();
  scope.span = undefined;
  scope.trace = trace;
  return runInScope(scope, fn);
}

/**
 * The headers to send with a request, so that the service that answers it continues this trace:
 * `sentry-trace`, `traceparent` and, where there is something to tell, `baggage`.
 *
 * ```js
 * await fetch(url, { headers: { ...traceHeaders(), accept: 'application/json' } });
 * ```
 */
export function traceHeaders(options?: TraceHeadersOptions): TraceHeaders {
  const source = currentTrace();
  const { trace_id: traceId, span_id: spanId } = source.traceContext();
  const existing = typeof options?.baggage === 'string' ? options.baggage : undefined;
  try {
    const { sentryTrace, traceparent, baggage } = localTrace(source).headers(spanId, existing);
    return { 'sentry-trace': sentryTrace, ...(baggage === '' ? undefined : { baggage }), traceparent };
  } catch (error) {
    warnOnce('traceHeaders', `the trace goes on without its context: ${textOf(error)}`);
    return {
      'sentry-trace': `${traceId}-${spanId}`,
      ...(existing === undefined ? undefined : { baggage: existing }),
      traceparent: `00-${traceId}-${spanId}-00`,
    };
  }
}

/**
 * Whatever else events take their trace from knows no more than its ids.
 *
 * @internal
 */
export interface Traced extends TraceSource {
  readonly trace: LocalTrace;
}

function localTrace(source: TraceSource): LocalTrace {
  if (source instanceof LocalTrace) return source;
  const { trace } = source as Partial<Traced>;
  if (trace instanceof LocalTrace) return trace;
  const { trace_id: traceId } = source.traceContext();
  const facts = { traceId, parentSpanId: undefined, sampled: undefined, sampleRate: undefined, sampleRand: undefined };
  return new ContinuedTrace(facts, undefined);
}

/**
 * The trace that headers carry; undefined where they carry none.
 *
 * @internal
 */
export function incoming(headers: unknown): ContinuedTrace | undefined {
  try {
    const sentryTrace = header(headers, 'sentry-trace') ?? header(headers, 'sentryTrace');
    const traceparent = header(headers, 'traceparent');
    if (sentryTrace === undefined && traceparent === undefined) return undefined;
    const read = session().native.traceIncoming(sentryTrace, header(headers, 'baggage'), traceparent);
    const { traceId, parentSpanId, sampled, sampleRate, sampleRand, dynamic } = read;
    if (parentSpanId === undefined) return undefined;
    return new ContinuedTrace({ traceId, parentSpanId, sampled, sampleRate, sampleRand }, dynamic);
  } catch (error) {
    warnOnce('continueTrace', `a trace was not continued: ${textOf(error)}`);
    return undefined;
  }
}

function header(headers: unknown, name: string): string | undefined {
  if (typeof headers !== 'object' || headers === null) return undefined;
  const { get } = headers as { get?: unknown };
  const value: unknown =
    typeof get === 'function' ? Reflect.apply(get, headers, [name]) : (headers as { [name: string]: unknown })[name];
  // A header that came twice is one list.
  if (Array.isArray(value)) return value.filter((one) => typeof one === 'string').join(',');
  return typeof value === 'string' ? value : undefined;
}
