/**
 * What can go wrong, by type. The `name` of an error is the type it is counted under, so the set is small and fixed.
 */

/**
 * @typedef {'TimeoutError' | 'RateLimited' | 'ServerError' | 'ConnectionError' | 'AuthError' | 'InvalidRequest'
 *   | 'ContentBlocked' | 'BadResponse'} ModelErrorType
 */

/** A failed call of the model. */
export class ModelError extends Error {
  /**
   * @param {ModelErrorType} type
   * @param {string} message
   * @param {{ status?: number, retryAfterMs?: number, cause?: unknown }} [details]
   */
  constructor(type, message, { status, retryAfterMs, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = type;
    /** HTTP status of the model's answer, if there was one. */
    this.status = status;
    /** How long the model asked us to wait, if it did. */
    this.retryAfterMs = retryAfterMs;
  }
}

/** The answer a client gets instead of a result. */
export class HttpError extends Error {
  /**
   * @param {number} status
   * @param {string} type
   * @param {string} message ends with what to do about it
   * @param {{ headers?: Record<string, string>, cause?: unknown }} [details]
   */
  constructor(status, type, message, { headers = {}, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = type;
    this.status = status;
    this.headers = headers;
  }
}

/** The client went away while we worked for it. Not an error of ours: counted apart. */
export class ClientGone extends Error {
  name = 'ClientGone';
}

/** The service is ending and the time to drain is over. */
export class ShuttingDown extends Error {
  name = 'ShuttingDown';
}

/**
 * Which status a failure has for our own client. A rate limit stays a 429 (the engine works, come back later); what
 * the model refused about our request is our fault, so it is a 5xx and is counted.
 * @type {Record<ModelErrorType, number>}
 */
const STATUS = {
  TimeoutError: 504,
  RateLimited: 429,
  ServerError: 502,
  ConnectionError: 502,
  AuthError: 502,
  InvalidRequest: 502,
  ContentBlocked: 422,
  BadResponse: 502,
};

/**
 * @param {unknown} error
 * @returns {HttpError}
 */
export function toHttpError(error) {
  if (error instanceof HttpError) return error;
  if (error instanceof ShuttingDown) {
    return new HttpError(503, error.name, 'The service is shutting down; send the request again.', {
      headers: { 'retry-after': '1' },
    });
  }
  if (error instanceof ModelError) {
    /** @type {Record<string, string>} */
    const headers = {};
    if (error.name === 'RateLimited') headers['retry-after'] = String(Math.ceil((error.retryAfterMs ?? 1000) / 1000));
    return new HttpError(STATUS[/** @type {ModelErrorType} */ (error.name)], error.name, error.message, {
      headers,
      cause: error,
    });
  }
  // The message of an unknown error may hold anything, so it stays here.
  const type = error instanceof Error ? error.name : 'Error';
  return new HttpError(500, type, 'The service failed; see its log.', { cause: error });
}
