/** Operations: how often something happens, how long it takes and how it fails. */
/** Counts one thing the service does, with its duration and outcome. Get one from `operation`. */
export declare class Operation {
    private readonly recorder;
    private errors;
    private constructor();
    /**
     * Records that the operation took `ms` milliseconds. Costs a few nanoseconds: no native call,
     * no allocation, no lock. Never throws: a value that is no duration is a counted drop.
     */
    record(this: Operation, ms: number): void;
    /**
     * Records that the operation failed after `ms` milliseconds; the failure counts as an operation
     * too. `errorType` is a name with few distinct values, such as `TimeoutError`. Never throws.
     */
    recordError(this: Operation, ms: number, errorType: string): void;
    /** Starts a timer; its `end` or `fail` records the time until then. */
    start(this: Operation): Timer;
    /**
     * Runs `fn` and records its duration, and the error type when it throws or its promise rejects.
     * Returns what `fn` returned and lets errors pass as they are.
     *
     * A plain promise comes back as its continuation, which settles the same way; a promise of
     * another class or another thenable comes back as the same object and is recorded when it
     * settles (a lazy one is not started).
     */
    time<T>(this: Operation, fn: () => T): T;
    private failByCall;
    private errorCounter;
}
/** A running measurement of an operation. */
export declare class Timer {
    private readonly operation;
    private readonly startedAt;
    /** Milliseconds, once it ended. */
    private took;
    private constructor();
    /**
     * Records a success that took until now, and answers how many milliseconds that was. Only the
     * first `end` or `fail` counts; later ones answer what it did.
     */
    end(this: Timer): number;
    /**
     * Records a failure that took until now, and answers as `end` does; `error` is what was thrown,
     * or the name of an error type.
     */
    fail(this: Timer, error: unknown): number;
}
