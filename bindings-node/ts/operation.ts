/** Operations: how often something happens, how long it takes and how it fails. */

import { detached } from './detached.js';
import { errorTypeOf } from './error-type.js';
import { owned } from './memo.js';
import { observe } from './observe.js';
import { Adder, drop, Recorder } from './recorder.js';
import type { Session } from './session.js';

const NANOS_PER_MS = 1e6;

// Kept from the start, so that a test suite's fake clock does not reach our durations.
const clock = performance;
const now = clock.now.bind(clock);

/** Error types kept at hand for one operation; the core itself keeps 32 apart. */
const TYPES_AT_HAND = 64;
const LONGEST_TYPE = 100;

/** Counts one thing the service does, with its duration and outcome. Get one from `operation`. */
export class Operation {
  private readonly recorder: Recorder;
  private errors: Map<string, Adder> | undefined;

  private constructor(recorder: Recorder) {
    this.recorder = recorder;
  }

  /** @internal */
  static create(session: Session, id: number): Operation {
    return new Operation(new Recorder(session, id));
  }

  /** The number of its series. @internal */
  get id(): number {
    return this.recorder.id;
  }

  /**
   * Records that the operation took `ms` milliseconds. Costs a few nanoseconds: no native call,
   * no allocation, no lock. Never throws: a value that is no duration is a counted drop.
   */
  record(this: Operation, ms: number): void {
    // A check of `this` would cost a third of the recording; this costs nothing.
    try {
      this.recorder.record(ms, NANOS_PER_MS);
    } catch (error) {
      throw this?.recorder === undefined ? detached('record') : error;
    }
  }

  /**
   * Records that the operation failed after `ms` milliseconds; the failure counts as an operation
   * too. `errorType` is a name with few distinct values, such as `TimeoutError`. Never throws.
   */
  recordError(this: Operation, ms: number, errorType: string): void {
    const recorder = this?.recorder;
    if (recorder === undefined) throw detached('recordError');
    try {
      if (!recorder.session.direct) this.failByCall(ms, errorType);
      else if (recorder.record(ms, NANOS_PER_MS)) this.errorCounter(errorType).add(1, 1);
    } catch {
      // A recording must not throw into the caller, whatever happens to the addon.
    }
  }

  /** Starts a timer; its `end` or `fail` records the time until then. */
  start(this: Operation): Timer {
    if (this?.recorder === undefined) throw detached('start');
    return Timer.start(this);
  }

  /**
   * Runs `fn` and records its duration, and the error type when it throws or its promise rejects.
   * Returns what `fn` returned and lets errors pass as they are.
   *
   * A plain promise comes back as its continuation, which settles the same way; a promise of
   * another class or another thenable comes back as the same object and is recorded when it
   * settles (a lazy one is not started).
   */
  time<T>(this: Operation, fn: () => T): T {
    if (this?.recorder === undefined) throw detached('time');
    const startedAt = now();
    let result: T;
    try {
      result = fn();
    } catch (error) {
      this.recordError(now() - startedAt, errorTypeOf(error));
      throw error;
    }
    return observe(result, {
      succeeded: () => this.record(now() - startedAt),
      failed: (error) => this.recordError(now() - startedAt, errorTypeOf(error)),
    });
  }

  private failByCall(ms: unknown, errorType: unknown): void {
    const { session, id } = this.recorder;
    if (typeof ms === 'number') session.native.recordFailure(id, ms, textOf(errorType));
    else drop(session, 'not_a_number');
  }

  private errorCounter(errorType: string): Adder {
    const errors = (this.errors ??= new Map<string, Adder>());
    const known = errors.get(errorType);
    if (known !== undefined) return known;
    const { session, id } = this.recorder;
    const type = textOf(errorType);
    const counter = new Adder(session, session.native.errorSeries(id, type));
    if (errors.size < TYPES_AT_HAND && type.length <= LONGEST_TYPE) errors.set(owned(type), counter);
    return counter;
  }
}

/** Whatever a caller without types hands in is described like an error. */
function textOf(errorType: unknown): string {
  return typeof errorType === 'string' ? errorType : errorTypeOf(errorType);
}

/** A running measurement of an operation. */
export class Timer {
  private readonly operation: Operation;
  private readonly startedAt: number;
  /** Milliseconds, once it ended. */
  private took: number | undefined;

  private constructor(operation: Operation) {
    this.operation = operation;
    this.startedAt = now();
  }

  /** @internal */
  static start(operation: Operation): Timer {
    return new Timer(operation);
  }

  /**
   * Records a success that took until now, and answers how many milliseconds that was. Only the
   * first `end` or `fail` counts; later ones answer what it did.
   */
  end(this: Timer): number {
    const startedAt = this?.startedAt;
    if (startedAt === undefined) throw detached('end');
    if (this.took !== undefined) return this.took;
    const took = (this.took = now() - startedAt);
    this.operation.record(took);
    return took;
  }

  /**
   * Records a failure that took until now, and answers as `end` does; `error` is what was thrown,
   * or the name of an error type.
   */
  fail(this: Timer, error: unknown): number {
    const startedAt = this?.startedAt;
    if (startedAt === undefined) throw detached('fail');
    if (this.took !== undefined) return this.took;
    const took = (this.took = now() - startedAt);
    this.operation.recordError(took, textOf(error));
    return took;
  }
}
