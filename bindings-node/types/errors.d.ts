/**
 * The errors that registration and `init` throw: one class per kind under one base class.
 *
 * Everything that can fail for the caller's own reasons throws one of these. Recording never
 * throws: what cannot be recorded is a counted drop, see {@link drops}.
 */
/** The stable name of an error's kind, the same in every language. */
export type ErrorCode = 'invalid_name' | 'invalid_label' | 'invalid_value' | 'invalid_config' | 'conflict' | 'closed' | 'unsupported' | 'io' | 'parse' | 'internal';
/** The base class of every error that Tallylight throws. */
export declare class TallylightError extends Error {
    /** What went wrong, in a form to match on. */
    readonly code: ErrorCode;
    /** An error of kind `code`; `options.cause` is the error that caused it. */
    constructor(code: ErrorCode, message: string, options?: {
        cause?: unknown;
    });
    /** True for errors of this class from any copy of the package in the process. */
    static [Symbol.hasInstance](value: unknown): boolean;
}
/** A metric name is empty, too long or holds a control character. */
export declare class InvalidNameError extends TallylightError {
    constructor(message: string, options?: {
        cause?: unknown;
    });
}
/** A label key is empty or too long, a label value is no text, or there are too many labels. */
export declare class InvalidLabelError extends TallylightError {
    constructor(message: string, options?: {
        cause?: unknown;
    });
}
/** An argument outside its range, such as an unknown kind. */
export declare class InvalidValueError extends TallylightError {
    constructor(message: string, options?: {
        cause?: unknown;
    });
}
/** A setting that cannot be used. */
export declare class InvalidConfigError extends TallylightError {
    constructor(message: string, options?: {
        cause?: unknown;
    });
}
/** The same name was asked for as something else, or `init` came twice with different settings. */
export declare class ConflictError extends TallylightError {
    constructor(message: string, options?: {
        cause?: unknown;
    });
}
/** The instance was shut down. */
export declare class ClosedError extends TallylightError {
    constructor(message: string, options?: {
        cause?: unknown;
    });
}
/** This platform, runtime or build cannot do it. */
export declare class UnsupportedError extends TallylightError {
    constructor(message: string, options?: {
        cause?: unknown;
    });
}
/** The operating system refused. */
export declare class IoError extends TallylightError {
    constructor(message: string, options?: {
        cause?: unknown;
    });
}
/** A document or log could not be read. */
export declare class ParseError extends TallylightError {
    constructor(message: string, options?: {
        cause?: unknown;
    });
}
/** A fault of ours, such as a contained panic of the core; please report it. */
export declare class InternalError extends TallylightError {
    constructor(message: string, options?: {
        cause?: unknown;
    });
}
