/** The shapes of what is read: the status document, a snapshot, the drops. */
import type { Kind } from './types.js';
/** Durations in milliseconds; all 0 without traffic. */
export interface Durations {
    readonly avgDuration: number;
    readonly p50Duration: number;
    readonly p90Duration: number;
    readonly p95Duration: number;
    readonly p99Duration: number;
    readonly p999Duration: number;
    readonly maxDuration: number;
}
/** Requests, errors and durations; rates in percent and per second. */
export interface RequestMetrics extends Durations {
    readonly totalRequests: number;
    readonly totalErrors: number;
    readonly errorRate: number;
    readonly requestsPerSecond: number;
}
/** The same over a rolling window. */
export interface WindowMetrics extends RequestMetrics {
    readonly windowSeconds: number;
    /** Less than the window as long as the process is younger. */
    readonly coveredSeconds: number;
}
/** The rolling windows. */
export interface Windows {
    readonly '1m': WindowMetrics;
    readonly '5m': WindowMetrics;
    readonly '1h': WindowMetrics;
}
/** A real request whose trace was captured. */
export interface Exemplar {
    readonly traceId: string;
    /** The transaction; null where there is only the trace. */
    readonly eventId: string | null;
    /** Milliseconds. */
    readonly duration: number;
    /** When it ended; RFC 3339, UTC. */
    readonly timestamp: string;
}
/** The same, and where it stands among the requests of the last hour. */
export interface JudgedExemplar extends Exemplar {
    /** The highest of 0.5, 0.9, 0.95, 0.99 and 0.999 that it reaches, else 0. */
    readonly quantile: number;
}
/** One operation of any kind. */
export interface OperationStatus extends Durations {
    readonly name: string;
    readonly kind: Kind;
    readonly labels: Readonly<Record<string, string>>;
    readonly count: number;
    readonly errors: number;
    readonly errorRate: number;
    readonly errorsByType: Readonly<Record<string, number>>;
    /** Requests of the last hour, slowest first. */
    readonly exemplars: readonly JudgedExemplar[];
    readonly windows: Windows;
}
/** All model calls together. */
export interface ModelStatus extends Durations {
    readonly totalCalls: number;
    readonly totalErrors: number;
    readonly errorRate: number;
    readonly windows: Windows;
}
/** One secret as it is now; never its value. */
export interface SecretStatus {
    readonly name: string;
    /** The stage or version that was asked for; empty for an override. */
    readonly which: string;
    readonly state: 'fresh' | 'stale' | 'failing' | 'missing';
    readonly source: 'override' | 'file' | 'aws' | 'environment' | 'disk' | null;
    readonly version: string | null;
    readonly ageSeconds: number | null;
    readonly nextRefreshSeconds: number | null;
    /** Failed readings in a row. */
    readonly failures: number;
    readonly lastError: string | null;
}
/** The secret cache: names, ages and counts. */
export interface SecretsStatus {
    readonly sources: readonly ('override' | 'file' | 'aws' | 'environment')[];
    readonly cached: number;
    readonly hits: number;
    readonly misses: number;
    readonly staleServes: number;
    readonly readings: number;
    readonly refreshes: number;
    readonly refused: number;
    readonly evictions: number;
    readonly changes: number;
    /** Faults of our own on the I/O thread; contained. */
    readonly panics: number;
    /** Readings that failed, by kind. */
    readonly failures: Readonly<Record<string, number>>;
    /** The sealed cache, where one is configured. */
    readonly cacheFile: {
        readonly entries: number;
        readonly written: string | null;
        readonly lastError: string | null;
    } | null;
    /** What the scrubber knows, of every instance of the process. */
    readonly scrubber: {
        readonly values: number;
        readonly bytes: number;
        /** Values forgotten for want of room: these are redacted no more. */
        readonly evicted: number;
        readonly cut: number;
        readonly tooShort: number;
    };
    readonly entries: readonly SecretStatus[];
}
/** The status document. */
export interface Status {
    readonly schemaVersion: number;
    /** RFC 3339, UTC. */
    readonly timestamp: string;
    readonly environment: string;
    readonly environmentReason: string;
    readonly service: {
        readonly name: string | null;
        readonly release: string | null;
    };
    readonly process: {
        readonly pid: number;
        readonly runtime: string;
        readonly sdkVersion: string;
        readonly uptimeSeconds: number;
    };
    /** The server operations since the start. */
    readonly metrics: RequestMetrics;
    readonly windows: Windows;
    readonly operations: readonly OperationStatus[];
    readonly models: ModelStatus;
    readonly errors: readonly {
        readonly type: string;
        readonly operation: string;
        readonly kind: Kind;
        readonly count: number;
        readonly lastWindowCount: number;
    }[];
    readonly counters: readonly {
        readonly name: string;
        readonly labels: Readonly<Record<string, string>>;
        readonly unit: string | null;
        readonly value: number;
        readonly perSecond: number;
    }[];
    readonly gauges: readonly {
        readonly name: string;
        readonly labels: Readonly<Record<string, string>>;
        readonly unit: string | null;
        readonly value: number;
    }[];
    readonly histograms: readonly {
        readonly name: string;
        readonly labels: Readonly<Record<string, string>>;
        readonly unit: string | null;
        readonly count: number;
        readonly sum: number;
        readonly mean: number;
        readonly p50: number;
        readonly p90: number;
        readonly p95: number;
        readonly p99: number;
        readonly p999: number;
        readonly max: number;
    }[];
    /** For charts: the server operations of the last minutes, the newest last. */
    readonly history: {
        readonly stepSeconds: number;
        readonly points: readonly {
            readonly timestamp: string;
            readonly requests: number;
            readonly errors: number;
            readonly errorRate: number;
            readonly p50Duration: number;
            readonly p95Duration: number;
            readonly p99Duration: number;
        }[];
    };
    readonly secrets: SecretsStatus;
    readonly sentry: {
        readonly enabled: boolean;
    };
    readonly telemetry: {
        readonly series: number;
        readonly maxSeries: number;
        readonly shards: number;
        readonly memoryBytes: number;
        readonly maxMemoryBytes: number;
        readonly windowBytes: number;
        readonly drops: Readonly<Record<string, number>>;
        readonly clamped: number;
        readonly overflowed: number;
        readonly truncated: number;
        readonly tickerRunning: boolean;
        readonly tickerRestarts: number;
    };
}
/** One series, cumulative since the start. */
export interface SeriesSnapshot {
    readonly name: string;
    readonly instrument: 'operation' | 'counter' | 'gauge' | 'histogram';
    readonly labels: Readonly<Record<string, string>>;
    /** `ns` for operations, else what was named. */
    readonly unit: string | null;
    /** A counter's sum or a gauge's level. */
    readonly value?: number;
    readonly kind?: Kind | null;
    readonly count?: number;
    readonly sum?: number;
    readonly max?: number;
    readonly mean?: number;
    readonly p50?: number;
    readonly p90?: number;
    readonly p95?: number;
    readonly p99?: number;
    readonly p999?: number;
    readonly errors?: number;
    readonly errorsByType?: Readonly<Record<string, number>>;
    /** Of an operation: real requests of the last hour, slowest first. */
    readonly exemplars?: readonly Exemplar[];
    /** Lowest value, highest value and count of each bucket that holds something. */
    readonly buckets?: readonly (readonly [lowest: number, highest: number, count: number])[];
}
/** Every series at one moment, in the order of registration. */
export interface Snapshot {
    readonly timestamp: string;
    readonly series: readonly SeriesSnapshot[];
}
/** What was not recorded, by reason, and what was bent to fit. */
export interface Drops {
    readonly nan: number;
    readonly negative: number;
    readonly infinite: number;
    readonly not_a_number: number;
    /** Recordings after `shutdown`. */
    readonly closed: number;
    /** Recordings of a signal handler inside a recording; native code only. */
    readonly reentrant: number;
    /** Recordings past the memory cap. */
    readonly arena_full: number;
    /** Recordings of a metric that could not be registered; from facades of native code only. */
    readonly refused: number;
    /** Values above the largest kept apart, recorded as that. Not a drop. */
    readonly clamped: number;
    /** Registrations past the series cap, recorded into `otel.metric.overflow`. Not a drop. */
    readonly overflowed: number;
    /** Label values and error types that were cut to length. Not a drop. */
    readonly truncated: number;
}
