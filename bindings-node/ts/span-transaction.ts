/**
 * A transaction: the spans of this process under one root, from the decision whether they are
 * captured to the event that is.
 *
 * Called by spans only. At most 1,000 spans are kept; the rest is a number. A span that ends after its
 * transaction is in that number too.
 */

import { assemble } from './events/event.js';
import { faceOptions, warnOnce } from './events/face.js';
import { newId } from './events/ids.js';
import { textOf } from './events/plain.js';
import { currentIsolationScope, currentScope, runInScopes } from './events/scope.js';
import type { Scope } from './events/scope.js';
import { send } from './events/send.js';
import type { Event } from './events/types.js';
import { startProfile } from './profile.js';
import type { RunningProfile } from './profile.js';
import { handles } from './registry.js';
import { session } from './session.js';
import { now, Span } from './span.js';
import type { SpanOptions } from './span.js';
import { ContinuedTrace, LocalTrace } from './trace.js';
import type { TraceFacts } from './trace.js';
import type { Kind } from './types.js';

const MAX_SPANS = 1_000;

/** How a server fails; by the others it is the caller who did, which is no failure of the operation. */
const FAILURES: ReadonlySet<unknown> = new Set([
  'aborted',
  'data_loss',
  'deadline_exceeded',
  'internal_error',
  'unavailable',
  'unimplemented',
  'unknown_error',
]);

/** What `traceStart` answers, and what the trace is. */
interface DecidedFacts extends TraceFacts {
  readonly sampled: boolean;
  readonly sampleRand: number;
}

/** An operation that the transaction, or a span in it, measured. */
interface Measured {
  readonly series: number;
  readonly ms: number;
}

/** @internal */
export class Transaction extends LocalTrace {
  readonly facts: DecidedFacts;
  root: Span | undefined;
  isOver = false;
  readonly #options: SpanOptions;
  readonly #scopes: { readonly isolation: Scope; readonly current: Scope };
  readonly #wall = Date.now();
  readonly #started = now();
  readonly #spans: object[] = [];
  readonly #measured: Measured[] = [];
  #lost = 0;
  #open = 0;
  readonly #profile: RunningProfile | undefined;

  private constructor(options: SpanOptions, facts: DecidedFacts, dynamic: string | undefined, isProfiled: boolean) {
    super(dynamic);
    this.facts = facts;
    this.#options = options;
    this.#scopes = { isolation: currentIsolationScope(), current: currentScope() };
    this.#profile = isProfiled ? startProfile() : undefined;
  }

  /** Starts a transaction: of the trace that came in, of the one of a span that is over, or of a new one. */
  static start(options: SpanOptions, after: Span | undefined): Span {
    const { facts, dynamic, parentSpanId, isProfiled } = decide(options, after);
    const transaction = new Transaction(options, facts, dynamic, isProfiled);
    return (transaction.root = new Span(transaction, parentSpanId, options));
  }

  /** A name that differs in each request tells the next service nothing. */
  get transaction(): string | undefined {
    return this.#options?.source === 'url' ? undefined : this.root?.name;
  }

  /** A span within this one. */
  child(parent: Span, options: SpanOptions): Span {
    this.#open += 1;
    return new Span(this, parent.spanId, options);
  }

  /** Notes what a span measured, to lead from there to this trace. */
  measured(series: number, ms: number): void {
    if (!this.isOver && this.facts.sampled) this.#measured.push({ series, ms });
  }

  /** Takes in a span that ended; with the root, all is over. */
  ended(span: Span): void {
    if (span === this.root) {
      this.#finish(span);
      return;
    }
    this.#open -= 1;
    if (this.isOver || !this.facts.sampled) return;
    if (this.#spans.length < MAX_SPANS) this.#spans.push(this.#json(span));
    else this.#lost += 1;
  }

  #json(span: Span): object {
    return {
      ...span.traceContext(),
      description: span.name,
      start_timestamp: this.#at(span.startedAt),
      timestamp: this.#at(span.endedAt ?? now()),
      status: span.status ?? 'ok',
      data: span.data,
    };
  }

  /** Seconds since 1970, of a reading of the monotonic clock. */
  #at(reading: number): number {
    return Math.round((this.#wall + reading - this.#started) * 1e3) / 1e6;
  }

  #finish(root: Span): void {
    try {
      this.#measure(root);
      this.isOver = true;
      const profile = this.#profile?.stop();
      if (this.facts.sampled) this.#capture(root, profile);
    } catch (error) {
      warnOnce('transaction', `a transaction could not be captured: ${textOf(error)}`);
    } finally {
      this.isOver = true;
    }
  }

