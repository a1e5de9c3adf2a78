/** The type of an error, for counting: a short name with few distinct values. */

/** What a value that cannot be asked counts as; the core uses the same word. */
const OTHER = '_OTHER';

/** A system error's code, such as `ECONNREFUSED`. */
const CODE = /^[A-Z][A-Z0-9_]{2,59}$/;

/**
 * The name of what was thrown: an error's own `name`, else the name of its class, else the
 * `typeof` the value. A plain `Error` of the system is named by its `code`, since its name tells
 * nothing. Never throws, not even for a value whose properties do.
 */
export function errorTypeOf(error: unknown): string {
  try {
    if (typeof error !== 'object' || error === null) return typeof error;
    const { name, constructor, code } = error as {
      name?: unknown;
      constructor?: { name?: unknown };
      code?: unknown;
    };
    const className = constructor?.name;
    if (name === 'Error' && className === 'Error' && isText(code) && CODE.test(code)) return code;
    // A class that extends Error without a name of its own inherits the name "Error".
    if (isText(name) && !(name === 'Error' && isText(className))) return name;
    return isText(className) ? className : typeof error;
  } catch {
    return OTHER;
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
