/** The settings of errors and traces, checked for what TypeScript cannot. */
import type { Breadcrumb } from './breadcrumbs.js';
import type { Attachment, Event, Level, User } from './types.js';
/** What an event was made of, for `beforeSend`. */
export interface EventHint {
    /** What was thrown, or handed to `captureException`. */
    readonly originalException?: unknown;
    /** The files that go with it; change the list to change them. */
    attachments: Attachment[];
}
/** What a breadcrumb was made of, for `beforeBreadcrumb`. */
export interface BreadcrumbHint {
    /** The arguments of a `console` call, say. */
    readonly input?: readonly unknown[] | undefined;
    /** The request of an `http` breadcrumb: Node's `ClientRequest`, or undici's. */
    readonly request?: unknown;
}
/** Which breadcrumbs are left by themselves. */
export interface AutomaticBreadcrumbs {
    /** Calls of `console`; on unless told. */
    readonly console?: boolean | undefined;
    /** Requests of `fetch`, `http` and `https`; on unless told. */
    readonly http?: boolean | undefined;
    /** Processes that are started; off unless told. */
    readonly subprocess?: boolean | undefined;
}
/** What all events of the isolate say. */
export interface InitialScope {
    readonly tags?: Readonly<Record<string, string | number | boolean>> | undefined;
    readonly user?: User | undefined;
    readonly extra?: Readonly<Record<string, unknown>> | undefined;
    readonly contexts?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;
    readonly level?: Level | undefined;
    readonly fingerprint?: readonly string[] | undefined;
}
/** What there is to decide a transaction's sampling by. */
export interface SamplingContext {
    /** The transaction's name. */
    readonly name: string;
    /** What the span is started with. */
    readonly attributes?: Readonly<Record<string, unknown>> | undefined;
    /** What the caller decided, where there is one that did. */
    readonly parentSampled?: boolean | undefined;
    readonly [fact: string]: unknown;
}
/** What `ignoreErrors` names: a part of `Type: message`, a pattern for it, or an error's class. */
export type Ignored = string | RegExp | (new (...args: never[]) => Error);
/**
 * Settings of errors and traces; those that are no functions also have an environment variable
 * (`SENTRY_DSN`, `TALLYLIGHT_MAX_BREADCRUMBS`...), which holds where the option is not given. Times
 * are milliseconds. Functions hold in the thread that calls `init`.
 */
export interface ErrorsOptions {
    /** Where events go, `https://key@host/project`; `''` is nowhere: the local store keeps the last ones. */
    readonly dsn?: string | undefined;
    /** The folder of the spool and the local store. */
    readonly spoolDir?: string | undefined;
    /** Whether events are kept on disk until they are delivered; on unless told. */
    readonly spool?: boolean | undefined;
    /** Bytes of events kept on disk by all processes of that folder, 64 MiB unless told. */
    readonly maxSpoolBytes?: number | undefined;
    /** How old an event may be that is still delivered; 7 days unless told. */
    readonly maxSpoolAge?: number | undefined;
    /** Bytes of events kept in memory where the disk takes none, 16 MiB unless told. */
    readonly maxQueueBytes?: number | undefined;
    /** Events that the local store keeps, 100 unless told. */
    readonly localEvents?: number | undefined;
    /** Identical events a minute that are delivered one by one, 100 unless told; further ones become a count. */
    readonly stormLimit?: number | undefined;
    /** How long one request to the server may take; 10 s unless told. */
    readonly requestTimeout?: number | undefined;
    /** How long the end of the process waits for events to be delivered, 2 s unless told; the rest stays in the spool. */
    readonly shutdownTimeout?: number | undefined;
    /** Share of errors that are captured, 1 unless told. */
    readonly sampleRate?: number | undefined;
    /** Share of transactions that are captured, 0.1 unless told. */
    readonly tracesSampleRate?: number | undefined;
    /** Share of the captured transactions that are profiled, 0.05 unless told. */
    readonly profilesSampleRate?: number | undefined;
    /** Decides on a transaction: a share from 0 to 1, or yes or no; undefined leaves it to the others. */
    readonly tracesSampler?: ((context: SamplingContext) => number | boolean | undefined) | undefined;
    /** Breadcrumbs that an event carries, 100 unless told. */
    readonly maxBreadcrumbs?: number | undefined;
    /** Whether users' addresses, cookies and request bodies may be captured; off unless told. */
    readonly sendDefaultPii?: boolean | undefined;
    /** In Python, whether the local variables of frames are captured; Node tells nobody of them. */
    readonly includeLocalVariables?: boolean | undefined;
    /** Whether the prompts and answers of model calls are captured; off unless told. */
    readonly capturePrompts?: boolean | undefined;
    /** Further keys whose values are redacted. */
    readonly scrubKeys?: readonly string[] | undefined;
    /** What `server_name` says; the host's name unless told. */
    readonly serverName?: string | undefined;
    /**
     * Changes an event, or answers null to drop it. May be asynchronous; the event is then kept only
     * once it is settled, and lost when the process ends before.
     */
    readonly beforeSend?: ((event: Event, hint: EventHint) => Event | null | PromiseLike<Event | null>) | undefined;
    /** As `beforeSend`, for transactions. */
    readonly beforeSendTransaction?: ((event: Event, hint: EventHint) => Event | null | PromiseLike<Event | null>) | undefined;
    /** Changes a breadcrumb, or answers null to drop it. */
    readonly beforeBreadcrumb?: ((breadcrumb: Breadcrumb, hint: BreadcrumbHint) => Breadcrumb | null) | undefined;
    /** Errors that are not captured. */
    readonly ignoreErrors?: readonly Ignored[] | undefined;
    /** Whether errors that nobody catches are captured; on unless told. What Node does with them stays as it is. */
    readonly captureUnhandled?: boolean | undefined;
    /** Which breadcrumbs are left by themselves; `false` is none. */
    readonly breadcrumbs?: boolean | AutomaticBreadcrumbs | undefined;
    /** Whether each request to a server of `node:http` has a scope of its own; on unless told. */
    readonly isolateRequests?: boolean | undefined;
    /** What all events say. */
    readonly initialScope?: InitialScope | undefined;
}
