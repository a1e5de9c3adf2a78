/**
 * The native addon's functions. Generated from the Rust glue by `npm run types`; do not edit.
 */

/** Where an octave of 128 cells lies. */
export interface OctavePlace {
  /** Its number. */
  octave: number;
  /** Its place. */
  place: Place;
}

/** A place in a segment of memory. */
export interface Place {
  /** The segment's number. */
  segment: number;
  /** Bytes from its start, a multiple of 8. */
  byteOffset: number;
}

/** A registered series. */
export interface Registration {
  /** Its number in the process. */
  id: number;
  /**
   * The scale its values are kept at; past the cap it is the overflow series', not the one
   * asked for.
   */
  scale: number;
}

/** How a counter, gauge or histogram counts. */
export interface SeriesOptions {
  /** The unit, shown and not interpreted. */
  unit?: string | undefined;
  /** Values are kept as `round(value * scale)`; 1 unless given. */
  scale?: number | undefined;
  /** One line on what is counted. */
  description?: string | undefined;
}

/** Where this isolate writes one series, in float64 cells. */
export interface SeriesPlaces {
  /** Eight cells: sum low, sum carry and maximum are at 2, 3 and 4. */
  header: Place;
  /** One cell, not 0 once recording is closed. */
  gate: Place;
  /** The octaves that exist already. */
  octaves: Array<OctavePlace>;
}

/** The settings that `init` was given; what is missing comes from the environment variables. */
export interface Settings {
  /** The environment's name. */
  environment?: string | undefined;
  /** The service's name. */
  service?: string | undefined;
  /** The version that runs. */
  release?: string | undefined;
  /** Series kept apart. */
  maxSeries?: number | undefined;
  /** Cap on the memory that holds the counts. */
  maxMemoryBytes?: number | undefined;
  /** Cap on the memory of the rolling windows. */
  maxWindowBytes?: number | undefined;
  /** How often the windows take in what is new, in milliseconds. */
  tickMs?: number | undefined;
}

/** Adds a value to a counter, or a number of failures to an error series. */
export declare function addValue(id: number, value: number): boolean;

/** Claims a shard for this isolate, once; false when none is left, and it then records by calls. */
export declare function claimShard(): boolean;

/** Counts a value that was recorded as the maximum. */
export declare function clampOne(): void;

/** Finds or registers a counter. */
export declare function counter(name: string, labels: Array<string>, options: SeriesOptions): Registration;

/** Counts a recording that could not be made. */
export declare function dropOne(reason: string): void;

/** What was not recorded, as JSON. */
export declare function drops(): string;

/** The number of the series that counts an operation's failures of one type. */
export declare function errorSeries(operation: number, errorType: string): number;

/** Finds or registers a gauge. */
export declare function gauge(name: string, labels: Array<string>, options: SeriesOptions): Registration;

/** Adds to a gauge. */
export declare function gaugeAdd(id: number, delta: number): boolean;

/** Sets a gauge. */
export declare function gaugeSet(id: number, value: number): boolean;

/** Where to write an octave, allocated at its first touch; null when no memory is left. */
export declare function growOctave(id: number, octave: number): Place | null;

/** Finds or registers a histogram. */
export declare function histogram(name: string, labels: Array<string>, options: SeriesOptions): Registration;

/** Sets the process-wide instance up and starts its thread. */
export declare function init(settings: Settings): void;

/** Finds or registers an operation; answers its number. */
export declare function operation(name: string, labels: Array<string>, kind: string): number;

/** Records a failure of an operation that took `ms` milliseconds. */
export declare function recordFailure(id: number, ms: number, errorType: string): boolean;

/** Records a value into an operation (milliseconds) or a histogram (its own unit). */
export declare function recordValue(id: number, value: number): boolean;

/**
 * Gives the shard back. Only for an isolate that holds no buffer on it, since it stops writing
 * here.
 */
export declare function releaseShard(): void;

/** Runs `tallylight` with these arguments, without the program's name; answers the exit code. */
export declare function runCli(args: Array<string>): number;

/** The memory of a segment; null where the runtime refuses memory that is not its own. */
export declare function segment(segment: number): ArrayBuffer | null;

/** Where to write a series; null when there is no shard or no memory left. */
export declare function seriesPlaces(id: number): SeriesPlaces | null;

/** Closes recording in the whole process and stops the thread. */
export declare function shutdown(): void;

/** Every series, as JSON. */
export declare function snapshot(): string;

/** The status document, as JSON. */
export declare function status(): string;

/** The version of the core. */
export declare function version(): string;
