/**
 * Traces: what connects the work that one request causes, in this process and in others.
 *
 * A trace comes in by `continueTrace`, with the headers of a request, and goes on by `traceHeaders`.
 * Called by frameworks' adapters, by spans, and by whoever sends a request. Headers come from
 * strangers: what is malformed is ignored, and a new trace starts.
 */
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
 * Runs `fn`, and what it starts, as a part of the trace that these headers carry. A span that is
 * started in there continues the trace; without one, events that are captured belong to it.
 *
 * ```js
 * server.on('request', (request, response) =>
 *   continueTrace(request.headers, () => startSpan({ name: 'GET /', kind: 'server' }, () => serve(request, response))));
 * ```
 */
export declare function continueTrace<T>(headers: IncomingTraceHeaders | RequestHeaders | HeadersLike, fn: () => T): T;
/**
 * The headers to send with a request, so that the service that answers it continues this trace:
 * `sentry-trace`, `traceparent` and, where there is something to tell, `baggage`.
 *
 * ```js
 * await fetch(url, { headers: { ...traceHeaders(), accept: 'application/json' } });
 * ```
 */
export declare function traceHeaders(options?: TraceHeadersOptions): TraceHeaders;
