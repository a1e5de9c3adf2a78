/** Check-ins: a job tells that it runs, ran well or failed, and the server tells when it did not run. */

import { InvalidValueError } from './errors.js';
import { warnOnce } from './events/face.js';
import { textOf } from './events/plain.js';
import { currentTrace } from './events/scope.js';
import { observe } from './observe.js';
import { session } from './session.js';
import { now } from './span.js';

/** When a job is to run: as cron writes it, or every so many of a unit. */
export type MonitorSchedule =
  | string
  | { readonly crontab: string }
  | { readonly every: number; readonly unit: 'year' | 'month' | 'week' | 'day' | 'hour' | 'minute' };

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
export function captureCheckIn(options: CheckInOptions): string {
  const { monitorSlug, status, checkInId, duration } = options ?? {};
  if (typeof monitorSlug !== 'string') throw new InvalidValueError('captureCheckIn takes { monitorSlug, status }, both text');
  if (!['in_progress', 'ok', 'error'].includes(status)) {
    throw new InvalidValueError(`a check-in has no status ${JSON.stringify(status)}; use in_progress, ok or error`);
  }
  const monitor = checkedMonitor(options);
  try {
    return session().native.checkIn({
      slug: monitorSlug,
      status,
      id: typeof checkInId === 'string' && checkInId !== '' ? checkInId : undefined,
      duration: typeof duration === 'number' ? duration / 1e3 : undefined,
      traceId: currentTrace().traceContext().trace_id,
      ...monitor,
    });
  } catch (error) {
    warnOnce('captureCheckIn', `a check-in was lost: ${textOf(error)}`);
    return '';
  }
}

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
export function withMonitor<T>(monitorSlug: string, fn: () => T, options?: MonitorOptions): T {
  const checkInId = captureCheckIn({ ...options, monitorSlug, status: 'in_progress' });
  const startedAt = now();
  const end = (status: 'ok' | 'error'): void => {
    captureCheckIn({ ...options, monitorSlug, status, checkInId, duration: now() - startedAt });
  };
  let result: T;
  try {
    result = fn();
  } catch (error) {
    end('error');
    throw error;
  }
  return observe(result, { succeeded: () => end('ok'), failed: () => end('error') });
}

const UNITS = ['year', 'month', 'week', 'day', 'hour', 'minute'];

function checkedMonitor(options: MonitorOptions): object {
  const { schedule, checkinMargin, maxRuntime, failureIssueThreshold, recoveryThreshold, timezone, owner } = options;
  return {
    ...checkedSchedule(schedule),
    checkinMargin: numberOr(checkinMargin),
    maxRuntime: numberOr(maxRuntime),
    failureIssueThreshold: numberOr(failureIssueThreshold),
    recoveryThreshold: numberOr(recoveryThreshold),
    timezone: typeof timezone === 'string' ? timezone : undefined,
    owner: typeof owner === 'string' ? owner : undefined,
  };
}

function checkedSchedule(schedule: unknown): object | undefined {
  if (schedule === undefined || schedule === null) return undefined;
  if (typeof schedule === 'string') return { crontab: schedule };
  const { crontab, every, unit } = schedule as { crontab?: unknown; every?: unknown; unit?: unknown };
  if (typeof crontab === 'string') return { crontab };
  if (Number.isSafeInteger(every) && (every as number) > 0 && UNITS.includes(unit as string)) return { every, unit };
  throw new InvalidValueError('a schedule is "0 2 * * *", or { every: 1, unit: "day" } with year, month, week, day, hour or minute');
}

function numberOr(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}
