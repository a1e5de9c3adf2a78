/**
 * Tallylight for Node: latency metrics that cost nanoseconds, secrets that never stampede, errors of
 * which every one is accounted for, and one live status document.
 *
 * ```js
 * import { init, operation, status } from 'tallylight';
 *
 * init({ service: 'checkout' });
 * const charge = operation('POST /charge', {}, { kind: 'server' });
 * await charge.time(() => chargeCard());
 * console.log(status().metrics);
 * ```
 *
 * Importing starts nothing and loads nothing native; the first call does. Recording before `init`
 * is kept. All threads of the process record into the same metrics.
 */

import { checkedSettings } from './config.js';
import { authenticationFailed } from './authentication.js';
import { captureCheckIn, withMonitor } from './check-in.js';
import { addBreadcrumb, captureEvent, captureException, captureMessage, lastEventId } from './events/capture.js';
import {
  clearScope,
  setContext,
  setExtra,
  setFingerprint,
  setLevel,
  setTag,
  setTags,
  setUser,
} from './events/context.js';
import { close, delivery, flush } from './events/delivery.js';
import { setFaceOptions } from './events/face.js';
import { withIsolationScope, withScope } from './events/scope.js';
import { startErrors } from './events/start.js';
import type { Counter, Gauge, Histogram } from './instruments.js';
import { trackModelCall } from './model-call.js';
import type { Operation } from './operation.js';
import { ask, handles } from './registry.js';
import { defineSecrets } from './secret-accessors.js';
import {
  both,
  clearSecretOverride,
  declaredSecrets,
  forgetSecrets,
  getSecret,
  getSecretSync,
  onSecretChange,
  peek,
  prefetchSecrets,
  refreshSecret,
  scrub,
  setSecretOverride,
  withSecret,
} from './secrets.js';
import { session } from './session.js';
import { endSession, startSession } from './sessions.js';
import { activeSpan, startInactiveSpan, startSpan, withActiveSpan } from './span.js';
import type { Drops, Snapshot, Status } from './status.js';
import { continueTrace, traceHeaders } from './trace.js';
import type { InstrumentOptions, Labels, OperationOptions, Options } from './types.js';

export { authenticationFailed } from './authentication.js';
export type { AuthenticationFailure } from './authentication.js';
export { captureCheckIn, withMonitor } from './check-in.js';
export type { CheckInOptions, MonitorOptions, MonitorSchedule } from './check-in.js';
export {
  ClosedError,
  ConflictError,
  DeniedError,
  InternalError,
  InvalidConfigError,
  InvalidLabelError,
  InvalidNameError,
  InvalidValueError,
  IoError,
  NotFoundError,
  NotReadyError,
  ParseError,
  TallylightError,
  TimeoutError,
  UnavailableError,
  UnsupportedError,
} from './errors.js';
export type { ErrorCode, ErrorContext, ErrorDetails } from './errors.js';
export type { Breadcrumb } from './events/breadcrumbs.js';
export { addBreadcrumb, captureEvent, captureException, captureMessage, lastEventId } from './events/capture.js';
export {
  clearScope,
  setContext,
  setExtra,
  setFingerprint,
  setLevel,
  setTag,
  setTags,
  setUser,
} from './events/context.js';
export { close, delivery, flush } from './events/delivery.js';
export type { Delivery } from './events/delivery.js';
export type { CaptureOptions } from './events/event.js';
export { withIsolationScope, withScope } from './events/scope.js';
export type { Scope } from './events/scope.js';
export type {
  AutomaticBreadcrumbs,
  BreadcrumbHint,
  ErrorsOptions,
  EventHint,
  Ignored,
  InitialScope,
  SamplingContext,
} from './events/settings.js';
export type { Attachment, Event, ExceptionValue, Frame, Level, Mechanism, User } from './events/types.js';
export type { Counter, Gauge, Histogram } from './instruments.js';
export { trackModelCall } from './model-call.js';
export type { ModelCall, ModelCallOptions } from './model-call.js';
export type { Operation, Timer } from './operation.js';
export { defineSecrets } from './secret-accessors.js';
export type { AccessorOptions, SecretAccessor, SecretDefinition } from './secret-accessors.js';
export type { AbortSignalLike, ChangeOptions, SecretChange, SecretChanges } from './secret-changes.js';
export type { WithSecretOptions } from './secret-refused.js';
export type { CurrentOptions, PeekOptions, RefreshOptions, SecretName, SecretOptions } from './secret-request.js';
export type { SecretsOptions } from './secret-settings.js';
export { Secret } from './secret.js';
export type { SecretSource } from './secret.js';
export {
  both,
  clearSecretOverride,
  declaredSecrets,
  getSecret,
  getSecretSync,
  onSecretChange,
  peek,
  prefetchSecrets,
  refreshSecret,
  scrub,
  setSecretOverride,
  withSecret,
} from './secrets.js';
export type { BothSecrets, DeclaredSecret } from './secrets.js';
export { endSession, startSession } from './sessions.js';
export type { SessionOptions } from './sessions.js';
export { activeSpan, startInactiveSpan, startSpan, withActiveSpan } from './span.js';
export type { Attribute, NameSource, Span, SpanOptions, SpanStatus } from './span.js';
export type * from './status.js';
export { continueTrace, traceHeaders } from './trace.js';
export type { HeadersLike, IncomingTraceHeaders, RequestHeaders, TraceHeaders, TraceHeadersOptions } from './trace.js';
export type * from './types.js';
export { version } from './version.js';

