/**
 * Scopes: what an event says beyond the error itself, kept apart by request and task.
 *
 * There are three layers, and an event takes them in this order: the *global* scope of the isolate;
 * the *isolation* scope of one request or task, which `setUser` and the like write to; and the
 * *current* scope, which lives for a `withScope` call and carries the active span. Called by the
 * capture of events, by spans, and by whoever sets a tag.
 *
 * Invariant: `AsyncLocalStorage` carries both scopes, so a request never writes into a scope that
 * another one reads, once `withIsolationScope` runs around it.
 */

import { AsyncLocalStorage } from 'node:async_hooks';

import { Crumb, crumbOf } from './breadcrumbs.js';
import type { Breadcrumb } from './breadcrumbs.js';
import { newId } from './ids.js';
import { plainObject, plainOf, textOf } from './plain.js';
import type { Plain } from './plain.js';
import type { Attachment, Level, User } from './types.js';

/**
 * What an event takes its trace from: a span, or what a request said of its trace.
 *
 * @internal
 */
export interface TraceSource {
  /** The event's `contexts.trace`: `trace_id`, `span_id` and what else is known. */
  traceContext(): { readonly trace_id: string; readonly span_id: string; readonly [field: string]: unknown };
  /** The envelope's `trace` header (the dynamic sampling context) as JSON. */
  traceHeader?(): string | undefined;
  /** The name of the transaction. */
  transactionName?(): string | undefined;
}

/** What is added to the events that are captured while it is active. Its methods never throw. */
export class Scope {
  /** The active span. To make one active, set it on a {@link fork} and run in that. @internal */
  span: TraceSource | undefined = undefined;
  /** What an incoming request said of its trace, for events without a span. @internal */
  trace: TraceSource | undefined = undefined;
  /** Of an isolation scope: the trace of its events while nobody traces them. @internal */
  ownTrace: TraceSource | undefined = undefined;
  /** The request that is served, read when an event is captured. @internal */
  request: (() => object | undefined) | undefined = undefined;
  /** The id of the last event that was captured here. @internal */
  lastEventId: string | undefined = undefined;

  /** @internal */
  tags: { [key: string]: string } = {};
  /** @internal */
  extra: { [key: string]: Plain } = {};
  /** @internal */
  contexts: { [name: string]: { [key: string]: Plain } } = {};
  /** @internal */
  user: { [key: string]: Plain } | undefined = undefined;
  /** @internal */
  level: string | undefined = undefined;
  /** @internal */
  fingerprint: readonly string[] | undefined = undefined;
  /** @internal */
  crumbs: Crumb[] = [];
  /** @internal */
  attachments: readonly Attachment[] = [];

  /** Sets a tag, by which events are searched; null or undefined takes it away. */
  setTag(key: string, value: string | number | boolean | null | undefined): this {
    const name = textOf(key);
    if (value === null || value === undefined) delete this.tags[name];
    else this.tags[name] = textOf(value);
    return this;
  }

  /** Sets many tags. */
  setTags(tags: Readonly<Record<string, string | number | boolean | null | undefined>>): this {
    for (const [key, value] of entriesOf(tags)) this.setTag(key, value as string);
    return this;
  }

  /** Says who is concerned: `id`, `email`, `username`, `ip_address` and more; null ends it. */
  setUser(user: User | null): this {
    this.user = user === null || user === undefined ? undefined : plainObject(user, 'id');
    return this;
  }

  /** Sets a block of facts, shown under its name; null takes it away. */
  setContext(name: string, context: Readonly<Record<string, unknown>> | null): this {
    const key = textOf(name);
    if (context === null || context === undefined) delete this.contexts[key];
    else this.contexts[key] = plainObject(context);
    return this;
  }

  /** Adds anything else; not searchable. Undefined takes it away. */
  setExtra(key: string, value: unknown): this {
    const name = textOf(key);
    if (value === undefined) delete this.extra[name];
    else this.extra[name] = plainOf(value);
    return this;
  }

  /** Gives all events this level; null leaves them theirs. */
  setLevel(level: Level | null): this {
    this.level = typeof level === 'string' ? level : undefined;
    return this;
  }

  /** Groups all events by this instead of by their stack; null ends it. */
  setFingerprint(fingerprint: readonly string[] | null): this {
    this.fingerprint = fingerprint === null || fingerprint === undefined ? undefined : textsOf(fingerprint);
    return this;
  }

  /** Adds a file to all events. */
  addAttachment(attachment: Attachment): this {
    this.attachments = [...this.attachments, attachment];
    return this;
  }

  /** Notes what happened; the last ones are part of every event. */
  addBreadcrumb(breadcrumb: Breadcrumb | string): this {
    this.keep(crumbOf(breadcrumb), MOST);
    return this;
  }

  /** Takes away all that was set, and the breadcrumbs. */
  clear(): this {
    this.tags = {};
    this.extra = {};
    this.contexts = {};
    this.user = undefined;
    this.level = undefined;
    this.fingerprint = undefined;
    this.crumbs = [];
    this.attachments = [];
    return this;
  }

