/** Counters, gauges and plain histograms. */
/** A sum that only grows. Get one from `counter`. */
export declare class Counter {
    private readonly cells;
    private readonly scale;
    private constructor();
    /** Adds `n`, 1 unless told. Never throws: what is no number from 0 upwards is a counted drop. */
    add(this: Counter, n?: number): void;
    /** Adds 1. */
    increment(this: Counter): void;
}
/** A value that goes up and down. Get one from `gauge`. */
export declare class Gauge {
    private readonly session;
    private readonly id;
    private constructor();
    /** Sets the value. Never throws: what is no finite number is a counted drop. */
    set(this: Gauge, value: number): void;
    /** Adds `delta`, which may be negative. All threads add to one value. */
    add(this: Gauge, delta: number): void;
}
/** A distribution of values of any unit. Get one from `histogram`. */
export declare class Histogram {
    private readonly recorder;
    private readonly scale;
    private constructor();
    /** Records a value from 0 upwards. Costs a few nanoseconds and never throws. */
    record(this: Histogram, value: number): void;
}
