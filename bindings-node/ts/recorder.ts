/**
 * The hot path: recording into core-owned memory without a native call.
 *
 * Each isolate writes its own cells (see `session.ts`), so a plain add is enough, and the core
 * reads them at any time. The layout is the core's (`core/src/metrics/layout.rs`): the bucket of a
 * value is the exponent and top seven mantissa bits of its float64.
 *
 * Three rules keep it exact and fast. Between the first and the last write of a recording there is
 * no call and no loop, since those are the points where a terminated worker stops: it stops before
 * a recording or after it, never inside (so the sum's carry is written out both here and in `Adder`:
 * called before the first write it costs 6 %). No field changes after construction and none is a
 * `#private` one, so that V8 compiles a constant handle down to constant addresses. And nothing
 * here throws: what cannot be recorded becomes a counted drop.
 */

import { CELL_BYTES, opaque } from './session.js';
import type { Cells, Place, Session } from './session.js';

/** The largest value kept apart, in nanoseconds or scaled units; a larger one counts as this. */
const MAX_VALUE = Number.MAX_SAFE_INTEGER;
const TWO_52 = 2 ** 52;
const TWO_53 = 2 ** 53;

const CELLS_PER_OCTAVE = 128;
/**
 * Tables by octave are indexed by the low six bits of the float's exponent, which are distinct for
 * every octave and need no bounds check. Octave 0 holds 0 to 127, whose exponents differ, and has
 * the slot before octave 1's: 128 has the exponent 1023 + 7.
 */
const SLOTS = 64;
const SLOT_MASK = SLOTS - 1;
const FIRST_SLOT = (1023 + 6) & SLOT_MASK;

// What the cells of a series' header are.
const SUM_LOW = 2;
const SUM_CARRY = 3;
const MAX = 4;

const scratch = new Float64Array(1);
const words = new Uint32Array(scratch.buffer);
/** The half of a float64 that holds its exponent. */
const HIGH_WORD = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1 ? 1 : 0;

/** A gate, as the two words of its float64; open when the high one is 0. */
type Gate = Int32Array<ArrayBuffer>;

/** The gate of a series without cells here, whose recordings are native calls. */
const NO_CELLS: Gate = Int32Array.of(1, 1);
const NO_HOME: Cells = new Float64Array(0);

/** Why something was not recorded; the reasons are the core's. */
type DropReason = 'nan' | 'negative' | 'infinite' | 'not_a_number' | 'closed' | 'arena_full';

/** Counts a drop. Answers false, for a recording to answer. */
export function drop(session: Session, reason: DropReason): false {
  try {
    session.native.dropOne(reason);
  } catch {
    // A recording must not throw into the caller, whatever happens to the addon.
  }
  return false;
}

/** Why a value cannot be recorded, if so. */
function refusal(value: unknown): DropReason | undefined {
  if (typeof value !== 'number') return 'not_a_number';
  if (value >= 0) return value === Infinity ? 'infinite' : undefined;
  return Number.isNaN(value) ? 'nan' : 'negative';
}

/** The integer to record, half rounded up; a value too large is counted as clamped. */
function unitsOf(session: Session, value: number, scale: number): number {
  const units = Math.round(value * scale);
  if (units <= MAX_VALUE) return units;
  try {
    session.native.clampOne();
  } catch {
    // As in `drop`.
  }
  return MAX_VALUE;
}

/**
 * The cells of a distribution in this isolate: an operation's durations or a histogram's values.
 *
 * Octaves in the header's own segment are reached through one view of that segment, others through
 * a view each: that view costs a sixth more (5.1 ns against 4.3, in one run).
 */
export class Recorder {
  readonly session: Session;
  readonly id: number;
  private readonly gate: Gate;
  /** The segment that the header is in; the octaves of a small service are there too. */
  private readonly home: Cells;
  private readonly homeSegment: number;
  /** Where in `home` the header begins. */
  private readonly header: number;
  /** By slot, where in `home` the octave begins; -1 for one that is elsewhere or untouched. */
  private readonly starts: Int32Array;
  /** By slot, the octaves elsewhere. */
  private readonly elsewhere: (Cells | undefined)[];

  constructor(session: Session, id: number) {
    const places = session.placesOf(id);
    this.session = session;
    this.id = id;
    this.gate = places?.gate ?? NO_CELLS;
    this.home = places?.home ?? NO_HOME;
    this.homeSegment = places?.segment ?? -1;
    this.header = places?.header ?? 0;
    this.starts = new Int32Array(SLOTS).fill(-1);
    this.elsewhere = [...new Array<undefined>(SLOTS)];
    for (const { octave, place } of places?.octaves ?? []) this.adopt(octave, place);
  }

  /** Records `round(value * scale)`; false when it became a drop. Never throws. */
  record(value: number, scale: number): boolean {
    if (typeof value === 'number' && this.gate[HIGH_WORD] === 0) {
      const scaled = value * scale;
      if (scaled >= CELLS_PER_OCTAVE - 0.5) {
        if (scaled < TWO_52) {
          // For these values the same as Math.round, and cheaper.
          const units = Math.floor(scaled + 0.5);
          scratch[0] = units;
          const bits = words[HIGH_WORD]!;
          return this.add((bits >>> 20) & SLOT_MASK, (bits >>> 13) & 127, units);
        }
      } else if (scaled >= 0) {
        const units = Math.round(scaled);
        return this.add(FIRST_SLOT, units, units);
      }
    }
    return this.recordRare(value, scale);
  }

