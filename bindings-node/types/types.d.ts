/** What users hand in: kinds, labels, options. */
import type { ErrorsOptions } from './events/settings.js';
import type { SecretsOptions } from './secret-settings.js';
/** What an operation is to the service. */
export type Kind = 'server' | 'client' | 'model' | 'job' | 'internal';
/** Label values by key; a number or boolean counts as its text. */
export type Labels = Readonly<Record<string, string | number | boolean>>;
/** How an operation counts. */
export interface OperationOptions {
    /** What the operation is to the service; `internal` unless told. */
    readonly kind?: Kind | undefined;
}
/** How a counter, gauge or histogram counts. */
export interface InstrumentOptions {
    /** The unit, as UCUM writes it (`By`, `{token}`, `s`); shown, not interpreted. */
    readonly unit?: string | undefined;
    /**
     * Values are kept as `round(value * scale)`: 1 (the default) for whole units, 1,000,000 for
     * fractions such as a cost in dollars.
     */
    readonly scale?: number | undefined;
    /** One line on what is counted. */
    readonly description?: string | undefined;
}
/**
 * Settings of `init`; each also has an environment variable (`TALLYLIGHT_SERVICE`,
 * `TALLYLIGHT_MAX_SERIES`...), which holds where the option is not given.
 */
export interface Options {
    /** The environment's name; found from the process's environment unless told. */
    readonly environment?: string | undefined;
    /** The service's name. */
    readonly service?: string | undefined;
    /** The version that runs. */
    readonly release?: string | undefined;
    /** Series kept apart, 2,000 unless told; further ones record into `otel.metric.overflow`. */
    readonly maxSeries?: number | undefined;
    /** Cap on the memory that holds the counts, 64 MiB unless told. */
    readonly maxMemoryBytes?: number | undefined;
    /** Cap on the memory of the rolling windows, 32 MiB unless told. */
    readonly maxWindowBytes?: number | undefined;
    /** How often the windows take in what is new, 1,000 ms unless told. */
    readonly tickMs?: number | undefined;
    /** Errors and traces. */
    readonly errors?: ErrorsOptions | undefined;
    /** The secret cache. */
    readonly secrets?: SecretsOptions | undefined;
}
