/**
 * The errors that registration, secrets and `init` throw: one class per kind under one base class.
 *
 * Everything that can fail for the caller's own reasons throws one of these. Recording never
 * throws: what cannot be recorded is a counted drop, see {@link drops}.
 */

/** The stable name of an error's kind, the same in every language. */
export type ErrorCode =
  | 'invalid_name'
  | 'invalid_label'
  | 'invalid_value'
  | 'invalid_config'
  | 'conflict'
  | 'closed'
  | 'unsupported'
  | 'io'
  | 'parse'
  | 'not_found'
  | 'denied'
  | 'unavailable'
  | 'timeout'
  | 'not_ready'
  | 'internal';

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

const NO_DETAILS: ErrorDetails = Object.freeze({});

// A process may hold two copies of this package (its ESM and its CommonJS build, or two installed
// ones), each with its own classes. The brand lets `instanceof` answer for both.
const BRAND = Symbol.for('tallylight.error');
const ordinaryHasInstance = Function.prototype[Symbol.hasInstance];

/** The base class of every error that Tallylight throws. */
export class TallylightError extends Error {
  /** What went wrong, in a form to match on. */
  readonly code: ErrorCode;

  /** What is known beside the message, to read without parsing it. */
  declare readonly details: ErrorDetails;

  /** An error of kind `code`; `options.cause` is the error that caused it. */
  constructor(code: ErrorCode, message: string, options?: ErrorContext) {
    super(message, options !== undefined && 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    // Without any, the prototype's: an empty object in every printed error would be noise.
    if (options?.details !== undefined) {
      Object.defineProperty(this, 'details', { value: Object.freeze({ ...options.details }), enumerable: true });
    }
  }

  /** True for errors of this class from any copy of the package in the process. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (ordinaryHasInstance.call(this, value)) return true;
    // A subclass that the application wrote is its own business.
    if (!CLASSES.has(this)) return false;
    if (typeof value !== 'object' || value === null || !(BRAND in value)) return false;
    const code = CLASSES.get(this);
    return code === undefined || (value as { code?: unknown }).code === code;
  }
}

/** A metric name is empty, too long or holds a control character. */
export class InvalidNameError extends TallylightError {
  constructor(message: string, options?: ErrorContext) {
    super('invalid_name', message, options);
  }
}

/** A label key is empty or too long, a label value is no text, or there are too many labels. */
export class InvalidLabelError extends TallylightError {
  constructor(message: string, options?: ErrorContext) {
    super('invalid_label', message, options);
  }
}

/** An argument outside its range, such as an unknown kind. */
export class InvalidValueError extends TallylightError {
  constructor(message: string, options?: ErrorContext) {
    super('invalid_value', message, options);
  }
}

/** A setting that cannot be used. */
export class InvalidConfigError extends TallylightError {
  constructor(message: string, options?: ErrorContext) {
    super('invalid_config', message, options);
  }
}

/** The same name was asked for as something else, or `init` came twice with different settings. */
export class ConflictError extends TallylightError {
  constructor(message: string, options?: ErrorContext) {
    super('conflict', message, options);
  }
}

/** The instance was shut down. */
export class ClosedError extends TallylightError {
  constructor(message: string, options?: ErrorContext) {
    super('closed', message, options);
  }
}

/** This platform, runtime or build cannot do it. */
export class UnsupportedError extends TallylightError {
  constructor(message: string, options?: ErrorContext) {
    super('unsupported', message, options);
  }
}

/** The operating system refused. */
export class IoError extends TallylightError {
  constructor(message: string, options?: ErrorContext) {
    super('io', message, options);
  }
}

/** A document or log could not be read. */
export class ParseError extends TallylightError {
  constructor(message: string, options?: ErrorContext) {
    super('parse', message, options);
  }
}

/** There is no such secret, or no such key in it: it never was, or it was deleted. */
export class NotFoundError extends TallylightError {
  constructor(message: string, options?: ErrorContext) {
    super('not_found', message, options);
  }
}

/** The caller may not read or write the secret. */
export class DeniedError extends TallylightError {
  constructor(message: string, options?: ErrorContext) {
    super('denied', message, options);
  }
}

/**
 * The source is out of order: refused, reset, failing, throttling, or the service's own credentials
 * are expired or missing.
 */
export class UnavailableError extends TallylightError {
  constructor(message: string, options?: ErrorContext) {
    super('unavailable', message, options);
  }
}

/** A deadline passed. */
export class TimeoutError extends TallylightError {
  constructor(message: string, options?: ErrorContext) {
    super('timeout', message, options);
  }
}

/** There is no value at hand, and the call may not wait for one. */
export class NotReadyError extends TallylightError {
  constructor(message: string, options?: ErrorContext) {
    super('not_ready', message, options);
  }
}

/** A fault of ours, such as a contained panic of the core; please report it. */
export class InternalError extends TallylightError {
  constructor(message: string, options?: ErrorContext) {
    super('internal', message, options);
  }
}

type KindClass = new (message: string, options?: ErrorContext) => TallylightError;

const BY_CODE: { readonly [code in ErrorCode]: readonly [name: string, kind: KindClass] } = {
  invalid_name: ['InvalidNameError', InvalidNameError],
  invalid_label: ['InvalidLabelError', InvalidLabelError],
  invalid_value: ['InvalidValueError', InvalidValueError],
  invalid_config: ['InvalidConfigError', InvalidConfigError],
  conflict: ['ConflictError', ConflictError],
  closed: ['ClosedError', ClosedError],
  unsupported: ['UnsupportedError', UnsupportedError],
  io: ['IoError', IoError],
  parse: ['ParseError', ParseError],
  not_found: ['NotFoundError', NotFoundError],
  denied: ['DeniedError', DeniedError],
  unavailable: ['UnavailableError', UnavailableError],
  timeout: ['TimeoutError', TimeoutError],
  not_ready: ['NotReadyError', NotReadyError],
  internal: ['InternalError', InternalError],
};

const CLASSES = new Map<unknown, ErrorCode | undefined>([[TallylightError, undefined]]);

// Names are set as strings, since a bundler may rename the classes.
function define(target: object, name: string): void {
  Object.defineProperty(target, 'name', { value: name, configurable: true, writable: true });
}
define(TallylightError.prototype, 'TallylightError');
Object.defineProperty(TallylightError.prototype, BRAND, { value: true });
Object.defineProperty(TallylightError.prototype, 'details', { value: NO_DETAILS });
for (const [code, [name, kind]] of Object.entries(BY_CODE)) {
  define(kind.prototype, name);
  CLASSES.set(kind, code as ErrorCode);
}

/**
 * The class for an error that came out of the addon, which carries its kind as `code` and, on a
 * second line of it, its details as JSON.
 *
 * @internal
 */
export function fromNative(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof TallylightError) return error;
  const [code = '', details] = String((error as { code?: unknown }).code).split('\n', 2);
  const kind = Object.hasOwn(BY_CODE, code) ? BY_CODE[code as ErrorCode] : undefined;
  // What has no code of ours comes from the boundary itself, such as a refused conversion.
  if (kind === undefined) return new InternalError(`the native addon failed: ${error.message}`, { cause: error });
  return new kind[1](error.message, {
    ...('cause' in error ? { cause: error.cause } : undefined),
    details: details === undefined ? undefined : camelCased(details),
  });
}

function camelCased(json: string): ErrorDetails {
  const details = Object.entries(JSON.parse(json) as Record<string, string>);
  return Object.fromEntries(
    details.map(([name, value]) => [name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()), value]),
  );
}
