/**
 * What an application hands in, as plain JSON of its own: a copy that later changes do not reach,
 * that holds no cycle and that `JSON.stringify` always writes.
 *
 * Called by scopes and breadcrumbs when something is set, and by whoever builds an event. Nothing
 * here throws, whatever a getter or a proxy does.
 */

/** A value that JSON can say. */
export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain };

/** How deep objects are followed; below it stands what they are. */
const DEPTH = 10;
/** Members of one array or object that are kept. */
const BREADTH = 200;
/** Members in all: no event should cost its caller more than this. */
const MEMBERS = 5_000;
/** A longer text is cut here already; the core cuts the rest by Sentry's limits and says so. */
const TEXT = 1 << 20;

/** What stands for a value that could not be read. */
export const UNREADABLE = '[unreadable]';

/** A text of at most a megabyte. */
export function cutText(text: string): string {
  return text.length > TEXT ? text.slice(0, TEXT) : text;
}

/** Any value as a text, as a template literal would write it where that is possible. */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return cutText(value);
  try {
    // Of a symbol, String tells and a template throws.
    return cutText(String(value));
  } catch {
    return typeof value === 'object' && value !== null ? tagOf(value) : UNREADABLE;
  }
}

/** The name of an object's class, such as `Map`; `Object` where it hides it. */
export function classOf(value: object): string {
  try {
    const name: unknown = (value as { constructor?: { name?: unknown } }).constructor?.name;
    if (typeof name === 'string' && name !== '') return name;
  } catch {
    // A proxy that throws, say.
  }
  return 'Object';
}

function tagOf(value: object): string {
  return `[${classOf(value)}]`;
}

/** A plain copy of a value. */
export function plainOf(value: unknown): Plain {
  switch (typeof value) {
    case 'string':
      return cutText(value);
    case 'boolean':
      return value;
    case 'number':
      // JSON knows no infinity.
      return Number.isFinite(value) ? value : String(value);
    case 'undefined':
      return null;
    case 'object':
      return value === null ? null : new Copy().of(value, 0);
    default:
      return scalar(value);
  }
}

/** A plain copy of an object's own members; of anything else, an object that holds it under `name`. */
export function plainObject(value: unknown, name = 'value'): { [key: string]: Plain } {
  const copy = plainOf(value);
  const isObject = typeof copy === 'object' && copy !== null && !Array.isArray(copy);
  return isObject ? (copy as { [key: string]: Plain }) : { [name]: copy };
}

function scalar(value: unknown): Plain {
  switch (typeof value) {
    case 'bigint':
      return cutText(value.toString());
    case 'symbol':
      return value.toString();
    case 'function':
      return `[Function ${nameOf(value)}]`;
    default:
      return null;
  }
}

function nameOf(value: unknown): string {
  try {
    const { name } = value as { name?: unknown };
    return typeof name === 'string' && name !== '' ? name : 'anonymous';
  } catch {
    return 'anonymous';
  }
}

/** One copy under way. */
class Copy {
  /** The objects that hold the one being copied. */
  readonly #holders = new Set<object>();
  #members = MEMBERS;

  of(value: unknown, depth: number): Plain {
    if (typeof value !== 'object' || value === null) return plainOf(value);
    if (this.#holders.has(value)) return '[cycle]';
    if (depth >= DEPTH || this.#members <= 0) return tagOf(value);
    this.#holders.add(value);
    try {
      return this.#copy(value, depth);
    } catch {
      return UNREADABLE;
    } finally {
      this.#holders.delete(value);
    }
  }

  #copy(value: object, depth: number): Plain {
    if (Array.isArray(value)) return this.#array(value, depth);
    if (value instanceof Error) return this.#error(value, depth);
    if (ArrayBuffer.isView(value)) return `[${classOf(value)} of ${value.byteLength} bytes]`;
    if (value instanceof Map) return this.#array([...value.entries()].slice(0, BREADTH), depth);
    if (value instanceof Set) return this.#array([...value].slice(0, BREADTH), depth);
    // A date, a URL, a decimal: what it says of itself is the best account of it.
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === 'function') {
      const said: unknown = Reflect.apply(toJSON, value, []);
      return said === value ? this.#object(value, depth) : this.of(said, depth + 1);
    }
    if (value instanceof RegExp) return String(value);
    if (value instanceof Promise || value instanceof WeakMap || value instanceof WeakSet) return tagOf(value);
    return this.#object(value, depth);
  }

  #array(values: readonly unknown[], depth: number): Plain {
    const copies: Plain[] = [];
    const kept = Math.min(values.length, BREADTH);
    for (let at = 0; at < kept && this.#members > 0; at++) {
      this.#members -= 1;
      copies.push(this.of(values[at], depth + 1));
    }
    if (copies.length < values.length) copies.push(`[${values.length - copies.length} more]`);
    return copies;
  }

  #object(value: object, depth: number): Plain {
    const copies: { [key: string]: Plain } = {};
    let left = BREADTH;
    for (const key of Object.keys(value)) {
      if (left-- <= 0 || this.#members <= 0) {
        put(copies, '...', '[more]');
        break;
      }
      this.#members -= 1;
      put(copies, key, this.#member(value, key, depth));
    }
    return copies;
  }

  /** One member, so that a getter that throws spoils no other. */
  #member(value: object, key: string, depth: number): Plain {
    try {
      return this.of((value as { [key: string]: unknown })[key], depth + 1);
    } catch {
      return UNREADABLE;
    }
  }

  #error(error: Error, depth: number): Plain {
    const members = this.#object(error, depth) as { [key: string]: Plain };
    return { name: textOf(error.name), message: textOf(error.message), ...members };
  }
}

/** Sets a member of any name: an assignment to `__proto__` would set no member. */
function put(target: { [key: string]: Plain }, key: string, value: Plain): void {
  if (key !== '__proto__') target[key] = value;
  else Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
}