  /** A scope of its own that starts with all of this one. @internal */
  fork(): Scope {
    const fork = new Scope();
    fork.tags = { ...this.tags };
    fork.extra = { ...this.extra };
    fork.contexts = { ...this.contexts };
    fork.user = this.user;
    fork.level = this.level;
    fork.fingerprint = this.fingerprint;
    fork.crumbs = this.crumbs.slice();
    fork.attachments = this.attachments;
    fork.span = this.span;
    fork.trace = this.trace;
    fork.request = this.request;
    return fork;
  }

  /** Keeps a breadcrumb, and of all of them the last `most`. @internal */
  keep(crumb: Crumb, most: number): void {
    if (most <= 0) return;
    this.crumbs.push(crumb);
    // The head goes now and then, not at each one.
    if (this.crumbs.length >= 2 * most) this.crumbs.splice(0, this.crumbs.length - most);
  }
}

/** Breadcrumbs that `scope.addBreadcrumb` keeps; an event takes no more than its setting says. */
const MOST = 100;

/**
 * Where events and outgoing requests take their trace from now: the active span, what the incoming
 * request said, else a trace of the isolation scope's own, so that its events are found together.
 *
 * @internal
 */
export function currentTrace(): TraceSource {
  const { isolation, current } = active();
  return current.span ?? current.trace ?? isolation.trace ?? (isolation.ownTrace ??= ownTrace());
}

function ownTrace(): TraceSource {
  const context = { trace_id: newId(), span_id: newId().slice(0, 16) };
  return { traceContext: () => context };
}

/** What an asynchronous context carries. */
interface Active {
  readonly isolation: Scope;
  readonly current: Scope;
}

/** What copies of the package share in an isolate. */
interface Scopes {
  readonly global: Scope;
  readonly root: Active;
  readonly storage: AsyncLocalStorage<Active>;
}

/** It changes when `Scope` or `Active` does, and copies that differ then stay apart. */
const MEETING = Symbol.for('tallylight.scopes.1');

let known: Scopes | undefined;

function scopes(): Scopes {
  return (known ??= meet());
}

function meet(): Scopes {
  const shared = globalThis as { [MEETING]?: Scopes };
  const met = shared[MEETING];
  if (met !== undefined) return met;
  const made: Scopes = {
    global: new Scope(),
    root: { isolation: new Scope(), current: new Scope() },
    storage: new AsyncLocalStorage(),
  };
  Object.defineProperty(shared, MEETING, { value: made });
  return made;
}

function active(): Active {
  const { storage, root } = scopes();
  return storage.getStore() ?? root;
}

/**
 * The scope of the whole isolate, below all others.
 *
 * @internal
 */
export function globalScope(): Scope {
  return scopes().global;
}

/**
 * The scope of this request or task; outside of all, the isolate's.
 *
 * @internal
 */
export function currentIsolationScope(): Scope {
  return active().isolation;
}

/**
 * The innermost scope. Its `span` is the active span.
 *
 * @internal
 */
export function currentScope(): Scope {
  return active().current;
}

/**
 * Runs `fn`, and what it starts, with `scope` as the current one.
 *
 * @internal
 */
export function runInScope<T>(scope: Scope, fn: () => T): T {
  return scopes().storage.run({ isolation: active().isolation, current: scope }, fn);
}

/**
 * Runs `fn`, and what it starts, with these two scopes.
 *
 * @internal
 */
export function runInScopes<T>(isolation: Scope, current: Scope, fn: () => T): T {
  return scopes().storage.run({ isolation, current }, fn);
}

/**
 * Runs `fn`, and what it starts, with a copy of the current scope, which it is given: what is set
 * on that holds for the events captured meanwhile.
 *
 * ```js
 * withScope((scope) => {
 *   scope.setTag('step', 'resize').setLevel('warning');
 *   captureException(error);
 * });
 * ```
 */
export function withScope<T>(fn: (scope: Scope) => T): T {
  const scope = currentScope().fork();
  return runInScope(scope, () => fn(scope));
}

/**
 * Runs `fn`, and what it starts, as a request or task of its own: what `setUser`, `setTag` and
 * `addBreadcrumb` set in there is on no event outside.
 *
 * ```js
 * queue.on('job', (job) => withIsolationScope(async () => {
 *   setTag('job', job.id);
 *   await work(job);
 * }));
 * ```
 */
export function withIsolationScope<T>(fn: (scope: Scope) => T): T {
  const { isolation, current } = active();
  const scope = isolation.fork();
  return runInScopes(scope, current.fork(), () => fn(scope));
}

/**
 * A list of texts, whatever was given as one.
 *
 * @internal
 */
export function textsOf(given: unknown): string[] {
  if (typeof given === 'string') return [given];
  try {
    return Array.from(given as Iterable<unknown>, textOf);
  } catch {
    return [textOf(given)];
  }
}

/**
 * The members of an object; none of anything else, and of what cannot be read.
 *
 * @internal
 */
export function entriesOf(given: unknown): [string, unknown][] {
  try {
    return typeof given === 'object' && given !== null ? Object.entries(given) : [];
  } catch {
    return [];
  }
}
