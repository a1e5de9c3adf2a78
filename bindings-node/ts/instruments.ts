/** Counters, gauges and plain histograms. */

import { detached } from './detached.js';
import { Adder, drop, Recorder } from './recorder.js';
import type { Session } from './session.js';

/** A sum that only grows. Get one from `counter`. */
export class Counter {
  private readonly cells: Adder;
  private readonly scale: number;

  private constructor(cells: Adder, scale: number) {
    this.cells = cells;
    this.scale = scale;
  }

  /** @internal */
  static create(session: Session, id: number, scale: number): Counter {
    return new Counter(new Adder(session, id), scale);
  }

  /** Adds `n`, 1 unless told. Never throws: what is no number from 0 upwards is a counted drop. */
  add(this: Counter, n: number = 1): void {
    const cells = this?.cells;
    if (cells === undefined) throw detached('add');
    cells.add(n, this.scale);
  }

  /** Adds 1. */
  increment(this: Counter): void {
    const cells = this?.cells;
    if (cells === undefined) throw detached('increment');
    cells.add(1, this.scale);
  }
}

/** A value that goes up and down. Get one from `gauge`. */
export class Gauge {
  private readonly session: Session;
  private readonly id: number;

  private constructor(session: Session, id: number) {
    this.session = session;
    this.id = id;
  }

  /** @internal */
  static create(session: Session, id: number): Gauge {
    return new Gauge(session, id);
  }

  /** Sets the value. Never throws: what is no finite number is a counted drop. */
  set(this: Gauge, value: number): void {
    if (this?.session === undefined) throw detached('set');
    if (typeof value !== 'number') {
      drop(this.session, 'not_a_number');
      return;
    }
    try {
      this.session.native.gaugeSet(this.id, value);
    } catch {
      // A recording must not throw into the caller, whatever happens to the addon.
    }
  }

  /** Adds `delta`, which may be negative. All threads add to one value. */
  add(this: Gauge, delta: number): void {
    if (this?.session === undefined) throw detached('add');
    if (typeof delta !== 'number') {
      drop(this.session, 'not_a_number');
      return;
    }
    try {
      this.session.native.gaugeAdd(this.id, delta);
    } catch {
      // As in `set`.
    }
  }
}

/** A distribution of values of any unit. Get one from `histogram`. */
export class Histogram {
  private readonly recorder: Recorder;
  private readonly scale: number;

  private constructor(recorder: Recorder, scale: number) {
    this.recorder = recorder;
    this.scale = scale;
  }

  /** @internal */
  static create(session: Session, id: number, scale: number): Histogram {
    return new Histogram(new Recorder(session, id), scale);
  }

  /** Records a value from 0 upwards. Costs a few nanoseconds and never throws. */
  record(this: Histogram, value: number): void {
    // As in `Operation.record`.
    try {
      this.recorder.record(value, this.scale);
    } catch (error) {
      throw this?.recorder === undefined ? detached('record') : error;
    }
  }
}
