/**
 * From a name and labels to a handle: checks what TypeScript cannot, asks the memo, then the core.
 *
 * Handles are one an isolate and series, so that a series has one set of views, however many
 * labels lead to it (past the cap they all lead to the overflow series).
 */

import { fromNative, InvalidLabelError, InvalidNameError, InvalidValueError } from './errors.js';
import { Counter, Gauge, Histogram } from './instruments.js';
import { Memo } from './memo.js';
import type { Registration, SeriesOptions } from './native.js';
import { Operation } from './operation.js';
import { session } from './session.js';
import type { Session } from './session.js';
import type { InstrumentOptions, Kind, Labels, OperationOptions } from './types.js';

/** What was asked for with a remembered instrument, to notice when it is asked for differently. */
interface Remembered<Handle> {
  readonly handle: Handle;
  readonly unit: string | undefined;
  readonly scale: number;
}

/** The instruments of one type in this isolate. */
class Family<Handle> {
  readonly #memo = new Memo<Remembered<Handle>>();
  readonly #byId = new Map<number, Handle>();
  readonly #register: (name: string, labels: string[], options: SeriesOptions) => Registration;
  readonly #create: (registration: Registration) => Handle;

  constructor(
    register: (name: string, labels: string[], options: SeriesOptions) => Registration,
    create: (registration: Registration) => Handle,
  ) {
    this.#register = register;
    this.#create = create;
  }

  get(name: string, labels: Labels | undefined, options: InstrumentOptions | undefined): Handle {
    const unit = options?.unit;
    const scale = options?.scale ?? 1;
    const known = this.#memo.find(name, labels);
    if (known !== undefined && known.scale === scale && (unit === undefined || unit === known.unit)) {
      return known.handle;
    }
    const pairs = checkedLabels(name, labels);
    const settings = checkedOptions(name, options);
    const register = this.#register;
    const registration = ask(() => register(name, pairs, settings));
    let handle = this.#byId.get(registration.id);
    if (handle === undefined) this.#byId.set(registration.id, (handle = this.#create(registration)));
    this.#memo.add([name, ...pairs], { handle, unit, scale });
    return handle;
  }
}

/** The handles of this isolate. */
export class Registry {
  readonly #session: Session;
  readonly #operations = new Map<Kind, Memo<Operation>>();
  readonly #operationsById = new Map<number, Operation>();
  readonly #counters: Family<Counter>;
  readonly #gauges: Family<Gauge>;
  readonly #histograms: Family<Histogram>;

  constructor(session: Session) {
    const { native } = session;
    this.#session = session;
    this.#counters = new Family(native.counter, ({ id, scale }) => Counter.create(session, id, scale));
    this.#gauges = new Family(native.gauge, ({ id }) => Gauge.create(session, id));
    this.#histograms = new Family(native.histogram, ({ id, scale }) => Histogram.create(session, id, scale));
  }

  /** Finds or registers an operation. */
  operation(name: string, labels: Labels | undefined, options: OperationOptions | undefined): Operation {
    const kind = options?.kind ?? 'internal';
    let memo = this.#operations.get(kind);
    const known = memo?.find(name, labels);
    if (known !== undefined) return known;
    const session = this.#session;
    const pairs = checkedLabels(name, labels);
    if (typeof kind !== 'string') {
      throw new InvalidValueError(`the kind of ${quoted(name)} must be text, not ${typeof kind}`);
    }
    const id = ask(() => session.native.operation(name, pairs, kind));
    let handle = this.#operationsById.get(id);
    if (handle === undefined) this.#operationsById.set(id, (handle = Operation.create(session, id)));
    // The core accepted the kind, so there are at most as many memos as kinds.
    if (memo === undefined) this.#operations.set(kind, (memo = new Memo()));
    memo.add([name, ...pairs], handle);
    return handle;
  }

  /** Finds or registers a counter. */
  counter(name: string, labels: Labels | undefined, options: InstrumentOptions | undefined): Counter {
    return this.#counters.get(name, labels, options);
  }

  /** Finds or registers a gauge. */
  gauge(name: string, labels: Labels | undefined, options: InstrumentOptions | undefined): Gauge {
    return this.#gauges.get(name, labels, options);
  }

  /** Finds or registers a histogram. */
  histogram(name: string, labels: Labels | undefined, options: InstrumentOptions | undefined): Histogram {
    return this.#histograms.get(name, labels, options);
  }
}

let registry: Registry | undefined;

/** The handles of this isolate, made with the first use. */
export function handles(): Registry {
  return (registry ??= new Registry(session()));
}

/** Runs a native call; its errors come out as our classes. */
export function ask<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fromNative(error);
  }
}

/** Checks types; answers labels as the core takes them, key, value, key, value... */
function checkedLabels(name: unknown, labels: unknown): string[] {
  if (typeof name !== 'string') throw new InvalidNameError(`a metric name must be text, not ${typeof name}; give it 1 to 200 bytes`);
  if (labels === undefined) return [];
  if (typeof labels !== 'object' || labels === null || Array.isArray(labels)) {
    throw new InvalidLabelError(`the labels of ${quoted(name)} must be an object such as { route: "/users" }`);
  }
  const pairs: string[] = [];
  for (const [key, value] of entries(name, labels)) {
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') {
      throw new InvalidLabelError(
        `the label ${quoted(key)} of ${quoted(name)} must be text, a number or a boolean, not ${value === null ? 'null' : typeof value}`,
      );
    }
    pairs.push(key, String(value));
  }
  return pairs;
}

function entries(name: string, labels: object): [string, unknown][] {
  try {
    return Object.entries(labels);
  } catch (cause) {
    throw new InvalidLabelError(`the labels of ${quoted(name)} could not be read; give a plain object`, { cause });
  }
}

function checkedOptions(name: string, options: InstrumentOptions | undefined): SeriesOptions {
  const { unit, scale, description } = options ?? {};
  if (unit !== undefined && typeof unit !== 'string') throw new InvalidValueError(`the unit of ${quoted(name)} must be text`);
  if (scale !== undefined && typeof scale !== 'number') throw new InvalidValueError(`the scale of ${quoted(name)} must be a number`);
  if (description !== undefined && typeof description !== 'string') {
    throw new InvalidValueError(`the description of ${quoted(name)} must be text`);
  }
  return { unit, scale, description };
}

/** A text for a message, cut to a length that a log bears. */
function quoted(text: string): string {
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text);
}
