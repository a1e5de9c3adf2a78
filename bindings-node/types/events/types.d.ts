/**
 * Sentry's event, complete: what `beforeSend` is given and `captureEvent` takes. Fields that are not
 * named here are kept as well. Source: <https://develop.sentry.dev/sdk/data-model/event-payloads/>.
 */
import type { Breadcrumb } from './breadcrumbs.js';
/** How bad it is. */
export type Level = 'fatal' | 'error' | 'warning' | 'info' | 'debug';
/** Who is concerned. */
export interface User {
    readonly id?: string | number | undefined;
    readonly email?: string | undefined;
    readonly username?: string | undefined;
    readonly ip_address?: string | undefined;
    readonly [field: string]: unknown;
}
/** A file beside an event. */
export interface Attachment {
    /** Its name at the server. */
    readonly filename: string;
    /** What it holds; text is sent as UTF-8. */
    readonly data: string | Uint8Array;
    /** Its media type, `application/octet-stream` unless told. */
    readonly contentType?: string | undefined;
}
/** One call on a stack. */
export interface Frame {
    filename?: string | undefined;
    abs_path?: string | undefined;
    function?: string | undefined;
    module?: string | undefined;
    lineno?: number | undefined;
    colno?: number | undefined;
    in_app?: boolean | undefined;
    context_line?: string | undefined;
    pre_context?: string[] | undefined;
    post_context?: string[] | undefined;
    [field: string]: unknown;
}
/** How an exception came to be captured, and its place among the others of its event. */
export interface Mechanism {
    type: string;
    handled?: boolean | undefined;
    synthetic?: boolean | undefined;
    source?: string | undefined;
    exception_id?: number | undefined;
    parent_id?: number | undefined;
    is_exception_group?: boolean | undefined;
    data?: Record<string, unknown> | undefined;
    [field: string]: unknown;
}
/** One error of a chain. */
export interface ExceptionValue {
    type?: string | undefined;
    value?: string | undefined;
    module?: string | undefined;
    mechanism?: Mechanism | undefined;
    /** The oldest call first. */
    stacktrace?: {
        frames?: Frame[] | undefined;
        [field: string]: unknown;
    } | undefined;
    [field: string]: unknown;
}
/** An event in Sentry's form. */
export interface Event {
    event_id?: string | undefined;
    /** Seconds since 1970, or RFC 3339. */
    timestamp?: number | string | undefined;
    platform?: string | undefined;
    level?: string | undefined;
    logger?: string | undefined;
    message?: string | undefined;
    logentry?: {
        message?: string | undefined;
        formatted?: string | undefined;
        params?: unknown;
    } | undefined;
    /** The innermost cause first. */
    exception?: {
        values?: ExceptionValue[] | undefined;
    } | undefined;
    breadcrumbs?: Breadcrumb[] | undefined;
    tags?: Record<string, string> | undefined;
    user?: Record<string, unknown> | undefined;
    extra?: Record<string, unknown> | undefined;
    contexts?: Record<string, Record<string, unknown>> | undefined;
    request?: Record<string, unknown> | undefined;
    fingerprint?: string[] | undefined;
    transaction?: string | undefined;
    environment?: string | undefined;
    release?: string | undefined;
    server_name?: string | undefined;
    [field: string]: unknown;
}
