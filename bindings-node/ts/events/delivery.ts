/** Where everything is that was captured, and waiting for it to be delivered. */

import { InvalidValueError } from '../errors.js';
import { ask } from '../registry.js';
import { settled } from '../secret-store.js';
import { session } from '../session.js';
import { effective, face } from './face.js';

/**
 * Where everything is that was captured since the start of the process: `captured` is the sum of
 * `sent`, `dropped` and `pending`, always.
 */
export interface Delivery {
  /** What was captured by this process. */
  readonly captured: number;
  /** What a server took (without a DSN, what the local store keeps). */
  readonly sent: number;
  /** What is not delivered. */
  readonly dropped: number;
  /** What waits. */
  readonly pending: number;
  /** Whether all that waits is on disk, so that the next start delivers it. */
  readonly durable: boolean;
  /** What is not delivered, by reason, such as `sample_rate`, `before_send`, `queue_overflow`. */
  readonly reasons: Readonly<Record<string, number>>;
  /** Why what waits is not delivered yet; null when nothing waits or nothing is wrong. */
  readonly waitingFor: string | null;
}

/** Where everything is that was captured. */
export function delivery(): Delivery {
  return read(ask(() => session().native.delivery()));
}

/**
 * Tries to deliver all that waits, for at most `timeoutMs` milliseconds (`shutdownTimeout` unless
 * told), and answers where everything is.
 */
export async function flush(timeoutMs?: number): Promise<Delivery> {
  return ended('flush', timeoutMs, (limit) => session().native.flushItems(limit));
}

/**
 * As {@link flush}, and captures nothing more until the next `init`. Takes no longer than told, whatever
 * the server does; what is left stays in the spool, for the next start.
 */
export async function close(timeoutMs?: number): Promise<Delivery> {
  return ended('close', timeoutMs, (limit) => session().native.closeItems(limit));
}

async function ended(name: string, timeoutMs: unknown, call: (limit: number) => string | Promise<string>): Promise<Delivery> {
  const limit = checkedLimit(name, timeoutMs);
  const start = performance.now();
  await hooksEnded(limit);
  const left = Math.max(0, limit - (performance.now() - start));
  return read(await settled(() => call(left)));
}

function checkedLimit(name: string, timeoutMs: unknown): number {
  if (timeoutMs === undefined) return effective().shutdownTimeout;
  if (typeof timeoutMs === 'number' && timeoutMs >= 0) return timeoutMs;
  throw new InvalidValueError(`${name} takes a number of milliseconds from 0`);
}

/** Waits for the hooks that are asynchronous: their events are in no account yet. */
async function hooksEnded(limit: number): Promise<void> {
  const { pending } = face();
  if (pending.size === 0) return;
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<void>((resolve) => (timer = setTimeout(resolve, Math.min(limit, 2 ** 31 - 1))));
  await Promise.race([Promise.all(pending), timeout]);
  clearTimeout(timer);
}

function read(json: string): Delivery {
  return JSON.parse(json) as Delivery;
}
