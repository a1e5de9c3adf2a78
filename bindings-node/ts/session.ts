/**
 * What one JavaScript isolate (the main thread or a worker) holds of the core: the addon, and the
 * shard of memory that this isolate alone writes.
 *
 * All copies of the package in an isolate meet here, so that they share one addon, one shard and
 * one set of buffers. Invariant: a shard has one writer, so it is given back only while no buffer
 * on it was handed out.
 */

import { AddonMissing, loadShared } from './addon.cjs';
import type { LoadedAddon, NativeAddon } from './addon.cjs';
import { UnsupportedError } from './errors.js';
import type { OctavePlace, Place } from './native.js';

export type { Place } from './native.js';

/** Cells of the core's memory. */
export type Cells = Float64Array<ArrayBuffer>;

/** Where this isolate writes a series. */
export interface Places {
  /** The two words of a float64; the high one is not 0 once recording is closed. */
  readonly gate: Int32Array<ArrayBuffer>;
  /** The whole segment that the header is in, its number, and the header's first cell in it. */
  readonly home: Cells;
  readonly segment: number;
  readonly header: number;
  /** The octaves that exist already. */
  readonly octaves: readonly OctavePlace[];
}

/** Bytes of a cell. */
export const CELL_BYTES = Float64Array.BYTES_PER_ELEMENT;

/**
 * The version of what copies of the package share: the addon's functions, the memory layout and
 * this record. It changes when one of them does, and copies that differ then stay apart.
 */
const MEETING = 'tallylight.1';

/** The record on `globalThis`, one an isolate. */
interface Meeting {
  readonly addon: LoadedAddon;
  /** Two buffers on one segment are avoided: some runtimes refuse the second. */
  readonly segments: Map<number, ArrayBuffer>;
  /** Whether this isolate writes its own shard; undefined until the first recording. */
  direct: boolean | undefined;
  /** The memory of the secrets' epoch, one buffer for all copies; null where it is refused. */
  secretsEpoch?: ArrayBuffer | null;
}

/** This isolate's hold on the core, as one copy of the package sees it. */
export class Session {
  readonly native: NativeAddon;
  readonly #meeting: Meeting;
  readonly #homes = new Map<number, Cells>();
  #gate: Int32Array<ArrayBuffer> | undefined;

  constructor(meeting: Meeting) {
    this.native = meeting.addon.native;
    this.#meeting = meeting;
  }

  /** Whether this isolate records into memory; otherwise it records by native calls. */
  get direct(): boolean {
    const meeting = this.#meeting;
    meeting.direct ??= process.env['TALLYLIGHT_NO_EXTERNAL_BUFFERS'] !== '1' && this.native.claimShard();
    return meeting.direct;
  }

  /**
   * Where this isolate writes series `id`; undefined when it has no memory of its own for it
   * (shards or memory ran out, or the runtime refuses memory that is not its own), and the series
   * is then recorded by native calls.
   */
  placesOf(id: number): Places | undefined {
    try {
      const places = this.direct ? this.native.seriesPlaces(id) : null;
      if (places === null) return undefined;
      const { segment, byteOffset } = places.header;
      const home = this.#home(segment);
      const gate = home && this.#gateAt(places.gate);
      if (home === undefined || gate === undefined) return undefined;
      return { gate, home, segment, header: byteOffset / CELL_BYTES, octaves: places.octaves };
    } catch {
      return undefined;
    }
  }

  /** A view of `count` cells at `place`; undefined where the runtime refuses such memory. */
  cells(place: Place, count: number): Cells | undefined {
    const buffer = this.#segment(place.segment);
    return buffer && new Float64Array(buffer, place.byteOffset, count);
  }

  /** The epoch of the secrets, to read only; undefined where the runtime refuses such memory. */
  secretsEpoch(): Uint32Array<ArrayBuffer> | undefined {
    const meeting = this.#meeting;
    if (meeting.secretsEpoch === undefined) {
      const isRefused = process.env['TALLYLIGHT_NO_EXTERNAL_BUFFERS'] === '1';
      meeting.secretsEpoch = isRefused ? null : this.native.secretsEpochCell();
    }
    return meeting.secretsEpoch === null ? undefined : new Uint32Array(meeting.secretsEpoch, 0, 1);
  }

  /** The whole of a segment; one view serves all the series in it. */
  #home(segment: number): Cells | undefined {
    let home = this.#homes.get(segment);
    if (home === undefined) {
      const buffer = this.#segment(segment);
      home = buffer && new Float64Array(buffer);
      if (home !== undefined) this.#homes.set(segment, home);
    }
    return home;
  }

  /** The gate, which is one for all the series of an isolate. */
  #gateAt({ segment, byteOffset }: Place): Int32Array<ArrayBuffer> | undefined {
    const buffer = this.#segment(segment);
    const known = this.#gate;
    if (known?.buffer === buffer && known?.byteOffset === byteOffset) return known;
    return buffer && (this.#gate = new Int32Array(buffer, byteOffset, 2));
  }

  #segment(number: number): ArrayBuffer | undefined {
    const { segments } = this.#meeting;
    const known = segments.get(number);
    if (known !== undefined) return known;
    const buffer = this.native.segment(number);
    if (buffer !== null) {
      segments.set(number, buffer);
      return buffer;
    }
    // Electron and the like refuse memory that is not theirs, and do so from the first segment on.
    if (segments.size === 0) {
      this.#meeting.direct = false;
      this.native.releaseShard();
    }
    return undefined;
  }
}

let current: Session | undefined;

/**
 * This isolate's session, opened at the first call.
 *
 * @throws UnsupportedError when there is no addon for this platform
 */
export function session(): Session {
  return (current ??= new Session(meet()));
}

function meet(): Meeting {
  const shared = globalThis as { [key: symbol]: Meeting | undefined };
  const key = Symbol.for(MEETING);
  const known = shared[key];
  if (known !== undefined) return known;
  const meeting: Meeting = { addon: load(), segments: new Map(), direct: undefined };
  Object.defineProperty(shared, key, { value: meeting });
  return meeting;
}

function load(): LoadedAddon {
  try {
    return loadShared(MEETING);
  } catch (error) {
    if (error instanceof AddonMissing) throw new UnsupportedError(error.message, { cause: error.cause });
    throw error;
  }
}

/** Keeps what is inside a handle out of logs: a segment has 8,192 cells. */
export function opaque(type: { readonly prototype: object }, label: string): void {
  const hidden = { toJSON: () => undefined, [Symbol.for('nodejs.util.inspect.custom')]: () => `[${label}]` };
  for (const key of Reflect.ownKeys(hidden)) {
    Object.defineProperty(type.prototype, key, { value: Reflect.get(hidden, key) });
  }
}

opaque(Session, 'Tallylight session');