  private add(slot: number, cell: number, units: number): boolean {
    const { home, header } = this;
    const start = this.starts[slot]!;
    if (start >= 0) {
      home[start + cell]! += 1;
    } else {
      const cells = this.elsewhere[slot];
      if (cells === undefined) return this.touch(slot) && this.add(slot, cell, units);
      cells[cell]! += 1;
    }
    if (units > home[header + MAX]!) home[header + MAX] = units;
    // Last: a reader that sees the sum moved sees the bucket and the maximum too.
    const sum = home[header + SUM_LOW]! + units;
    if (sum < TWO_53) {
      home[header + SUM_LOW] = sum;
    } else {
      // An odd carry tells a reader that the two words do not belong together yet.
      home[header + SUM_CARRY]! += 1;
      home[header + SUM_LOW] = home[header + SUM_LOW]! - TWO_53 + units;
      home[header + SUM_CARRY]! += 1;
    }
    return true;
  }

  /** Huge and bad values, and a gate that is shut. */
  private recordRare(value: number, scale: number): boolean {
    const { session } = this;
    if (this.gate === NO_CELLS) return this.recordByCall(value);
    const reason = refusal(value) ?? (this.gate[HIGH_WORD] === 0 ? undefined : 'closed');
    if (reason !== undefined) return drop(session, reason);
    const units = unitsOf(session, value, scale);
    // Another thread may have opened the gate since `record` found it shut.
    if (units < CELLS_PER_OCTAVE) return this.add(FIRST_SLOT, units, units);
    scratch[0] = units;
    const bits = words[HIGH_WORD]!;
    return this.add((bits >>> 20) & SLOT_MASK, (bits >>> 13) & 127, units);
  }

  private recordByCall(value: unknown): boolean {
    if (typeof value !== 'number') return drop(this.session, 'not_a_number');
    try {
      return this.session.native.recordValue(this.id, value);
    } catch {
      return false;
    }
  }

  /** Allocates an octave at its first touch; false, and a drop, past the memory cap. */
  private touch(slot: number): boolean {
    const octave = (slot - FIRST_SLOT) & SLOT_MASK;
    try {
      const place = this.session.native.growOctave(this.id, octave);
      if (place !== null && this.adopt(octave, place)) return true;
    } catch {
      // As in `drop`.
    }
    return drop(this.session, 'arena_full');
  }

  private adopt(octave: number, place: Place): boolean {
    const slot = (octave + FIRST_SLOT) & SLOT_MASK;
    if (place.segment === this.homeSegment) {
      this.starts[slot] = place.byteOffset / CELL_BYTES;
      return true;
    }
    const cells = this.session.cells(place, CELLS_PER_OCTAVE);
    this.elsewhere[slot] = cells;
    return cells !== undefined;
  }
}

/** The cells of a counter in this isolate. */
export class Adder {
  readonly session: Session;
  readonly id: number;
  private readonly gate: Gate;
  private readonly home: Cells;
  private readonly header: number;

  constructor(session: Session, id: number) {
    const places = session.placesOf(id);
    this.session = session;
    this.id = id;
    this.gate = places?.gate ?? NO_CELLS;
    this.home = places?.home ?? NO_HOME;
    this.header = places?.header ?? 0;
  }

  /** Adds `round(value * scale)`; false when it became a drop. Never throws. */
  add(value: number, scale: number): boolean {
    if (typeof value === 'number' && this.gate[HIGH_WORD] === 0) {
      const units = Math.round(value * scale);
      if (units >= 0 && units <= MAX_VALUE && value >= 0) return this.addUnits(units);
    }
    return this.addRare(value, scale);
  }

  private addUnits(units: number): boolean {
    const { home, header } = this;
    const sum = home[header + SUM_LOW]! + units;
    if (sum < TWO_53) {
      home[header + SUM_LOW] = sum;
    } else {
      home[header + SUM_CARRY]! += 1;
      home[header + SUM_LOW] = home[header + SUM_LOW]! - TWO_53 + units;
      home[header + SUM_CARRY]! += 1;
    }
    return true;
  }

  private addRare(value: number, scale: number): boolean {
    const { session } = this;
    if (this.gate === NO_CELLS) return this.addByCall(value);
    const reason = refusal(value) ?? (this.gate[HIGH_WORD] === 0 ? undefined : 'closed');
    if (reason !== undefined) return drop(session, reason);
    return this.addUnits(unitsOf(session, value, scale));
  }

  private addByCall(value: unknown): boolean {
    if (typeof value !== 'number') return drop(this.session, 'not_a_number');
    try {
      return this.session.native.addValue(this.id, value);
    } catch {
      return false;
    }
  }
}

opaque(Recorder, 'cells');
opaque(Adder, 'cells');
