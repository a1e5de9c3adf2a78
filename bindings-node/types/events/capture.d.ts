/** Capturing errors, messages and events; what the application calls. */
import type { Breadcrumb } from './breadcrumbs.js';
import type { CaptureOptions } from './event.js';
import type { Event, Level } from './types.js';
/**
 * Captures what was thrown: an error with its causes, or anything else that people throw. Answers
 * the event's id, an empty text when it is not sent. Never throws, and waits neither for the network nor for the disk.
 *
 * The same error object is captured once: again, it answers the id of the first time.
 *
 * ```js
 * captureException(error, { context: { analysisId, model, operation: 'analyze', inputSize } });
 * ```
 */
export declare function captureException(error: unknown, options?: CaptureOptions): string;
/**
 * Captures a text. `options` is its level, `info` unless told, or what {@link captureException} takes.
 * Answers the event's id.
 */
export declare function captureMessage(message: string, options?: Level | CaptureOptions): string;
/**
 * Captures a complete event in Sentry's form. What it says holds; what it leaves open comes from
 * `options` and the scopes. Answers its id.
 */
export declare function captureEvent(event: Event, options?: CaptureOptions): string;
/**
 * Notes what happened. The last breadcrumbs of the request or task travel with its events.
 *
 * ```js
 * addBreadcrumb({ category: 'auth', message: 'signed in', data: { provider: 'github' } });
 * ```
 */
export declare function addBreadcrumb(breadcrumb: Breadcrumb | string): void;
/** The id of the last event of this request or task; an empty text before the first. */
export declare function lastEventId(): string;