/** What `init` answers: the functions of this module as one object. */
export interface Tallylight {
  readonly operation: typeof operation;
  readonly counter: typeof counter;
  readonly gauge: typeof gauge;
  readonly histogram: typeof histogram;
  readonly snapshot: typeof snapshot;
  readonly status: typeof status;
  readonly drops: typeof drops;
  readonly shutdown: typeof shutdown;
  readonly captureException: typeof captureException;
  readonly captureMessage: typeof captureMessage;
  readonly captureEvent: typeof captureEvent;
  readonly lastEventId: typeof lastEventId;
  readonly addBreadcrumb: typeof addBreadcrumb;
  readonly setUser: typeof setUser;
  readonly setTag: typeof setTag;
  readonly setTags: typeof setTags;
  readonly setContext: typeof setContext;
  readonly setExtra: typeof setExtra;
  readonly setLevel: typeof setLevel;
  readonly setFingerprint: typeof setFingerprint;
  readonly clearScope: typeof clearScope;
  readonly withScope: typeof withScope;
  readonly withIsolationScope: typeof withIsolationScope;
  readonly flush: typeof flush;
  readonly close: typeof close;
  readonly delivery: typeof delivery;
  readonly startSpan: typeof startSpan;
  readonly startInactiveSpan: typeof startInactiveSpan;
  readonly withActiveSpan: typeof withActiveSpan;
  readonly activeSpan: typeof activeSpan;
  readonly continueTrace: typeof continueTrace;
  readonly traceHeaders: typeof traceHeaders;
  readonly trackModelCall: typeof trackModelCall;
  readonly captureCheckIn: typeof captureCheckIn;
  readonly withMonitor: typeof withMonitor;
  readonly startSession: typeof startSession;
  readonly endSession: typeof endSession;
  readonly authenticationFailed: typeof authenticationFailed;
  readonly getSecret: typeof getSecret;
  readonly getSecretSync: typeof getSecretSync;
  readonly peek: typeof peek;
  readonly refreshSecret: typeof refreshSecret;
  readonly both: typeof both;
  readonly prefetchSecrets: typeof prefetchSecrets;
  readonly withSecret: typeof withSecret;
  readonly onSecretChange: typeof onSecretChange;
  readonly scrub: typeof scrub;
  readonly setSecretOverride: typeof setSecretOverride;
  readonly clearSecretOverride: typeof clearSecretOverride;
  readonly declaredSecrets: typeof declaredSecrets;
  readonly defineSecrets: typeof defineSecrets;
}

/**
 * Starts the rolling windows (one native thread, which does not keep the process alive). Once a
 * process; again with the same settings it answers the same object, and after `shutdown` it opens
 * recording again.
 *
 * @throws InvalidConfigError for a setting that cannot be used
 * @throws ConflictError when it was called with other settings before
 */
export function init(options?: Options): Tallylight {
  const { settings, face } = checkedSettings(options);
  ask(() => session().native.init(settings));
  startErrors(face);
  return client;
}

/**
 * The operation of that name and those labels. Ask once and keep it where that is easy; asking
 * again costs some map look-ups.
 *
 * @throws InvalidNameError, InvalidLabelError, InvalidValueError for what cannot be registered
 * @throws ConflictError when the name and labels are taken by something else
 */
export function operation(name: string, labels?: Labels, options?: OperationOptions): Operation {
  return handles().operation(name, labels, options);
}

/** The counter of that name and those labels. Throws as {@link operation}. */
export function counter(name: string, labels?: Labels, options?: InstrumentOptions): Counter {
  return handles().counter(name, labels, options);
}

/** The gauge of that name and those labels. Throws as {@link operation}. */
export function gauge(name: string, labels?: Labels, options?: InstrumentOptions): Gauge {
  return handles().gauge(name, labels, options);
}

/** The histogram of that name and those labels. Throws as {@link operation}. */
export function histogram(name: string, labels?: Labels, options?: InstrumentOptions): Histogram {
  return handles().histogram(name, labels, options);
}

/** Every series of the process, cumulative. Stops no recording. */
export function snapshot(): Snapshot {
  return JSON.parse(ask(() => session().native.snapshot())) as Snapshot;
}

/** The status document of the process. Stops no recording. */
export function status(): Status {
  return JSON.parse(ask(() => session().native.status())) as Status;
}

/** What was not recorded, by reason. */
export function drops(): Drops {
  return JSON.parse(ask(() => session().native.drops())) as Drops;
}

/**
 * Closes recording in the whole process, wipes its secrets and stops the threads. Events that wait
 * get `errors.shutdownTimeout` to leave, on this thread: await {@link close} before where that is too
 * long. What was recorded stays readable; later recordings are counted drops, later events dropped as
 * `closed`, later secrets a ClosedError; `init` opens it again.
 */
export function shutdown(): void {
  ask(() => session().native.shutdown());
  setFaceOptions({});
  forgetSecrets();
}

const client: Tallylight = Object.freeze({
  operation,
  counter,
  gauge,
  histogram,
  snapshot,
  status,
  drops,
  shutdown,
  captureException,
  captureMessage,
  captureEvent,
  lastEventId,
  addBreadcrumb,
  setUser,
  setTag,
  setTags,
  setContext,
  setExtra,
  setLevel,
  setFingerprint,
  clearScope,
  withScope,
  withIsolationScope,
  flush,
  close,
  delivery,
  startSpan,
  startInactiveSpan,
  withActiveSpan,
  activeSpan,
  continueTrace,
  traceHeaders,
  trackModelCall,
  captureCheckIn,
  withMonitor,
  startSession,
  endSession,
  authenticationFailed,
  getSecret,
  getSecretSync,
  peek,
  refreshSecret,
  both,
  prefetchSecrets,
  withSecret,
  onSecretChange,
  scrub,
  setSecretOverride,
  clearSecretOverride,
  declaredSecrets,
  defineSecrets,
});
