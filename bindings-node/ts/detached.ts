/** Methods called without their handle. */

import { InvalidValueError } from './errors.js';

/**
 * What a method throws that lost its handle on the way, as in `const { record } = operation`. A
 * mistake of the program, which TypeScript refuses by the type of `this`; nothing was recorded.
 */
export function detached(method: string): InvalidValueError {
  return new InvalidValueError(
    `${method}() was called without its handle; call handle.${method}(...), or pass (...args) => handle.${method}(...args) where a function is wanted`,
  );
}
