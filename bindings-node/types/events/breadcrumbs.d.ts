/**
 * Breadcrumbs: what happened before an error. The last ones of a scope travel with every event.
 *
 * A breadcrumb is copied when it is added and written as JSON once, by the first event that takes
 * it: most are never sent, and some are sent many times.
 */
import type { Level } from './types.js';
/** Something that happened. */
export interface Breadcrumb {
    /** `default`, `http`, `navigation`, `query`...: how it is shown. */
    readonly type?: string | undefined;
    /** What it is about, such as `console` or `auth`. */
    readonly category?: string | undefined;
    /** What happened. */
    readonly message?: string | undefined;
    /** `info` unless told. */
    readonly level?: Level | undefined;
    /** When, in seconds since 1970; now unless told. */
    readonly timestamp?: number | undefined;
    /** Anything more. */
    readonly data?: Readonly<Record<string, unknown>> | undefined;
}
