/**
 * The errors that registration, secrets and `init` throw: one class per kind under one base class.
 *
 * Everything that can fail for the caller's own reasons throws one of these. Recording never
 * throws: what cannot be recorded is a counted drop, see {@link drops}.
 */
/** The stable name of an error's kind, the same in every language. */
export type ErrorCode = 'invalid_name' | 'invalid_label' | 'invalid_value' | 'invalid_config' | 'conflict' | 'closed' | 'unsupported' | 'io' | 'parse' | 'not_found' | 'denied' | 'unavailable' | 'timeout' | 'not_ready' | 'internal';
/** What is known of an error beside its message; never a secret's value. */
export interface ErrorDetails {
    /** The secret's name. */
    readonly name?: string;
    /** The AWS region that answered, or did not. */
    readonly region?: string;
    /** The id of the request, for AWS's support. */
    readonly requestId?: string;
    /** What AWS calls the error, such as `AccessDeniedException`. */
    readonly awsCode?: string;
    /** The environment variable it is about. */
    readonly variable?: string;
    /** The file it is about. */
    readonly path?: string;
    readonly [detail: string]: string | undefined;
}
/** What an error is made with beside its message. */
export interface ErrorContext {
    /** The error that caused it. */
    readonly cause?: unknown;
    /** What is known beside the message. */
    readonly details?: ErrorDetails | undefined;
}
/** The base class of every error that Tallylight throws. */
export declare class TallylightError extends Error {
    /** What went wrong, in a form to match on. */
    readonly code: ErrorCode;
    /** What is known beside the message, to read without parsing it. */
    readonly details: ErrorDetails;
    /** An error of kind `code`; `options.cause` is the error that caused it. */
    constructor(code: ErrorCode, message: string, options?: ErrorContext);
    /** True for errors of this class from any copy of the package in the process. */
    static [Symbol.hasInstance](value: unknown): boolean;
}
/** A metric name is empty, too long or holds a control character. */
export declare class InvalidNameError extends TallylightError {
    constructor(message: string, options?: ErrorContext);
}
/** A label key is empty or too long, a label value is no text, or there are too many labels. */
export declare class InvalidLabelError extends TallylightError {
    constructor(message: string, options?: ErrorContext);
}
/** An argument outside its range, such as an unknown kind. */
export declare class InvalidValueError extends TallylightError {
    constructor(message: string, options?: ErrorContext);
}
/** A setting that cannot be used. */
export declare class InvalidConfigError extends TallylightError {
    constructor(message: string, options?: ErrorContext);
}
/** The same name was asked for as something else, or `init` came twice with different settings. */
export declare class ConflictError extends TallylightError {
    constructor(message: string, options?: ErrorContext);
}
/** The instance was shut down. */
export declare class ClosedError extends TallylightError {
    constructor(message: string, options?: ErrorContext);
}
/** This platform, runtime or build cannot do it. */
export declare class UnsupportedError extends TallylightError {
    constructor(message: string, options?: ErrorContext);
}
/** The operating system refused. */
export declare class IoError extends TallylightError {
    constructor(message: string, options?: ErrorContext);
}
/** A document or log could not be read. */
export declare class ParseError extends TallylightError {
    constructor(message: string, options?: ErrorContext);
}
/** There is no such secret, or no such key in it: it never was, or it was deleted. */
export declare class NotFoundError extends TallylightError {
    constructor(message: string, options?: ErrorContext);
}
/** The caller may not read or write the secret. */
export declare class DeniedError extends TallylightError {
    constructor(message: string, options?: ErrorContext);
}
/**
 * The source is out of order: refused, reset, failing, throttling, or the service's own credentials
 * are expired or missing.
 */
export declare class UnavailableError extends TallylightError {
    constructor(message: string, options?: ErrorContext);
}
/** A deadline passed. */
export declare class TimeoutError extends TallylightError {
    constructor(message: string, options?: ErrorContext);
}
/** There is no value at hand, and the call may not wait for one. */
export declare class NotReadyError extends TallylightError {
    constructor(message: string, options?: ErrorContext);
}
/** A fault of ours, such as a contained panic of the core; please report it. */
export declare class InternalError extends TallylightError {
    constructor(message: string, options?: ErrorContext);
}
