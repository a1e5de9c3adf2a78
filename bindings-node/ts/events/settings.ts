/** The settings of errors and traces, checked for what TypeScript cannot. */

import { InvalidConfigError } from '../errors.js';
import type { ErrorsSettings } from '../native.js';
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

/**
 * The options that stay in JavaScript.
 *
 * @internal
 */
export type FaceOptions = Pick<
  ErrorsOptions,
  | 'tracesSampler'
  | 'beforeSend'
  | 'beforeSendTransaction'
  | 'beforeBreadcrumb'
  | 'ignoreErrors'
  | 'captureUnhandled'
  | 'breadcrumbs'
  | 'isolateRequests'
  | 'initialScope'
>;

/**
 * Options that were checked, each on its side.
 *
 * @internal
 */
export interface CheckedErrors {
  readonly native: ErrorsSettings;
  readonly face: FaceOptions;
}

type Check = readonly [is: (value: unknown) => boolean, wanted: string];

const WHOLE: Check = [(value) => Number.isSafeInteger(value) && (value as number) >= 0, 'a whole number'];
const SHARE: Check = [(value) => typeof value === 'number' && value >= 0 && value <= 1, 'a number from 0 to 1'];
const TEXT: Check = [(value) => typeof value === 'string', 'text'];
const SWITCH: Check = [(value) => typeof value === 'boolean', 'true or false'];
const FUNCTION: Check = [(value) => typeof value === 'function', 'a function'];
const OBJECT: Check = [isObject, 'an object such as { tags: { service: "checkout" } }'];

const NATIVE: { readonly [option in Exclude<keyof ErrorsOptions, keyof FaceOptions>]-?: Check } = {
  dsn: TEXT,
  spoolDir: TEXT,
  spool: SWITCH,
  maxSpoolBytes: WHOLE,
  maxSpoolAge: WHOLE,
  maxQueueBytes: WHOLE,
  localEvents: WHOLE,
  stormLimit: WHOLE,
  requestTimeout: WHOLE,
  shutdownTimeout: WHOLE,
  sampleRate: SHARE,
  tracesSampleRate: SHARE,
  profilesSampleRate: SHARE,
  maxBreadcrumbs: WHOLE,
  sendDefaultPii: SWITCH,
  includeLocalVariables: SWITCH,
  capturePrompts: SWITCH,
  scrubKeys: [(value) => Array.isArray(value) && value.every((key) => typeof key === 'string'), 'a list of names'],
  serverName: TEXT,
};

const FACE: { readonly [option in keyof FaceOptions]-?: Check } = {
  tracesSampler: FUNCTION,
  beforeSend: FUNCTION,
  beforeSendTransaction: FUNCTION,
  beforeBreadcrumb: FUNCTION,
  ignoreErrors: [(value) => Array.isArray(value) && value.every(isIgnored), 'a list of texts, patterns and classes'],
  captureUnhandled: SWITCH,
  breadcrumbs: [
    (value) => typeof value === 'boolean' || (isObject(value) && Object.entries(value).every(isAutomatic)),
    'true, false or an object such as { console: false }, which knows console, http, subprocess',
  ],
  isolateRequests: SWITCH,
  initialScope: OBJECT,
};

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isIgnored(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'function' || value instanceof RegExp;
}

function isAutomatic([kind, value]: [string, unknown]): boolean {
  return ['console', 'http', 'subprocess'].includes(kind) && (typeof value === 'boolean' || value === undefined);
}

/**
 * The settings as the core takes them, and those that stay here.
 *
 * @throws InvalidConfigError for an unknown option or a value of a wrong type, without the value
 *
 * @internal
 */
export function checkedErrors(given: unknown): CheckedErrors {
  if (!isObject(given)) throw new InvalidConfigError('the option errors must be an object, such as { dsn: "https://key@host/1" }');
  const native: { [option: string]: unknown } = {};
  const face: { [option: string]: unknown } = {};
  for (const [option, value] of Object.entries(given)) {
    const isNative = Object.hasOwn(NATIVE, option);
    if (!isNative && !Object.hasOwn(FACE, option)) {
      const options = [...Object.keys(NATIVE), ...Object.keys(FACE)].join(', ');
      throw new InvalidConfigError(`init has no option ${JSON.stringify(`errors.${option}`)}; errors knows ${options}`);
    }
    if (value === undefined) continue;
    const [is, wanted] = isNative ? NATIVE[option as keyof typeof NATIVE] : FACE[option as keyof typeof FACE];
    if (!is(value)) throw new InvalidConfigError(`the option errors.${option} must be ${wanted}`);
    (isNative ? native : face)[option] = value;
  }
  return { native: native as ErrorsSettings, face: face as FaceOptions };
}
