/** What the application says of the request or task that runs, for the events to come. */
import type { Level, User } from './types.js';
/** Says who is concerned: `id`, `email`, `username`, `ip_address` and more; null ends it. */
export declare function setUser(user: User | null): void;
/** Sets a tag, by which events are searched; null or undefined takes it away. */
export declare function setTag(key: string, value: string | number | boolean | null | undefined): void;
/** Sets many tags. */
export declare function setTags(tags: Readonly<Record<string, string | number | boolean | null | undefined>>): void;
/** Sets a block of facts, shown under its name; null takes it away. */
export declare function setContext(name: string, context: Readonly<Record<string, unknown>> | null): void;
/** Adds anything else; not searchable. Undefined takes it away. */
export declare function setExtra(key: string, value: unknown): void;
/** Gives all events this level, unless they are captured with one; null leaves them theirs. */
export declare function setLevel(level: Level | null): void;
/** Groups all events by this instead of by their stack; null ends it. */
export declare function setFingerprint(fingerprint: readonly string[] | null): void;
/** Takes away all that was set for this request or task, and its breadcrumbs. */
export declare function clearScope(): void;
