/**
 * Puts an event together: what was captured, what the caller says of it, and what the scopes say.
 *
 * What lies nearest to the error wins: the caller's hint, then the current scope, the isolation
 * scope, the global one.
 */

import type { Crumb } from './breadcrumbs.js';
import { plainObject, plainOf, textOf } from './plain.js';
import { currentIsolationScope, currentScope, currentTrace, entriesOf, globalScope, textsOf } from './scope.js';
import type { Scope, TraceSource } from './scope.js';
import type { Attachment, Event, Level, User } from './types.js';

/** What is said of one event beside the error. */
export interface CaptureOptions {
  /**
   * What the code was doing. An object becomes the context `context` of the event, and its
   * `analysisId` the tag `analysis_id`; a text becomes the tag `context`.
   */
  readonly context?: Readonly<Record<string, unknown>> | string | undefined;
  /** By which events are searched. */
  readonly tags?: Readonly<Record<string, string | number | boolean | null | undefined>> | undefined;
  /** Who is concerned. */
  readonly user?: User | undefined;
  /** How bad it is; `error` unless told. */
  readonly level?: Level | undefined;
  /** What the event is grouped by, instead of its stack. */
  readonly fingerprint?: readonly string[] | undefined;
  /** Anything else; not searchable. */
  readonly extra?: Readonly<Record<string, unknown>> | undefined;
  /** Blocks of facts, by name. */
  readonly contexts?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;
  /** Files that go with the event. */
  readonly attachments?: readonly Attachment[] | undefined;
  /** Whether the program dealt with the error; true unless told. */
  readonly handled?: boolean | undefined;
}

/**
 * An event with what does not belong into its JSON.
 *
 * @internal
 */
export interface Assembled {
  readonly event: Event;
  readonly crumbs: readonly Crumb[];
  readonly attachments: readonly Attachment[];
  /** The envelope's `trace` header. */
  readonly trace: string | undefined;
  /** The profile of a transaction, as JSON. */
  readonly profile?: string | undefined;
}

type Members = { readonly [key: string]: unknown };

/**
 * Adds what the caller and the scopes say to `event`, and answers it complete.
 *
 * @internal
 */
export function assemble(event: Event, options: CaptureOptions | undefined, level: Level | undefined): Assembled {
  const isolation = currentIsolationScope();
  const current = currentScope();
  const scopes = [globalScope(), isolation, current] as const;
  if (options !== undefined) addOptions(event, options);
  event.timestamp ??= Date.now() / 1e3;
  event.platform ??= 'node';
  addScopes(event, scopes, level);
  const source = currentTrace();
  addTrace(event, source);
  return {
    event,
    crumbs: crumbsOf(scopes),
    attachments: attachmentsOf(scopes, options),
    trace: headerOf(source),
  };
}

function addOptions(event: Event, options: CaptureOptions): void {
  const { context, tags, user, level, fingerprint, extra, contexts } = options;
  if (typeof context === 'object' && context !== null) {
    const facts = plainObject(context);
    event.contexts = { ...event.contexts, context: facts };
    const analysis = facts['analysisId'];
    if (typeof analysis === 'string' || typeof analysis === 'number') event.tags = { ...event.tags, analysis_id: String(analysis) };
  } else if (context !== undefined && context !== null) {
    event.tags = { ...event.tags, context: textOf(context) };
  }
  for (const [key, value] of entriesOf(tags)) {
    if (value !== undefined && value !== null) event.tags = { ...event.tags, [key]: textOf(value) };
  }
  if (user !== undefined && user !== null) event.user = plainObject(user, 'id');
  if (typeof level === 'string') event.level = level;
  if (fingerprint !== undefined && fingerprint !== null) event.fingerprint = textsOf(fingerprint);
  for (const [key, value] of entriesOf(extra)) event.extra = { ...event.extra, [key]: plainOf(value) };
  for (const [name, value] of entriesOf(contexts)) {
    if (value !== undefined && value !== null) event.contexts = { ...event.contexts, [name]: plainObject(value) };
  }
}

function addScopes(event: Event, scopes: readonly Scope[], level: Level | undefined): void {
  const tags = merged(scopes, (scope) => scope.tags, event.tags);
  if (tags !== undefined) event.tags = tags as Record<string, string>;
  const extra = merged(scopes, (scope) => scope.extra, event.extra);
  if (extra !== undefined) event.extra = extra;
  const contexts = merged(scopes, (scope) => scope.contexts, event.contexts);
  event.contexts = (contexts ?? {}) as Record<string, Record<string, unknown>>;
  for (let i = scopes.length - 1; i >= 0; i--) {
    const scope = scopes[i]!;
    if (event.user === undefined && scope.user !== undefined) event.user = scope.user as Record<string, unknown>;
    if (event.level === undefined && scope.level !== undefined) event.level = scope.level;
    if (event.fingerprint === undefined && scope.fingerprint !== undefined) event.fingerprint = [...scope.fingerprint];
    if (event.request === undefined && scope.request !== undefined) {
      const request = requestOf(scope.request);
      if (request !== undefined) event.request = request;
    }
  }
  if (event.level === undefined && level !== undefined) event.level = level;
}

function requestOf(read: () => object | undefined): Record<string, unknown> | undefined {
  try {
    return read() as Record<string, unknown> | undefined;
  } catch {
    return undefined;
  }
}

/** The members of all scopes, the later over the earlier, then the event's own; none if there are none. */
function merged(scopes: readonly Scope[], of: (scope: Scope) => Members, own: Members | undefined): Members | undefined {
  let all: Members | undefined;
  for (const scope of scopes) {
    const members = of(scope);
    for (const _ in members) {
      all = all === undefined ? { ...members } : { ...all, ...members };
      break;
    }
  }
  if (all === undefined) return own;
  return own === undefined ? all : { ...all, ...own };
}

function addTrace(event: Event, source: TraceSource): void {
  // An event that somebody made whole keeps its own.
  if (event.contexts?.['trace'] === undefined) {
    event.contexts = { ...event.contexts, trace: source.traceContext() };
  }
  const name = source.transactionName?.();
  if (name !== undefined) event.transaction ??= name;
}

function headerOf(source: TraceSource): string | undefined {
  return source.traceHeader?.();
}

function crumbsOf([global, isolation, current]: readonly [Scope, Scope, Scope]): readonly Crumb[] {
  if (global.crumbs.length === 0 && current.crumbs.length === 0) return isolation.crumbs;
  return [...global.crumbs, ...isolation.crumbs, ...current.crumbs].sort((a, b) => a.at - b.at);
}

function attachmentsOf(scopes: readonly Scope[], options: CaptureOptions | undefined): readonly Attachment[] {
  const all: Attachment[] = [];
  for (const scope of scopes) if (scope.attachments.length > 0) all.push(...scope.attachments);
  const given: unknown = options?.attachments;
  if (Array.isArray(given)) all.push(...(given as Attachment[]));
  return all;
}
