/**
 * Puts an event together: what was captured, what the caller says of it, and what the scopes say.
 *
 * What lies nearest to the error wins: the caller's hint, then the current scope, the isolation
 * scope, the global one.
 */
import type { Attachment, Level, User } from './types.js';
/** What is said of one event beside the error. */
export interface CaptureOptions {
    /**
     * What the code was doing. An object becomes the context `context` of the event, and its
     * `analysisId` the tag `analysis_id`; a text becomes the tag `context`.
     */
    readonly context?: Readonly<Record<string, unknown>> | string | undefined;
    /** By which events are searched. */
    readonly tags?: Readonly<Record<string, string | number | boolean | null | undefined>> | undefined;
    /** Who is concerned. */
    readonly user?: User | undefined;
    /** How bad it is; `error` unless told. */
    readonly level?: Level | undefined;
    /** What the event is grouped by, instead of its stack. */
    readonly fingerprint?: readonly string[] | undefined;
    /** Anything else; not searchable. */
    readonly extra?: Readonly<Record<string, unknown>> | undefined;
    /** Blocks of facts, by name. */
    readonly contexts?: Readonly<Record<string, Readonly<Record<string, unknown>>>> | undefined;
    /** Files that go with the event. */
    readonly attachments?: readonly Attachment[] | undefined;
    /** Whether the program dealt with the error; true unless told. */
    readonly handled?: boolean | undefined;
}
