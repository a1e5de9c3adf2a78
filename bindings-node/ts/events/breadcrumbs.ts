/**
 * Breadcrumbs: what happened before an error. The last ones of a scope travel with every event.
 *
 * A breadcrumb is copied when it is added and written as JSON once, by the first event that takes
 * it: most are never sent, and some are sent many times.
 */

import { cutText, plainObject, plainOf, textOf } from './plain.js';
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

/** A longer message is cut here already: a scope keeps a hundred. */
const MESSAGE = 8_192;

/**
 * A breadcrumb that is kept.
 *
 * @internal
 */
export class Crumb {
  readonly crumb: Breadcrumb;
  readonly at: number;
  #json: string | undefined;

  constructor(crumb: Breadcrumb, at: number) {
    this.crumb = crumb;
    this.at = at;
  }

  /** As JSON. */
  get json(): string {
    return (this.#json ??= JSON.stringify(this.crumb));
  }
}

/**
 * A breadcrumb as it is kept, whatever was given as one. Never throws.
 *
 * @internal
 */
export function crumbOf(given: unknown): Crumb {
  try {
    return read(given);
  } catch {
    const at = Date.now() / 1e3;
    return new Crumb({ timestamp: at, message: textOf(given) }, at);
  }
}

function read(given: unknown): Crumb {
  if (typeof given !== 'object' || given === null) {
    const at = Date.now() / 1e3;
    return new Crumb({ timestamp: at, message: short(textOf(given)) }, at);
  }
  const { type, category, message, level, timestamp, data, ...rest } = given as { [key: string]: unknown };
  const at = typeof timestamp === 'number' && Number.isFinite(timestamp) ? timestamp : Date.now() / 1e3;
  const crumb: { [key: string]: unknown } = { timestamp: at };
  if (type !== undefined) crumb['type'] = textOf(type);
  if (category !== undefined) crumb['category'] = textOf(category);
  if (message !== undefined) crumb['message'] = short(textOf(message));
  if (typeof level === 'string') crumb['level'] = level;
  let more = data === undefined || data === null ? undefined : (flat(data) ?? plainObject(data));
  // A server knows no other members.
  for (const key in rest) if (rest[key] !== undefined) more = { ...more, [key]: plainOf(rest[key]) };
  if (more !== undefined) crumb['data'] = more;
  return new Crumb(crumb, at);
}

function short(text: string): string {
  return text.length > MESSAGE ? text.slice(0, MESSAGE) : text;
}

/** A copy of an object of texts and numbers, which most are; undefined for any other. */
function flat(data: unknown): { [key: string]: unknown } | undefined {
  if (typeof data !== 'object' || data === null || Object.getPrototypeOf(data) !== Object.prototype) return undefined;
  const copy: { [key: string]: unknown } = {};
  for (const [key, value] of Object.entries(data)) {
    if (key === '__proto__') return undefined;
    switch (typeof value) {
      case 'string':
        copy[key] = cutText(value);
        break;
      case 'number':
        if (!Number.isFinite(value)) return undefined;
        copy[key] = value;
        break;
      case 'boolean':
        copy[key] = value;
        break;
      default:
        return undefined;
    }
  }
  return copy;
}
