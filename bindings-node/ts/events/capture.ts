/** Capturing errors, messages and events; what the application calls. */

import { crumbOf } from './breadcrumbs.js';
import type { Breadcrumb } from './breadcrumbs.js';
import { assemble } from './event.js';
import type { CaptureOptions } from './event.js';
import { effective, face, faceOptions, warnOnce } from './face.js';
import { knownId, newId } from './ids.js';
import { textOf } from './plain.js';
import { sessionErrored } from '../sessions.js';
import { currentIsolationScope } from './scope.js';
import type { Scope } from './scope.js';
import { refuse, send } from './send.js';
import type { BreadcrumbHint, Ignored } from './settings.js';
import { describe, exceptionsOf } from './thrown.js';
import type { Manner } from './thrown.js';
import type { Event, Level } from './types.js';

const BY_HAND: Manner = { type: 'generic', handled: true };

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
export function captureException(error: unknown, options?: CaptureOptions): string {
  return contained(() => {
    const given = optionsOf(options);
    const manner = given?.handled === false ? { type: 'generic', handled: false } : BY_HAND;
    return captureThrown(error, given, manner, 'error', captureException);
  });
}

/**
 * As {@link captureException}, for what a hook caught.
 *
 * @internal
 */
export function captureThrown(
  error: unknown,
  options: CaptureOptions | undefined,
  manner: Manner,
  level: Level,
  below: (...args: never[]) => unknown,
  isHook = false,
): string {
  const { captured } = face();
  const isObject = (typeof error === 'object' && error !== null) || typeof error === 'function';
  if (isObject) {
    const earlier = captured.get(error as object);
    if (earlier !== undefined) {
      // What was captured by hand and then thrown on is no second capture.
      if (!isHook) refuse('error', 'event_processor');
      return earlier;
    }
  }
  const id = captureNew(error, options, manner, level, below);
  if (isObject) captured.set(error as object, id);
  return id;
}

function captureNew(
  error: unknown,
  options: CaptureOptions | undefined,
  manner: Manner,
  level: Level,
  below: (...args: never[]) => unknown,
): string {
  const { ignoreErrors } = faceOptions();
  if (ignoreErrors !== undefined && isIgnored(error, ignoreErrors)) {
    refuse('error', 'event_processor');
    return '';
  }
  if (!isSampled()) return '';
  const { values, omitted, contexts } = exceptionsOf(error, manner, () => stackBelow(below));
  const event: Event = { exception: { values } };
  if (omitted > 0) event.extra = { 'tallylight.exceptions_omitted': omitted };
  if (contexts !== undefined) event.contexts = contexts;
  const id = finish(event, options, level, error);
  if (id !== '') sessionErrored(event.level);
  return id;
}

/**
 * Captures a text. `options` is its level, `info` unless told, or what {@link captureException} takes.
 * Answers the event's id.
 */
export function captureMessage(message: string, options?: Level | CaptureOptions): string {
  return contained(() => {
    const given = typeof options === 'string' ? { level: options } : optionsOf(options);
    const text = textOf(message);
    const { ignoreErrors } = faceOptions();
    if (ignoreErrors !== undefined && ignoreErrors.some((ignored) => matches(ignored, text, text))) {
      refuse('error', 'event_processor');
      return '';
    }
    if (!isSampled()) return '';
    return finish({ message: text }, given, 'info', undefined);
  });
}

/**
 * Captures a complete event in Sentry's form. What it says holds; what it leaves open comes from
 * `options` and the scopes. Answers its id.
 */
export function captureEvent(event: Event, options?: CaptureOptions): string {
  return contained(() => {
    if (typeof event !== 'object' || event === null) {
      warnOnce('captureEvent', 'captureEvent takes an event in Sentry\u2019s form, an object');
      refuse('error', 'internal_sdk_error');
      return '';
    }
    if (event['type'] !== 'transaction' && !isSampled()) return '';
    const made = { ...event };
    const id = finish(made, optionsOf(options), undefined, undefined);
    if (id !== '' && made['type'] !== 'transaction' && made.exception !== undefined) sessionErrored(made.level);
    return id;
  });
}