  #measure(root: Span): void {
    const { measured, labels, kind } = this.#options ?? {};
    if (measured === false) return;
    const ms = (root.endedAt ?? now()) - root.startedAt;
    try {
      const operation = handles().operation(root.name, labels, { kind: kind ?? kindOf(root.op) });
      const { status, errorType } = root;
      if (errorType === undefined && !FAILURES.has(status)) operation.record(ms);
      else operation.recordError(ms, errorType ?? textOf(status));
      this.measured(operation.id, ms);
    } catch {
      // A name that is no metric's, or an operation of another kind: counted, as a facade's would be.
      session().native.dropOne('refused');
    }
  }

  #capture(root: Span, profile: ReturnType<RunningProfile['stop']>): void {
    const id = newId();
    const lost = this.#lost + this.#open;
    const trace = {
      ...root.traceContext(),
      status: root.status ?? 'ok',
      data: lost === 0 ? root.data : { ...root.data, 'tallylight.dropped_spans': lost },
    };
    const event: Event = {
      type: 'transaction',
      transaction: root.name,
      transaction_info: { source: this.#options?.source ?? 'custom' },
      start_timestamp: this.#at(root.startedAt),
      timestamp: this.#at(root.endedAt ?? now()),
      contexts: { trace },
      spans: this.#spans,
    };
    const { isolation, current } = this.#scopes;
    const scope = current.fork();
    scope.span = root;
    const sent = runInScopes(isolation, scope, () => {
      const assembled = assemble(event, undefined, undefined);
      const attached = profile?.(id, root.name, root.traceId);
      return send(attached === undefined ? assembled : { ...assembled, profile: attached }, id, 'transaction', undefined);
    });
    if (sent === '' || this.#measured.length === 0) return;
    const series = this.#measured.map((one) => one.series);
    session().native.addExemplars(root.traceId, id, series, this.#measured.map((one) => one.ms));
  }
}

interface Decided {
  readonly facts: DecidedFacts;
  readonly dynamic: string | undefined;
  readonly parentSpanId: string | undefined;
  readonly isProfiled: boolean;
}

function decide(options: SpanOptions, after: Span | undefined): Decided {
  try {
    const { native } = session();
    const { trace: scoped } = currentScope();
    const isolated = currentIsolationScope().trace;
    const came = scoped instanceof ContinuedTrace ? scoped : isolated instanceof ContinuedTrace ? isolated : undefined;
    const known = after === undefined ? came : after.trace;
    const { traceId, sampled, sampleRate, sampleRand } = known?.facts ?? native.traceIncoming();
    const rand = sampleRand ?? Math.random();
    const asked = ask(options, sampled, sampleRate);
    const started = native.traceStart(rand, sampled, sampleRate, asked);
    const parentSpanId = after === undefined ? came?.facts.parentSpanId : after.spanId;
    return {
      facts: { traceId, parentSpanId, sampled: started.sampled, sampleRate: started.sampleRate, sampleRand: rand },
      dynamic: known?.dynamic,
      parentSpanId,
      isProfiled: started.profiled,
    };
  } catch (error) {
    warnOnce('startSpan', `a transaction is not captured: ${textOf(error)}`);
    const facts = { traceId: newId(), parentSpanId: undefined, sampled: false, sampleRate: undefined, sampleRand: 1 };
    return { facts, dynamic: undefined, parentSpanId: undefined, isProfiled: false };
  }
}

/** What the application's own function says; undefined leaves it to the others. */
function ask(options: SpanOptions, parentSampled: boolean | undefined, parentSampleRate: number | undefined): number | undefined {
  const { tracesSampler } = faceOptions();
  if (tracesSampler === undefined) return undefined;
  const { name, op, attributes, kind } = options ?? {};
  try {
    const answer = tracesSampler({ name, op, attributes, kind, parentSampled, parentSampleRate });
    if (answer === undefined || answer === null) return undefined;
    return typeof answer === 'boolean' ? Number(answer) : Number(answer);
  } catch (error) {
    warnOnce('tracesSampler', `tracesSampler failed, and the transaction is not captured: ${textOf(error)}`);
    return 0;
  }
}

/** What an operation is by the sort of its work. Source: https://develop.sentry.dev/sdk/telemetry/traces/span-operations/ */
function kindOf(op: string | undefined): Kind {
  if (op === undefined) return 'internal';
  if (/^(http|rpc|grpc|websocket)\.server\b/.test(op)) return 'server';
  if (/^gen_ai\b/.test(op)) return 'model';
  if (/^(http|rpc|grpc)\.client\b|^(db|cache)\b|^queue\.publish\b/.test(op)) return 'client';
  if (/^(queue|job|task|cron)\b/.test(op)) return 'job';
  return 'internal';
}
