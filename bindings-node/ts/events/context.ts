/** What the application says of the request or task that runs, for the events to come. */

import { currentIsolationScope } from './scope.js';
import type { Level, User } from './types.js';

/** Says who is concerned: `id`, `email`, `username`, `ip_address` and more; null ends it. */
export function setUser(user: User | null): void {
  currentIsolationScope().setUser(user);
}

/** Sets a tag, by which events are searched; null or undefined takes it away. */
export function setTag(key: string, value: string | number | boolean | null | undefined): void {
  currentIsolationScope().setTag(key, value);
}

/** Sets many tags. */
export function setTags(tags: Readonly<Record<string, string | number | boolean | null | undefined>>): void {
  currentIsolationScope().setTags(tags);
}

/** Sets a block of facts, shown under its name; null takes it away. */
export function setContext(name: string, context: Readonly<Record<string, unknown>> | null): void {
  currentIsolationScope().setContext(name, context);
}

/** Adds anything else; not searchable. Undefined takes it away. */
export function setExtra(key: string, value: unknown): void {
  currentIsolationScope().setExtra(key, value);
}

/** Gives all events this level, unless they are captured with one; null leaves them theirs. */
export function setLevel(level: Level | null): void {
  currentIsolationScope().setLevel(level);
}

/** Groups all events by this instead of by their stack; null ends it. */
export function setFingerprint(fingerprint: readonly string[] | null): void {
  currentIsolationScope().setFingerprint(fingerprint);
}

/** Takes away all that was set for this request or task, and its breadcrumbs. */
export function clearScope(): void {
  currentIsolationScope().clear();
}
