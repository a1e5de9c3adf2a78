/** Check-ins: a job tells that it runs, ran well or failed, and the server tells when it did not run. */
/** When a job is to run: as cron writes it, or every so many of a unit. */
export type MonitorSchedule = string | {
    readonly crontab: string;
} | {
    readonly every: number;
    readonly unit: 'year' | 'month' | 'week' | 'day' | 'hour' | 'minute';
};
/** What a monitor is created with, or changed to. Minutes, where a time is meant. */
export interface MonitorOptions {
    /** When the job is to run; without it the monitor must exist. */
    readonly schedule?: MonitorSchedule | undefined;
    /** After how many minutes a check-in that did not come is missed. */
    readonly checkinMargin?: number | undefined;
    /** After how many minutes a job that did not end has failed. */
    readonly maxRuntime?: number | undefined;
    /** Failures in a row that make an issue. */
    readonly failureIssueThreshold?: number | undefined;
    /** Successes in a row that resolve it. */
    readonly recoveryThreshold?: number | undefined;
    /** The time zone of the schedule, such as `Europe/Berlin`; UTC unless told. */
    readonly timezone?: string | undefined;
    /** Whose it is: `user:` or `team:`. */
    readonly owner?: string | undefined;
}
/** A check-in. */
export interface CheckInOptions extends MonitorOptions {
    /** The monitor's name. */
    readonly monitorSlug: string;
    /** How the job does. */
    readonly status: 'in_progress' | 'ok' | 'error';
    /** What the check-in that this one ends was answered. */
    readonly checkInId?: string | undefined;
    /** Milliseconds that the job took. */
    readonly duration?: number | undefined;
}
/**
 * Captures a check-in. Answers its id, which the one that ends it is given as `checkInId`; an empty
 * text when it was not captured.
 *
 * @throws InvalidValueError for a status or a schedule that there is not
 */
export declare function captureCheckIn(options: CheckInOptions): string;
/**
 * Runs `fn` as a job with check-ins around it: in progress before, ok or error after. Answers what `fn`
 * answers, and lets errors pass.
 *
 * ```js
 * await withMonitor('nightly-backup', runBackup, { schedule: '0 2 * * *', maxRuntime: 30 });
 * ```
 *
 * @throws InvalidValueError for a schedule that there is not, before `fn` runs
 */
export declare function withMonitor<T>(monitorSlug: string, fn: () => T, options?: MonitorOptions): T;