function finish(event: Event, options: CaptureOptions | undefined, level: Level | undefined, original: unknown): string {
  const category = event['type'] === 'transaction' ? 'transaction' : 'error';
  const assembled = assemble(event, options, level);
  const id = send(assembled, knownId(event.event_id) ?? newId(), category, original);
  if (id !== '' && category === 'error') currentIsolationScope().lastEventId = id;
  return id;
}

/** Nothing of ours is thrown into the application; what went wrong is counted and told once. */
function contained(capture: () => string): string {
  try {
    return capture();
  } catch (error) {
    refuse('error', 'internal_sdk_error');
    warnOnce('capture', `an event could not be captured: ${textOf(error)}`);
    return '';
  }
}

/** A copy, read once: what cannot be read says nothing, and takes no event with it. */
function optionsOf(options: unknown): CaptureOptions | undefined {
  if (typeof options !== 'object' || options === null) return undefined;
  try {
    return { ...options };
  } catch {
    return undefined;
  }
}

function isSampled(): boolean {
  const { sampleRate } = effective();
  if (sampleRate >= 1 || Math.random() < sampleRate) return true;
  refuse('error', 'sample_rate');
  return false;
}

function stackBelow(below: (...args: never[]) => unknown): string | undefined {
  const trace: { stack?: string } = {};
  Error.captureStackTrace(trace, below);
  return typeof trace.stack === 'string' ? trace.stack : undefined;
}

function isIgnored(error: unknown, ignored: readonly Ignored[]): boolean {
  const { type, value } = describe(error);
  const text = `${type}: ${value}`;
  return ignored.some((one) => (typeof one === 'function' ? isInstance(error, one) : matches(one, text, value)));
}

function isInstance(error: unknown, type: new (...args: never[]) => Error): boolean {
  try {
    return error instanceof type;
  } catch {
    return false;
  }
}

function matches(ignored: Ignored, text: string, value: string): boolean {
  if (typeof ignored === 'string') return text.includes(ignored);
  if (!(ignored instanceof RegExp)) return false;
  // Of a pattern with the flag g, a test moves its start.
  const start = ignored.lastIndex;
  ignored.lastIndex = 0;
  const isMatch = ignored.test(text) || ((ignored.lastIndex = 0), ignored.test(value));
  ignored.lastIndex = start;
  return isMatch;
}

/**
 * Notes what happened. The last breadcrumbs of the request or task travel with its events.
 *
 * ```js
 * addBreadcrumb({ category: 'auth', message: 'signed in', data: { provider: 'github' } });
 * ```
 */
export function addBreadcrumb(breadcrumb: Breadcrumb | string): void {
  keepBreadcrumb(currentIsolationScope(), breadcrumb, {});
}

/**
 * As {@link addBreadcrumb}, into a scope of choice. Never throws.
 *
 * @internal
 */
export function keepBreadcrumb(scope: Scope, breadcrumb: Breadcrumb | string, hint: BreadcrumbHint): void {
  try {
    const most = effective().maxBreadcrumbs;
    if (most === 0) return;
    let crumb = crumbOf(breadcrumb);
    const hook = faceOptions().beforeBreadcrumb;
    if (hook !== undefined) {
      const answer: unknown = hook({ ...crumb.crumb }, hint);
      if (typeof answer !== 'object' || answer === null) return;
      crumb = crumbOf(answer);
    }
    scope.keep(crumb, most);
  } catch (error) {
    warnOnce('breadcrumb', `a breadcrumb was lost: ${textOf(error)}`);
  }
}

/** The id of the last event of this request or task; an empty text before the first. */
export function lastEventId(): string {
  return currentIsolationScope().lastEventId ?? '';
}
