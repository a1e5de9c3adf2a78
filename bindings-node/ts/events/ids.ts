/** Ids of events and traces. */

import { crypto } from './lazy.cjs';

let randomUUID: (() => string) | undefined;

/** 32 hexadecimal digits, as events and traces are numbered. */
export function newId(): string {
  const uuid = (randomUUID ??= crypto().randomUUID)();
  return uuid.slice(0, 8) + uuid.slice(9, 13) + uuid.slice(14, 18) + uuid.slice(19, 23) + uuid.slice(24);
}

const ID = /^[0-9a-f]{32}$/;

/** The id of an event that somebody made: as it is sent, or undefined where it is none. */
export function knownId(id: unknown): string | undefined {
  if (typeof id !== 'string') return undefined;
  const digits = id.replaceAll('-', '').toLowerCase();
  return ID.test(digits) ? digits : undefined;
}
